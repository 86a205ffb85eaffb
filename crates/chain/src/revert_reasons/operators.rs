//! Errors of operators, their bonds and their nodes.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::Registry;
use super::library::{PARAMETER_INVALID, no_operator, not_the_owner, token_failed, too_large};

pub(super) fn registry(error: Registry) -> String {
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
        // The contract for assents says it too, of the signers' bond and of all.
        Registry::BondTooSmall(e) => {
            format!("{} of bond does not do, against {}", Data(e.amountWei), Data(e.bondWei))
        }
        Registry::NothingReleased(_) => {
            "nothing that was taken out of the bond is free yet".to_owned()
        }
        Registry::CallerNotOperatorOwner(e) => not_the_owner(e.caller),
        Registry::CallerNotCandidate(e) => format!("the operator was not offered to {}", e.caller),
        Registry::CallerNotSlasher(e) => format!("{} may not slash, or not yet", e.caller),
        Registry::EpochNotAnswerable(e) => format!(
            "the operator did not work in epoch {}, or its bond answers for it no longer",
            e.epoch
        ),
        Registry::OperatorUnknown(e) => no_operator(e.operatorId),
        Registry::OperatorLeaving(e) => format!("operator {} has asked to leave", e.operatorId),
        Registry::PayoutZero(_) => "the zero address cannot be paid".to_owned(),
        Registry::NodeKeyWeak(e) => format!("{} is no public key of a node", e.node),
        Registry::NodeOurs(e) => format!("{} is a node of this operator already", e.node),
        Registry::NodeNotOurs(e) => format!("{} is no node of this operator", e.node),
        Registry::OwnableUnauthorizedAccount(e) => {
            format!("{} does not own the registry", e.account)
        }
        Registry::OwnableInvalidOwner(e) => format!("{} cannot own the registry", e.owner),
        Registry::RegistryParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
        Registry::CheckpointUnorderedInsertion(_) => {
            "something of a later epoch is written down already".to_owned()
        }
        Registry::SafeCastOverflowedUintDowncast(e) => too_large(e.bits, e.value),
        Registry::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
}
