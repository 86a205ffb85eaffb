//! Errors of pools of delegators.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::library::{cannot_receive, not_the_owner, token_failed};
use super::shares::{
    NOT_MADE, REQUEST_EMPTY, SHARES_TOO_COARSE, coin_too_little, not_free_yet, not_the_factory,
    request_pending, request_unknown, shares, shares_below_minimum,
};
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
        Delegation::RequestEmpty(_) => REQUEST_EMPTY.to_owned(),
        Delegation::SharesTooFew(e) => {
            let (held, needed) = (shares(e.shares), shares(e.needed));
            format!("{} holds {held} shares, {needed} are needed", e.account)
        }
        Delegation::SharesTooCoarse(_) => SHARES_TOO_COARSE.to_owned(),
        Delegation::AllowanceTooSmall(e) => {
            let (allowed, needed) = (shares(e.allowance), shares(e.needed));
            format!("{} may move {allowed} shares, {needed} are needed", e.spender)
        }
        Delegation::RequestPending(e) => request_pending(e.redeemableFromEpoch),
        Delegation::RequestUnknown(e) => request_unknown(e.requestId),
        Delegation::NotFreeYet(e) => not_free_yet(e.neededWei, e.balanceWei),
        Delegation::CallerNotOwner(e) => format!("{} does not own the pool", e.caller),
        Delegation::CallerNotOffered(e) => format!("the pool was not offered to {}", e.caller),
        Delegation::CallerNotFactory(e) => not_the_factory(e.caller),
        Delegation::CutTooLarge(e) => format!("a cut is at most {}", percent(e.mostBps)),
        Delegation::CutRiseTooLarge(e) => format!(
            "the cut would rise by {}; it may by {} at once",
            percent(e.riseBps),
            percent(e.mostBps)
        ),
        Delegation::SharesBelowMinimum(e) => {
            shares_below_minimum(&shares(e.shares), &shares(e.minShares))
        }
        Delegation::RecipientInvalid(e) => cannot_receive(e.recipient),
        Delegation::BooksFull(_) => "the pool holds as much as its books can say".to_owned(),
        Delegation::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
}

pub(super) fn pools(error: Pools) -> String {
    match error {
        Pools::CallerNotOperatorOwner(e) => not_the_owner(e.caller),
        Pools::FailedDeployment(_) => NOT_MADE.to_owned(),
        Pools::InsufficientBalance(e) => coin_too_little(e.balance, e.needed),
    }
}
