//! Leases of payers' quotas to the relays that serve them.
//!
//! Invariant: a relay gets a first lease only for a payer whose client asked it for service in this
//! epoch or the one before ([`Checks::check`](crate::Checks::check)). A claim that is not in order is not answered; the
//! relay then goes by the whole quota.

use tatum_overlay::Now;
use tatum_overlay::lease::{Claim, Lease};
use tatum_primitives::{Address, Epoch, NodeId};
use tatum_protocol::tracker::FromTracker;

use crate::Tracker;
use crate::check::Quota;

impl Tracker {
    /// Leases a relay as much as it may have; where nobody knows the quota, as much as it wants.
    pub(crate) fn lease(&mut self, node: NodeId, claim: &Claim, quota: Quota) {
        if !self.members.get(&node).is_some_and(|member| member.is_relay()) {
            return;
        }
        let total = match quota {
            Quota::Unmetered => Some(claim.wanted),
            Quota::Bytes(quota) => self.lessor.answer(node, claim, quota),
        };
        let Some(total) = total else { return };
        let Claim { payer, epoch, number, .. } = *claim;
        self.tell(node, FromTracker::Leased(Lease { payer, epoch, number, total }));
    }

    /// What is leased of a payer's quota.
    #[must_use]
    pub fn leased(&self, payer: Address, epoch: Epoch) -> u64 {
        self.lessor.leased(payer, epoch)
    }

    /// Takes back what relays that are gone have left, and forgets old epochs.
    pub(crate) fn sweep_leases(&mut self, now: &Now) {
        let members = &self.members;
        self.lessor.reclaim(|node| members.contains_key(node), now.monotonic_ms);
        self.lessor.forget_before(now.epoch.previous().unwrap_or_default());
    }
}
