//! The state machine: what is missing for the oldest epoch that is not final yet.
//!
//! Invariant: a step does at most one thing that others can see, and records it after it is done; what was done but not
//! recorded is found on the chain.

use tatum_database::RolledEpoch;
use tatum_primitives::Epoch;
use tatum_protocol::EpochState;

use super::{CloseError, Closer};

impl Closer {
    /// Takes the next step. False if there is nothing to do but wait.
    pub async fn step(&self) -> Result<bool, CloseError> {
        let (_, head_time_s) = self.chain.head().await?;
        self.clock.saw_head(head_time_s);
        self.pulse.beat();
        let on_chain = self.chain.finalized_epoch().await?;
        self.metrics.finalized(on_chain.map_or(0, |epoch| epoch.0.saturating_add(1)));
        if self.take_back(on_chain).await? {
            return Ok(true);
        }
        let epoch = self.next_epoch(on_chain).await?;
        let record = self.database.epoch(epoch).await?;
        if record.is_none() {
            self.say_where_it_starts(epoch, on_chain).await?;
        }
        if on_chain.is_some_and(|last| last >= epoch) {
            return self.settle(epoch, record.as_ref()).await;
        }
        match record.as_ref().map_or(EpochState::Open, |record| record.state) {
            EpochState::Open => self.begin(epoch).await,
            EpochState::Closing => self.roll_up(epoch, head_time_s).await,
            EpochState::Rolled | EpochState::Proposed => match record {
                Some(record) => self.bring_to_chain(&record, head_time_s).await,
                None => Ok(false),
            },
            EpochState::Finalized => Ok(true),
        }
    }

    /// Takes back an epoch that is final here and was undone on the chain, the newest first: nobody would make it final again. An endpoint that
    /// is only behind has the event still.
    async fn take_back(&self, on_chain: Option<Epoch>) -> Result<bool, CloseError> {
        let last = self.database.last_finalized().await?;
        let Some(last) = last.filter(|last| on_chain.is_none_or(|on_chain| on_chain < *last))
        else {
            return Ok(false);
        };
        if self.chain.final_proposal(last).await?.is_some() {
            return Ok(false);
        }
        self.database.record_undone(last, self.clock.now_ms()).await?;
        tracing::warn!(epoch = %last, "the chain no longer holds the final distribution (reorganised)");
        Ok(true)
    }

    /// The oldest epoch that is not final here.
    async fn next_epoch(&self, on_chain: Option<Epoch>) -> Result<Epoch, CloseError> {
        if let Some(last) = self.database.last_finalized().await? {
            return Ok(last.next());
        }
        // A new database takes up the chain's newest final distribution, or begins with the oldest receipts it was given.
        let start = on_chain.unwrap_or_default();
        let first = self.database.first_epoch().await?;
        Ok(first.map_or(start, |first| first.min(start)))
    }

    /// Says, the first time, with which epoch a new database starts.
    async fn say_where_it_starts(
        &self,
        epoch: Epoch,
        on_chain: Option<Epoch>,
    ) -> Result<(), CloseError> {
        if self.metrics.has_started() || self.database.first_epoch().await?.is_some() {
            return Ok(());
        }
        match on_chain {
            Some(_) => {
                tracing::info!(%epoch, "a new database: going on from the distribution that is final on chain");
            }
            None => {
                let running = self.schedule.epoch_at_ms(self.clock.now_ms());
                tracing::info!(%epoch, %running, "a new database, and no distribution is final on chain: starting with the first epoch");
            }
        }
        Ok(())
    }

    /// open → closing, once the epoch is over and receipts are taken no more.
    async fn begin(&self, epoch: Epoch) -> Result<bool, CloseError> {
        let now_ms = self.clock.now_ms();
        if now_ms < self.schedule.end_ms(epoch).saturating_add(self.intake_ms()) {
            return Ok(false);
        }
        self.database.begin_closing(epoch, now_ms).await?;
        tracing::info!(%epoch, "the epoch takes no more receipts");
        Ok(true)
    }

    /// closing → rolled, once the epoch is closed on chain and nothing can be forced into it any more.
    async fn roll_up(&self, epoch: Epoch, head_time_s: u64) -> Result<bool, CloseError> {
        let end_s = self.schedule.end_ms(epoch) / 1000;
        if self.gather(epoch, head_time_s).await? {
            return Ok(true);
        }
        if head_time_s < self.windows().forced_until_s(end_s) {
            return Ok(false);
        }
        if self.chain.closed_epochs().await? <= epoch.0 {
            let tx = self.chain.close_epochs().await?;
            tracing::info!(%epoch, %tx, "closed the epoch on chain");
        }
        let inputs = self.chain.epoch_inputs(epoch).await?;
        let (head, _) = self.chain.head().await?;
        if head < inputs.block_number.saturating_add(self.rules.confirmations) {
            return Ok(false);
        }
        let rolled = self.write_dataset(inputs).await?;
        self.database.record_rolled(epoch, &rolled, self.clock.now_ms()).await?;
        let RolledEpoch { receipts, root, manifest_hash, distributed, .. } = rolled;
        tracing::info!(%epoch, receipts, %root, %manifest_hash, distributed_nano = distributed.0, "rolled up the epoch");
        Ok(true)
    }
}
