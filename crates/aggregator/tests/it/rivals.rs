//! Several aggregators at one chain: with the same receipts, and with other ones.

use std::time::Duration;

use tatum_aggregator::audit;
use tatum_chain::deploy::Parameters;
use tatum_chain::{Chain, Fate};
use tatum_primitives::{Epoch, Nano, U256};
use tatum_test_utils::Devnet;

use crate::world::{EPOCH_S, GRACE_S, PATIENCE, Service, WINDOW_S, World};

#[tokio::test]
async fn aggregators_with_the_same_receipts_agree() {
    let world = World::start().await;
    let (one, other) = tokio::join!(
        Service::start(&world, "one", "proposer"),
        Service::start(&world, "other", "rival")
    );
    let traffic = world.traffic(1);
    let reversed: Vec<_> = traffic.iter().rev().cloned().collect();
    world.hand_in(&one.url, &traffic).await;
    world.hand_in(&other.url, &reversed).await;
    world.advance(EPOCH_S + 60).await;
    let first = world.until_final(&one.url, 1).await;
    let second = world.until_final(&other.url, 1).await;
    assert_eq!(first["root"], second["root"]);
    assert_eq!(first["manifest_hash"], second["manifest_hash"]);
    assert!(first["note"].is_null() && second["note"].is_null(), "{first} {second}");
    tokio::join!(one.stop(), other.stop());
}

#[tokio::test]
async fn aggregators_that_know_each_other_take_each_others_receipts() {
    let world = World::start().await;
    let other = Service::start(&world, "other", "rival").await;
    let silent = "http://127.0.0.1:9".to_owned();
    let peers = vec![silent, other.url.clone()];
    let one = Service::start_with(&world, "one", "proposer", |config| config.peers = peers).await;
    let traffic = world.traffic(1);
    let (early, late) = traffic.split_at(2);
    world.hand_in(&one.url, early).await;
    world.hand_in(&other.url, late).await;
    // In the second half of the grace the one that knows the other asks it.
    world.advance_to_end_of(1, GRACE_S / 2 + 1).await;
    let seen = world.until_final(&one.url, 1).await;
    assert_eq!(seen["receipts"], 3, "of each key the newest, wherever it was handed in: {seen}");
    tokio::join!(one.stop(), other.stop());
}

#[tokio::test]
async fn another_proposers_final_root_is_said_and_continued() {
    let world = World::start().await;
    let ours = Service::start(&world, "ours", "proposer").await;
    world.hand_in(&ours.url, &world.traffic(1)).await;
    ours.stop().await;

    // While we are away somebody else, who saw no receipts, brings epoch 1 to its end.
    let theirs = Service::start(&world, "theirs", "rival").await;
    world.advance(EPOCH_S + 60).await;
    let settled = world.until_final(&theirs.url, 1).await;
    assert_eq!(settled["receipts"], 0);

    let ours = Service::start(&world, "ours", "proposer").await;
    let seen = world.until_final(&ours.url, 1).await;
    assert_eq!(seen["root"], settled["root"]);
    assert!(seen["note"].as_str().is_some_and(|note| note.contains("is final")), "{seen}");
    theirs.stop().await;

    // The next epoch goes on from what is final, with our receipts.
    world.hand_in(&ours.url, &world.traffic(2)).await;
    world.advance(EPOCH_S + 60).await;
    let next = world.until_final(&ours.url, 2).await;
    assert_eq!(next["receipts"], 3);
    let report = audit::epoch(&world.reader().await, Epoch(2), None).await;
    // The dataset of epoch 1 is gone with its publisher, so this audit reads ours.
    let report = match report {
        Ok(report) if report.ok => report,
        _ => {
            let source = audit::DatasetSource::Folder(ours.datasets.clone());
            audit::epoch(&world.reader().await, Epoch(2), Some(source)).await.unwrap()
        }
    };
    assert!(report.ok, "{}", serde_json::to_string_pretty(&report).unwrap());
    ours.stop().await;
}

/// What an account holds, once no proposal of epochs 0 to `last` has a bond of it any more.
async fn held_when_bonds_are_back(chain: &Chain, account: &str, last: u64) -> U256 {
    let address = Devnet::account(account).address();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut lies = 0;
        for epoch in 0..=last {
            let records = chain.proposals(Epoch(epoch)).await.unwrap();
            let own = records.iter().filter(|record| record.proposal.proposer == address);
            lies += own.filter(|record| !record.bond_returned).count();
        }
        if lies == 0 {
            return chain.balance_wei(address).await.unwrap();
        }
        assert!(tokio::time::Instant::now() < deadline, "{account} has not its bonds back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn aggregators_with_other_receipts_both_stand_and_the_older_becomes_final() {
    let world = World::start().await;
    let reader = world.reader().await;
    let before =
        async |account: &str| reader.balance_wei(Devnet::account(account).address()).await.unwrap();
    let (one_wei, other_wei) = (before("proposer").await, before("rival").await);
    let one = Service::start(&world, "one", "proposer").await;
    let other = Service::start(&world, "other", "rival").await;
    let traffic = world.traffic(1);
    let (_, newest) = traffic.split_at(traffic.len() - 3);
    world.hand_in(&one.url, newest).await;
    world.hand_in(&other.url, &newest[..1]).await;
    world.advance(EPOCH_S + 60).await;
    for url in [&one.url, &other.url] {
        world.until(url, 0, |epoch| epoch["state"] == "proposed").await;
    }
    world.advance(WINDOW_S).await;
    for url in [&one.url, &other.url] {
        world.until(url, 1, |epoch| epoch["state"] == "proposed").await;
    }
    let open = world.open(1).await;
    assert_eq!(open.len(), 2, "{open:?}");
    assert_ne!(open[0].draft.receipts, open[1].draft.receipts);
    let first = world.until_final(&one.url, 1).await;
    let second = world.until_final(&other.url, 1).await;
    assert_eq!(first["root"], second["root"]);
    let records = reader.proposals(Epoch(1)).await.unwrap();
    assert_eq!(records.iter().find(|r| r.fate == Fate::Final).unwrap().proposal, open[0]);
    assert!(records.iter().all(|record| record.fate != Fate::Cancelled), "{records:?}");

    // Neither loses anything: the younger proposal's bond comes back as well. Whose became final has its part of the pot beside it.
    let one_got = held_when_bonds_are_back(&reader, "proposer", 1).await - one_wei;
    let other_got = held_when_bonds_are_back(&reader, "rival", 1).await - other_wei;
    let bps = u64::from(Parameters::well_known("local").unwrap().proposer_bps);
    let (mut parts_nano, mut before) = (0, 0);
    for epoch in [0, 1] {
        let funded_wei = reader.epoch_inputs(Epoch(epoch)).await.unwrap().funded_through_wei;
        let funded = Nano::from_wei_down(funded_wei).unwrap().0;
        parts_nano += (funded - before) * bps / 10_000;
        before = funded;
    }
    assert_eq!(one_got + other_got, Nano(parts_nano).to_wei());
    assert!(parts_nano > 0);
    tokio::join!(one.stop(), other.stop());
}
