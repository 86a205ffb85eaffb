//! An epoch moves only forward, and takes no receipt once it is closing.

use tatum_database::{DatabaseError, Outcome, RolledEpoch};
use tatum_primitives::{Address, B256, Epoch, Nano};
use tatum_protocol::EpochState;
use tatum_receipt::Rejection;

use crate::support::{Scene, all, candidate, on_each_backend, receipt};

on_each_backend!(
    a_closing_epoch_refuses_late_receipts,
    closing_waits_for_writers_and_then_nothing_is_added,
    steps_go_in_order_and_say_so_otherwise,
    epochs_are_listed_newest_first,
    an_overruled_epoch_shows_what_the_chain_settled,
);

fn rolled() -> RolledEpoch {
    RolledEpoch {
        receipts: 12,
        block_number: 345,
        block_hash: B256::repeat_byte(1),
        manifest_hash: B256::repeat_byte(2),
        root: B256::repeat_byte(3),
        receipts_root: B256::repeat_byte(4),
        pot: Nano(1_000),
        distributed: Nano(999),
        uri: "http://127.0.0.1/v1/epochs/4".to_owned(),
    }
}

async fn a_closing_epoch_refuses_late_receipts(scene: Scene) {
    scene.submit(&[receipt(1, 1, 4, 1)]).await;
    scene.database.begin_closing(Epoch(4), 1).await.unwrap();
    scene.database.begin_closing(Epoch(4), 2).await.unwrap();
    let past =
        |got| Outcome::Rejected(Rejection::PastEpoch { got: Epoch(got), earliest_open: Epoch(5) });
    let late = [receipt(1, 1, 4, 2), receipt(1, 1, 3, 1), receipt(1, 1, 5, 1)];
    assert_eq!(scene.submit(&late).await, [past(4), past(3), Outcome::Accepted]);
    assert_eq!(all(&scene.database, 4).await, [receipt(1, 1, 4, 1)]);
    assert_eq!(all(&scene.database, 3).await, []);
    assert!(scene.database.epoch(Epoch(3)).await.unwrap().is_none());
}

async fn closing_waits_for_writers_and_then_nothing_is_added(scene: Scene) {
    let writer = scene.writer.clone();
    let load = tokio::spawn(async move {
        let mut accepted = 0u64;
        for sequence in 1u64.. {
            let batch = (0..30).map(|payer| candidate(&receipt(payer, 1, 0, sequence)));
            let outcomes = writer.submit(batch.collect()).await.unwrap();
            match outcomes[0] {
                Outcome::Accepted => accepted = sequence,
                _ => break,
            }
        }
        accepted
    });
    while all(&scene.database, 0).await.is_empty() {
        tokio::task::yield_now().await;
    }
    scene.database.begin_closing(Epoch(0), 1).await.unwrap();
    let frozen = all(&scene.database, 0).await;
    let accepted = load.await.unwrap();
    assert!(frozen.iter().all(|r| r.receipt.sequence == accepted));
    assert_eq!(all(&scene.database, 0).await, frozen);
}

async fn steps_go_in_order_and_say_so_otherwise(scene: Scene) {
    let (database, epoch, proposer) = (&scene.database, Epoch(4), Address::repeat_byte(9));
    let early = database.record_rolled(epoch, &rolled(), 1).await.unwrap_err();
    assert!(matches!(early, DatabaseError::EpochState { expected: EpochState::Closing, .. }));
    database.begin_closing(epoch, 1).await.unwrap();
    assert!(database.record_proposed(epoch, proposer, None, 5, 2).await.is_err());
    database.record_rolled(epoch, &rolled(), 2).await.unwrap();
    database.begin_closing(epoch, 3).await.unwrap();
    database.record_note(epoch, "waiting for a block", 3).await.unwrap();
    let record = database.epoch(epoch).await.unwrap().unwrap();
    assert_eq!(record.state, EpochState::Rolled);
    assert_eq!(record.rolled, Some(rolled()));
    assert_eq!(record.note.as_deref(), Some("waiting for a block"));

    let tx = B256::repeat_byte(8);
    database.record_proposed(epoch, proposer, Some(tx), 50, 4).await.unwrap();
    database.record_cancelled(epoch, 5).await.unwrap();
    assert_eq!(database.epoch(epoch).await.unwrap().unwrap().proposer, None);
    database.record_proposed(epoch, proposer, None, 50, 6).await.unwrap();
    database.record_finalized(epoch, Some(tx), 7).await.unwrap();
    assert!(database.record_finalized(epoch, None, 8).await.is_err());
    let record = database.epoch(epoch).await.unwrap().unwrap();
    assert_eq!(
        (record.state, record.finalize_tx, record.note),
        (EpochState::Finalized, Some(tx), None)
    );
    assert_eq!((record.proposer, record.propose_tx), (Some(proposer), None));

    // The chain undid it: what was rolled up here stands, and has yet to be brought to the chain.
    database.record_undone(epoch, 9).await.unwrap();
    assert!(database.record_undone(epoch, 9).await.is_err());
    let record = database.epoch(epoch).await.unwrap().unwrap();
    assert_eq!((record.state, record.rolled), (EpochState::Rolled, Some(rolled())));
    assert_eq!((record.proposer, record.finalize_tx), (None, None));
    assert_eq!(database.last_finalized().await.unwrap(), None);
}

async fn epochs_are_listed_newest_first(scene: Scene) {
    for epoch in 0..5 {
        scene.database.begin_closing(Epoch(epoch), 1).await.unwrap();
    }
    let numbers = |records: Vec<tatum_database::EpochRecord>| -> Vec<u64> {
        records.iter().map(|record| record.epoch.0).collect()
    };
    assert_eq!(numbers(scene.database.epochs(None, 3).await.unwrap()), [4, 3, 2]);
    assert_eq!(numbers(scene.database.epochs(Some(Epoch(2)), 3).await.unwrap()), [1, 0]);
}

async fn an_overruled_epoch_shows_what_the_chain_settled(scene: Scene) {
    let database = &scene.database;
    assert_eq!(database.last_finalized().await.unwrap(), None);
    assert_eq!(database.first_epoch().await.unwrap(), None);
    database.begin_closing(Epoch(4), 1).await.unwrap();
    database.record_rolled(Epoch(4), &rolled(), 2).await.unwrap();
    let other = RolledEpoch { root: B256::repeat_byte(0x77), ..rolled() };
    database.record_overruled(Epoch(4), Some(&other), "another root is final", 3).await.unwrap();
    database.record_overruled(Epoch(5), None, "left out", 3).await.unwrap();
    let record = database.epoch(Epoch(4)).await.unwrap().unwrap();
    assert_eq!((record.state, record.rolled), (EpochState::Finalized, Some(other)));
    assert_eq!(record.note.as_deref(), Some("another root is final"));
    assert_eq!(database.epoch(Epoch(5)).await.unwrap().unwrap().rolled, None);
    assert_eq!(database.last_finalized().await.unwrap(), Some(Epoch(5)));
    assert_eq!(database.first_epoch().await.unwrap(), Some(Epoch(4)));

    // The chain undid both: what another came to is not ours, so ours is rolled up again.
    for epoch in [Epoch(5), Epoch(4)] {
        database.record_undone(epoch, 4).await.unwrap();
        let record = database.epoch(epoch).await.unwrap().unwrap();
        assert_eq!((record.state, record.note), (EpochState::Closing, None));
    }
}
