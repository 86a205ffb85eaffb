//! One row per key, the newest; whatever is no progress changes nothing.

use std::slice::from_ref;

use tatum_database::{Database, Outcome};
use tatum_primitives::{Epoch, ReaderId};
use tatum_receipt::{DeliveryReceipt, StoredReceipt};

use crate::support::{Scene, all, candidate, on_each_backend, receipt, sign};

on_each_backend!(
    newest_of_a_key_is_kept,
    the_highest_rank_is_kept_whatever_its_sequence,
    readers_of_one_account_have_receipts_of_their_own,
    scan_is_in_canonical_order_across_pages,
    many_submitters_share_transactions,
    a_big_batch_is_written_whole,
);

async fn newest_of_a_key_is_kept(scene: Scene) {
    let (first, second) = (receipt(1, 1, 0, 1), receipt(1, 1, 0, 2));
    assert_eq!(scene.submit(from_ref(&first)).await, [Outcome::Accepted]);
    assert_eq!(scene.submit(from_ref(&first)).await, [Outcome::Duplicate]);
    assert_eq!(
        scene.submit(&[second.clone(), first.clone()]).await,
        [Outcome::Accepted, Outcome::Superseded]
    );
    assert_eq!(
        scene.submit(&[first, second.clone()]).await,
        [Outcome::Superseded, Outcome::Duplicate]
    );
    assert_eq!(all(&scene.database, 0).await, from_ref(&second));
    assert_eq!(
        scene.database.receipt(&second.receipt.key()).await.unwrap(),
        Some(StoredReceipt::written(&second))
    );
    assert_eq!(scene.database.receipt(&receipt(2, 1, 0, 1).receipt.key()).await.unwrap(), None);
}

async fn the_highest_rank_is_kept_whatever_its_sequence(scene: Scene) {
    let held = receipt(1, 1, 0, 5);
    scene.submit(from_ref(&held)).await;
    let changed = |sequence, messages, bytes, bytes_on_time| {
        sign(DeliveryReceipt { sequence, messages, bytes, bytes_on_time, ..held.receipt.clone() })
    };
    let DeliveryReceipt { sequence, messages, bytes, bytes_on_time, .. } = held.receipt;
    let unpaid = changed(i64::MAX.unsigned_abs(), messages, bytes, 0);
    let tied = changed(sequence, messages + 1, bytes, bytes_on_time);
    let higher = tied.receipt.rank() > held.receipt.rank();
    let outcomes = scene.submit(&[unpaid.clone(), tied.clone(), unpaid]).await;
    let of_tied = if higher { Outcome::Accepted } else { Outcome::Superseded };
    assert_eq!(outcomes, [Outcome::Superseded, of_tied, Outcome::Superseded]);
    let later = changed(sequence + 1, messages, bytes - 1, bytes_on_time);
    assert_eq!(scene.submit(from_ref(&later)).await, [Outcome::Accepted]);
    let again = tatum_database::Writer::spawn(scene.database.clone(), Default::default()).0;
    let lower = vec![candidate(&held), candidate(&tied)];
    assert_eq!(again.submit(lower).await.unwrap(), [Outcome::Superseded, Outcome::Superseded]);
    assert_eq!(all(&scene.database, 0).await, [later]);
}

async fn readers_of_one_account_have_receipts_of_their_own(scene: Scene) {
    let of =
        |reader| sign(DeliveryReceipt { reader: ReaderId(reader), ..receipt(1, 1, 0, 3).receipt });
    let receipts: Vec<_> = [0, 1, 255, 256, u32::MAX].map(of).into();
    let mut shuffled = receipts.clone();
    shuffled.reverse();
    assert_eq!(scene.submit(&shuffled).await, vec![Outcome::Accepted; 5]);
    assert_eq!(all(&scene.database, 0).await, receipts);
}

async fn scan_is_in_canonical_order_across_pages(scene: Scene) {
    // More than a page of receipts, of payers with one and with many nodes, and neighbours in the epochs around.
    let mut receipts = vec![receipt(1, 1, 6, 1), receipt(1, 1, 8, 1)];
    for payer in 0..=255 {
        for node in 0..20 {
            receipts.push(receipt(payer, node, 7, 1));
        }
    }
    for chunk in receipts.chunks(1000) {
        scene.submit(chunk).await;
    }
    let scanned = all(&scene.database, 7).await;
    let mut expected: Vec<_> =
        receipts.into_iter().filter(|r| r.receipt.epoch == Epoch(7)).collect();
    expected.sort_by_key(|r| (r.receipt.payer, r.receipt.operator_id, r.receipt.node));
    assert_eq!(scanned, expected);
    assert_eq!(scene.database.count_receipts(Epoch(7)).await.unwrap(), 5120);
    assert_eq!(scene.database.count_receipts(Epoch(9)).await.unwrap(), 0);
}

async fn many_submitters_share_transactions(scene: Scene) {
    let mut tasks = tokio::task::JoinSet::new();
    for submitter in 0..50u8 {
        let writer = scene.writer.clone();
        tasks.spawn(async move {
            for sequence in 1..=10 {
                let outcomes = writer.submit(vec![candidate(&receipt(submitter, 1, 0, sequence))]);
                assert_eq!(outcomes.await.unwrap(), [Outcome::Accepted]);
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    assert_eq!(all(&scene.database, 0).await.len(), 50);
    assert!(all(&scene.database, 0).await.iter().all(|r| r.receipt.sequence == 10));
}

async fn a_big_batch_is_written_whole(scene: Scene) {
    let receipts: Vec<_> =
        (0..30).flat_map(|p| (0..100).map(move |n| receipt(p, n, 3, 1))).collect();
    let outcomes = scene.submit(&receipts).await;
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Accepted));
    assert_eq!(scene.database.count_receipts(Epoch(3)).await.unwrap(), 3000);
}

#[tokio::test]
async fn two_processes_share_one_postgres() {
    let cluster = tatum_test_utils::postgres::Postgres::start().unwrap();
    let url = cluster.database("shared").unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for process in 0..3usize {
        let database = Database::open(&url).await.unwrap();
        let (writer, _) = tatum_database::Writer::spawn(database, Default::default());
        tasks.spawn(async move {
            let mut accepted = 0;
            for sequence in 1..=40 {
                // The same keys from every process, in different batches and epochs in different order.
                let batch: Vec<_> = (0..20)
                    .flat_map(|payer| {
                        [receipt(payer, 1, 1, sequence), receipt(payer, 1, 0, sequence)]
                    })
                    .skip(process)
                    .map(|signed| candidate(&signed))
                    .collect();
                for outcome in writer.submit(batch).await.unwrap() {
                    assert!(!matches!(outcome, Outcome::Rejected(_)));
                    accepted += u32::from(outcome == Outcome::Accepted);
                }
            }
            accepted
        });
    }
    let mut accepted = 0;
    while let Some(done) = tasks.join_next().await {
        accepted += done.unwrap();
    }
    // Whoever is first with a sequence has it accepted, and nobody else.
    assert!(accepted <= 2 * 20 * 40, "{accepted}");
    let database = Database::open(&url).await.unwrap();
    for epoch in 0..2 {
        let held = all(&database, epoch).await;
        assert_eq!(held.len(), 20);
        assert!(held.iter().all(|r| r.receipt.sequence == 40));
    }
}
