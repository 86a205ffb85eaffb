//! Errors of stakes, session keys and overage.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::library::{
    AMOUNT_ZERO, NAME_MALFORMED, OPENING_INVALID, PARAMETER_INVALID, not_the_distributor,
    not_the_token, token_failed, too_large,
};
use super::{Overage, Pool};

/// Thrown where tokens come with data that is neither nothing nor an address.
pub(super) const BENEFICIARY_MALFORMED: &str =
    "the data sent along with the tokens is no address of whom they are for";

pub(super) fn pool(error: Pool) -> String {
    match error {
        Pool::StakeBelowMinimum(e) => {
            let (stake, least) = (Data(e.stakeWei), Data(e.minimumWei));
            format!("the stake would be {stake}; a stake has at least {least}")
        }
        Pool::StakeTooSmall(e) => {
            format!("{} were asked for, and {} are staked", Data(e.requestedWei), Data(e.stakeWei))
        }
        Pool::RemainderBelowMinimum(e) => format!(
            "{} would be left; leave {} at least, or take out everything",
            Data(e.remainderWei),
            Data(e.minimumWei)
        ),
        Pool::AmountZero(_) => AMOUNT_ZERO.to_owned(),
        Pool::NothingMinted(_) => "the amount is too small to count".to_owned(),
        Pool::NothingToWithdraw(_) => {
            "nothing can be withdrawn yet; `tatum stake status` says when. What was asked out also waits for the distribution of \
             its epoch to be final, three times the unbonding at most"
                .to_owned()
        }
        Pool::SessionKeyTaken(e) => {
            format!("{} is or was a session key of {}; a key belongs to one payer", e.key, e.payer)
        }
        Pool::SessionKeySignatureInvalid(_) => "the session key did not agree".to_owned(),
        Pool::SessionKeyNotAuthorized(e) => format!("{} is no session key of this account", e.key),
        Pool::BeneficiaryZero(_) => "a stake has to be somebody's, not the zero address's".to_owned(),
        Pool::BeneficiaryMalformed(_) => BENEFICIARY_MALFORMED.to_owned(),
        Pool::EpochNotBegun(e) => format!("epoch {} has not begun", e.epoch),
        Pool::EpochNotClosed(e) => {
            format!("epoch {} is not closed yet; anybody may close one that is over", e.epoch)
        }
        Pool::CallerNotToken(e) => not_the_token(e.caller),
        Pool::CallerNotDistributor(e) => not_the_distributor(e.caller),
        Pool::CallerNotOverage(e) => {
            format!("{} is not the contract for overage, which alone may charge", e.caller)
        }
        Pool::PoolParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
        Pool::InvalidShortString(_) | Pool::StringTooLong(_) => NAME_MALFORMED.to_owned(),
        Pool::SafeCastOverflowedUintDowncast(e) => too_large(e.bits, e.value),
        Pool::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
}

pub(super) fn overage(error: Overage) -> String {
    match error {
        Overage::ListNotFinal(e) => {
            format!(
                "the receipts are not those of a distribution that is final for epoch {}",
                e.epoch
            )
        }
        Overage::WithinTolerance(e) => {
            format!(
                "{} signed for no more than its quota of epoch {} and the tolerance",
                e.payer, e.epoch
            )
        }
        Overage::AlreadyBilled(e) => {
            format!("{} was billed for epoch {} before", e.payer, e.epoch)
        }
        Overage::NothingToCharge(e) => {
            format!("{} has nothing staked and nothing on its way out", e.payer)
        }
        Overage::OpeningInvalid(_) => OPENING_INVALID.to_owned(),
    }
}
