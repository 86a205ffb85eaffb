//! What a relay may serve of payers' quotas: the chain's word, and the leases of their trackers.
//!
//! Invariant: nobody is served before the chain's word on its quota was passed on. What follows from
//! it, and when trackers are asked, is the overlay's to decide.

use tatum_overlay::Now;
use tatum_overlay::lease::{Claim, Evidence};
use tatum_primitives::{Address, Epoch};
use tatum_tracker::rendezvous::payer_key;

use super::Engine;
use tatum_protocol::tracker::ToTracker;

/// For so long after an epoch's begin, at most half of it, its quotas may not be known yet; the last
/// ones count meanwhile.
const LATE_CHAIN_MS: u64 = 60_000;
/// So long before an epoch's end leases of the next one are asked for; at most a quarter of it.
const AHEAD_MS: u64 = 10_000;

impl Engine {
    /// What the chain allows a payer in an epoch: the running one or the next, whose quotas may not be known
    /// before it has begun. The last ones count meanwhile.
    pub(super) fn quota(&self, payer: Address, epoch: Epoch, now: &Now) -> Option<u64> {
        let facts = self.facts.as_ref()?;
        let schedule = self.clock.schedule();
        let late_ms = LATE_CHAIN_MS.min(schedule.length_s.saturating_mul(500));
        let late = now.wall_ms.saturating_sub(schedule.start_ms(epoch)) < late_ms;
        let before = epoch.previous().filter(|_| late);
        facts
            .quota_bytes(payer, epoch)
            .or_else(|| before.and_then(|epoch| facts.quota_bytes(payer, epoch)))
    }

    /// The same, as the overlay takes it: what is not known is none.
    pub(super) fn quota_bytes(&self, payer: Address, epoch: Epoch, now: &Now) -> u64 {
        self.quota(payer, epoch, now).unwrap_or_default()
    }

    fn knows_quota(&self, payer: Address, epoch: Epoch) -> bool {
        self.facts.as_ref().is_none_or(|facts| facts.knows_quota(payer, epoch))
    }

    /// The overlay serves somebody and does not know within what.
    pub(super) fn quota_wanted(&mut self, payer: Address, epoch: Epoch) {
        let now = self.now();
        let bytes = self.quota_bytes(payer, epoch, &now);
        self.overlay.set_quota(payer, epoch, bytes, &now);
    }

    /// Once a second: looks up the quotas of whom we serve. Without a stake there is none.
    pub(super) fn refresh_quotas(&mut self, now: &Now) {
        if self.receipt_checker.is_none() {
            return;
        }
        let schedule = self.clock.schedule();
        let left_ms = schedule.end_ms(now.epoch).saturating_sub(now.wall_ms);
        let ahead_ms = AHEAD_MS.min(schedule.length_s.saturating_mul(250));
        self.overlay.set_epoch_ends_soon(left_ms <= ahead_ms);
        for payer in self.overlay.serving() {
            // What was known stays until something else is.
            if self.quota(payer, now.epoch, now).is_none() && !self.knows_quota(payer, now.epoch) {
                continue;
            }
            let bytes = self.quota_bytes(payer, now.epoch, now);
            self.overlay.set_quota(payer, now.epoch, bytes, now);
        }
    }

    /// Tells the payer's tracker what we hold of its quota and want. An answer that does not come is
    /// noticed by the overlay.
    pub(super) fn lease_wanted(&self, claim: Claim, evidence: Box<Evidence>) {
        let tracker_of = payer_key(claim.payer);
        self.trackers.tell_for(tracker_of, ToTracker::Lease { claim, evidence });
    }
}
