//! Errors of proposals, what is said against them, and claims.
//!
//! Invariant: every error has an arm of its own. Times are seconds since 1970, as in the chain's blocks.

use tatum_primitives::{Data, U256, WEI_PER_NANO};

use super::library::{
    NAME_MALFORMED, OPENING_INVALID, PARAMETER_INVALID, SUM_OVERFLOW, token_failed, too_large,
};
use super::{Assents, Demands, Disproofs, Forcing, Payouts};

/// Told too of a demand that somebody else was faster to answer.
pub(super) const DEMAND_NOT_OPEN: &str = "there is no such demand, or it was answered or paid back";

pub(super) fn payouts(error: Payouts) -> String {
    match error {
        Payouts::NothingToClaim(e) => format!("operator {} has claimed everything", e.operatorId),
        Payouts::ProofInvalid(_) => {
            "the entry does not stand in the distribution that claims are paid from; a newer one may be final by now".to_owned()
        }
        Payouts::CallerNotPayout(e) => format!(
            "{} is not the operator's payout address, which alone may have a claim paid elsewhere",
            e.caller
        ),
        Payouts::CallerNotTrusted(e) => {
            format!("{} is not the contract that may do that", e.caller)
        }
        Payouts::EpochNotNext(e) => {
            format!("epoch {} is the next to be proposed, not epoch {}", e.next, e.epoch)
        }
        Payouts::ProposalTooEarly(e) => {
            format!("the epoch can be proposed from {} on, in seconds since 1970", e.proposableAt)
        }
        Payouts::ForcedHashDiffers(_) => {
            "other receipts were forced than the proposal counts; read them again".to_owned()
        }
        Payouts::CountsWrong(_) => {
            "an empty list has a top, or a list that is not empty has none, or there are more edges than receipts".to_owned()
        }
        Payouts::SumWrong(e) => {
            let (sum, there) = (in_data(e.nano), in_data(U256::from(e.availableNano)));
            format!("{sum} are to be paid and {there} are there, or less than before in all")
        }
        Payouts::AlreadyProposed(e) => {
            format!("proposal {} of this account for the epoch is open already", e.counter)
        }
        Payouts::ProposalNotOpen(e) => {
            format!("proposal {} is over, or is not the one that was made under this number", e.counter)
        }
        Payouts::ChallengeWindowOpen(e) => format!(
            "the proposal can be challenged until {}, in seconds since 1970, and {} demands for its data are open",
            e.finalizableAt, e.openDemands
        ),
        Payouts::ChallengeWindowClosed(_) => "the challenge window is over".to_owned(),
        Payouts::OlderSurvives(e) => {
            format!("proposal {}, which is older, may still become final", e.counter)
        }
        Payouts::VetoNotAllowed(_) => {
            "only the guardian vetoes, and only as often and as long as the deployment allows".to_owned()
        }
        Payouts::NothingThere(_) => "there is nothing to withdraw or to burn".to_owned(),
        Payouts::BoundaryLengthWrong(_) => {
            "the proof has more or fewer words than the range of entries needs".to_owned()
        }
        Payouts::EntriesNotNeighbours(_) => {
            "the entries are not neighbours by their ids, or there are none".to_owned()
        }
        Payouts::SumOverflow(_) => SUM_OVERFLOW.to_owned(),
        Payouts::SettlementParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
        Payouts::SafeCastOverflowedUintDowncast(e) => too_large(e.bits, e.value),
        Payouts::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
}

pub(super) fn disproofs(error: Disproofs) -> String {
    match error {
        Disproofs::NothingWrong(_) => "that shows nothing wrong with the proposal".to_owned(),
        Disproofs::OpeningInvalid(_) => OPENING_INVALID.to_owned(),
        Disproofs::SumOverflow(_) => SUM_OVERFLOW.to_owned(),
    }
}

pub(super) fn demands(error: Demands) -> String {
    match error {
        Demands::AlreadyAsked(_) => "the same was demanded before".to_owned(),
        Demands::PriceTooLow(e) => format!(
            "an answer costs {} wei of the chain's coin, and {} are offered",
            e.priceWei, e.offeredWei
        ),
        Demands::NotShown(_) => {
            "a further demand is for what an answer showed, and comes soon after it".to_owned()
        }
        Demands::DemandNotOpen(_) => DEMAND_NOT_OPEN.to_owned(),
        Demands::AnswerTooLate(e) => {
            format!("it had to be answered by {}, in seconds since 1970", e.answerBy)
        }
        Demands::AnswerNotOverdue(e) => {
            format!("it may be answered until {}, in seconds since 1970", e.answerBy)
        }
        Demands::AnswerWrong(_) => "the answer is not what was demanded".to_owned(),
        Demands::WordNotThere(_) => {
            "the word does not stand where it is said to, or not so many lie under it".to_owned()
        }
        Demands::ProposalStillOpen(e) => format!("proposal {} is still open", e.counter),
        Demands::PaymentRefused(e) => format!("{} does not take the chain's coin", e.to),
        Demands::SumOverflow(_) => SUM_OVERFLOW.to_owned(),
    }
}

pub(super) fn assents(error: Assents) -> String {
    match error {
        Assents::AssentNotInTime(e) => {
            format!("epoch {} cannot be assented to yet, or no longer", e.epoch)
        }
        Assents::RoundNotNewer(e) => {
            format!("an assent of round {} was posted; round {} is not newer", e.newest, e.round)
        }
        Assents::SignersWrong(_) => {
            "there are not as many signatures as operators, or one is named twice or out of order"
                .to_owned()
        }
        Assents::SignatureInvalid(e) => {
            format!("the owner of operator {} did not sign that", e.operatorId)
        }
        // The registry's words for the same.
        Assents::BondTooSmall(e) => {
            format!("{} of bond does not do, against {}", Data(e.bondWei), Data(e.totalWei))
        }
        Assents::SettlementParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
        Assents::InvalidShortString(_) | Assents::StringTooLong(_) => NAME_MALFORMED.to_owned(),
    }
}

pub(super) fn forcing(error: Forcing) -> String {
    match error {
        Forcing::ForcingIsOver(e) => {
            format!("receipts of epoch {} can be forced no longer", e.epoch)
        }
        Forcing::NoReceiptOf(e) => {
            format!("one of them is no receipt of epoch {} with its signature", e.epoch)
        }
        Forcing::SettlementParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
    }
}

fn in_data(nano: U256) -> Data {
    Data(nano.saturating_mul(U256::from(WEI_PER_NANO)))
}
