//! The steps of an epoch: open → closing → rolled → proposed → finalized.
//!
//! Invariant: a state only moves to the right (but for what the chain lost, or facts of it that changed), each step in one statement that
//! names the state it starts from; so a step repeated after a crash either finds its work to do or finds it done.

use tatum_primitives::{Address, B256, Epoch};
use tatum_protocol::EpochState;

use crate::row::bigint;
use crate::{Database, DatabaseError, RolledEpoch};

impl Database {
    /// From here on `epoch` takes no more receipts. Does nothing if that was so already.
    pub async fn begin_closing(&self, epoch: Epoch, now_ms: u64) -> Result<(), DatabaseError> {
        const SQL: &str = "INSERT INTO epochs (epoch, state, batches, updated_ms) \
                           VALUES ($1, 'closing', 0, $2) ON CONFLICT (epoch) DO UPDATE SET \
                           state = 'closing', updated_ms = excluded.updated_ms WHERE epochs.state = 'open'";
        let query = sqlx::query(SQL).bind(bigint(epoch.0)?).bind(bigint(now_ms)?);
        query.execute(self.writer()).await?;
        Ok(())
    }

    /// Records what a closing epoch was rolled up to.
    pub async fn record_rolled(
        &self,
        epoch: Epoch,
        rolled: &RolledEpoch,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = 'rolled', receipts = $2, block_number = $3, block_hash = $4, \
                           manifest_hash = $5, root = $6, receipts_root = $7, pot_nano = $8, \
                           distributed_nano = $9, uri = $10, note = NULL, updated_ms = $11 \
                           WHERE epoch = $1 AND state = 'closing'";
        let done = sqlx::query(SQL)
            .bind(bigint(epoch.0)?)
            .bind(bigint(rolled.receipts)?)
            .bind(bigint(rolled.block_number)?)
            .bind(rolled.block_hash.to_vec())
            .bind(rolled.manifest_hash.to_vec())
            .bind(rolled.root.to_vec())
            .bind(rolled.receipts_root.to_vec())
            .bind(bigint(rolled.pot.0)?)
            .bind(bigint(rolled.distributed.0)?)
            .bind(rolled.uri.clone())
            .bind(bigint(now_ms)?)
            .execute(self.writer())
            .await?;
        self.moved(epoch, EpochState::Closing, done.rows_affected()).await
    }

    /// Records that another dataset with the same payouts is the one that was proposed.
    pub async fn record_manifest(
        &self,
        epoch: Epoch,
        manifest_hash: B256,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET manifest_hash = $2, updated_ms = $3 \
                           WHERE epoch = $1 AND manifest_hash IS NOT NULL";
        let query = sqlx::query(SQL).bind(bigint(epoch.0)?).bind(manifest_hash.to_vec());
        query.bind(bigint(now_ms)?).execute(self.writer()).await?;
        Ok(())
    }

    /// Records that the chain holds the epoch's root as a proposal, by our transaction `tx` or another proposer's.
    pub async fn record_proposed(
        &self,
        epoch: Epoch,
        proposer: Address,
        tx: Option<B256>,
        finalizable_at_s: u64,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = 'proposed', proposer = $2, propose_tx = $3, \
                           finalizable_at_s = $4, note = NULL, updated_ms = $5 WHERE epoch = $1 AND state = 'rolled'";
        let done = sqlx::query(SQL)
            .bind(bigint(epoch.0)?)
            .bind(proposer.to_vec())
            .bind(tx.map(|hash| hash.to_vec()))
            .bind(bigint(finalizable_at_s)?)
            .bind(bigint(now_ms)?)
            .execute(self.writer())
            .await?;
        self.moved(epoch, EpochState::Rolled, done.rows_affected()).await
    }

