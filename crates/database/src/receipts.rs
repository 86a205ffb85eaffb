//! The newest receipt of each key: reading what is held, replacing it, and scanning an epoch in canonical order.
//!
//! Invariant: a stored sequence never falls. A key sorts as (epoch, payer, node, stream key, role).

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tatum_primitives::{Address, Epoch};
use tatum_receipt::{ReceiptKey, SignedReceipt};

use crate::row::{bigint, chunks, corrupt, with_rows};
use crate::{Database, DatabaseError};

/// Rows a scan reads at a time.
const PAGE: i64 = 4096;

/// The bytes a key is stored as.
pub(crate) fn key_bytes(key: &ReceiptKey) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(93);
    bytes.extend_from_slice(&key.epoch.0.to_be_bytes());
    bytes.extend_from_slice(key.payer.as_slice());
    bytes.extend_from_slice(key.node.0.as_slice());
    bytes.extend_from_slice(key.stream_key.0.as_slice());
    bytes.push(key.role as u8);
    bytes
}

/// The least key of `epoch`; no key of an earlier epoch reaches it.
pub(crate) fn epoch_start(epoch: Epoch) -> Vec<u8> {
    epoch.0.to_be_bytes().to_vec()
}

pub(crate) fn signed(row: &AnyRow) -> Result<SignedReceipt, DatabaseError> {
    let bytes: Vec<u8> = row.try_get("signed")?;
    SignedReceipt::decode(&bytes).map_err(|error| corrupt("signed", error))
}

/// The receipts held under `keys`.
pub(crate) async fn held(
    connection: &mut AnyConnection,
    keys: &[ReceiptKey],
) -> Result<HashMap<ReceiptKey, SignedReceipt>, DatabaseError> {
    let mut found = HashMap::with_capacity(keys.len());
    for chunk in chunks(keys) {
        let sql = with_rows("SELECT signed FROM receipts WHERE key IN ", 1, chunk.len(), "");
        let mut query = sqlx::query(sql);
        for key in chunk {
            query = query.bind(key_bytes(key));
        }
        for row in query.fetch_all(&mut *connection).await? {
            let signed = signed(&row)?;
            found.insert(signed.receipt.key(), signed);
        }
    }
    Ok(found)
}

/// Stores `newest` under their keys. Each key must appear once.
pub(crate) async fn replace(
    connection: &mut AnyConnection,
    newest: &[&SignedReceipt],
) -> Result<(), DatabaseError> {
    const HEAD: &str = "INSERT INTO receipts (key, sequence, signed) VALUES ";
    const TAIL: &str = " ON CONFLICT (key) DO UPDATE SET sequence = excluded.sequence, \
                        signed = excluded.signed WHERE excluded.sequence > receipts.sequence";
    for chunk in chunks(newest) {
        let mut query = sqlx::query(with_rows(HEAD, chunk.len(), 3, TAIL));
        for signed in chunk {
            query = query
                .bind(key_bytes(&signed.receipt.key()))
                .bind(bigint(signed.receipt.sequence)?)
                .bind(signed.encode().to_vec());
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Database {
    /// Forgets the receipts of epochs before `epoch`, a batch at a time so that writers get their turn; gives how many.
    pub async fn forget_receipts_before(&self, epoch: Epoch) -> Result<u64, DatabaseError> {
        const SQL: &str = "DELETE FROM receipts WHERE key IN \
                           (SELECT key FROM receipts WHERE key < $1 ORDER BY key LIMIT $2)";
        let mut forgotten = 0u64;
        loop {
            let query = sqlx::query(SQL).bind(epoch_start(epoch)).bind(PAGE);
            match query.execute(self.writer()).await?.rows_affected() {
                0 => return Ok(forgotten),
                rows => forgotten = forgotten.saturating_add(rows),
            }
        }
    }

    /// The newest receipts of `epoch` in canonical order (payer, operator, node, stream key, role), page by page.
    pub fn scan_receipts(&self, epoch: Epoch) -> ReceiptScan {
        ReceiptScan {
            database: self.clone(),
            after: epoch_start(epoch),
            end: epoch_start(epoch.next()),
            payer: Vec::new(),
            done: false,
        }
    }

    /// How many receipts are held of `epoch`.
    pub async fn count_receipts(&self, epoch: Epoch) -> Result<u64, DatabaseError> {
        let row = sqlx::query("SELECT COUNT(*) AS n FROM receipts WHERE key >= $1 AND key < $2")
            .bind(epoch_start(epoch))
            .bind(epoch_start(epoch.next()))
            .fetch_one(self.reader())
            .await?;
        crate::row::unsigned(&row, "n")
    }

    /// The newest receipt held of `key`.
    pub async fn receipt(&self, key: &ReceiptKey) -> Result<Option<SignedReceipt>, DatabaseError> {
        let row = sqlx::query("SELECT signed FROM receipts WHERE key = $1")
            .bind(key_bytes(key))
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(signed).transpose()
    }
}

/// Walks an epoch's receipts. Memory is bounded by a page and the receipts of one payer.
#[derive(Debug)]
pub struct ReceiptScan {
    database: Database,
    after: Vec<u8>,
    end: Vec<u8>,
    /// Receipts of the last payer seen, of whom more may follow.
    payer: Vec<SignedReceipt>,
    done: bool,
}

impl ReceiptScan {
    /// The next receipts, all those of one or more payers; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<SignedReceipt>>, DatabaseError> {
        while !self.done {
            let rows = self.page().await?;
            let Some(last) = rows.last() else { break };
            self.after = key_bytes(&last.receipt.key());
            let mut complete = std::mem::take(&mut self.payer);
            complete.extend(rows);
            let open: Option<Address> = complete.last().map(|signed| signed.receipt.payer);
            let start = complete.partition_point(|signed| Some(signed.receipt.payer) < open);
            self.payer = complete.split_off(start);
            if !complete.is_empty() {
                return Ok(Some(in_canonical_order(complete)));
            }
        }
        self.done = true;
        let rest = std::mem::take(&mut self.payer);
        Ok((!rest.is_empty()).then(|| in_canonical_order(rest)))
    }

    async fn page(&self) -> Result<Vec<SignedReceipt>, DatabaseError> {
        const SQL: &str =
            "SELECT signed FROM receipts WHERE key > $1 AND key < $2 ORDER BY key LIMIT $3";
        let query = sqlx::query(SQL).bind(self.after.clone()).bind(self.end.clone()).bind(PAGE);
        query.fetch_all(self.database.reader()).await?.iter().map(signed).collect()
    }
}

fn in_canonical_order(mut receipts: Vec<SignedReceipt>) -> Vec<SignedReceipt> {
    // The stored key leaves out the operator, which a key determines; the canonical order has it after the payer.
    receipts.sort_by_key(|signed| {
        let receipt = &signed.receipt;
        (receipt.payer, receipt.operator_id, receipt.node, receipt.stream_key, receipt.role)
    });
    receipts
}
