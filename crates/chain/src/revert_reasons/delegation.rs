//! Errors of pools of delegators.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::{Data, U256};

use super::library::{cannot_receive, not_the_owner, token_failed};
use super::{Delegation, Pools};
use crate::percent::percent;

pub(super) fn delegation(error: Delegation) -> String {
    match error {
        Delegation::DelegationBelowMinimum(e) => {
            let (amount, least) = (Data(e.amountWei), Data(e.minimumWei));
            format!("{amount} are too little to delegate; delegate {least} at least")
        }
        Delegation::OwnStakeTooSmall(_) => {
            "the pool's owner would hold less than a twentieth of it".to_owned()
        }
        Delegation::PoolRetired(_) => "the operator has asked to leave for good".to_owned(),
        Delegation::RequestEmpty(_) => "that is worth nothing".to_owned(),
        Delegation::SharesTooFew(e) => {
            let (held, needed) = (shares(e.shares), shares(e.needed));
            format!("{} holds {held} shares, {needed} are needed", e.account)
        }
        Delegation::SharesTooCoarse(_) => {
            "a share is worth so much that more than a millionth of the amount would be lost; delegate more at once".to_owned()
        }
        Delegation::AllowanceTooSmall(e) => {
            let (allowed, needed) = (shares(e.allowance), shares(e.needed));
            format!("{} may move {allowed} shares, {needed} are needed", e.spender)
        }
        Delegation::RequestPending(e) => {
            format!("it is redeemed from epoch {} on", e.redeemableFromEpoch)
        }
        Delegation::RequestUnknown(e) => {
            format!("nothing was requested in epoch {}, or it was redeemed already", e.requestId)
        }
        Delegation::NotFreeYet(e) => {
            let (needed, here) = (Data(e.neededWei), Data(e.balanceWei));
            format!(
                "{needed} are due and {here} are there: the rest is in the bond; `tatum delegate collect` takes it out"
            )
        }
        Delegation::CallerNotOwner(e) => format!("{} does not own the pool", e.caller),
        Delegation::CallerNotOffered(e) => format!("the pool was not offered to {}", e.caller),
        Delegation::CallerNotFactory(e) => {
            format!("{} is not the factory, which alone sets pools up", e.caller)
        }
        Delegation::CutTooLarge(e) => format!("a cut is at most {}", percent(e.mostBps)),
        Delegation::CutRiseTooLarge(e) => format!(
            "the cut would rise by {}; it may by {} at once",
            percent(e.riseBps),
            percent(e.mostBps)
        ),
        Delegation::SharesBelowMinimum(e) => format!(
            "the price has changed: {} shares instead of {}; try again",
            shares(e.shares),
            shares(e.minShares)
        ),
        Delegation::RecipientInvalid(e) => cannot_receive(e.recipient),
        Delegation::BooksFull(_) => "the pool holds as much as its books can say".to_owned(),
        Delegation::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
}

pub(super) fn pools(error: Pools) -> String {
    match error {
        Pools::CallerNotOperatorOwner(e) => not_the_owner(e.caller),
        Pools::FailedDeployment(_) => {
            "no pool could be made; the operator may have one already".to_owned()
        }
        Pools::InsufficientBalance(e) => format!(
            "making the pool takes {} wei of the chain's coin, and {} are there",
            e.needed, e.balance
        ),
    }
}

/// Shares of a pool as people read them.
fn shares(amount: U256) -> String {
    let text = Data(amount.saturating_mul(U256::from(1_000_000_000))).to_string();
    text.trim_end_matches(" DATA").to_owned()
}
