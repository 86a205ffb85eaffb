//! A call of a contract that is made before it is known who sends it, and why one is refused.

use alloy::primitives::Bytes;
use alloy::transports::TransportError;
use tatum_primitives::Address;

use crate::revert_reasons::words_of;

/// A call that a wallet sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// What it does, for people.
    pub label: &'static str,
    /// The contract.
    pub to: Address,
    /// What is called, and with what.
    pub data: Bytes,
}

/// Why a call that was tried is refused, in words; nothing if that is not what failed.
pub(crate) fn refusal(error: &TransportError) -> Option<String> {
    let answer = error.as_error_resp()?;
    let said = answer.as_revert_data().map(|data| words_of(&data));
    Some(said.unwrap_or_else(|| answer.message.to_string()))
}
