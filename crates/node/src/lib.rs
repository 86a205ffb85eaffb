//! Tatum's network services: the tracker, the relay node, and the clients that publish and
//! subscribe.
//!
//! This crate joins the sans-io `tatum-overlay` to sockets, disks and the clock. A relay and a
//! client run the same engine; a client merely declines to relay.
//!
//! Invariant: what a peer may rely on is on disk before it is said. A receipt is stored before it
//! is acknowledged, and leaves the outbox only by the aggregator's answer.
//!
//! # Requirements
//! The caller provides chain facts ([`Facts`]), the clock and the keys.
//!
//! # Provided
//! Reconnection with backoff to the tracker, to neighbours and to the aggregator; a process killed
//! at any moment loses at most its unreceipted credit.
//!
//! # Not provided
//! Without any tracker streams keep flowing, but nobody new can join.

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

#[cfg(feature = "adversary")]
pub mod adversary;
pub mod client;
mod clock;
mod engine;
mod error;
mod facts;
mod permissions;
pub mod relay;
mod status;
mod submit;
mod tls;
pub mod tracker;
mod tracker_link;
mod trackers;
mod websocket;

pub use clock::{Clock, SystemClock};
pub use error::NodeError;
pub use facts::Facts;
pub use tatum_overlay::seal::GroupKey;
pub use tatum_protocol::NodeKey;
pub use trackers::{Handover, TrackerAddress, Trackers};
