//! The heart of a Tatum node, without sockets, clocks or randomness of its own (sans-io).
//!
//! # Example
//!
//! ```
//! use tatum_overlay::window::Window;
//!
//! // What was seen of a publisher's numbers, whatever the order: each is new once, and the holes are known.
//! let mut seen = Window::starting_at(0);
//! for number in [0, 1, 4] {
//!     seen.insert(number);
//! }
//! assert!(seen.contains(4) && !seen.contains(3));
//! assert_eq!(seen.holes_below(5), [2..=3]);
//! ```
//!
//! Bytes, time and randomness come in as arguments, frames go out as values. So the same code runs
//! in `tatum-node`, in seeded simulations of many nodes, and later in a browser.
//!
//! | module | what it decides |
//! |---|---|
//! | [`message`], [`seal`], [`exchange`] | what a publisher signs, what only subscribers read |
//! | [`client`] | which keys seal and open, what a publisher may have on its way |
//! | [`attendance`] | at which trackers a node takes part in which stream |
//! | [`permissions`] | who may publish and subscribe, as a stream's owner signed |
//! | [`frame`] | what neighbours say to each other, byte for byte |
//! | [`window`], [`propagation`], [`repair`], [`order`] | who gets a message, and how gaps close |
//! | [`ledger`], [`credit`] | what was delivered, and how much may stay unreceipted |
//! | [`lease`] | how a payer's quota is shared out to relays |
//! | [`asks`] | whom a relay declines, because its stake pays too little |
//! | [`score`], [`limit`] | who is welcome, and how much anybody may send |
//! | [`outbox`] | what leaves first |
//! | [`node`] | all of it together for one process |
//!
//! Invariant: every map and queue here has a bound that a peer cannot raise.
//!
//! # Requirements
//! Links are authenticated (the caller knows which [`NodeId`](tatum_primitives::NodeId) is at the
//! other end) and keep the order of frames while they live. Frames may be lost when a link ends or
//! its queue is full.
//!
//! # Provided
//! A message is forwarded at most once per link and only after its publisher's signature was
//! checked; a receipt counts exactly the first valid copies.
//!
//! # Not provided
//! Storage of messages beyond what neighbours may still ask for.
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

pub mod asks;
mod attach;
pub mod attendance;
pub mod channel_book;
pub mod client;
mod count;
pub mod credit;
pub mod exchange;
mod forgotten;
pub mod frame;
mod holdings;
mod kept_order;
pub mod lease;
pub mod ledger;
pub mod limit;
pub mod message;
pub mod node;
pub mod order;
pub mod outbox;
pub mod permissions;
pub mod propagation;
pub mod repair;
pub mod score;
pub mod seal;
mod time;
pub mod window;

pub use frame::{Frame, FrameError};
pub use holdings::Head;
pub use message::{ChainKey, Message, MessageError, MessageRef};
pub use node::{Output, Overlay};
pub use outbox::Priority;
pub use score::Block;
pub use time::{AHEAD_MS, CLOCKS_MS, MOST_CORRECTED_MS, Now, correction_ms, middle_ms};

/// A link to a neighbour, numbered by whoever owns the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Link(pub u64);
