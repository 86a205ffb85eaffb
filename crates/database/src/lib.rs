//! What the services keep on disk: receipts, rejections and the state of each epoch, on SQLite or PostgreSQL.
//!
//! Invariant: [`Writer::submit`] answers only for what is committed and synced; after a crash every answer given still
//! holds. This is the only crate that names sqlx. Sources: SQLite's documentation of WAL and `synchronous`,
//! PostgreSQL's of row locks under READ COMMITTED.
//!
//! # Requirements
//! Receipts handed in have passed `tatum_receipt::checks`. One SQLite file belongs to one process; one PostgreSQL
//! database may be shared.
//! # Provided
//! The newest receipt of every key, whatever the order, repetition or concurrency of submissions; epochs that, once
//! closing, take no further receipt.
//! # Not provided
//! Checks that need the chain or a clock.
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

mod backend;
mod database;
mod epochs;
mod error;
mod evidence;
mod leases;
mod node;
mod positions;
mod receipts;
mod rejections;
mod row;
mod transitions;
mod writer;

pub use backend::Backend;
pub use database::Database;
pub use epochs::{EpochRecord, RolledEpoch};
pub use error::DatabaseError;
pub use evidence::Evidence;
pub use leases::Lease;
pub use node::{KeptReceipt, NodeReceiptCounts, NodeStore};
pub use positions::Position;
pub use receipts::ReceiptScan;
pub use rejections::{MAX_REJECTED_BYTES, Rejected, RejectedReceipt, RejectionQuery};
pub use writer::{Candidate, Outcome, SubmitError, Writer, WriterOptions};