    /// Takes a proposal back to [`EpochState::Rolled`]: the chain no longer holds it. A step to the left.
    pub async fn record_cancelled(&self, epoch: Epoch, now_ms: u64) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = 'rolled', proposer = NULL, propose_tx = NULL, \
                           finalizable_at_s = NULL, updated_ms = $2 WHERE epoch = $1 AND state = 'proposed'";
        let query = sqlx::query(SQL).bind(bigint(epoch.0)?).bind(bigint(now_ms)?);
        let done = query.execute(self.writer()).await?;
        self.moved(epoch, EpochState::Proposed, done.rows_affected()).await
    }

    /// Takes a rolled-up epoch back to [`EpochState::Closing`]: the chain says something else now than it was rolled up with.
    pub async fn record_outdated(&self, epoch: Epoch, now_ms: u64) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = 'closing', updated_ms = $2 \
                           WHERE epoch = $1 AND state = 'rolled'";
        let query = sqlx::query(SQL).bind(bigint(epoch.0)?).bind(bigint(now_ms)?);
        let done = query.execute(self.writer()).await?;
        self.moved(epoch, EpochState::Rolled, done.rows_affected()).await
    }

    /// Records that the epoch's root is final, by our transaction `tx` or somebody else's.
    pub async fn record_finalized(
        &self,
        epoch: Epoch,
        tx: Option<B256>,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = 'finalized', finalize_tx = $2, note = NULL, updated_ms = $3 \
                           WHERE epoch = $1 AND state IN ('rolled', 'proposed')";
        let done = sqlx::query(SQL)
            .bind(bigint(epoch.0)?)
            .bind(tx.map(|hash| hash.to_vec()))
            .bind(bigint(now_ms)?)
            .execute(self.writer())
            .await?;
        self.moved(epoch, EpochState::Proposed, done.rows_affected()).await
    }

    /// Takes a final epoch back: the chain no longer holds what made it final. What was settled by another's root is rolled up again, so that
    /// ours is ours.
    pub async fn record_undone(&self, epoch: Epoch, now_ms: u64) -> Result<(), DatabaseError> {
        const SQL: &str = "UPDATE epochs SET state = CASE WHEN manifest_hash IS NULL OR note IS NOT NULL THEN 'closing' \
                           ELSE 'rolled' END, proposer = NULL, propose_tx = NULL, finalizable_at_s = NULL, \
                           finalize_tx = NULL, note = NULL, updated_ms = $2 WHERE epoch = $1 AND state = 'finalized'";
        let query = sqlx::query(SQL).bind(bigint(epoch.0)?).bind(bigint(now_ms)?);
        let done = query.execute(self.writer()).await?;
        self.moved(epoch, EpochState::Finalized, done.rows_affected()).await
    }

    /// Records that the chain settled the epoch without us: by another root, whose dataset came to `settled`, or by a root
    /// of a later epoch, which leaves this one without one of its own. `note` says which.
    pub async fn record_overruled(
        &self,
        epoch: Epoch,
        settled: Option<&RolledEpoch>,
        note: &str,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        const FORGET: &str = "UPDATE epochs SET state = 'closing', receipts = NULL, block_number = NULL, \
                              block_hash = NULL, manifest_hash = NULL, root = NULL, receipts_root = NULL, \
                              pot_nano = NULL, distributed_nano = NULL, uri = NULL, \
                              proposer = NULL, propose_tx = NULL, finalizable_at_s = NULL, finalize_tx = NULL \
                              WHERE epoch = $1";
        const SETTLE: &str =
            "UPDATE epochs SET state = 'finalized', note = $2, updated_ms = $3 WHERE epoch = $1";
        self.begin_closing(epoch, now_ms).await?;
        sqlx::query(FORGET).bind(bigint(epoch.0)?).execute(self.writer()).await?;
        if let Some(settled) = settled {
            self.record_rolled(epoch, settled, now_ms).await?;
        }
        let query = sqlx::query(SETTLE).bind(bigint(epoch.0)?).bind(note.to_owned());
        query.bind(bigint(now_ms)?).execute(self.writer()).await?;
        Ok(())
    }

    /// Says why the epoch does not move on.
    pub async fn record_note(
        &self,
        epoch: Epoch,
        note: &str,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        let sql = "UPDATE epochs SET note = $2, updated_ms = $3 WHERE epoch = $1";
        let query = sqlx::query(sql).bind(bigint(epoch.0)?).bind(note.to_owned());
        query.bind(bigint(now_ms)?).execute(self.writer()).await?;
        Ok(())
    }

    async fn moved(
        &self,
        epoch: Epoch,
        expected: EpochState,
        rows: u64,
    ) -> Result<(), DatabaseError> {
        if rows == 1 {
            return Ok(());
        }
        let got = self.epoch(epoch).await?;
        let got = got.map_or_else(|| "unknown".to_owned(), |record| record.state.to_string());
        Err(DatabaseError::EpochState { epoch, got, expected })
    }
}
