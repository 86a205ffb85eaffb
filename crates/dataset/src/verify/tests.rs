//! Datasets that were tampered with, by somebody who makes the manifest fit and by somebody who does not.

use std::fs;

use alloy_primitives::U256;
use tatum_primitives::Epoch;
use tatum_receipt::DeliveryReceipt;
use tempfile::TempDir;

use super::*;
use crate::folder::digest;
use crate::scene::{data, key, receipt, sign};
use crate::table::TableWriter;
use crate::{MANIFEST, Results, Written, write};

pub(super) fn written() -> (TempDir, Written) {
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), data()).unwrap();
    (parent, written)
}

/// Replaces a table and makes the manifest and the folder's name fit, as a cheating proposer would.
pub(super) fn forge<R: Row>(
    written: &Written,
    rows: &[R],
    results: Option<Results>,
) -> std::path::PathBuf {
    let mut manifest = written.manifest.clone();
    replace(&written.folder, rows);
    let (keccak256, size_bytes) = digest(&written.folder.join(R::FILE), u64::MAX).unwrap();
    let entry = manifest.files.iter_mut().find(|entry| entry.name == R::FILE).unwrap();
    (entry.keccak256, entry.size_bytes, entry.rows) = (keccak256, size_bytes, rows.len() as u64);
    manifest.results = results.unwrap_or(manifest.results);
    fs::write(written.folder.join(MANIFEST), manifest.encode().unwrap()).unwrap();
    let folder = written.folder.with_file_name(manifest.hash().unwrap().to_string());
    fs::rename(&written.folder, &folder).unwrap();
    folder
}

pub(super) fn replace<R: Row>(folder: &Path, rows: &[R]) {
    fs::remove_file(folder.join(R::FILE)).unwrap();
    let mut table = TableWriter::create(folder).unwrap();
    rows.iter().for_each(|row| table.push(row).unwrap());
    table.finish().unwrap();
}

pub(super) fn receipts(written: &Written) -> Vec<SignedReceipt> {
    let dataset = Dataset::open(&written.folder).unwrap();
    dataset.receipts().unwrap().map(Result::unwrap).collect()
}

pub(super) fn counted(signed: &[SignedReceipt]) -> Vec<CountedReceipt> {
    signed.iter().cloned().map(CountedReceipt::forced).collect()
}

/// What [`verify`] says about a dataset whose receipts were replaced.
fn said(change: impl FnOnce(&mut Vec<SignedReceipt>)) -> String {
    let (_parent, written) = written();
    let mut rows = receipts(&written);
    change(&mut rows);
    verify(&forge(&written, &counted(&rows), None)).unwrap_err().to_string()
}

#[test]
fn an_honest_dataset_verifies_and_states_what_only_the_chain_can_judge() {
    let (_parent, written) = written();
    let verified = verify(&written.folder).unwrap();
    assert_eq!(verified.manifest_hash, written.manifest_hash);
    assert_eq!(verified.distribution, written.distribution);
    assert_eq!(verified.receipts, 6);
    assert_eq!(Dataset::open(&written.folder).unwrap().roll_up().unwrap(), written.distribution);
    let signers: Vec<_> = verified.claims.signers.into_keys().collect();
    assert_eq!(signers, [(key(2).address(), key(12).address())]);
    assert_eq!(verified.claims.nodes.len(), 3);
}

#[test]
fn a_changed_receipt_is_named_even_if_all_results_were_made_to_fit() {
    let (_parent, honest) = written();
    let mut rows = receipts(&honest);
    let row = rows.iter().position(|signed| signed.receipt.payer == key(1).address()).unwrap();
    rows[row].receipt.bytes += 1;
    let parent = TempDir::new().unwrap();
    let forged =
        write(parent.path(), crate::EpochData { receipts: rows.clone(), ..data() }).unwrap();
    // The signature is somebody's, as any 65 bytes nearly always are: the row claims a key that payer 1 never authorised.
    let claims = verify(&forged.folder).unwrap().claims;
    let strangers = claims.signers.iter().filter(|((payer, _), _)| *payer == key(1).address());
    assert_eq!(strangers.map(|(_, row)| *row).collect::<Vec<_>>(), [row as u64]);

    // Without new results the file and the root differ as well, and the row is named all the same.
    let found = verify(&forge(&honest, &counted(&rows), None)).unwrap_err();
    assert!(found.to_string().contains("manifest.json: receipts.top is "), "{found}");
    assert_eq!(found.claims(), &claims);
}

