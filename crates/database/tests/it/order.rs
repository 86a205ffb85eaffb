//! What is held in the end does not depend on the order, repetition or grouping of submissions.

use proptest::prelude::*;
use tatum_primitives::{Address, Epoch};
use tatum_receipt::SignedReceipt;

use crate::support::{all, read, receipt, sqlite};

/// Receipts of a few keys with rising counters, repeated and shuffled, and where to cut them into submissions.
fn traffic() -> impl Strategy<Value = (Vec<SignedReceipt>, usize)> {
    let payer = prop::sample::select(vec![0_u8, 1, 255]);
    let one = (payer, 0u8..2, 0u64..2, 1u64..8);
    let receipts = prop::collection::vec(one, 1..40).prop_map(|list| {
        list.into_iter()
            .map(|(payer, node, epoch, sequence)| receipt(payer, node, epoch, sequence))
            .collect()
    });
    (receipts, 1usize..12)
}

fn newest(receipts: &[SignedReceipt], epoch: u64) -> Vec<SignedReceipt> {
    let mut sorted: Vec<_> =
        receipts.iter().filter(|r| r.receipt.epoch.0 == epoch).cloned().collect();
    sorted.sort_by_key(|r| {
        (
            r.receipt.payer,
            r.receipt.operator_id,
            r.receipt.node,
            std::cmp::Reverse(r.receipt.sequence),
        )
    });
    sorted.dedup_by_key(|r| r.receipt.key());
    sorted
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_newest_of_each_key_is_held((receipts, cut) in traffic()) {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let scene = sqlite().await;
            for batch in receipts.chunks(cut) {
                scene.submit(batch).await;
            }
            for epoch in 0..2 {
                let expected = newest(&receipts, epoch);
                assert_eq!(all(&scene.database, epoch).await, expected);
                for payer in [0, 1, 2, 255].map(Address::repeat_byte) {
                    let of_payer = expected.iter().filter(|r| r.receipt.payer == payer);
                    let of_payer: Vec<_> = of_payer.cloned().collect();
                    let scan = scene.database.scan_receipts_of(Epoch(epoch), payer);
                    assert_eq!(read(scan).await, of_payer);
                }
            }
        });
    }
}
