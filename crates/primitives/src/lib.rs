//! The words of the protocol as types: ids, epochs, amounts, basis points and the EIP-712 domain.
//!
//! Invariant: nothing here reads a clock, a socket or a random number, and no amount is ever a float.
//!
//! # Example
//!
//! ```
//! use tatum_primitives::{Epoch, EpochSchedule, Nano, StreamId, U256};
//!
//! let schedule = EpochSchedule { genesis_s: 1_000, length_s: 60 };
//! assert_eq!(schedule.epoch_at_ms(1_125_000), Epoch(2));
//!
//! // Amounts are rounded down, and say so.
//! assert_eq!(Nano::from_wei_down(U256::from(1_999_999_999_u64))?, Nano(1));
//!
//! // Partitions of a stream are streams of their own to receipts.
//! let stream = StreamId::new("acme/weather")?;
//! assert_ne!(stream.key(0), stream.key(1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
pub use amount::{Bps, Data, Nano, NanoError, PPB, WEI_PER_DATA, WEI_PER_NANO};
pub use domain::{Domain, eip712_digest, eip712_preimage};
pub use epoch::{Epoch, EpochSchedule};
pub use ids::{
    NodeId, OperatorId, ReaderId, Role, StreamId, StreamIdError, StreamKey, UnknownRole,
};
pub use time::millis;