#[test]
fn added_and_reordered_receipts_are_named() {
    let extra = || sign(DeliveryReceipt { node: Default::default(), ..receipt(1, 0, 9, 1) });
    assert!(said(|rows| rows.push(extra())).contains("receipts.parquet row 6: it belongs before"));
    assert!(said(|rows| rows.swap(1, 2)).contains("receipts.parquet row 2: it belongs before"));
    assert!(
        said(|rows| rows.insert(1, rows[0].clone()))
            .contains("row 1: another row has the same key")
    );
    // In its right place, it is the stranger's key that gives it away.
    let (_parent, written) = written();
    let mut rows = receipts(&written);
    let mut forged = rows[0].receipt.clone();
    forged.stream_key.0.0[31] ^= 1;
    rows.insert(1, SignedReceipt::sign(forged, &key(77), &crate::scene::verifier()));
    rows.sort_by_key(|signed| signed.receipt.key());
    let stranger = rows.iter().position(|signed| receipts(&written).iter().all(|r| r != signed));
    let found = verify(&forge(&written, &counted(&rows), None)).unwrap_err();
    let claim = found.claims().signers.get(&(key(1).address(), key(77).address()));
    assert_eq!(claim, stranger.map(|row| row as u64).as_ref());
}

#[test]
fn a_dropped_receipt_is_found_by_the_root_the_rows_and_the_operator_it_paid() {
    for dropped in 0..6 {
        let (_parent, written) = written();
        let mut rows = receipts(&written);
        let operator = rows.remove(dropped).receipt.operator_id;
        let said = verify(&forge(&written, &counted(&rows), None)).unwrap_err().to_string();
        assert!(said.contains("receipts.top is "), "{said}");
        let payout = format!("distribution.parquet row {operator}: work_nano is");
        assert!(said.contains(&payout), "{said}");
    }
}

#[test]
fn a_receipt_that_does_not_count_is_named() {
    let unknown = said(|rows| rows.push(sign(receipt(2, 3, 9, 1))));
    assert!(unknown.contains("operator 3 is not registered"), "{unknown}");
    let greedy = DeliveryReceipt { bytes: 55_001, bytes_on_time: 55_001, ..receipt(2, 2, 9, 1) };
    let greedy = said(|rows| rows.push(sign(greedy)));
    assert!(greedy.contains("quota of 50000"), "{greedy}");
    let mirrored = said(|rows| rows[3].signature.0[64] = 0);
    assert!(mirrored.contains("receipts.parquet row 3"), "{mirrored}");
    let late = DeliveryReceipt { epoch: Epoch(5), ..receipt(2, 2, 9, 1) };
    let late = said(|rows| rows.push(sign(late)));
    assert!(late.contains("epoch is 5, not 4"), "{late}");
}

#[test]
fn a_shifted_payout_is_named() {
    let (_parent, written) = written();
    let mut rows = written.distribution.rows.clone();
    rows[0].pool_nano.0 += 5;
    rows[0].cumulative_nano.0 += 5;
    rows[1].pool_nano.0 -= 5;
    rows[1].cumulative_nano.0 -= 5;
    let found = verify(&forge(&written, &rows, None)).unwrap_err();
    let said = found.to_string();
    assert!(said.contains("distribution.parquet row 0: pool_nano is"), "{said}");
    assert!(said.contains("distribution.parquet row 1: cumulative_nano is"), "{said}");
}

#[test]
fn a_payout_address_of_ones_own_is_named() {
    let (_parent, written) = written();
    let mut rows = written.distribution.rows.clone();
    rows[1].payout = Address::repeat_byte(1);
    let said = verify(&forge(&written, &rows, None)).unwrap_err().to_string();
    assert!(said.contains("distribution.parquet row 1: payout is"), "{said}");
}

