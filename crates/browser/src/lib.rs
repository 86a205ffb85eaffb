//! A client of the network in a browser's tab: the mind of `tatum-overlay`, without sockets, links, clocks or random numbers.
//!
//! A page (`web/client`) owns its WebSockets and `RTCPeerConnection`s. It tells a [`Tab`] what happened, as an [`Input`] with the time,
//! and carries out the [`Output`]s. So what a tab says to trackers and relays, signs and counts is decided by the code that native
//! clients run; this crate is what `tatum-node`'s engine is for them.
//!
//! Invariant: nothing that a tracker, a relay or the page says makes it panic, and what a stranger can make it keep is bounded.
//!
//! # Requirements
//!
//! The page tells everything in the order in which it happened, and ticks some forty times a second; a page in the background may tick
//! once a second. Its seed is random and used once.
//!
//! # Provided
//!
//! Messages in order of each publisher's chain, opened; what could not be had is named. Receipts for what came and for what was accepted.
//!
//! # Not provided
//!
//! Relaying; payment channels; receipts that outlive the tab.
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

mod clock;
mod input;
#[cfg(target_family = "wasm")]
mod memory;
mod output;
mod tab;
mod terms;

pub use clock::Moment;
pub use input::Input;
pub use output::{Code, Output, encode};
pub use tab::Tab;
pub use terms::{Terms, TrackerTerms};
