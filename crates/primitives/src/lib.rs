//! The words of the protocol as types: ids, epochs, amounts, basis points and the EIP-712 domain.
//!
//! Invariant: nothing here reads a clock, a socket or a random number, and no amount is ever a float.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod amount;
pub mod decimal;
mod domain;
mod epoch;
mod ids;
mod time;

pub use alloy_primitives::{Address, B256, U256, keccak256};
pub use amount::{Bps, Nano, NanoError, WEI_PER_NANO};
pub use domain::{Domain, eip712_digest};
pub use epoch::{Epoch, EpochSchedule};
pub use ids::{
    NodeId, OperatorId, ReaderId, Role, StreamId, StreamIdError, StreamKey, UnknownRole,
};
pub use time::millis;
