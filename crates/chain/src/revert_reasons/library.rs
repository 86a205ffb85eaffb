//! Errors that contracts have of the libraries that they share.
//!
//! Invariant: the same error has the same words, whichever contract says it.

use tatum_primitives::{Address, U256};

/// Thrown by a constructor, or by a contract that keeps its name elsewhere than ours do.
pub(super) const NAME_MALFORMED: &str =
    "the contract's own name or version is malformed; it is not one of this deployment";
/// Thrown by a constructor.
pub(super) const PARAMETER_INVALID: &str = "a parameter of the deployment is out of its range";
/// Thrown where two sums of a tree are added.
pub(super) const SUM_OVERFLOW: &str = "two sums of the proof do not fit into 64 bits together";
/// Thrown where a list's line is shown.
pub(super) const OPENING_INVALID: &str = "a line does not stand in the list where it is said to, or what should stand beside a gap is missing";
/// Thrown where an amount is nothing.
pub(super) const AMOUNT_ZERO: &str = "the amount is nothing, or there is nothing staked";

pub(super) fn too_large(bits: u8, value: U256) -> String {
    format!("{value} is more than {bits} bits hold")
}

pub(super) fn token_failed(token: Address) -> String {
    format!("the token {token} did not move the amount")
}

pub(super) fn not_the_token(caller: Address) -> String {
    format!("{caller} is not the token, from which alone this is taken")
}

pub(super) fn not_the_owner(caller: Address) -> String {
    format!("{caller} does not own the operator")
}

pub(super) fn no_operator(id: u32) -> String {
    format!("there is no operator {id}")
}

pub(super) fn not_the_distributor(caller: Address) -> String {
    format!("{caller} is not the distributor, which alone may do that")
}

pub(super) fn cannot_receive(recipient: Address) -> String {
    format!("{recipient} cannot receive it: that is nobody's address, or the contract's own")
}
