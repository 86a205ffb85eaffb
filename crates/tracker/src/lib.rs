//! A tracker's mind, without sockets, clocks or randomness of its own (sans-io).
//!
//! A [`Tracker`] is told who connected and what each node said; it is then asked, by [`Tracker::poll`], what is to be said to
//! whom. Time comes in as an argument, randomness as a seed. So the same code runs in `tatum-node` and in seeded simulations.
//!
//! | module | what it decides |
//! |---|---|
//! | `admission` | how many connections there may be |
//! | `check` | what a text is worth: signatures, and the chain's word on whom it names |
//! | `participation`, `recruiting` | who takes part in which stream, and which relays carry it |
//! | `findings`, `judging` | which operators served badly, and get no new streams |
//! | [`topology`] | who is whose neighbour in a stream |
//! | `demand` | how many relays a stream needs, and how much a payer may ask for |
//! | [`lessor`], `leases` | which relay may serve how much of a payer's quota |
//! | `permissions` | which list of a stream's owner is the newest, and who is told |
//! | `signals`, `keys` | what is passed on between nodes |
//! | [`rendezvous`] | which of several trackers is responsible for what |
//!
//! Invariant: every map here has a bound that a stranger cannot raise, and nothing that a node says counts before it was
//! checked.
//!
//! # Requirements
//! The caller verified each node's hello, and hands in a node's texts in the order they were said.
//!
//! # Provided
//! Whoever's neighbours change is told before the call returns. Relays of a payer are never leased more than its quota.
//!
//! # Not provided
//! Memory over a restart but for permission lists, which the caller keeps: nodes say again what they take part in and hold.
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

mod admission;
mod check;
mod config;
mod demand;
mod error;
mod findings;
mod judging;
mod keys;
mod leases;
pub mod lessor;
mod member;
mod output;
mod participation;
mod permission_lists;
mod permissions;
mod recruiting;
mod regions;
pub mod rendezvous;
mod signal_rates;
mod signals;
mod status;
mod stream;
pub mod topology;
mod tracker;

pub use admission::Admission;
pub use check::{CheckedText, Checks};
pub use config::Config;
pub use error::{ListRefusal, Refusal};
pub use findings::{Finding, JUDGED_EPOCHS};
pub use lessor::Lessor;
pub use member::Newcomer;
pub use output::{Connection, Output};
pub use permissions::{Admitted, CheckedList};
pub use regions::Regions;
pub use topology::{Place, Shape, Topology};
pub use tracker::Tracker;
