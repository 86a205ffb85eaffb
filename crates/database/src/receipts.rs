//! The receipt of each key that counts: reading what is held, replacing it, and scanning an epoch in canonical order.
//!
//! Invariant: a stored rank never falls. Stored keys sort by epoch, and within it in the canonical order of receipts. What
//! stake pools pay and what channels pay lie in tables of their own, and nothing reads both.

use std::collections::HashMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tatum_primitives::{Address, Epoch};
use tatum_receipt::{Contents, KEY_BYTES, ReceiptKey, SignedReceipt, StoredReceipt, Witnessed};

use crate::row::{chunks, corrupt, with_rows};
use crate::{Backend, Database, DatabaseError};

/// Rows a scan reads at a time.
const PAGE: i64 = 4096;

/// By whom receipts are paid, and so where they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PaidBy {
    /// The stake pool: an epoch's roll-up reads them.
    Pool,
    /// Channels: they are evidence of delivery, and no roll-up reads them.
    Channels,
}

impl PaidBy {
    const fn lookup(self) -> &'static str {
        match self {
            Self::Pool => "SELECT signed FROM receipts WHERE key IN ",
            Self::Channels => "SELECT signed FROM delivery_evidence WHERE key IN ",
        }
    }

    const fn insertion(self) -> (&'static str, &'static str) {
        match self {
            Self::Pool => (
                "INSERT INTO receipts (key, rank, signed, beside) VALUES ",
                " ON CONFLICT (key) DO UPDATE SET rank = excluded.rank, signed = excluded.signed, \
                 beside = excluded.beside WHERE excluded.rank > receipts.rank",
            ),
            Self::Channels => (
                "INSERT INTO delivery_evidence (key, rank, signed, beside) VALUES ",
                " ON CONFLICT (key) DO UPDATE SET rank = excluded.rank, signed = excluded.signed, \
                 beside = excluded.beside WHERE excluded.rank > delivery_evidence.rank",
            ),
        }
    }

    const fn deletion(self) -> &'static str {
        match self {
            Self::Pool => {
                "DELETE FROM receipts WHERE key IN \
                 (SELECT key FROM receipts WHERE key < $1 ORDER BY key LIMIT $2)"
            }
            Self::Channels => {
                "DELETE FROM delivery_evidence WHERE key IN \
                 (SELECT key FROM delivery_evidence WHERE key < $1 ORDER BY key LIMIT $2)"
            }
        }
    }

    const fn scan(self) -> &'static str {
        match self {
            Self::Pool => {
                "SELECT signed, beside FROM receipts WHERE key > $1 AND key < $2 \
                 ORDER BY key LIMIT $3"
            }
            Self::Channels => {
                "SELECT signed, beside FROM delivery_evidence WHERE key > $1 AND key < $2 \
                 ORDER BY key LIMIT $3"
            }
        }
    }
}

/// The bytes a key is stored as.
pub(crate) fn key_bytes(key: &ReceiptKey) -> Vec<u8> {
    [key.epoch.0.to_be_bytes().as_slice(), &key.encode()].concat()
}

/// The least key of `epoch`; no key of an earlier epoch reaches it.
pub(crate) fn epoch_start(epoch: Epoch) -> Vec<u8> {
    epoch.0.to_be_bytes().to_vec()
}

pub(crate) fn stored(row: &AnyRow) -> Result<StoredReceipt, DatabaseError> {
    let bytes: Vec<u8> = row.try_get("signed")?;
    StoredReceipt::read(&bytes).map_err(|error| corrupt("signed", error))
}

/// What lies beside a row's receipt.
pub(crate) fn contents(row: &AnyRow) -> Result<Contents, DatabaseError> {
    let bytes: Option<Vec<u8>> = row.try_get("beside")?;
    let contents = Contents::decode(&bytes.unwrap_or_default());
    contents.map_err(|error| corrupt("beside", error))
}

/// The same as it is stored.
pub(crate) fn beside_bytes(contents: &Contents) -> Option<Vec<u8>> {
    (!contents.is_empty()).then(|| contents.encode())
}

pub(crate) fn witnessed(row: &AnyRow) -> Result<Witnessed, DatabaseError> {
    let witnessed = Witnessed::new(stored(row)?.into_signed(), contents(row)?);
    witnessed.map_err(|error| corrupt("beside", error))
}

/// The receipts held under `keys`.
pub(crate) async fn held(
    connection: &mut AnyConnection,
    paid_by: PaidBy,
    keys: &[ReceiptKey],
) -> Result<HashMap<ReceiptKey, SignedReceipt>, DatabaseError> {
    let mut found = HashMap::with_capacity(keys.len());
    for chunk in chunks(keys) {
        let sql = with_rows(Backend::of(connection), paid_by.lookup(), (1, chunk.len()), "");
        let mut query = sqlx::query(sql);
        for key in chunk {
            query = query.bind(key_bytes(key));
        }
        for row in query.fetch_all(&mut *connection).await? {
            let signed = stored(&row)?.into_signed();
            found.insert(signed.receipt.key(), signed);
        }
    }
    Ok(found)
}

