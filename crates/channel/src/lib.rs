//! Payment channels as `contracts/channels/ChannelHub.sol` keeps them: who owes what, who was paid what, and when it is over.
//!
//! Invariant: what a lane was paid never falls and never exceeds the `owed` that was signed; the lanes' payments sum up to the
//! channel's, which never exceed its deposit; nothing leads back from a closed channel. `tests/vectors/channels.json` holds the
//! contract to the same answers.
//!
//! # Requirements
//! The caller says what time it is on the chain, who signed a receipt and whether that key may sign for its payer. What it
//! counts as deposited, it read below its confirmation depth.
//! # Provided
//! The same outcome, by the same rule, as the contract's for every sequence of calls; and for an operator, what it may still
//! deliver on a channel ([`Standing`]).
//! # Not provided
//! That a receipt reaches the chain in time: that is the watchtower's work.
//!
//! # Example
//!
//! ```
//! use tatum_channel::{Channel, Pair, SignedBy};
//! use tatum_primitives::{Address, OperatorId};
//! use tatum_receipt::DeliveryReceipt;
//!
//! let payer = Address::repeat_byte(1);
//! let mut channel = Channel::new(Pair { hub: Address::ZERO, payer, operator_id: OperatorId(0) });
//! channel.open(1_000, 60)?;
//!
//! let receipt = DeliveryReceipt { payer, channel: channel.id(), owed: 300, ..Default::default() };
//! let by_payer = SignedBy { signer: Some(payer), may_sign: true };
//! assert_eq!(channel.redeem(&receipt, by_payer, 0)?, 300);
//!
//! // The payer leaves; what it owes can be redeemed for an hour, then the rest is its own.
//! let ends_s = channel.exit(5_000)?;
//! assert_eq!(ends_s, 5_000 + 3_600);
//! assert_eq!(channel.settle(ends_s)?.returned_wei, 700);
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

mod channel;
mod error;
mod id;
mod lane;
mod price;
pub mod route;
mod standing;
pub mod ticket;

pub use channel::{
    Channel, Ended, LEAST_WINDOW_MINUTES, Lane, MOST_DEPOSIT_WEI, MOST_WINDOW_MINUTES, Open,
    SignedBy,
};
pub use error::{Error, Refusal};
pub use id::{Pair, close_digest, highest_of_lanes, lane_id};
pub use lane::{LaneAccount, Underpaid};
pub use price::{Price, TooDear};
pub use standing::{Shortfall, Standing};
