//! From a rolled-up epoch to a final one: our proposal, others', and the oldest that survives.
//!
//! Invariant: we propose unless an open proposal promises what ours does; we make final only what promises the same entries
//! as ours, or what was judged right. Which of several right ones becomes final is decided by their age alone. What stands by us is what we publish.

use tatum_chain::{Draft, Fate, Proposal, Record};
use tatum_database::{EpochRecord, RolledEpoch};
use tatum_dataset::Dataset;
use tatum_primitives::Epoch;
use tatum_protocol::EpochState;

use super::draft::draft_of;
use super::{CloseError, Closer};

impl Closer {
    /// rolled → proposed → finalized.
    pub(super) async fn bring_to_chain(
        &self,
        record: &EpochRecord,
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let (epoch, Some(rolled)) = (record.epoch, &record.rolled) else { return Ok(false) };
        let records = self.chain.proposals(epoch).await?;
        if records.iter().any(|record| record.fate == Fate::Final) {
            // The chain's finalized epoch was read before; the next look settles it.
            return Ok(true);
        }
        let dataset = self.own_dataset(epoch, rolled).await?;
        let ours = draft_of(dataset.manifest(), rolled.manifest_hash);
        let open: Vec<&Proposal> = records.iter().filter_map(open).collect();
        let (same, rivals): (Vec<&Proposal>, Vec<&Proposal>) =
            open.iter().copied().partition(|proposal| proposal.draft.promises_what(&ours));
        // First what would cost a bond: an answer that is due.
        if self.answer_demands(&same, &dataset).await? {
            return Ok(true);
        }
        let moved = match same.first() {
            Some(standing) => self.stands(record, rolled, standing).await?,
            None => self.propose(record, rolled, &dataset, &ours, &records, head_time_s).await?,
        };
        if moved || self.look_into(epoch, &rivals).await? {
            return Ok(true);
        }
        self.finalize_oldest(record, &open, &ours, head_time_s).await
    }

    /// The chain holds what we promise as a proposal.
    async fn stands(
        &self,
        record: &EpochRecord,
        rolled: &RolledEpoch,
        proposal: &Proposal,
    ) -> Result<bool, CloseError> {
        if record.state != EpochState::Rolled {
            return Ok(false);
        }
        let (epoch, proposer) = (record.epoch, proposal.proposer);
        let by_us = self.chain.account().is_ok_and(|account| account == proposer);
        let at = self.chain.standing(proposal.counter).await?.finalizable_at_s;
        tracing::info!(%epoch, %proposer, by_us, "the epoch's distribution stands proposed");
        self.show_what_stands(epoch, rolled, proposal).await?;
        self.database.record_proposed(epoch, proposer, None, at, self.clock.now_ms()).await?;
        Ok(true)
    }

    /// What we proposed is what we publish: rolled up again since, the same payouts may have come with another manifest, of more evidence say,
    /// while the chain names the first one and our address.
    pub(super) async fn show_what_stands(
        &self,
        epoch: Epoch,
        rolled: &RolledEpoch,
        proposal: &Proposal,
    ) -> Result<(), CloseError> {
        let manifest_hash = proposal.draft.manifest_hash;
        let by_us = self.chain.account().is_ok_and(|account| account == proposal.proposer);
        if !by_us || manifest_hash == rolled.manifest_hash {
            return Ok(());
        }
        if !self.datasets.join(manifest_hash.to_string()).exists() {
            tracing::error!(%epoch, %manifest_hash, "the dataset that we proposed is not here any more; who has it should publish it");
            return Ok(());
        }
        tracing::warn!(%epoch, %manifest_hash, instead_of = %rolled.manifest_hash, "publishing the dataset that we proposed");
        self.database.record_manifest(epoch, manifest_hash, self.clock.now_ms()).await?;
        Ok(())
    }

    /// The chain holds no open proposal that promises what ours does.
    async fn propose(
        &self,
        record: &EpochRecord,
        rolled: &RolledEpoch,
        dataset: &Dataset,
        ours: &Draft,
        records: &[Record],
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let epoch = record.epoch;
        if record.state == EpochState::Proposed {
            tracing::warn!(%epoch, "the chain no longer holds the proposal (cancelled or reorganised)");
            self.database.record_cancelled(epoch, self.clock.now_ms()).await?;
            return Ok(true);
        }
        let end_s = self.schedule.end_ms(epoch) / 1000;
        if head_time_s < self.windows().proposable_at_s(end_s) {
            return Ok(false);
        }
        let account = self.chain.account()?;
        let own = records.iter().filter(|record| record.proposal.proposer == account);
        let mut own = own.filter(|record| record.proposal.draft.promises_what(ours));
        if own.any(|record| matches!(record.fate, Fate::Cancelled | Fate::Vetoed)) {
            let note = "our proposal was cancelled; it is not made again. Look into it: `tatum audit epoch`";
            return self.wait_with_note(record, note).await;
        }
        if let Some(reason) = self.outdated(dataset.manifest()).await? {
            tracing::warn!(%epoch, reason, "rolling the epoch up again");
            self.database.record_outdated(epoch, self.clock.now_ms()).await?;
            return Ok(true);
        }
        let tx = self.chain.propose(ours, &rolled.uri).await?;
        let root = rolled.root;
        tracing::info!(%epoch, %root, %tx, "proposed the epoch's distribution");
        let records = self.chain.proposals(epoch).await?;
        let made = records.iter().filter_map(open).find(|p| p.draft.promises_what(ours));
        if let Some(made) = made {
            let at = self.chain.standing(made.counter).await?.finalizable_at_s;
            let (proposer, now_ms) = (made.proposer, self.clock.now_ms());
            self.database.record_proposed(epoch, proposer, Some(tx), at, now_ms).await?;
        }
        Ok(true)
    }

    /// Makes the oldest proposal final whose time has come, if it may be.
    async fn finalize_oldest(
        &self,
        record: &EpochRecord,
        open: &[&Proposal],
        ours: &Draft,
        head_time_s: u64,
    ) -> Result<bool, CloseError> {
        let epoch = record.epoch;
        for proposal in open {
            if !self.chain.standing(proposal.counter).await?.is_ripe(head_time_s) {
                continue;
            }
            let (counter, proposer) = (proposal.counter, proposal.proposer);
            let same = proposal.draft.entries_top == ours.entries_top;
            if !same && !self.rivals.is_right(proposal) {
                let note = format!(
                    "proposal {counter} of {proposer} may become final, and could not be found right here; its data is said to \
                     be at {}. Look into it: `tatum audit epoch {epoch} --challenge`",
                    proposal.uri
                );
                return self.wait_with_note(record, &note).await;
            }
            let tx = self.chain.finalize(proposal).await?;
            tracing::info!(%epoch, counter, %proposer, %tx, "the epoch is final; operators can claim");
            if same {
                self.database.record_finalized(epoch, Some(tx), self.clock.now_ms()).await?;
            }
            return Ok(true);
        }
        Ok(false)
    }

    async fn wait_with_note(&self, record: &EpochRecord, note: &str) -> Result<bool, CloseError> {
        if record.note.as_deref() != Some(note) {
            tracing::error!(epoch = %record.epoch, note, "the epoch does not move on");
            self.database.record_note(record.epoch, note, self.clock.now_ms()).await?;
        }
        Ok(false)
    }
}

fn open(record: &Record) -> Option<&Proposal> {
    (record.fate == Fate::Open).then_some(&record.proposal)
}
