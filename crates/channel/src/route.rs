//! Payments over a hub, a prototype: a payer with one channel pays many operators, none of whom it has a channel with.
//!
//! The hub is an operator for its payers and a payer for other operators. What a payer was delivered by a node it signs as ever, in its
//! channel with the hub; the receipt names the node. The node's operator hands it to the hub, which signs one of its own for the same
//! delivery in its channel with that operator, less its fee:
//!
//! ```text
//! payer ── receipt (node, counters, owed) ──► operator ── the same ──► hub
//!                                             operator ◄── receipt (node, counters, owed − fee) ── hub
//! ```
//!
//! Invariant: the hub releases nothing that it does not hold a payer's receipt for, covered by that payer's confirmed deposit; and no more
//! than its own deposit with the operator covers: `Σ released ≤ Σ received − fee`, in all and in each lane.
//!
//! Who loses at most what, whoever else cheats and colludes (`tests/route.rs`):
//!
//! | honest | loses |
//! |---|---|
//! | payer | nothing: it signs for what it was delivered, and the hub's fee |
//! | hub | nothing, if its receipts reach the chain in an exit's window, as any operator's |
//! | operator | its credit in each lane: what it delivers before it sees the hub's receipt |
//!
//! # Requirements
//! Receipts were checked by whoever calls: who signed is an argument. Deposits are those below the confirmation depth.
//! # Not provided
//! That the hub goes on: it may stop at any time, and whom it serves is up to it. Nodes do not speak this yet.

mod error;
mod operator;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Bps, OperatorId, ReaderId, U256};
use tatum_receipt::DeliveryReceipt;

use crate::{SignedBy, lane_id};

pub use error::RouteRefusal;
pub use operator::{CreditSpent, Deliverer};

/// Lanes that a hub keeps, at most.
pub const MOST_LANES: usize = 65_536;

/// A channel as the hub counts on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backing {
    /// The channel.
    pub id: B256,
    /// All that came in, as of a confirmed block; zero while nothing of it is confirmed.
    pub deposited_wei: u128,
    /// Whether its payer is leaving, as of any block.
    pub is_exiting: bool,
}

/// A lane of a payer, and where it leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Lane {
    /// The payer's channel.
    channel: B256,
    received_wei: u128,
    /// The hub's own newest receipt. Its reader is the hub's: readers of different payers may have one number.
    released: DeliveryReceipt,
}

/// What a hub took and gave.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Hub {
    /// Its account, which pays operators.
    account: Address,
    /// As which operator payers pay it.
    operator: OperatorId,
    fee: Bps,
    lanes: BTreeMap<B256, Lane>,
}

impl Hub {
    /// A hub that nobody paid yet.
    pub const fn new(account: Address, operator: OperatorId, fee: Bps) -> Self {
        Self { account, operator, fee, lanes: BTreeMap::new() }
    }

    /// Whether it is the hub of this account, operator and fee.
    pub fn is_of(&self, account: Address, operator: OperatorId, fee: Bps) -> bool {
        (self.account, self.operator, self.fee) == (account, operator, fee)
    }

