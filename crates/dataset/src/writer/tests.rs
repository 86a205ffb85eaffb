//! What changes no byte of a dataset, and what is refused.

use std::fs;

use alloy_primitives::U256;
use proptest::prelude::*;
use tatum_receipt::DeliveryReceipt;
use tempfile::TempDir;

use super::*;
use crate::scene::{data, parameters, receipt, sign};
use crate::{DistributionRow, verify};

fn names(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_dataset_is_six_files_in_a_folder_named_by_its_manifest() {
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), data()).unwrap();
    assert_eq!(names(parent.path()), [written.manifest_hash.to_string()]);
    let files = [
        "distribution.parquet",
        "heads.parquet",
        "manifest.json",
        "operators.parquet",
        "payers.parquet",
        "receipts.parquet",
    ];
    assert_eq!(names(&written.folder), files);
    let manifest = fs::read(written.folder.join(MANIFEST)).unwrap();
    assert_eq!(keccak256(manifest), written.manifest_hash);
}

#[test]
fn the_amounts_are_those_of_the_payout_rule() {
    let parent = TempDir::new().unwrap();
    let distribution = write(parent.path(), data()).unwrap().distribution;
    // Payer 1 steers 4.8 DATA over 8 : 0 : 1 of 9 thousand bytes on time, payer 2 3.2 DATA over 7 : 2 : 4 of 13.
    let works = [4_266_666_666u64 + 1_723_076_923, 492_307_692, 533_333_333 + 984_615_384];
    let column = |of: fn(&DistributionRow) -> Nano| -> Vec<u64> {
        distribution.rows.iter().map(|row| of(row).0).collect()
    };
    assert_eq!(column(|row| row.work_nano), works);
    // Operators 0 and 1 may earn half the pot each at the full price; operator 2 has nothing that backs it.
    let cap = 5_000_000_000;
    let paid = [cap + (works[0] - cap) / 2, works[1], 0];
    assert_eq!(column(|row| row.paid_nano), paid);
    let common = 10_000_000_002 - works.iter().sum::<u64>();
    let pool = [common / 2, paid[1] / 2, 0];
    assert_eq!(column(|row| row.pool_nano), pool);
    let distributed: u64 = paid.iter().chain(&pool).sum();
    assert_eq!(distribution.results.work_nano, Nano(works.iter().sum()));
    assert_eq!(distribution.results.distributed_nano, Nano(distributed));
    assert_eq!(distribution.results.carried_nano, Nano(10_000_000_002 - distributed));
    assert_eq!(distribution.rows[1].cumulative_nano, Nano(20 + paid[1] + pool[1]));
}

#[test]
fn a_receipt_keeps_its_place_in_the_assented_list() {
    let parent = TempDir::new().unwrap();
    let signed = crate::scene::receipts();
    let assented = [B256::ZERO, signed[4].leaf(), signed[1].leaf()];
    let with = EpochData { sources: Sources::of(assented), ..data() };
    let written = write(parent.path(), with).unwrap();
    let dataset = crate::Dataset::open(&written.folder).unwrap();
    let counted: Vec<CountedReceipt> =
        dataset.counted_receipts().unwrap().map(Result::unwrap).collect();
    let source = |of: &SignedReceipt| counted.iter().find(|row| row.signed == *of).unwrap().source;
    assert_eq!(signed.iter().map(source).collect::<Vec<_>>(), {
        let none = tatum_watcher::FORCED;
        [none, 2, none, none, 1, none]
    });
    verify(&written.folder).unwrap();
    // Only the receipts' list knows of it.
    let (with, without) = (written.manifest.results, write(parent.path(), data()).unwrap());
    let without = without.manifest.results;
    assert_ne!(with.receipts, without.receipts);
    assert_eq!((with.edges, with.root), (without.edges, without.root));
}

#[test]
fn writing_twice_gives_one_folder_and_another_content_is_refused() {
    let parent = TempDir::new().unwrap();
    let first = write(parent.path(), data()).unwrap();
    let second = write(parent.path(), data()).unwrap();
    assert_eq!(first.folder, second.folder);
    assert_eq!(names(parent.path()).len(), 1);
    fs::write(first.folder.join(Payer::FILE), "spoilt").unwrap();
    assert!(matches!(write(parent.path(), data()), Err(Error::Occupied { .. })));
    assert_eq!(names(parent.path()).len(), 1);
}

#[test]
fn a_writer_that_is_given_up_leaves_nothing_behind() {
    let parent = TempDir::new().unwrap();
    let EpochData { parameters, payers, operators, previous_nano, .. } = data();
    let mut writer =
        Writer::create(parent.path(), parameters, payers, operators, previous_nano).unwrap();
    writer.push(&CountedReceipt::forced(sign(receipt(1, 0, 1, 3)))).unwrap();
    assert!(names(parent.path())[0].starts_with(".writing-"));
    drop(writer);
    assert!(names(parent.path()).is_empty());
}

#[test]
fn receipts_of_strangers_are_left_out_and_reported() {
    let parent = TempDir::new().unwrap();
    let mut with_strangers = data();
    with_strangers.receipts.push(sign(receipt(9, 0, 1, 3)));
    with_strangers.receipts.push(sign(receipt(1, 3, 1, 3)));
    let written = write(parent.path(), with_strangers).unwrap();
    let mut codes: Vec<_> = written.left_out.iter().map(|out| out.reason.code()).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["no_stake", "unknown_operator"]);
    assert_eq!(written.manifest_hash, write(parent.path(), data()).unwrap().manifest_hash);
    verify(&written.folder).unwrap();
}

