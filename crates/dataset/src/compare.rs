//! The comparisons of [`crate::verify`]: files with the manifest, rows with their neighbours, results with what follows.

use std::error::Error as _;

use tatum_primitives::Nano;

use crate::folder::digest;
use crate::table::Row;
use crate::{
    CountedReceipt, Dataset, Difference, Differences, DistributionRow, Error, HeadRow, Manifest,
    Operator, Payer, Results, RowError,
};

/// Compares the listed files with those of a dataset.
pub(crate) fn check_file_names(manifest: &Manifest, found: &mut Differences) {
    let expected =
        [CountedReceipt::FILE, Payer::FILE, Operator::FILE, DistributionRow::FILE, HeadRow::FILE]
            .join(", ");
    let got: Vec<&str> = manifest.files.iter().map(|file| file.name.as_str()).collect();
    let got = got.join(", ");
    if got != expected {
        found.add(Difference::Files { expected, got });
    }
}

/// Compares a file's hash and size with the manifest.
pub(crate) fn check_file<R: Row>(dataset: &Dataset, found: &mut Differences) {
    let Some(entry) = dataset.manifest().files.iter().find(|entry| entry.name == R::FILE) else {
        return;
    };
    match digest(&dataset.folder().join(R::FILE), entry.size_bytes) {
        Err(error) => found.add(unreadable(R::FILE, &error)),
        Ok((keccak256, size)) => {
            compare_file(R::FILE, "keccak256", entry.keccak256, keccak256, found);
            compare_file(R::FILE, "size_bytes", entry.size_bytes, size, found);
        }
    }
}

/// Compares a file's number of rows with the manifest.
pub(crate) fn check_rows<R: Row>(dataset: &Dataset, rows: u64, found: &mut Differences) {
    if let Some(entry) = dataset.manifest().files.iter().find(|entry| entry.name == R::FILE) {
        compare_file(R::FILE, "rows", entry.rows, rows, found);
    }
}

fn compare_file<T: PartialEq + ToString>(
    file: &'static str,
    field: &'static str,
    expected: T,
    got: T,
    found: &mut Differences,
) {
    if let Some((expected, got)) = differing(expected, got) {
        found.add(Difference::File { file, field, expected, got });
    }
}

/// Compares a stated result with what follows.
pub(crate) fn compare<T: PartialEq + ToString>(
    field: &'static str,
    expected: T,
    got: T,
    found: &mut Differences,
) {
    if let Some((expected, got)) = differing(expected, got) {
        found.add(Difference::Result { field, expected, got });
    }
}

/// Both as text, if they differ.
fn differing<T: PartialEq + ToString>(expected: T, got: T) -> Option<(String, String)> {
    (expected != got).then(|| (expected.to_string(), got.to_string()))
}

/// Reads a small table whose rows are in order of a key that none has twice.
pub(crate) fn read<R: Row, K: Ord>(
    dataset: &Dataset,
    key: impl Fn(&R) -> K,
    found: &mut Differences,
) -> Option<Vec<R>> {
    check_file::<R>(dataset, found);
    let table = dataset.table::<R>().map_err(|e| found.add(unreadable(R::FILE, &e))).ok()?;
    let mut rows: Vec<R> = Vec::new();
    for (at, row) in (0u64..).zip(table.into_rows()) {
        let row = match row {
            Ok(row) => row,
            Err(Error::Row { file, row, source: reason }) => {
                found.add(Difference::Row { file, row, reason });
                continue;
            }
            Err(error) => {
                found.add(unreadable(R::FILE, &error));
                return None;
            }
        };
        let reason = rows.last().and_then(|above| match key(above).cmp(&key(&row)) {
            std::cmp::Ordering::Less => None,
            std::cmp::Ordering::Equal => Some(RowError::KeyTwice),
            std::cmp::Ordering::Greater => Some(RowError::OutOfOrder),
        });
        if let Some(reason) = reason {
            // The rest would say nothing else, however much there is of it.
            found.add(Difference::Row { file: R::FILE, row: at, reason });
            return Some(rows);
        }
        rows.push(row);
    }
    check_rows::<R>(dataset, u64::try_from(rows.len()).unwrap_or(u64::MAX), found);
    Some(rows)
}

/// What each operator was promised before, as the distribution states it.
pub(crate) fn previous(rows: &[DistributionRow], found: &mut Differences) -> Vec<Nano> {
    let before = |(at, row): (u64, &DistributionRow)| {
        let before = row.cumulative_nano.checked_sub(row.epoch_nano());
        before.unwrap_or_else(|| {
            let (epoch, cumulative) = (row.epoch_nano().0, row.cumulative_nano.0);
            found.add(payout(at, "cumulative_nano", format!("at least {epoch}"), cumulative));
            Nano::ZERO
        })
    };
    (0u64..).zip(rows).map(before).collect()
}

/// Compares the stated payouts with those that follow.
pub(crate) fn compare_rows(
    expected: &[DistributionRow],
    got: &[DistributionRow],
    found: &mut Differences,
) {
    if expected.len() != got.len() {
        let at = u64::try_from(expected.len().min(got.len())).unwrap_or(u64::MAX);
        found.add(payout(at, "number of rows", expected.len(), got.len()));
    }
    for ((at, expected), got) in (0u64..).zip(expected).zip(got) {
        if expected.operator_id != got.operator_id {
            found.add(payout(at, "operator_id", expected.operator_id, got.operator_id));
        }
        if expected.payout != got.payout {
            found.add(payout(at, "payout", expected.payout, got.payout));
        }
        let amounts = [
            ("work_nano", expected.work_nano, got.work_nano),
            ("paid_nano", expected.paid_nano, got.paid_nano),
            ("pool_nano", expected.pool_nano, got.pool_nano),
            ("cumulative_nano", expected.cumulative_nano, got.cumulative_nano),
        ];
        for (field, expected, got) in amounts {
            if expected != got {
                found.add(payout(at, field, expected.0, got.0));
            }
        }
    }
}

/// Compares all stated results with those that follow.
pub(crate) fn compare_results(expected: &Results, got: &Results, found: &mut Differences) {
    compare("root", expected.root, got.root, found);
    compare("depth", expected.depth, got.depth, found);
    compare("entries_top", expected.entries_top, got.entries_top, found);
    compare("receipts.top", expected.receipts.top, got.receipts.top, found);
    compare("receipts.count", expected.receipts.count, got.receipts.count, found);
    compare("edges.top", expected.edges.top, got.edges.top, found);
    compare("edges.count", expected.edges.count, got.edges.count, found);
    compare("work_nano", expected.work_nano.0, got.work_nano.0, found);
    compare("total_nano", expected.total_nano.0, got.total_nano.0, found);
    compare("distributed_nano", expected.distributed_nano.0, got.distributed_nano.0, found);
    compare("carried_nano", expected.carried_nano.0, got.carried_nano.0, found);
}

/// A payout that differs.
pub(crate) fn payout(
    row: u64,
    field: &'static str,
    expected: impl ToString,
    got: impl ToString,
) -> Difference {
    Difference::Payout { row, field, expected: expected.to_string(), got: got.to_string() }
}

/// A file that cannot be read.
pub(crate) fn unreadable(file: &str, error: &Error) -> Difference {
    Difference::Unreadable { file: file.to_owned(), detail: chain_of(error) }
}

/// An error and its sources on one line.
pub(crate) fn chain_of(error: &Error) -> String {
    let sources = std::iter::successors(error.source(), |error| (*error).source());
    sources.fold(error.to_string(), |text, source| format!("{text}: {source}"))
}
