//! Several aggregators at one chain: with the same receipts, and with other ones.

use std::time::Duration;

use tatum_aggregator::{Config, audit};
use tatum_chain::Proposal;
use tatum_primitives::{B256, Epoch};
use tatum_test_utils::Devnet;

use crate::world::{EPOCH_S, PATIENCE, Service, World, data};

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
    assert_eq!(first["proposer"], second["proposer"]);
    assert!(first["note"].is_null() && second["note"].is_null(), "{first} {second}");
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

/// Whoever is first with the old root keeps the epoch's money from everybody, and no proof shows it. We stake on ours, twice,
/// because the other does so once more; it pays for both.
#[tokio::test]
async fn a_wrong_root_that_no_proof_shows_is_outbid() {
    let world = World::start().await;
    let start = async || {
        let stake = |config: &mut Config| config.outbid_up_to_wei = data(8_000);
        Service::start_with(&world, "ours", "proposer", stake).await
    };
    let ours = start().await;
    world.hand_in(&ours.url, &world.traffic(1)).await;
    world.advance(EPOCH_S + 60).await;
    let first = world.until_final(&ours.url, 1).await;
    world.hand_in(&ours.url, &world.traffic(2)).await;
    ours.stop().await;

    world.advance(EPOCH_S + 60).await;
    let cheat = world.stranger("cheat").await;
    cheat.close_epochs().await.unwrap();
    cheat.ensure_bond_of(data(5_000)).await.unwrap();
    let old = Proposal {
        epoch: Epoch(2),
        root: first["root"].as_str().unwrap().parse().unwrap(),
        receipts_root: B256::ZERO,
        manifest_hash: B256::repeat_byte(7),
        // Nobody listens there.
        uri: "http://127.0.0.1:9/v1/epochs/2".to_owned(),
    };
    cheat.propose(old.clone()).await.unwrap();

    let ours = start().await;
    let proposed = |epoch: &serde_json::Value| epoch["state"] == "proposed";
    let seen = world.until(&ours.url, 2, proposed).await;
    assert_ne!(seen["root"], first["root"]);
    assert_eq!(cheat.pending_stake_wei().await.unwrap(), data(2_000));
    let pending = world.pending(2).await.proposal;
    cheat.outbid(pending, old.clone()).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while cheat.pending_stake_wei().await.unwrap() < data(8_000) {
        assert!(tokio::time::Instant::now() < deadline, "ours does not stake again");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let last = world.until_final(&ours.url, 2).await;
    assert_eq!((&last["root"], &last["receipts"]), (&seen["root"], &3.into()));
    assert_eq!(cheat.finalized_root().await.unwrap().to_string(), last["root"].as_str().unwrap());
    while !cheat.unsettled_rounds().await.unwrap().is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "stakes are not settled");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // It lost what it staked, 1 000 and 4 000; half of that is ours.
    assert_eq!(cheat.proposer_bond_of_wei(cheat.account().unwrap()).await.unwrap(), data(0));
    let proposer = Devnet::account("proposer").address();
    assert_eq!(cheat.proposer_bond_of_wei(proposer).await.unwrap(), data(8_000 + 2_000 + 2_500));
    ours.stop().await;
}

/// A root that differs because its proposer knows more than we do is let stand, however much we may stake.
#[tokio::test]
async fn a_sound_root_is_not_outbid() {
    let world = World::start().await;
    let theirs = Service::start(&world, "theirs", "rival").await;
    world.hand_in(&theirs.url, &world.traffic(1)).await;
    world.until_final(&theirs.url, 0).await;
    world.advance(EPOCH_S + 60).await;
    world.until(&theirs.url, 1, |epoch| epoch["state"] == "proposed").await;
    let stake = |config: &mut Config| config.outbid_up_to_wei = data(8_000);
    let ours = Service::start_with(&world, "ours", "proposer", stake).await;
    let said = |epoch: &serde_json::Value| {
        epoch["note"].as_str().is_some_and(|note| note.contains("it may stand"))
    };
    world.until(&ours.url, 1, said).await;
    assert_eq!(world.reader().await.pending_stake_wei().await.unwrap(), data(1_000));
    tokio::join!(ours.stop(), theirs.stop());
}
