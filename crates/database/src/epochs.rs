//! How far each epoch has come, and whether it still takes receipts.
//!
//! Invariant: a transaction that writes receipts holds a lock on the epoch's row, so an epoch that is read as closing
//! gets no further receipt.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tatum_primitives::{Address, B256, Epoch, Nano};
use tatum_protocol::EpochState;

use crate::row::{address_opt, bigint, corrupt, hash_opt, unsigned, unsigned_opt};
use crate::{Database, DatabaseError};

/// What the roll-up of an epoch came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolledEpoch {
    /// Receipts counted.
    pub receipts: u64,
    /// The block at which the chain's inputs were read.
    pub block_number: u64,
    /// Its hash.
    pub block_hash: B256,
    /// keccak256 of the dataset's manifest.
    pub manifest_hash: B256,
    /// The sum tree's root.
    pub root: B256,
    /// The list of receipts in one word: the keccak of its top and count.
    pub receipts_root: B256,
    /// What was available.
    pub pot: Nano,
    /// What goes to operators.
    pub distributed: Nano,
    /// Where the dataset is published.
    pub uri: String,
}

/// An epoch as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EpochRecord {
    /// The epoch.
    pub epoch: Epoch,
    /// How far it has come.
    pub state: EpochState,
    /// The roll-up's result, from [`EpochState::Rolled`] on.
    pub rolled: Option<RolledEpoch>,
    /// Who proposed the root.
    pub proposer: Option<Address>,
    /// Our transaction that proposed it.
    pub propose_tx: Option<B256>,
    /// When the challenge window ends, seconds since 1970.
    pub finalizable_at_s: Option<u64>,
    /// Our transaction that finalized it.
    pub finalize_tx: Option<B256>,
    /// What an operator should know, such as why the epoch does not move on.
    pub note: Option<String>,
    /// When the row last changed.
    pub updated_ms: u64,
}

/// Whether `epoch` takes receipts. If so its row stays locked until the transaction ends, so that it cannot begin to
/// close before; if not, the earliest epoch that still does is returned.
pub(crate) async fn lock_open(
    connection: &mut AnyConnection,
    epoch: Epoch,
    now_ms: u64,
) -> Result<Result<(), Epoch>, DatabaseError> {
    const LOCK: &str =
        "UPDATE epochs SET batches = batches + 1 WHERE epoch = $1 AND state = 'open'";
    const FIRST_OPEN: &str = "SELECT CAST(COALESCE(MAX(epoch), -1) + 1 AS BIGINT) AS first FROM epochs WHERE state <> 'open'";
    const ADD: &str = "INSERT INTO epochs (epoch, state, batches, updated_ms) \
                       VALUES ($1, 'open', 0, $2) ON CONFLICT (epoch) DO NOTHING";
    let number = bigint(epoch.0)?;
    if sqlx::query(LOCK).bind(number).execute(&mut *connection).await?.rows_affected() == 1 {
        return Ok(Ok(()));
    }
    let row = sqlx::query(FIRST_OPEN).fetch_one(&mut *connection).await?;
    let first = Epoch(unsigned(&row, "first")?);
    if epoch < first {
        return Ok(Err(first));
    }
    sqlx::query(ADD).bind(number).bind(bigint(now_ms)?).execute(&mut *connection).await?;
    let locked = sqlx::query(LOCK).bind(number).execute(&mut *connection).await?.rows_affected();
    // Zero rows: another process began to close the epoch between the two statements.
    Ok(if locked == 1 { Ok(()) } else { Err(epoch.next()) })
}

impl Database {
    /// The record of `epoch`, if it saw a receipt or was closed.
    pub async fn epoch(&self, epoch: Epoch) -> Result<Option<EpochRecord>, DatabaseError> {
        let row = sqlx::query("SELECT * FROM epochs WHERE epoch = $1")
            .bind(bigint(epoch.0)?)
            .fetch_optional(self.reader())
            .await?;
        row.as_ref().map(record).transpose()
    }

    /// The newest epoch whose root is final.
    pub async fn last_finalized(&self) -> Result<Option<Epoch>, DatabaseError> {
        const SQL: &str = "SELECT MAX(epoch) AS last FROM epochs WHERE state = 'finalized'";
        let row = sqlx::query(SQL).fetch_one(self.reader()).await?;
        Ok(unsigned_opt(&row, "last")?.map(Epoch))
    }

    /// The oldest epoch that saw a receipt or was closed here.
    pub async fn first_epoch(&self) -> Result<Option<Epoch>, DatabaseError> {
        let row =
            sqlx::query("SELECT MIN(epoch) AS first FROM epochs").fetch_one(self.reader()).await?;
        Ok(unsigned_opt(&row, "first")?.map(Epoch))
    }

    /// At most `limit` records, newest first, below `before` if given.
    pub async fn epochs(
        &self,
        before: Option<Epoch>,
        limit: u32,
    ) -> Result<Vec<EpochRecord>, DatabaseError> {
        let before = before.map_or(i64::MAX, |epoch| i64::try_from(epoch.0).unwrap_or(i64::MAX));
        let sql = "SELECT * FROM epochs WHERE epoch < $1 ORDER BY epoch DESC LIMIT $2";
        let query = sqlx::query(sql).bind(before).bind(i64::from(limit));
        query.fetch_all(self.reader()).await?.iter().map(record).collect()
    }
}

fn record(row: &AnyRow) -> Result<EpochRecord, DatabaseError> {
    let state: String = row.try_get("state")?;
    Ok(EpochRecord {
        epoch: Epoch(unsigned(row, "epoch")?),
        state: state.parse().map_err(|reason: String| corrupt("state", reason))?,
        rolled: rolled(row)?,
        proposer: address_opt(row, "proposer")?,
        propose_tx: hash_opt(row, "propose_tx")?,
        finalizable_at_s: unsigned_opt(row, "finalizable_at_s")?,
        finalize_tx: hash_opt(row, "finalize_tx")?,
        note: row.try_get("note")?,
        updated_ms: unsigned(row, "updated_ms")?,
    })
}

fn rolled(row: &AnyRow) -> Result<Option<RolledEpoch>, DatabaseError> {
    let Some(manifest_hash) = hash_opt(row, "manifest_hash")? else { return Ok(None) };
    let hash = |column| hash_opt(row, column)?.ok_or_else(|| corrupt(column, "missing"));
    Ok(Some(RolledEpoch {
        receipts: unsigned(row, "receipts")?,
        block_number: unsigned(row, "block_number")?,
        block_hash: hash("block_hash")?,
        manifest_hash,
        root: hash("root")?,
        receipts_root: hash("receipts_root")?,
        pot: Nano(unsigned(row, "pot_nano")?),
        distributed: Nano(unsigned(row, "distributed_nano")?),
        uri: row.try_get("uri")?,
    }))
}
