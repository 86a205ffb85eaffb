//! Receipts of a channel that is open on a real chain, through the whole service: figures, and a root that knows nothing of them.

use std::collections::BTreeMap;

use tatum_primitives::{Epoch, ReaderId, Role, U256};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_protocol::{PaidBy, ServiceSums};
use tatum_receipt::SignedReceipt;
use tatum_test_utils::Devnet;

use crate::world::{EPOCH_S, PATIENCE, Service, World, data};

/// Payer 0's receipts of its channel with operator 0: one reader each, all on one stream.
async fn in_channel(world: &World, readers: u32) -> Vec<SignedReceipt> {
    let payer = world.devnet.connect(&Devnet::account("payer 0")).await.unwrap();
    payer.open_channel(world.operators[0].id, 60, data(10)).await.unwrap();
    let address = Devnet::account("payer 0").address();
    let status = payer.channel_status(address, world.operators[0].id).await.unwrap();
    let of_reader = |reader| {
        let mut receipt = world.receipt(0, 0, 1, 9).receipt;
        (receipt.reader, receipt.channel, receipt.owed) = (ReaderId(reader), status.channel, 50);
        world.sign(0, receipt)
    };
    (0..readers).map(of_reader).collect()
}

/// Hands them in until the chain that the aggregator follows has the channel.
async fn hand_in_evidence(url: &str, receipts: &[SignedReceipt]) {
    let aggregator = AggregatorClient::new(url).unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let answers = aggregator.hand_in(receipts).await.unwrap();
        if answers.iter().all(|answer| *answer == Answer::Evidence) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answers:?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn evidence_gives_figures_and_changes_no_root() {
    let world = World::start().await;
    let (one, other) = tokio::join!(
        Service::start(&world, "one", "proposer"),
        Service::start(&world, "other", "rival")
    );
    let evidence = in_channel(&world, 5).await;
    let traffic = world.traffic(1);
    world.hand_in(&one.url, &traffic).await;
    hand_in_evidence(&one.url, &evidence).await;
    world.hand_in(&other.url, &traffic).await;
    world.advance(EPOCH_S + 60).await;
    let with = world.until_final(&one.url, 1).await;
    let without = world.until_final(&other.url, 1).await;
    for same in ["root", "receipts_root", "manifest_hash", "receipts", "distributed_nano"] {
        assert_eq!(with[same], without[same], "{same}");
    }
    assert_eq!(with["receipts"], 3);

    let client = AggregatorClient::new(&one.url).unwrap();
    let told = client.evidence(Epoch(1)).await.unwrap();
    assert_eq!(told.paid_by, PaidBy::Channels);
    let [service] = told.service.as_slice() else { panic!("{told:?}") };
    assert_eq!((service.operator, service.role), (world.operators[0].id, Role::Subscriber));
    assert_eq!((service.receipts, service.payers, service.streams), (5, 1, 1));
    assert_eq!((service.messages, service.owed_wei), (U256::from(5 * 90), U256::from(250)));

    // Anybody adds the signed receipts up to the same.
    let (mut sums, mut found) = (ServiceSums::default(), BTreeMap::new());
    loop {
        let last = found.last_key_value().map(|(_, signed): (_, &SignedReceipt)| &signed.receipt);
        let page = client.evidence_receipts(Epoch(1), last, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        found.extend(page.into_iter().map(|signed| (signed.receipt.key(), signed)));
    }
    found.values().for_each(|signed| sums.add(&signed.receipt));
    assert_eq!(sums.evidence(Epoch(1)), told);
    assert!(evidence.iter().all(|signed| found.get(&signed.receipt.key()) == Some(signed)));
    assert!(client.evidence(Epoch(2)).await.unwrap().service.is_empty());
    let metrics = client.metrics().await.unwrap();
    assert!(metrics.contains("tatum_evidence_receipts_total "), "{metrics}");
    tokio::join!(one.stop(), other.stop());
}
