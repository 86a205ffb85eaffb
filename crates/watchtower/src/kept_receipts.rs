//! Receipts of payment channels, from where they are kept: a node's folder, or a file.

use std::path::Path;

use anyhow::{Context, ensure};
use tatum_aggregator::audit::held_receipts;
use tatum_database::NodeStore;
use tatum_receipt::{SignedReceipt, StoredReceipt};

/// Receipts that one transaction redeems, at most: some two million gas.
pub const REDEEMED_AT_ONCE: usize = 100;

/// Receipts as they are handed in, or as they are shown.
pub fn in_file(path: &Path) -> anyhow::Result<Vec<SignedReceipt>> {
    let reading = || format!("reading {}", path.display());
    let file = std::fs::read(path).with_context(reading)?;
    held_receipts(&file).map_err(anyhow::Error::msg).with_context(reading)
}

/// Of each lane the receipt that owes most, as the node in this folder keeps it; the node may be running.
pub async fn in_folder(folder: &Path) -> anyhow::Result<Vec<SignedReceipt>> {
    let file = folder.join("node.db");
    ensure!(file.is_file(), "{} holds no node's receipts", folder.display());
    let reading = || format!("reading {}", file.display());
    let store = NodeStore::open_file(&file).await.with_context(reading)?;
    let lanes = store.lanes().await.with_context(reading)?;
    store.close().await;
    Ok(lanes.into_iter().map(StoredReceipt::into_signed).collect())
}
