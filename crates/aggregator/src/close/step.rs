//! The state machine: what is missing for the oldest epoch that is not final yet.
//!
//! Invariant: a step does at most one thing that others can see, and records it after it is done; what was done but not
//! recorded is found on the chain.

use tatum_chain::{Proposal, ProposalStatus, ProposedEvent};
use tatum_database::{EpochRecord, RolledEpoch};
use tatum_primitives::{B256, Epoch};
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
        let epoch = self.next_epoch(on_chain).await?;
        let record = self.database.epoch(epoch).await?;
        if record.is_none() {
            self.say_where_it_starts(epoch, on_chain).await?;
        }
        if on_chain.is_some_and(|last| last >= epoch) {
            return self.settle(epoch, record.as_ref(), on_chain.unwrap_or_default()).await;
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

    /// open → closing, once the epoch and its grace are over.
    async fn begin(&self, epoch: Epoch) -> Result<bool, CloseError> {
        let now_ms = self.clock.now_ms();
        if now_ms < self.schedule.end_ms(epoch).saturating_add(self.rules.grace_ms) {
            return Ok(false);
        }
        self.database.begin_closing(epoch, now_ms).await?;
        tracing::info!(%epoch, "the epoch takes no more receipts");
        Ok(true)
    }

    /// closing → rolled, once the epoch is closed on chain.
    async fn roll_up(&self, epoch: Epoch, head_time_s: u64) -> Result<bool, CloseError> {
        if self.chain.closed_epochs().await? <= epoch.0 {
            if head_time_s.saturating_mul(1000) < self.schedule.end_ms(epoch) {
                return Ok(false);
            }
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

    /// rolled → proposed → finalized.
    async fn bring_to_chain(
        &self,
        record: &EpochRecord,
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let (epoch, Some(rolled)) = (record.epoch, &record.rolled) else { return Ok(false) };
        let ours = proposal(epoch, rolled);
        match self.chain.proposal_status(epoch).await? {
            ProposalStatus::Pending(event) if same(&event.proposal, &ours) => {
                self.wait_out(record, event, head_time_s).await
            }
            ProposalStatus::Pending(event) => self.contest(record, &event, ours, head_time_s).await,
            // The chain's finalized epoch was read before; the next look settles it.
            ProposalStatus::Finalized(_) => Ok(true),
            ProposalStatus::Missing => self.propose(record, ours).await,
        }
    }

    async fn propose(&self, record: &EpochRecord, ours: Proposal) -> Result<bool, CloseError> {
        let epoch = record.epoch;
        self.metrics.demands_open(0);
        if self.chain.cancelled_roots(epoch).await?.contains(&ours.root) {
            let note = "a challenge cancelled this root; it is not proposed again. Look into it: `tatum audit epoch`";
            return self.wait_with_note(record, note).await;
        }
        if record.state == EpochState::Proposed {
            tracing::warn!(%epoch, "the chain no longer holds the proposal (reorganised); proposing again");
            self.database.record_cancelled(epoch, self.clock.now_ms()).await?;
            return Ok(true);
        }
        self.settle_contests().await;
        if self.rules.posts_bond {
            self.chain.ensure_proposer_bond().await?;
        }
        let root = ours.root;
        let tx = self.chain.propose(ours).await?;
        tracing::info!(%epoch, %root, %tx, "proposed the epoch's root");
        self.record_ours(epoch, root, tx).await?;
        Ok(true)
    }

    /// Records what our transaction `tx` put before the chain, if it is still there.
    pub(super) async fn record_ours(
        &self,
        epoch: Epoch,
        root: B256,
        tx: B256,
    ) -> Result<(), CloseError> {
        if let ProposalStatus::Pending(event) = self.chain.proposal_status(epoch).await?
            && event.proposal.root == root
        {
            let (proposer, at) = (event.proposer, event.finalizable_at_s);
            let now_ms = self.clock.now_ms();
            self.database.record_proposed(epoch, proposer, Some(tx), at, now_ms).await?;
        }
        Ok(())
    }

    /// The chain holds our root as a proposal: show what is demanded of it, wait for its window, then finalize.
    async fn wait_out(
        &self,
        record: &EpochRecord,
        event: ProposedEvent,
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let (epoch, at) = (record.epoch, event.finalizable_at_s);
        if record.state == EpochState::Rolled {
            let by_us = self.chain.account().is_ok_and(|account| account == event.proposer);
            tracing::info!(%epoch, proposer = %event.proposer, by_us, "the epoch's root stands proposed");
            let now_ms = self.clock.now_ms();
            self.database.record_proposed(epoch, event.proposer, None, at, now_ms).await?;
            return Ok(true);
        }
        if self.answer_demands(&event).await? {
            return Ok(true);
        }
        if head_time_s < at {
            return Ok(false);
        }
        let root = event.proposal.root;
        let tx = self.chain.finalize(event.proposal).await?;
        self.database.record_finalized(epoch, Some(tx), self.clock.now_ms()).await?;
        tracing::info!(%epoch, %root, %tx, "the epoch is final; operators can claim");
        self.settle_contests().await;
        Ok(true)
    }

    pub(super) async fn wait_with_note(
        &self,
        record: &EpochRecord,
        note: &str,
    ) -> Result<bool, CloseError> {
        if record.note.as_deref() != Some(note) {
            tracing::error!(epoch = %record.epoch, note, "the epoch does not move on");
            self.database.record_note(record.epoch, note, self.clock.now_ms()).await?;
        }
        Ok(false)
    }
}

/// What is put before the chain.
fn proposal(epoch: Epoch, rolled: &RolledEpoch) -> Proposal {
    Proposal {
        epoch,
        root: rolled.root,
        receipts_root: rolled.receipts_root,
        manifest_hash: rolled.manifest_hash,
        uri: rolled.uri.clone(),
    }
}

/// Whether two proposals promise the same. Where their datasets are published may differ, and so may the receipts they
/// know, if those pay nobody otherwise.
pub(super) fn same(one: &Proposal, other: &Proposal) -> bool {
    one.root == other.root && one.manifest_hash == other.manifest_hash
}
