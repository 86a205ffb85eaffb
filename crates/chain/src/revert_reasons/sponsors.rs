//! Errors of sponsors' vaults.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::library::{cannot_receive, not_the_token, token_failed, too_large};
use super::shares::{
    NOT_MADE, REQUEST_EMPTY, SHARES_TOO_COARSE, coin_too_little, not_free_yet, not_the_factory,
    request_pending, request_unknown, shares_below_minimum, vault_shares,
};
use super::{Vault, Vaults, stakes};

pub(super) fn vault(error: Vault) -> String {
    match error {
        Vault::AmountBelowMinimum(e) => {
            let (amount, least) = (Data(e.amountWei), Data(e.minimumWei));
            format!("{amount} are too little to sponsor; give {least} at least")
        }
        Vault::BeneficiaryMalformed(_) => stakes::BENEFICIARY_MALFORMED.to_owned(),
        Vault::CallerNotFactory(e) => not_the_factory(e.caller),
        Vault::CallerNotStreamOwner(e) => format!("{} does not own the streams", e.caller),
        Vault::CallerNotToken(e) => not_the_token(e.caller),
        Vault::NotFreeYet(e) => not_free_yet(e.neededWei, e.hereWei),
        Vault::NothingToStake(_) => "nothing lies in the vault that could be staked".to_owned(),
        Vault::RecipientInvalid(e) => cannot_receive(e.recipient),
        Vault::ReentrancyGuardReentrantCall(_) => {
            "the vault was called again before it was done".to_owned()
        }
        Vault::RequestEmpty(_) => REQUEST_EMPTY.to_owned(),
        Vault::RequestPending(e) => request_pending(e.earliestEpoch),
        Vault::RequestUnknown(e) => request_unknown(e.requestId),
        Vault::SafeCastOverflowedUintDowncast(e) => too_large(e.bits, e.value),
        Vault::SafeERC20FailedOperation(e) => token_failed(e.token),
        Vault::SharesBelowMinimum(e) => {
            shares_below_minimum(&vault_shares(e.shares), &vault_shares(e.minShares))
        }
        Vault::SharesTooCoarse(_) => SHARES_TOO_COARSE.to_owned(),
        Vault::SharesTooFew(e) => {
            format!(
                "there are {} shares, {} are needed",
                vault_shares(e.shares),
                vault_shares(e.needed)
            )
        }
        Vault::VaultEnded(e) => format!("the vault ended with epoch {}", e.endEpoch),
        Vault::VaultGoesOn(e) => format!("the vault goes on until epoch {}", e.endEpoch),
    }
}

pub(super) fn vaults(error: Vaults) -> String {
    match error {
        Vaults::EndEpochInvalid(e) => {
            format!(
                "a vault made now ends in an epoch from {} to {}, not in {}",
                e.first, e.last, e.endEpoch
            )
        }
        Vaults::FailedDeployment(_) => NOT_MADE.to_owned(),
        Vaults::InsufficientBalance(e) => coin_too_little(e.balance, e.needed),
        Vaults::StreamOwnerZero(_) => "a vault is for somebody's streams".to_owned(),
    }
}
