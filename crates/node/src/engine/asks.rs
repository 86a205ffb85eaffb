//! What those paid whom a relay serves, as the chain says: by that its ask is judged.
//!
//! Invariant: only who may act for a payer with a quota makes us remember its price, and a price is of an epoch that is closed. Whether it
//! is enough is the overlay's to decide.

use tatum_overlay::Now;
use tatum_overlay::asks::Paid;
use tatum_primitives::Address;
use tatum_rewards::RealisedPrice;

use super::Engine;

impl Engine {
    /// Says what a payer paid last. What the chain does not say is left unknown.
    pub(super) fn know_price(&mut self, payer: Address, now: &Now) {
        let Some(facts) = &self.facts else { return };
        let Some(paid) = facts.paid_before(payer, now.epoch) else { return };
        // No deployment has a pool share that this fails for.
        let Ok(price) = RealisedPrice::of(paid.fee_nano, paid.quota_bytes, paid.pool_bps) else {
            return;
        };
        self.overlay.set_paid(payer, now.epoch, Paid { epoch: paid.epoch, price }, now);
    }

    /// Once a second: the last epoch may have been closed meanwhile, and another one runs now.
    pub(super) fn refresh_prices(&mut self, now: &Now) {
        if self.receipt_checker.is_none() {
            return;
        }
        for payer in self.overlay.serving() {
            self.know_price(payer, now);
        }
    }
}
