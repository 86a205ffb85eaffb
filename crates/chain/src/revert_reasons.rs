//! What a contract's custom error means to whoever sent the transaction.
//!
//! Invariant: what users can run into is a sentence with amounts in DATA; of every other error the name and the values are told.

use alloy::sol_types::SolInterface;
use tatum_primitives::Data;

use crate::bindings::Assents::AssentsErrors as Assents;
use crate::bindings::ChannelHub::ChannelHubErrors as Hub;
use crate::bindings::DataToken::DataTokenErrors as Token;
use crate::bindings::DelegationFactory::DelegationFactoryErrors as Pools;
use crate::bindings::DelegationPool::DelegationPoolErrors as Delegation;
use crate::bindings::Distributor::DistributorErrors as Payouts;
use crate::bindings::ForcedReceipts::ForcedReceiptsErrors as Forcing;
use crate::bindings::OperatorRegistry::OperatorRegistryErrors as Registry;
use crate::bindings::StakePool::StakePoolErrors as Pool;
use crate::bindings::demands::Demands::DemandsErrors as Demands;
use crate::bindings::disproofs::Disproofs::DisproofsErrors as Disproofs;
use crate::bindings::overage::Overage::OverageErrors as Overage;
use crate::percent::percent;

/// What was said, whichever of our contracts said it.
pub(crate) fn revert_reason(error: &alloy::contract::Error) -> Option<String> {
    error.as_revert_data().map(|data| words_of(&data))
}

/// What an error's bytes mean.
pub(crate) fn words_of(data: &[u8]) -> String {
    Pool::abi_decode(data)
        .map(pool)
        .or_else(|_| Registry::abi_decode(data).map(registry))
        .or_else(|_| Payouts::abi_decode(data).map(payouts))
        .or_else(|_| Disproofs::abi_decode(data).map(|error| plain(&error)))
        .or_else(|_| Demands::abi_decode(data).map(|error| plain(&error)))
        .or_else(|_| Assents::abi_decode(data).map(|error| plain(&error)))
        .or_else(|_| Forcing::abi_decode(data).map(|error| plain(&error)))
        .or_else(|_| Overage::abi_decode(data).map(overage))
        .or_else(|_| Hub::abi_decode(data).map(hub))
        .or_else(|_| Delegation::abi_decode(data).map(delegation))
        .or_else(|_| Pools::abi_decode(data).map(|error| plain(&error)))
        .or_else(|_| Token::abi_decode(data).map(token))
        .ok()
        .or_else(|| alloy::sol_types::decode_revert_reason(data))
        .unwrap_or_else(|| alloy::primitives::hex::encode_prefixed(data))
}

fn pool(error: Pool) -> String {
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
        Pool::AmountZero(_) => "there is nothing staked, or nothing was asked for".to_owned(),
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
        other => plain(&other),
    }
}

fn registry(error: Registry) -> String {
    match error {
        Registry::BondBelowMinimum(e) => {
            format!("the bond is {}; it has to be {}", Data(e.bondWei), Data(e.minimumWei))
        }
        Registry::BondLocked(e) if e.freeFromEpoch == u64::MAX => {
            "the operator has not asked to leave; `tatum operator leave` does".to_owned()
        }
        Registry::BondLocked(e) => {
            format!("there is no bond, or it is locked until epoch {} begins", e.freeFromEpoch)
        }
        Registry::CallerNotOperatorOwner(e) => format!("{} does not own the operator", e.caller),
        Registry::CallerNotCandidate(e) => {
            format!("the operator was not offered to {}", e.caller)
        }
        Registry::OperatorUnknown(e) => format!("there is no operator {}", e.operatorId),
        Registry::OperatorLeaving(e) => format!("operator {} has asked to leave", e.operatorId),
        Registry::PayoutZero(_) => "the zero address cannot be paid".to_owned(),
        Registry::NodeKeyWeak(e) => format!("{} is no public key of a node", e.node),
        Registry::NodeOurs(e) => format!("{} is a node of this operator already", e.node),
        Registry::NodeNotOurs(e) => format!("{} is no node of this operator", e.node),
        other => plain(&other),
    }
}

