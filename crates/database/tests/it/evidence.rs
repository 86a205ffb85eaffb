//! Receipts that channels pay: kept beside the books, within bounds, and of no consequence to any epoch.

use tatum_database::{Candidate, Evidence, Outcome, Writer, WriterOptions};
use tatum_primitives::{B256, Epoch, ReaderId};
use tatum_receipt::{Contents, Rejection, SignedReceipt};

use crate::support::{self, Scene, all, candidate, checked, on_each_backend, read, sign};

fn receipt(payer: u8, reader: u32, sequence: u64) -> SignedReceipt {
    let mut receipt = support::receipt(payer, 3, 5, sequence).receipt;
    (receipt.reader, receipt.owed) = (ReaderId(reader), 7);
    sign(receipt)
}

/// The rules that the writer trusts were passed are those of the pool here; it looks at none of them.
fn evidence(signed: &SignedReceipt, room: u64) -> Candidate {
    let mut pool = signed.receipt.clone();
    (pool.channel, pool.owed) = (B256::ZERO, 0);
    let (checked, contents) = (checked(&sign(pool)), Contents::default());
    Candidate::Evidence(Evidence { checked, contents, room })
}

async fn submit(writer: &Writer, candidates: Vec<Candidate>) -> Vec<Option<u64>> {
    let outcomes = writer.submit(candidates).await.unwrap();
    let full = |outcome| match outcome {
        Outcome::Evidence => None,
        Outcome::Rejected(Rejection::EvidenceFull { most }) => Some(most),
        other => panic!("{other:?}"),
    };
    outcomes.into_iter().map(full).collect()
}

async fn sequences(scene: &Scene) -> Vec<u64> {
    let held = read(scene.database.scan_evidence(Epoch(5))).await;
    held.iter().map(|signed| signed.receipt.sequence).collect()
}

async fn the_newest_of_a_key_is_kept_and_the_books_do_not_notice(scene: Scene) {
    let counted = support::receipt(1, 3, 5, 4);
    let both = vec![candidate(&counted), evidence(&receipt(1, 0, 9), 5)];
    let outcomes = scene.writer.submit(both).await.unwrap();
    assert_eq!(outcomes, [Outcome::Accepted, Outcome::Evidence]);
    let later = [8, 10, 10].map(|sequence| evidence(&receipt(1, 0, sequence), 5));
    assert_eq!(submit(&scene.writer, later.to_vec()).await, [None; 3]);
    assert_eq!(sequences(&scene).await, [10]);
    assert_eq!(all(&scene.database, 5).await, [counted]);
    // It opens no epoch, and comes in whether one is open or not.
    let epochs = scene.database.epochs(None, 10).await.unwrap();
    assert_eq!(epochs.iter().map(|record| record.epoch).collect::<Vec<_>>(), [Epoch(5)]);
    scene.database.begin_closing(Epoch(5), 1).await.unwrap();
    assert_eq!(submit(&scene.writer, vec![evidence(&receipt(2, 0, 1), 5)]).await, [None]);
    assert_eq!(scene.database.count_receipts(Epoch(5)).await.unwrap(), 1);
}

async fn a_channel_has_no_more_than_its_room_and_takes_none_from_another(scene: Scene) {
    let of = |payer, readers: std::ops::Range<u32>| {
        readers.map(|reader| evidence(&receipt(payer, reader, 1), 3)).collect::<Vec<_>>()
    };
    let first = submit(&scene.writer, of(1, 0..4)).await;
    assert_eq!(first, [None, None, None, Some(3)]);
    assert_eq!(submit(&scene.writer, of(1, 4..5)).await, [Some(3)], "after it is on disk, too");
    assert_eq!(submit(&scene.writer, of(2, 0..2)).await, [None; 2]);
    // What is held goes on.
    assert_eq!(submit(&scene.writer, vec![evidence(&receipt(1, 0, 2), 0)]).await, [None]);
    assert_eq!(sequences(&scene).await, [2, 1, 1, 1, 1]);
    let kept = scene
        .database
        .rejections(tatum_database::RejectionQuery { limit: 10, ..Default::default() });
    assert!(kept.await.unwrap().is_empty(), "a lack of room is nobody's fault");
}

async fn an_epoch_has_no_more_than_the_writer_keeps_and_old_ones_are_forgotten(scene: Scene) {
    let options = WriterOptions { evidence_of_epoch: 4, ..WriterOptions::default() };
    let (writer, _) = Writer::spawn(scene.database.clone(), options);
    let one_each = (1..=6).map(|payer| evidence(&receipt(payer, 0, 1), 9)).collect();
    let taken = submit(&writer, one_each).await;
    assert_eq!(taken, [None, None, None, None, Some(4), Some(4)]);
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let mut scan = scene.database.scan_evidence_after(Epoch(5), after.as_ref(), 3);
        let Some(page) = scan.next().await.unwrap() else { break };
        assert!(page.len() <= 3);
        seen.extend(page.iter().map(|stored| stored.receipt().payer.0[0]));
        after = page.last().map(|stored| stored.receipt().key());
    }
    assert_eq!(seen, [1, 2, 3, 4]);
    assert_eq!(scene.database.forget_evidence_before(Epoch(5)).await.unwrap(), 0);
    assert_eq!(scene.database.forget_evidence_before(Epoch(6)).await.unwrap(), 4);
    assert!(sequences(&scene).await.is_empty());
}

on_each_backend! {
    the_newest_of_a_key_is_kept_and_the_books_do_not_notice,
    a_channel_has_no_more_than_its_room_and_takes_none_from_another,
    an_epoch_has_no_more_than_the_writer_keeps_and_old_ones_are_forgotten,
}
