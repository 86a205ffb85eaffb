//! An epoch's dataset: everything from which a stranger can re-derive every payout, as files named by their content.
//!
//! One folder an epoch, named by the hash of its `manifest.json`:
//!
//! | file | a row | order |
//! |---|---|---|
//! | `receipts.parquet` | one signed receipt, the newest of its key | payer, operator, node, stream, role |
//! | `payers.parquet` | payer, fee (wei), quota (bytes) | payer |
//! | `operators.parquet` | id, payout address, bond (wei), eligible | id, dense |
//! | `distribution.parquet` | id, payout address, earned in the epoch, cumulative (nano) | id, dense |
//!
//! The manifest names two lists that the epoch commits to, receipts and edges; `tatum-watcher` has their lines.
//!
//! Invariant: the folder is a function of the epoch's receipts and chain inputs alone. Their order, repeated receipts and
//! receipts that newer ones replace change no byte of it. Source: "Dataset" and "Payout of an epoch" in
//! `docs/architecture.md`.
//!
//! # Requirements
//!
//! Receipts were checked when they were taken in; chain inputs are read at the block that closed the epoch.
//!
//! # Provided
//!
//! [`write()`] and [`Writer`] make the folder whole or not at all, and roll up in one pass over the sorted receipts, in memory
//! that grows with operators and not with receipts; [`verify`] re-derives everything in a folder by another program,
//! [`rollup`], and names what differs; [`ReceiptProof`] proves one receipt to
//! somebody who has nothing else.
//!
//! # Not provided
//!
//! Whether payers, operators and parameters are what the chain says, and whether delegated keys were authorised: the
//! caller compares [`Verified`] with the chain.
//!
//! # Example
//!
//! ```
//! use tatum_dataset::OperatorProof;
//! use tatum_merkle::{Entry, SumTree};
//! use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};
//!
//! let entry = Entry {
//!     operator_id: OperatorId(0),
//!     payout: Address::repeat_byte(1),
//!     cumulative_nano: Nano(7),
//! };
//! let tree = SumTree::build(vec![entry])?;
//! let mut proof = OperatorProof::new(&tree, Epoch(3), B256::ZERO, OperatorId(0))?;
//! proof.verify()?;
//!
//! proof.cumulative_nano = Nano(8);
//! assert!(proof.verify().is_err());
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

mod compare;
mod difference;
mod error;
mod facts;
mod folder;
mod lineup;
mod manifest;
mod open;
mod pass;
mod receipt_proof;
mod receipt_prover;
mod rollup;
mod rows;
#[cfg(test)]
mod scene;
mod table;
mod tables;
mod tally;
mod verify;
mod writer;

pub use difference::{Difference, Differences};
pub use error::{Error, RowError};
pub use manifest::{FileEntry, MANIFEST, Manifest, Parameters, Results};
pub use open::Dataset;
pub use receipt_proof::{ReceiptProof, ReceiptProofError, Shown};
pub use receipt_prover::ReceiptProver;
pub use rollup::{Distribution, rollup};
pub use rows::{DistributionRow, Operator, Payer};
pub use tables::Tables;
pub use tally::Tally;
pub use verify::{Claims, Verified, verify};
pub use writer::{EpochData, LeftOut, Writer, Written, newest_of_each_key, write};