fn payouts(error: Payouts) -> String {
    match error {
        Payouts::NothingToClaim(e) => format!("operator {} has claimed everything", e.operatorId),
        other => plain(&other),
    }
}

fn overage(error: Overage) -> String {
    match error {
        Overage::ListNotFinal(e) => {
            format!(
                "the receipts are not those of a distribution that is final for epoch {}",
                e.epoch
            )
        }
        Overage::WithinTolerance(e) => {
            format!("{} signed for no more than its quota and the tolerance", e.payer)
        }
        Overage::AlreadyBilled(e) => {
            format!("{} was billed for epoch {} before", e.payer, e.epoch)
        }
        Overage::NothingToCharge(e) => {
            format!("{} has nothing staked and nothing on its way out", e.payer)
        }
        other => plain(&other),
    }
}

fn hub(error: Hub) -> String {
    match error {
        Hub::ChannelIsOpen(_) => {
            "the channel is open already; `tatum channel top-up` adds to it".to_owned()
        }
        Hub::ChannelNotOpen(e) => {
            format!("{} has no open channel with operator {}", e.payer, e.operatorId)
        }
        Hub::ChannelIsExiting(_) => "the payer is leaving the channel".to_owned(),
        Hub::ExitNotOver(_) => {
            "the payer has not left the channel, or its window is not over".to_owned()
        }
        Hub::PayerDidNotAgree(e) => format!("{} signed, who is not the payer", e.signer),
        Hub::OperatorDidNotAgree(e) => {
            format!("{} signed, who is neither the operator's payee nor its owner", e.signer)
        }
        Hub::ReceiptRefused(e) => format!("the receipt redeems nothing ({})", refusal(e.refusal)),
        Hub::NothingCredited(e) => format!("nothing is kept for {}", e.account),
        other => plain(&other),
    }
}

fn delegation(error: Delegation) -> String {
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
        Delegation::CutTooLarge(e) => {
            format!("a cut is at most {}", percent(e.mostBps))
        }
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
        other => plain(&other),
    }
}

/// Shares of a pool as people read them.
fn shares(amount: tatum_primitives::U256) -> String {
    let text = Data(amount.saturating_mul(tatum_primitives::U256::from(1_000_000_000))).to_string();
    text.trim_end_matches(" DATA").to_owned()
}

/// `IChannelHub.Refusal`, by its number.
fn refusal(number: u8) -> &'static str {
    match number {
        3 => "it is for a channel that is closed, or for another",
        4 => "the payer's exit is over",
        5 => "its lane was paid as much already",
        6 => "nothing is left of the deposit",
        7 => "signed by nobody who may",
        _ => "it is no receipt",
    }
}

fn token(error: Token) -> String {
    match error {
        Token::ERC20InsufficientBalance(e) => {
            format!("{} holds {}, {} are needed", e.sender, Data(e.balance), Data(e.needed))
        }
        Token::ERC20InsufficientAllowance(e) => {
            format!("{} may take {}, {} are needed", e.spender, Data(e.allowance), Data(e.needed))
        }
        other => plain(&other),
    }
}

/// The error's name and values, without the name of the type around it.
fn plain(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let inner = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inner.unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use alloy::sol_types::SolError;
    use tatum_primitives::U256;

    use super::*;
    use crate::bindings::{Distributor, OperatorRegistry};

    #[test]
    fn amounts_are_told_in_data_and_unnamed_errors_by_their_name() {
        let bond = OperatorRegistry::BondBelowMinimum {
            bondWei: U256::from(1_500_000_000_000_000_000_u64),
            minimumWei: U256::from(5_000_000_000_000_000_000_u64),
        };
        let bond = Registry::abi_decode(&bond.abi_encode()).unwrap();
        assert_eq!(registry(bond), "the bond is 1.5 DATA; it has to be 5 DATA");
        let older = Distributor::OlderSurvives { counter: 7 };
        let older = Payouts::abi_decode(&older.abi_encode()).unwrap();
        assert_eq!(payouts(older), "OlderSurvives { counter: 7 }");
    }
}
