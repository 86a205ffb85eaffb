//! Receipts in, one provable distribution out: ingest, epoch close, publication and audit.
//!
//! Invariant: what an epoch pays is a function of the receipts that were acknowledged and of the chain; crashes,
//! restarts, repetition and order change nothing.
//!
//! # Requirements
//! A database of its own (`tatum_database`), an RPC endpoint of the deployment's chain, and a key that can post a proposal's
//! bond.
//! # Provided
//! An acknowledged receipt is on disk and will be counted in its epoch. Everything published can be re-derived by
//! [`audit`] from the dataset and the chain.
//! # Not provided
//! That ours becomes final: of several right proposals the oldest does.
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

mod assents;
pub mod audit;
pub mod auditor;
mod chain_rows;
mod clock;
pub mod close;
mod config;
mod exchange;
mod explain;
pub mod http;
mod identity;
pub mod ingest;
pub mod judge;
mod metrics;
pub mod overage;
pub mod public_url;
pub mod publish;
mod service;

pub use clock::Clock;
pub use config::Config;
pub use explain::payout;
pub use identity::Identity;
pub use metrics::Metrics;
pub use service::{run, run_on};
