//! What is found is what the rule bills, at the place that the list has it.

use alloy_primitives::U256;
use tatum_primitives::Nano;
use tatum_receipt::checks::with_tolerance;
use tatum_rewards::tolerated_bytes;
use tempfile::TempDir;

use super::*;
use crate::scene::{data, key, receipt, sign};
use crate::{ReceiptProver, write};

/// Payer 1 signed for 8 100 units of a quota of its own, payer 2 for 11 700 of another.
fn dataset(quotas: [u64; 2]) -> (TempDir, Dataset) {
    let parent = TempDir::new().unwrap();
    let mut data = data();
    for (payer, quota) in data.payers.iter_mut().zip(quotas) {
        payer.quota_bytes = U256::from(quota);
    }
    let written = write(parent.path(), data).unwrap();
    (parent, Dataset::open(&written.folder).unwrap())
}

#[test]
fn who_stays_within_the_tolerance_is_not_found() {
    let sums = |numbers: [u8; 2]| numbers.map(|number| key(number).address());
    let in_order = data().payers.iter().map(|payer| payer.payer).collect::<Vec<_>>();
    assert_eq!(in_order, sums([1, 2]), "the scene's payers are in order of their addresses");
    // The tolerance is a tenth of small quotas.
    assert_eq!(dataset([7_380, 10_640]).1.overages().unwrap(), []);
    let found = dataset([7_360, 10_640]).1.overages().unwrap();
    assert_eq!(found.iter().map(|found| found.payer).collect::<Vec<_>>(), [key(1).address()]);
}

#[test]
fn each_payers_last_line_opens_against_the_list_and_has_its_total() {
    let (_kept, dataset) = dataset([4_500, 6_000]);
    let [one, two] = dataset.overages().unwrap().try_into().unwrap();
    // A fee of 6 000 000 000, a fifth of it common; twice the surplus.
    let steered = 4_800_000_000;
    let expected = Overage {
        payer: key(1).address(),
        quota_bytes: 4_500,
        units: 8_100,
        bill_nano: Nano(steered * 2 * 3_600 / 4_500),
        behind: 3,
    };
    assert_eq!(one, expected);
    assert_eq!((two.payer, two.units, two.behind), (key(2).address(), 11_700, 6));
    assert_eq!(two.bill_nano, Nano(3_200_000_000 * 2 * 5_700 / 6_000));
    let prover = ReceiptProver::new(dataset.clone()).unwrap();
    let list = dataset.manifest().results.receipts;
    for overage in [one, two] {
        let gap = prover.gap(overage.behind).unwrap();
        list.gap(&gap).unwrap();
        let left = tatum_watcher::ReceiptLeaf::decode(&gap.left.unwrap().leaf).unwrap();
        assert_eq!(left.payer_units, overage.units);
        assert_eq!(left.signed[..20], *overage.payer.as_slice());
        assert_eq!(gap.right.is_none(), overage.behind == list.count);
    }
    assert!(prover.gap(7).is_err());
}

#[test]
fn an_epoch_without_receipts_has_no_overage() {
    let mut empty = data();
    empty.receipts.clear();
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), empty).unwrap();
    assert_eq!(Dataset::open(&written.folder).unwrap().overages().unwrap(), []);
}

#[test]
fn one_receipt_is_refused_where_all_together_are_billed() {
    for quota in [0, 19, 20, 12_345, 1 << 40, u64::MAX / 4] {
        assert_eq!(u128::from(with_tolerance(quota)), tolerated_bytes(quota.into()));
    }
    assert_eq!(sign(receipt(1, 0, 1, 3)).receipt.bytes_on_time, 2_700);
}