/// Stores `newest` under their keys, where nothing that ranks as high is held. Each key must appear once.
pub(crate) async fn replace(
    connection: &mut AnyConnection,
    paid_by: PaidBy,
    newest: &[(&SignedReceipt, &Contents)],
) -> Result<(), DatabaseError> {
    let (head, tail) = paid_by.insertion();
    for chunk in chunks(newest) {
        let mut query =
            sqlx::query(with_rows(Backend::of(connection), head, (chunk.len(), 4), tail));
        for (signed, contents) in chunk {
            query = query
                .bind(key_bytes(&signed.receipt.key()))
                .bind(signed.receipt.rank().encode().to_vec())
                .bind(signed.encode().to_vec())
                .bind(beside_bytes(contents));
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl ReceiptScan {
    /// The same, from behind a key on and so many at a time.
    pub(crate) fn behind(self, after: Option<&ReceiptKey>, page: u32) -> Self {
        let after = after.map_or(self.after, key_bytes);
        Self { after, page: i64::from(page), ..self }
    }
}

impl Database {
    /// Forgets the receipts of epochs before `epoch`, a batch at a time so that writers get their turn; gives how many.
    pub async fn forget_receipts_before(&self, epoch: Epoch) -> Result<u64, DatabaseError> {
        self.forget_before(PaidBy::Pool, epoch).await
    }

    pub(crate) async fn forget_before(
        &self,
        paid_by: PaidBy,
        epoch: Epoch,
    ) -> Result<u64, DatabaseError> {
        let mut forgotten = 0u64;
        loop {
            let query = sqlx::query(paid_by.deletion()).bind(epoch_start(epoch)).bind(PAGE);
            match query.execute(self.writer()).await?.rows_affected() {
                0 => return Ok(forgotten),
                rows => forgotten = forgotten.saturating_add(rows),
            }
        }
    }

    /// The receipts of `epoch` that count, in canonical order (payer, operator, node, stream key, role, reader), page by page.
    pub fn scan_receipts(&self, epoch: Epoch) -> ReceiptScan {
        self.scan(PaidBy::Pool, epoch)
    }

    /// The same from behind `after` on, `page` at a time.
    pub fn scan_receipts_after(
        &self,
        epoch: Epoch,
        after: Option<&ReceiptKey>,
        page: u32,
    ) -> ReceiptScan {
        self.scan_receipts(epoch).behind(after, page)
    }

    pub(crate) fn scan(&self, paid_by: PaidBy, epoch: Epoch) -> ReceiptScan {
        ReceiptScan {
            database: self.clone(),
            paid_by,
            after: epoch_start(epoch),
            end: epoch_start(epoch.next()),
            page: PAGE,
        }
    }

    /// Those of one payer, in the same order.
    pub fn scan_receipts_of(&self, epoch: Epoch, payer: Address) -> ReceiptScan {
        let start = [epoch_start(epoch).as_slice(), payer.as_slice()].concat();
        // After every key that begins so: none is as long.
        let end = [start.as_slice(), &[0xff; KEY_BYTES]].concat();
        ReceiptScan { database: self.clone(), paid_by: PaidBy::Pool, after: start, end, page: PAGE }
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

    /// The receipt held of `key`.
    pub async fn receipt(&self, key: &ReceiptKey) -> Result<Option<StoredReceipt>, DatabaseError> {
        let row = sqlx::query("SELECT signed FROM receipts WHERE key = $1")
            .bind(key_bytes(key))
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(stored).transpose()
    }
}

/// Walks an epoch's receipts. Memory is bounded by a page.
#[derive(Debug)]
pub struct ReceiptScan {
    database: Database,
    paid_by: PaidBy,
    after: Vec<u8>,
    end: Vec<u8>,
    page: i64,
}

impl ReceiptScan {
    /// The next receipts; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Vec<StoredReceipt>>, DatabaseError> {
        let page = self.next_witnessed().await?;
        let stored = |(stored, _): (StoredReceipt, Contents)| stored;
        Ok(page.map(|page| page.into_iter().map(stored).collect()))
    }

    /// The next receipts with what lies beside them; `None` at the end.
    pub async fn next_witnessed(
        &mut self,
    ) -> Result<Option<Vec<(StoredReceipt, Contents)>>, DatabaseError> {
        let query = sqlx::query(self.paid_by.scan());
        let query = query.bind(self.after.clone()).bind(self.end.clone()).bind(self.page);
        let rows = query.fetch_all(self.database.reader()).await?;
        let page = rows.iter().map(|row| Ok((stored(row)?, contents(row)?)));
        let page: Vec<_> = page.collect::<Result<_, DatabaseError>>()?;
        let Some((last, _)) = page.last() else { return Ok(None) };
        self.after = key_bytes(&last.receipt().key());
        Ok(Some(page))
    }
}
