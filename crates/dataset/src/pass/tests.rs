//! The pass and the audit's tally come to the same, and what is out of order is refused.

use std::fs;

use proptest::prelude::*;
use tatum_receipt::{Signature, SignedReceipt};
use tempfile::TempDir;

use super::*;
use crate::rollup::rollup;
use crate::scene::{data, key, parameters, receipt};
use crate::table::TableWriter;
use crate::{Dataset, EpochData, Tally, Writer, newest_of_each_key};

/// Nobody looks at signatures here.
fn unsigned(payer: u8, operator: u32, stream: u8, sequence: u64) -> SignedReceipt {
    SignedReceipt {
        receipt: receipt(payer, operator, stream, sequence),
        signature: Signature([27; 65]),
    }
}

fn paying(payer: u8, fee_nano: u64) -> Payer {
    let fee_wei = alloy_primitives::U256::from(u128::from(fee_nano) * 1_000_000_000 + 7);
    Payer {
        payer: key(payer).address(),
        fee_wei,
        quota_bytes: alloy_primitives::U256::from(u64::MAX),
    }
}

/// Payers with and without receipts, receipts of payers and operators that do not exist.
fn epochs() -> impl Strategy<Value = EpochData> {
    let fees = prop::collection::vec(0..1_000_000_000_000u64, 1..12);
    let work = prop::collection::vec((1..15u8, 0..5u32, 0..4u8, 1..1_000_000u64), 0..60);
    (fees, work, 0..1_000u64).prop_map(|(fees, work, more)| {
        let mut receipts: Vec<_> = work
            .into_iter()
            .map(|(payer, operator, stream, sequence)| unsigned(payer, operator, stream, sequence))
            .collect();
        receipts.sort_by_key(|signed| signed.receipt.key());
        receipts.dedup_by_key(|signed| signed.receipt.key());
        let available = Nano(fees.iter().sum::<u64>() + more);
        EpochData {
            parameters: Parameters { available_nano: available, ..parameters() },
            payers: (1..).zip(fees).map(|(number, fee)| paying(number, fee)).collect(),
            receipts,
            ..data()
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_pass_comes_to_what_all_usages_at_once_come_to(data in epochs()) {
        let parent = TempDir::new().unwrap();
        let EpochData { parameters, payers, operators, previous_nano, receipts } = data;
        let writer = Writer::create(
            parent.path(), parameters, payers.clone(), operators.clone(), previous_nano.clone(),
        );
        let mut writer = writer.unwrap();
        writer.push_all(&newest_of_each_key(receipts)).unwrap();
        let written = writer.finish().unwrap();
        let dataset = Dataset::open(&written.folder).unwrap();
        let mut tally = Tally::new(dataset.manifest().parameters.epoch);
        for signed in dataset.receipts().unwrap() {
            tally.push(&signed.unwrap()).unwrap();
        }
        let at_once =
            rollup(&dataset.manifest().parameters, &payers, &operators, &previous_nano, &tally);
        prop_assert_eq!(written.distribution, at_once.unwrap());
    }
}

/// The pass over receipts and payers in this order.
fn pass(receipts: &[SignedReceipt], payers: &[Payer]) -> Result<Vec<Share>, Error> {
    let folder = TempDir::new().unwrap();
    let mut table = TableWriter::create(folder.path()).unwrap();
    receipts.iter().for_each(|signed| table.push(signed).unwrap());
    table.finish().unwrap();
    roll_up(folder.path(), &parameters(), payers, &data().operators).map(|(shares, _)| shares)
}

fn refused(result: Result<Vec<Share>, Error>) -> (&'static str, u64, RowError) {
    match result {
        Err(Error::Row { file, row, source }) => (file, row, source),
        other => panic!("{other:?}"),
    }
}

/// Two payers by address.
fn two() -> (u8, u8) {
    if key(1).address() < key(2).address() { (1, 2) } else { (2, 1) }
}

#[test]
fn a_payer_that_comes_back_is_refused() {
    let (first, second) = two();
    let payers = [paying(first, 10), paying(second, 10)];
    let sorted = [unsigned(first, 0, 1, 1), unsigned(first, 1, 1, 1), unsigned(second, 0, 1, 1)];
    assert_eq!(pass(&sorted, &payers).unwrap().len(), 3);
    let back = [unsigned(first, 0, 1, 1), unsigned(second, 0, 1, 1), unsigned(first, 1, 1, 1)];
    assert_eq!(refused(pass(&back, &payers)), (SignedReceipt::FILE, 2, RowError::OutOfOrder));
}

#[test]
fn payers_out_of_order_or_twice_or_with_fees_beyond_all_money_are_refused() {
    let (first, second) = two();
    let swapped = [paying(second, 10), paying(first, 10)];
    assert_eq!(refused(pass(&[], &swapped)), (Payer::FILE, 1, RowError::OutOfOrder));
    let twice = [paying(first, 10), paying(first, 10)];
    assert_eq!(refused(pass(&[], &twice)), (Payer::FILE, 1, RowError::KeyTwice));
    let fee_wei = alloy_primitives::U256::MAX;
    assert!(matches!(pass(&[], &[Payer { fee_wei, ..paying(first, 1) }]), Err(Error::Fee(_))));
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let parent = TempDir::new().unwrap();
    let written = crate::write(parent.path(), data()).unwrap();
    let file = written.folder.join(SignedReceipt::FILE);
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(Dataset::open(&written.folder).unwrap().roll_up().is_err());
}
