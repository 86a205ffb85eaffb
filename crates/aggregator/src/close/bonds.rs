//! Our bonds and rewards: withdrawn as soon as they are free.
//!
//! Invariant: a bond is withdrawn only when its epoch is settled, for a proposal without one cannot become final.

use tatum_chain::{Fate, Record};
use tatum_primitives::Epoch;

use super::{CloseError, Closer, Pace};

/// Epochs before the newest final one in which a bond of ours may still lie when we start.
const LOOKED_BACK: u64 = 8;
/// Blocks that are looked through again for rewards.
const REORGANISED: u64 = 64;

impl Closer {
    /// Withdraws what is ours of settled epochs, and rewards.
    pub(super) async fn withdraw(&self, pace: &mut Pace) -> Result<(), CloseError> {
        let Some(last) = self.database.last_finalized().await? else { return Ok(()) };
        let account = self.chain.account()?;
        let mut epoch = pace.bonds_from.unwrap_or(Epoch(last.0.saturating_sub(LOOKED_BACK)));
        let mut all_back = true;
        while epoch <= last {
            for record in self.chain.proposals(epoch).await? {
                if record.proposal.proposer == account && lies(&record) {
                    all_back &= self.withdraw_bond(&record).await?;
                }
            }
            if all_back {
                pace.bonds_from = Some(epoch.next());
            }
            epoch = epoch.next();
        }
        let (head, _) = self.chain.head().await?;
        let from = pace.rewards_from.saturating_sub(REORGANISED);
        for counter in self.chain.due_rewards(from).await? {
            let tx = self.chain.withdraw_reward(counter).await?;
            tracing::info!(counter, %tx, "withdrew what we earned by showing a wrong proposal");
        }
        pace.rewards_from = head;
        Ok(())
    }

    /// Whether the bond is back.
    async fn withdraw_bond(&self, record: &Record) -> Result<bool, CloseError> {
        let proposal = &record.proposal;
        if record.fate == Fate::Open {
            let (_, now_s) = self.chain.head().await?;
            if !self.chain.standing(proposal.counter).await?.is_ripe(now_s) {
                return Ok(false);
            }
        }
        let (tx, paid) = self.chain.withdraw_proposal_bond(proposal).await?;
        let (epoch, counter) = (proposal.draft.epoch, proposal.counter);
        tracing::info!(%epoch, counter, %tx, proposer_nano = paid.0, "our bond is back, with our part of the pot");
        Ok(true)
    }
}

/// Whether the bond still answers for the proposal.
fn lies(record: &Record) -> bool {
    !record.bond_returned && record.fate != Fate::Cancelled
}
