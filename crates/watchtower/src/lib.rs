//! Watches payment channels for their operators: answers exits, redeems when it pays, says when something is wrong.
//!
//! Invariant: what is due follows from what the chain and the receipts say at each look, so a restart, a reorganisation or a second
//! watchtower changes nothing. `tests/model` holds it to that on a real chain that is against it.
//!
//! # Requirements
//! A chain that sends for an account with some of its coin, with a folder for its journal, and receipts that are on disk before they
//! are acknowledged.
//! # Provided
//! An exit that is begun while it runs, or that it finds with some blocks of the window left, is answered with the receipts that owe
//! most; an exit that it cannot answer, and that it cannot see, is an alarm.
//! # Not provided
//! Gas: an account that cannot pay for it answers nothing, and says so.

mod alarm;
pub mod kept_receipts;
mod seen;
mod sources;
mod status;
mod watch;

pub use seen::Seen;
pub use watch::{Config, run};