#[test]
fn a_later_receipt_takes_no_pay_away_and_an_inadmissible_one_replaces_nothing() {
    let parent = TempDir::new().unwrap();
    let honest = write(parent.path(), data()).unwrap();
    let with = |extra: DeliveryReceipt| {
        let mut data = data();
        data.receipts.push(sign(extra));
        let written = write(parent.path(), data).unwrap();
        let codes: Vec<_> = written.left_out.iter().map(|out| out.reason.code()).collect();
        assert_eq!(written.manifest_hash, honest.manifest_hash);
        codes
    };
    let newest = || receipt(1, 0, 1, 3);
    let last = i64::MAX.unsigned_abs();
    assert!(with(DeliveryReceipt { sequence: last, bytes_on_time: 0, ..newest() }).is_empty());
    let (bytes, bytes_on_time) = (90_000, 90_000);
    assert_eq!(with(DeliveryReceipt { bytes, bytes_on_time, ..newest() }), ["over_quota"]);
    assert_eq!(with(DeliveryReceipt { bytes_on_time: 3_001, ..newest() }), ["out_of_bounds"]);
    let epoch = tatum_primitives::Epoch(3);
    assert_eq!(with(DeliveryReceipt { epoch, ..receipt(1, 0, 7, 4) }), ["past_epoch"]);
}

#[test]
fn payers_whose_fee_or_quota_is_nothing_have_no_receipts() {
    let parent = TempDir::new().unwrap();
    for (fee_wei, quota_bytes) in [(999_999_999u64, 50_000u64), (1_000_000_000, 0)] {
        let mut data = data();
        data.payers[0].fee_wei = U256::from(fee_wei);
        data.payers[0].quota_bytes = U256::from(quota_bytes);
        let written = write(parent.path(), data).unwrap();
        let codes: Vec<_> = written.left_out.iter().map(|out| out.reason.code()).collect();
        assert_eq!(codes, ["no_stake"; 3]);
        verify(&written.folder).unwrap();
    }
}

#[test]
fn promises_that_do_not_add_up_are_refused() {
    let parent = TempDir::new().unwrap();
    let mut short = data();
    short.previous_nano[0].0 -= 1;
    assert!(matches!(write(parent.path(), short), Err(Error::Previous { got: Nano(29), .. })));
}

#[test]
fn an_epoch_without_anything_is_a_dataset_too() {
    let parent = TempDir::new().unwrap();
    let nothing = EpochData {
        parameters: Parameters { previous_total_nano: Nano::ZERO, ..parameters() },
        payers: vec![],
        operators: vec![],
        previous_nano: vec![],
        receipts: vec![],
        sources: Sources::default(),
        beside: Beside::default(),
    };
    let written = write(parent.path(), nothing).unwrap();
    assert_eq!(written.distribution.results.carried_nano, parameters().available_nano);
    verify(&written.folder).unwrap();
}

#[test]
fn more_than_a_row_group_is_read_back_as_written() {
    let parent = TempDir::new().unwrap();
    let EpochData { parameters, payers, operators, previous_nano, .. } = data();
    let mut writer =
        Writer::create(parent.path(), parameters, payers, operators, previous_nano).unwrap();
    let template = sign(receipt(1, 0, 0, 1));
    let numbered = (0..70_000u32).map(|number| {
        let mut signed = template.clone();
        signed.receipt.stream_key.0 = B256::left_padding_from(&number.to_be_bytes());
        signed
    });
    let mut leaves = Vec::new();
    for signed in numbered {
        leaves.push(signed.leaf());
        writer.push(&CountedReceipt::forced(signed)).unwrap();
    }
    let written = writer.finish().unwrap();
    let dataset = crate::Dataset::open(&written.folder).unwrap();
    let read: Vec<B256> = dataset.receipts().unwrap().map(|row| row.unwrap().leaf()).collect();
    assert_eq!(read, leaves);
    for first in [0, 1, 65_535, 65_536, 69_999, 70_000] {
        let from: Vec<B256> =
            dataset.receipts_from(first).unwrap().map(|row| row.unwrap().leaf()).collect();
        assert_eq!(from, leaves[usize::try_from(first).unwrap()..]);
    }
    let prover = crate::ReceiptProver::new(dataset.clone()).unwrap();
    for row in [0, 65_535, 65_536, 69_999] {
        let proof = prover.prove(leaves[row], None).unwrap();
        assert_eq!(proof.place.index, row as u64);
        proof.verify_inclusion().unwrap();
    }
    assert_eq!(dataset.roll_up().unwrap(), written.distribution);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn order_repetition_and_older_receipts_change_no_byte(
        order in Just((0..18usize).collect::<Vec<_>>()).prop_shuffle(),
        kept in 6..18usize,
    ) {
        // Every receipt once, then again, then an older one of the same key.
        let newest = crate::scene::receipts();
        let older = newest.iter().map(|signed| {
            let DeliveryReceipt { sequence, messages, bytes, bytes_on_time, .. } = signed.receipt;
            sign(DeliveryReceipt {
                sequence: sequence - 1,
                messages: messages - 9,
                bytes: bytes / 2,
                bytes_on_time: bytes_on_time / 2,
                ..signed.receipt.clone()
            })
        });
        let all: Vec<SignedReceipt> = newest.iter().cloned().chain(older).chain(newest.clone()).collect();
        let mut shuffled = data();
        shuffled.receipts = order.iter().filter(|at| **at < 6 || **at < kept).map(|at| all[*at].clone()).collect();
        shuffled.payers.reverse();
        shuffled.operators.reverse();
        let parent = TempDir::new().unwrap();
        let written = write(parent.path(), shuffled).unwrap();
        prop_assert_eq!(written.folder, write(parent.path(), data()).unwrap().folder);
    }
}
