//! Errors of payment channels.
//!
//! Invariant: every error has an arm of its own.

use tatum_primitives::Data;

use super::Hub;
use super::library::{
    AMOUNT_ZERO, NAME_MALFORMED, PARAMETER_INVALID, cannot_receive, no_operator, not_the_token,
    token_failed,
};

pub(super) fn hub(error: Hub) -> String {
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
        Hub::WindowOutOfBounds(e) => format!(
            "a channel's window is from {} to {} minutes, not {}",
            e.leastMinutes, e.mostMinutes, e.windowMinutes
        ),
        Hub::DepositTooLarge(e) => {
            format!("{} are more than a channel holds", Data(e.depositWei))
        }
        Hub::GenerationsSpent(_) => {
            "payer and operator have had all the channels that they can have".to_owned()
        }
        Hub::CloseOutOfBounds(e) => format!(
            "the close would pay {}; the operator has {} already, and {} were deposited",
            Data(e.totalWei),
            Data(e.paidWei),
            Data(e.depositedWei)
        ),
        Hub::ReceiptsMalformed(e) => {
            format!("receipts have 278 bytes each; these have {} in all", e.lengthBytes)
        }
        Hub::GasTooLow(e) => {
            format!("{} gas is too little to be sure of the payment; allow more", e.gasLeft)
        }
        Hub::TransferDataMalformed(_) => {
            "the data sent along with the tokens names no operator, or no window besides".to_owned()
        }
        Hub::AmountZero(_) => AMOUNT_ZERO.to_owned(),
        Hub::OperatorUnknown(e) => no_operator(e.operatorId),
        Hub::RecipientInvalid(e) => cannot_receive(e.recipient),
        Hub::CallerNotToken(e) => not_the_token(e.caller),
        Hub::HubParameterInvalid(_) => PARAMETER_INVALID.to_owned(),
        Hub::InvalidShortString(_) | Hub::StringTooLong(_) => NAME_MALFORMED.to_owned(),
        Hub::SafeERC20FailedOperation(e) => token_failed(e.token),
    }
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
