//! Receipts that somebody holds: whether the distribution counted each, or one of its key that ranks higher.
//!
//! Invariant: a dataset cannot tell by itself what was dropped from it; who holds the receipt can, and the report names it.

use std::collections::BTreeMap;
use std::path::Path;

use tatum_dataset::{Dataset, Verified};
use tatum_primitives::B256;
use tatum_protocol::receipts::{self, Element};
use tatum_receipt::{ReceiptKey, SignedReceipt};

use super::{AuditError, EpochReport};
use crate::http::error::chain_of;

/// Reads receipts as they are handed in, or as they are shown: a JSON array of them, a single one, or one a line.
///
/// # Errors
///
/// What is wrong with the file, in words.
pub fn held_receipts(file: &[u8]) -> Result<Vec<SignedReceipt>, String> {
    if file.first() != Some(&receipts::VERSION) {
        return shown(file).map_err(|error| error.to_string());
    }
    // It lies on this machine's disk, so there is nobody to bound it for.
    let elements = receipts::decode(file, usize::MAX).map_err(|error| error.to_string())?;
    let numbered = elements.into_iter().enumerate();
    let named = |(at, element): (usize, Element)| {
        let held = element.map(|witnessed| witnessed.signed);
        held.map_err(|no_receipt| format!("receipt {at}: {}", no_receipt.error))
    };
    numbered.map(named).collect()
}

fn shown(file: &[u8]) -> serde_json::Result<Vec<SignedReceipt>> {
    if file.trim_ascii_start().starts_with(b"{") {
        return serde_json::Deserializer::from_slice(file).into_iter().collect();
    }
    serde_json::from_slice(file)
}

/// Checks that the receipts of the epoch that are `held`, by payers and for operators that exist, were counted.
pub(super) async fn check_held(
    held: &[SignedReceipt],
    folder: &Path,
    verified: &Verified,
    report: &mut EpochReport,
) -> Result<(), AuditError> {
    let exists = |signed: &&SignedReceipt| {
        let receipt = &signed.receipt;
        let operator = usize::try_from(receipt.operator_id.0).unwrap_or(usize::MAX);
        // What a channel pays is no part of a distribution.
        receipt.channel == B256::ZERO
            && receipt.epoch == verified.manifest.parameters.epoch
            && operator < verified.operators.len()
            && verified.payers.iter().any(|payer| payer.payer == receipt.payer)
    };
    let mut newest: BTreeMap<ReceiptKey, SignedReceipt> = BTreeMap::new();
    for signed in held.iter().filter(exists) {
        let held = newest.entry(signed.receipt.key()).or_insert_with(|| signed.clone());
        if held.receipt.rank() < signed.receipt.rank() {
            held.clone_from(signed);
        }
    }
    let (count, folder) = (newest.len(), folder.to_owned());
    let searching = tokio::task::spawn_blocking(move || dropped(newest, &folder));
    let differences = match searching.await.map_err(|_| AuditError::CutOff)? {
        Ok(dropped) => dropped.iter().map(named).collect(),
        Err(error) => vec![chain_of(&error)],
    };
    let held = format!("{count} receipts at hand were counted, or higher ones of their keys");
    report.check("held receipts", held, differences);
    Ok(())
}

/// Those of `held` that were not counted.
fn dropped(
    mut held: BTreeMap<ReceiptKey, SignedReceipt>,
    folder: &Path,
) -> Result<Vec<SignedReceipt>, tatum_dataset::Error> {
    for counted in Dataset::open(folder)?.receipts()? {
        let counted = counted?.receipt;
        let key = counted.key();
        if held.get(&key).is_some_and(|signed| signed.receipt.rank() <= counted.rank()) {
            held.remove(&key);
        }
    }
    Ok(held.into_values().collect())
}

fn named(signed: &SignedReceipt) -> String {
    let receipt = &signed.receipt;
    format!(
        "receipt {} of payer {} for operator {} (node {}, stream {}, sequence {}) was not counted",
        signed.leaf(),
        receipt.payer,
        receipt.operator_id,
        receipt.node,
        receipt.stream_key,
        receipt.sequence
    )
}