    /// What the hub has to sign: of each lane the newest.
    pub fn released(&self) -> impl Iterator<Item = &DeliveryReceipt> + '_ {
        self.lanes.values().map(|lane| &lane.released)
    }

    /// What payers owe for what operators ask: the least of which not less than `net_wei` is left.
    pub fn gross_up(&self, net_wei: u128) -> Option<u128> {
        gross_up(net_wei, self.fee)
    }

    /// What it took, by its payers' newest receipts.
    pub fn received_wei(&self) -> u128 {
        self.sum_of(|_, _| true, |lane| lane.received_wei)
    }

    /// What it gave, by its own.
    pub fn released_wei(&self) -> u128 {
        self.sum_of(|_, _| true, |lane| lane.released.owed)
    }

    /// Takes a payer's receipt for what an operator's node delivered; gives the receipt that the hub has to sign for the operator `to`
    /// whose node that is. A refusal changes nothing.
    pub fn release(
        &mut self,
        receipt: &DeliveryReceipt,
        signed_by: SignedBy,
        to: OperatorId,
        (incoming, outgoing): (Backing, Backing),
    ) -> Result<DeliveryReceipt, RouteRefusal> {
        if receipt.operator_id != self.operator || receipt.channel != incoming.id {
            return Err(RouteRefusal::OtherChannel { got: receipt.channel });
        }
        if !signed_by.may_sign || signed_by.signer.is_none() {
            return Err(RouteRefusal::Signer);
        }
        if to == self.operator {
            return Err(RouteRefusal::OwnNode);
        }
        if incoming.is_exiting || outgoing.is_exiting {
            return Err(RouteRefusal::Exiting);
        }
        let id = lane_id(receipt);
        let released = DeliveryReceipt {
            payer: self.account,
            operator_id: to,
            reader: self.reader((id, receipt.owed), to, outgoing.id)?,
            channel: outgoing.id,
            owed: net_down(receipt.owed, self.fee),
            ..receipt.clone()
        };
        let (channel, received_wei) = (receipt.channel, receipt.owed);
        let others = |at: &B256, lane: &Lane| *at != id && lane.channel == channel;
        let others_wei = self.sum_of(others, |lane| lane.received_wei);
        covered(others_wei.saturating_add(received_wei), incoming.deposited_wei)?;
        let others = |at: &B256, lane: &Lane| *at != id && lane.released.channel == outgoing.id;
        let others_wei = self.sum_of(others, |lane| lane.released.owed);
        covered(others_wei.saturating_add(released.owed), outgoing.deposited_wei)?;
        self.lanes.insert(id, Lane { channel, received_wei, released: released.clone() });
        Ok(released)
    }

    /// In which of the hub's own lanes a payer's continues, if it owes more there than before. It never continues in another channel of
    /// the hub's: what is owed is cumulative, and would be paid there once more.
    fn reader(
        &self,
        (id, owed_wei): (B256, u128),
        to: OperatorId,
        outgoing: B256,
    ) -> Result<ReaderId, RouteRefusal> {
        let lane = self.lanes.get(&id);
        let received_wei = lane.map_or(0, |lane| lane.received_wei);
        if owed_wei <= received_wei {
            return Err(RouteRefusal::NothingNew { owed_wei, received_wei });
        }
        match lane.map(|lane| &lane.released) {
            Some(released) if released.operator_id != to => {
                Err(RouteRefusal::OtherOperator { before: released.operator_id })
            }
            Some(released) if released.channel != outgoing => {
                Err(RouteRefusal::LaneEnded { channel: released.channel })
            }
            Some(released) => Ok(released.reader),
            None if self.lanes.len() >= MOST_LANES => Err(RouteRefusal::Lanes { most: MOST_LANES }),
            None => Ok(ReaderId(u32::try_from(self.lanes.len()).unwrap_or(u32::MAX))),
        }
    }

    fn sum_of(&self, of: impl Fn(&B256, &Lane) -> bool, what: impl Fn(&Lane) -> u128) -> u128 {
        let lanes = self.lanes.iter().filter(|(at, lane)| of(at, lane));
        lanes.fold(0, |sum: u128, (_, lane)| sum.saturating_add(what(lane)))
    }
}

/// What is left of `gross_wei` for the operator; rounded in the hub's favour.
fn net_down(gross_wei: u128, fee: Bps) -> u128 {
    let left = U256::from(10_000u32).saturating_sub(U256::from(fee.bps()));
    // 128 and 14 bits fit; a part of what was 128 bits is.
    let product = U256::from(gross_wei).saturating_mul(left);
    let net = product.checked_div(U256::from(10_000u32)).unwrap_or_default();
    u128::try_from(net).unwrap_or(gross_wei)
}

/// The least amount of which not less than `net_wei` is left; nothing if none is, or it does not fit.
pub fn gross_up(net_wei: u128, fee: Bps) -> Option<u128> {
    let left = U256::from(10_000u32).checked_sub(U256::from(fee.bps()))?;
    let product = U256::from(net_wei).checked_mul(U256::from(10_000u32))?;
    let rounded = product.checked_add(left.checked_sub(U256::from(1))?)?;
    u128::try_from(rounded.checked_div(left)?).ok()
}

fn covered(owed_wei: u128, covered_wei: u128) -> Result<(), RouteRefusal> {
    if owed_wei > covered_wei {
        return Err(RouteRefusal::Uncovered { owed_wei, covered_wei });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_grossed_up_leaves_enough_and_a_wei_less_would_not(net_wei in 0..u128::MAX >> 20, fee in 0u16..10_000) {
            let fee = Bps::new(fee).unwrap();
            let gross_wei = gross_up(net_wei, fee).unwrap();
            prop_assert!(net_down(gross_wei, fee) >= net_wei && net_down(gross_wei, fee) <= gross_wei);
            prop_assert!(gross_wei == 0 || net_down(gross_wei - 1, fee) < net_wei);
        }
    }

    #[test]
    fn a_fee_of_everything_pays_nobody() {
        let all = Bps::new(10_000).unwrap();
        assert_eq!((net_down(u128::MAX, all), gross_up(1, all)), (0, None));
        assert_eq!(net_down(u128::MAX, Bps::new(0).unwrap()), u128::MAX);
    }
}
