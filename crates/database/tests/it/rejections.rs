//! Rejections are kept with their reason, once each, in bounded number, and never touch receipts.

use tatum_database::{Candidate, Outcome, Rejected, RejectionQuery, Writer, WriterOptions};
use tatum_primitives::Address;
use tatum_receipt::Rejection;

use crate::support::{Scene, all, candidate, on_each_backend, receipt};

on_each_backend!(
    a_rejection_is_kept_once_with_its_reason,
    rejections_are_bounded_per_minute_and_in_all,
);

fn malformed(text: &str) -> Rejected {
    let rejection = Rejection::Malformed { detail: text.to_owned() };
    Rejected { bytes: text.as_bytes().to_vec(), payer: None, epoch: None, rejection }
}

async fn a_rejection_is_kept_once_with_its_reason(scene: Scene) {
    let payer = Address::repeat_byte(1);
    let no_stake = Rejected::receipt(&receipt(1, 1, 0, 1), Rejection::NoStake { payer });
    let batch = || {
        vec![
            Candidate::Rejected(no_stake.clone()),
            Candidate::Rejected(malformed("{")),
            Candidate::Rejected(no_stake.clone()),
            candidate(&receipt(2, 1, 0, 1)),
        ]
    };
    let outcomes = scene.writer.submit(batch()).await.unwrap();
    assert_eq!(outcomes[0], Outcome::Rejected(Rejection::NoStake { payer }));
    assert_eq!(outcomes[3], Outcome::Accepted);
    scene.writer.submit(batch()).await.unwrap();
    assert_eq!(all(&scene.database, 0).await, [receipt(2, 1, 0, 1)]);

    let of_payer = RejectionQuery { payer: Some(payer), limit: 10, ..Default::default() };
    let kept = scene.database.rejections(of_payer).await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].times, &kept[0].rejection), (4, &Rejection::NoStake { payer }));
    assert_eq!(kept[0].bytes, receipt(1, 1, 0, 1).encode());
    let every = RejectionQuery { limit: 10, ..Default::default() };
    assert_eq!(scene.database.rejections(every).await.unwrap().len(), 2);
}

async fn rejections_are_bounded_per_minute_and_in_all(scene: Scene) {
    let options = WriterOptions { rejections_per_minute: 5, ..Default::default() };
    let (writer, _) = Writer::spawn(scene.database.clone(), options);
    // The first sweep of a writer comes at once and restores the allowance; let it pass.
    writer.submit(vec![Candidate::Rejected(malformed("first"))]).await.unwrap();
    let flood = (0..100).map(|n| Candidate::Rejected(malformed(&n.to_string())));
    let outcomes = writer.submit(flood.collect()).await.unwrap();
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Rejected(_))));
    let every = RejectionQuery { limit: 1000, ..Default::default() };
    let kept = scene.database.rejections(every).await.unwrap().len();
    assert!((5..=6).contains(&kept), "{kept}");
    let forgotten = scene.database.forget_rejections(0, 2).await.unwrap();
    assert_eq!(usize::try_from(forgotten).unwrap(), kept - 2);
    assert_eq!(scene.database.forget_rejections(u64::MAX >> 1, 2).await.unwrap(), 2);
}
