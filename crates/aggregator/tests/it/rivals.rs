//! Several aggregators at one chain: with the same receipts, and with other ones.

use tatum_aggregator::audit;
use tatum_primitives::Epoch;

use crate::world::{EPOCH_S, Service, World};

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
