//! What an operator delivers to somebody who pays over a hub.
//!
//! Invariant: what was delivered in a lane and not released is never more than the credit.

use tatum_receipt::DeliveryReceipt;

use super::Backing;
use crate::error::data;

/// One lane, as the operator that delivers in it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deliverer {
    credit_wei: u128,
    delivered_wei: u128,
    released_wei: u128,
}

/// The operator stops delivering.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{} would be delivered without the hub's receipt; the credit is {}",
    data(unreleased_wei),
    data(credit_wei)
)]
pub struct CreditSpent {
    /// What would be delivered and not released.
    pub unreleased_wei: u128,
    /// What may be.
    pub credit_wei: u128,
}

impl Deliverer {
    /// A lane in which so much is delivered before the hub's receipt is seen.
    pub const fn new(credit_wei: u128) -> Self {
        Self { credit_wei, delivered_wei: 0, released_wei: 0 }
    }

    /// What was delivered.
    pub const fn delivered_wei(&self) -> u128 {
        self.delivered_wei
    }

    /// Delivers `cost_wei` more, if the credit covers it.
    pub fn deliver(&mut self, cost_wei: u128) -> Result<(), CreditSpent> {
        let delivered_wei = self.delivered_wei.saturating_add(cost_wei);
        let (unreleased_wei, credit_wei) =
            (delivered_wei.saturating_sub(self.released_wei), self.credit_wei);
        if unreleased_wei > credit_wei {
            return Err(CreditSpent { unreleased_wei, credit_wei });
        }
        self.delivered_wei = delivered_wei;
        Ok(())
    }

    /// Takes notice of the hub's receipt, which the caller has checked. `others_wei` is what the hub's newest receipts owe the operator in
    /// all other lanes: what the deposit does not cover beside it does not count, and neither does anything while the hub leaves.
    pub fn released(&mut self, receipt: &DeliveryReceipt, hub: Backing, others_wei: u128) {
        if hub.is_exiting || receipt.channel != hub.id {
            return;
        }
        let covered_wei = hub.deposited_wei.saturating_sub(others_wei);
        self.released_wei = self.released_wei.max(receipt.owed.min(covered_wei));
    }
}