#[test]
fn files_that_are_not_the_manifests_are_named() {
    let (_parent, written) = written();
    let mut payers = data().payers;
    payers.sort_by_key(|payer| payer.payer);
    payers[0].fee_wei += U256::from(1);
    replace(&written.folder, &payers);
    let said = verify(&written.folder).unwrap_err().to_string();
    assert!(said.contains("payers.parquet: keccak256 is"), "{said}");

    fs::write(written.folder.join(Operator::FILE), "no table").unwrap();
    let said = verify(&written.folder).unwrap_err().to_string();
    assert!(said.contains("operators.parquet cannot be read"), "{said}");
}

#[test]
fn every_result_in_the_manifest_is_derived_anew() {
    type Change = fn(&mut Results);
    let changes: [(&str, Change); 11] = [
        ("root", |results| results.root = Default::default()),
        ("depth", |results| results.depth += 1),
        ("entries_top", |results| results.entries_top = Default::default()),
        ("receipts.top", |results| results.receipts.top = B256::ZERO),
        ("receipts.count", |results| results.receipts.count += 1),
        ("edges.top", |results| results.edges.top = B256::ZERO),
        ("edges.count", |results| results.edges.count += 1),
        ("work_nano", |results| results.work_nano.0 += 1),
        ("total_nano", |results| results.total_nano.0 += 1),
        ("distributed_nano", |results| results.distributed_nano.0 += 1),
        ("carried_nano", |results| results.carried_nano.0 += 1),
    ];
    for (field, change) in changes {
        let (_parent, written) = written();
        let mut results = written.manifest.results.clone();
        change(&mut results);
        let rows = counted(&receipts(&written));
        let found = verify(&forge(&written, &rows, Some(results))).unwrap_err();
        assert!(found.to_string().contains(&format!("manifest.json: {field} is ")), "{found}");
        assert_eq!(found.list().len(), 1);
    }
}

#[test]
fn a_manifest_in_another_spelling_or_folder_is_refused() {
    let (_parent, written) = written();
    let elsewhere = written.folder.with_file_name(B256::ZERO.to_string());
    fs::rename(&written.folder, &elsewhere).unwrap();
    let said = verify(&elsewhere).unwrap_err().to_string();
    assert!(said.contains("the folder is named 0x0000"), "{said}");

    let path = elsewhere.join(MANIFEST);
    let spaced = fs::read_to_string(&path).unwrap().replace(": 31337", ":  31337");
    fs::write(&path, spaced).unwrap();
    let said = verify(&elsewhere).unwrap_err().to_string();
    assert!(said.contains("not in canonical form"), "{said}");
}

#[test]
fn an_epoch_continues_the_one_before() {
    let (_parent, first) = written();
    let first = verify(&first.folder).unwrap();
    let mut next = data();
    next.parameters.previous_manifest_hash = Some(first.manifest_hash);
    next.parameters.previous_total_nano = first.manifest.results.total_nano;
    next.previous_nano = first.distribution.rows.iter().map(|row| row.cumulative_nano).collect();
    let parent = TempDir::new().unwrap();
    let second = verify(&write(parent.path(), next.clone()).unwrap().folder).unwrap();
    second.check_follows(&first).unwrap();

    next.previous_nano[0].0 += 1;
    next.previous_nano[1].0 -= 1;
    let parent = TempDir::new().unwrap();
    let shifted = verify(&write(parent.path(), next).unwrap().folder).unwrap();
    assert_eq!(shifted.check_follows(&first).unwrap_err().list().len(), 2);
    assert!(first.check_follows(&second).is_err());
}

#[test]
fn a_byte_changed_anywhere_is_a_difference_and_no_panic() {
    let (_parent, written) = written();
    for file in [CountedReceipt::FILE, Payer::FILE, DistributionRow::FILE, MANIFEST] {
        let path = written.folder.join(file);
        let good = fs::read(&path).unwrap();
        for at in (0..good.len()).step_by(3) {
            let mut bad = good.clone();
            bad[at] ^= 1 << (at % 8);
            fs::write(&path, bad).unwrap();
            assert!(verify(&written.folder).is_err(), "{file} byte {at}");
        }
        fs::write(&path, good).unwrap();
    }
    verify(&written.folder).unwrap();
}
