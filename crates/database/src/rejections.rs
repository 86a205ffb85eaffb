//! What was rejected and why, kept for a limited time and in limited number.
//!
//! Invariant: rejecting the same bytes for the same reason again adds no row, and writing rejections never touches receipts.

use std::collections::BTreeMap;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tatum_primitives::{Address, B256, Epoch};
use tatum_receipt::{Rejection, rejection_id};

use crate::row::{address_opt, bigint, chunks, corrupt, unsigned, unsigned_opt, with_rows};
use crate::{Backend, Database, DatabaseError};

/// Bytes kept of what was rejected.
pub const MAX_REJECTED_BYTES: usize = 2048;

/// What somebody handed in that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejected {
    /// As handed in.
    pub bytes: Vec<u8>,
    /// The payer named, if the bytes could be read.
    pub payer: Option<Address>,
    /// The epoch named, if the bytes could be read.
    pub epoch: Option<Epoch>,
    /// Why it does not count.
    pub rejection: Rejection,
}

impl Rejected {
    /// `signed`, which does not count because of `rejection`.
    pub fn receipt(signed: &tatum_receipt::SignedReceipt, rejection: Rejection) -> Self {
        Self {
            bytes: signed.encode().to_vec(),
            payer: Some(signed.receipt.payer),
            epoch: Some(signed.receipt.epoch),
            rejection,
        }
    }

    fn id(&self) -> B256 {
        rejection_id(self.rejection.code(), &self.bytes)
    }
}

/// A rejection as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedReceipt {
    /// Names the rejection.
    pub id: B256,
    /// What was handed in; at most the first [`MAX_REJECTED_BYTES`].
    pub bytes: Vec<u8>,
    /// The payer named.
    pub payer: Option<Address>,
    /// The epoch named.
    pub epoch: Option<Epoch>,
    /// Why it does not count.
    pub rejection: Rejection,
    /// How often it was handed in.
    pub times: u64,
    /// When first, milliseconds since 1970.
    pub first_ms: u64,
    /// When last.
    pub last_ms: u64,
}

/// Which rejections to list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectionQuery {
    /// Only those that name this payer.
    pub payer: Option<Address>,
    /// Only those last rejected before this time.
    pub before_ms: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Stores `rejected`, in the order of their ids, so that two writers never wait for each other in a circle.
pub(crate) async fn store(
    connection: &mut AnyConnection,
    rejected: &[&Rejected],
    now_ms: u64,
) -> Result<(), DatabaseError> {
    const HEAD: &str = "INSERT INTO rejected_receipts \
                        (id, code, reason, payer, epoch, bytes, times, first_ms, last_ms) VALUES ";
    const TAIL: &str = " ON CONFLICT (id) DO UPDATE SET times = rejected_receipts.times + excluded.times, \
                        last_ms = excluded.last_ms";
    let mut distinct: BTreeMap<B256, (&Rejected, i64)> = BTreeMap::new();
    for rejected in rejected {
        let (_, times) = distinct.entry(rejected.id()).or_insert((rejected, 0));
        *times = times.saturating_add(1);
    }
    let rows: Vec<_> = distinct.into_iter().collect();
    for chunk in chunks(&rows) {
        let mut query =
            sqlx::query(with_rows(Backend::of(connection), HEAD, (chunk.len(), 9), TAIL));
        for (id, (rejected, times)) in chunk {
            let reason = serde_json::to_string(&rejected.rejection)
                .map_err(|error| corrupt("reason", error))?;
            let epoch = rejected.epoch.and_then(|epoch| i64::try_from(epoch.0).ok());
            let kept = rejected.bytes.get(..MAX_REJECTED_BYTES).unwrap_or(&rejected.bytes);
            query = query
                .bind(id.to_vec())
                .bind(rejected.rejection.code())
                .bind(reason)
                .bind(rejected.payer.map(|payer| payer.to_vec()))
                .bind(epoch)
                .bind(kept.to_vec())
                .bind(*times)
                .bind(bigint(now_ms)?)
                .bind(bigint(now_ms)?);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

impl Database {
    /// Rejections, the latest first.
    pub async fn rejections(
        &self,
        query: RejectionQuery,
    ) -> Result<Vec<RejectedReceipt>, DatabaseError> {
        const ALL: &str =
            "SELECT * FROM rejected_receipts WHERE last_ms < $1 ORDER BY last_ms DESC, id LIMIT $2";
        const OF_PAYER: &str = "SELECT * FROM rejected_receipts WHERE last_ms < $1 AND payer = $3 \
                                ORDER BY last_ms DESC, id LIMIT $2";
        let before = query.before_ms.map_or(i64::MAX, |ms| i64::try_from(ms).unwrap_or(i64::MAX));
        let sql = if query.payer.is_some() { OF_PAYER } else { ALL };
        let mut statement = sqlx::query(sql).bind(before).bind(i64::from(query.limit));
        if let Some(payer) = query.payer {
            statement = statement.bind(payer.to_vec());
        }
        statement.fetch_all(self.reader()).await?.iter().map(rejected).collect()
    }

    /// Forgets rejections last seen before `before_ms`, and the oldest ones beyond the newest `keep`.
    pub async fn forget_rejections(&self, before_ms: u64, keep: u64) -> Result<u64, DatabaseError> {
        const OLD: &str = "DELETE FROM rejected_receipts WHERE last_ms < $1";
        const SURPLUS: &str = "DELETE FROM rejected_receipts WHERE id IN \
                               (SELECT id FROM rejected_receipts ORDER BY last_ms DESC, id LIMIT $2 OFFSET $1)";
        let old = sqlx::query(OLD).bind(bigint(before_ms)?).execute(self.writer()).await?;
        let surplus = sqlx::query(SURPLUS).bind(bigint(keep)?).bind(i64::MAX);
        let surplus = surplus.execute(self.writer()).await?;
        Ok(old.rows_affected().saturating_add(surplus.rows_affected()))
    }
}

fn rejected(row: &AnyRow) -> Result<RejectedReceipt, DatabaseError> {
    let id: Vec<u8> = row.try_get("id")?;
    let reason: String = row.try_get("reason")?;
    Ok(RejectedReceipt {
        id: B256::try_from(id.as_slice()).map_err(|error| corrupt("id", error))?,
        bytes: row.try_get("bytes")?,
        payer: address_opt(row, "payer")?,
        epoch: unsigned_opt(row, "epoch")?.map(Epoch),
        rejection: serde_json::from_str(&reason).map_err(|error| corrupt("reason", error))?,
        times: unsigned(row, "times")?,
        first_ms: unsigned(row, "first_ms")?,
        last_ms: unsigned(row, "last_ms")?,
    })
}
