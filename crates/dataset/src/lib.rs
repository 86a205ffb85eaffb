//! An epoch's dataset: everything from which a stranger can re-derive every payout, as files named by their content.
//!
//! One folder an epoch, named by the hash of its `manifest.json`:
//!
//! | file | a row | order |
//! |---|---|---|
//! | `receipts.parquet` | one signed receipt, the newest of its key, with its source | payer, operator, node, stream, role, reader |
//! | `payers.parquet` | payer, fee (wei), quota (bytes) | payer |
//! | `operators.parquet` | id, payout address, bond (wei), capacity (bytes) | id, dense |
//! | `distribution.parquet` | id, payout address, work, paid, from the pool, cumulative (nano) | id, dense |
//! | `heads.parquet` | a line beside a receipt: what its reader holds, what its node brought | receipt, publisher, chain |
//!
//! The manifest names two lists that the epoch commits to, receipts and edges; `tatum-watcher` has their lines.
//!
//! Invariant: the folder is a function of the epoch's receipts and chain inputs alone. Their order, repeated receipts and
//! receipts that newer ones replace change no byte of it. Source: `docs/dataset.md`.
//!
//! # Requirements
//!
//! Receipts were checked when they were taken in; chain inputs are read at the block that closed the epoch.
//!
//! # Provided
//!
//! [`write()`] and [`Writer`] make the folder whole or not at all, and roll up in memory that grows with (payer, operator) and
//! not with receipts; [`verify`] re-derives everything in a folder and names what differs; [`Results::proposal`],
//! [`Dataset::proposal_data`] and [`facts()`] give it to a watcher; [`ReceiptProof`] proves one receipt to somebody who has
//! nothing else; [`Explainer`] says why an operator is paid what it is paid; [`Dataset::overages`] says who signed for more than its
//! quota; [`service`] says how complete and timely operators served.
//!
//! # Not provided
//!
//! Whether payers, operators and parameters are what the chain says, and whether delegated keys were authorised: the
//! caller compares [`Verified`] with the chain.
//!
//! # Example
//!
//! ```
//! use tatum_dataset::newest_of_each_key;
//! use tatum_primitives::{Address, Domain};
//! use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};
//!
//! let key = SessionKey::from_bytes(&[1; 32])?;
//! let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
//! let signed = |sequence, messages| {
//!     let receipt = DeliveryReceipt { payer: key.address(), sequence, messages, ..Default::default() };
//!     SignedReceipt::sign(receipt, &key, &verifier)
//! };
//! // Receipts are cumulative, so a payer's newest one of a key says it all, in whatever order they came.
//! let counted = newest_of_each_key(vec![signed(2, 9), signed(1, 4), signed(2, 9)]);
//! assert_eq!(counted, [signed(2, 9)]);
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

mod answered;
mod claims;
mod compare;
mod difference;
mod edge_units;
mod error;
mod explain;
mod facts;
mod folder;
mod heads;
mod lineup;
mod manifest;
mod open;
mod overage;
mod proposal;
mod receipt_proof;
mod receipt_prover;
mod rollup;
mod rows;
#[cfg(test)]
mod scene;
pub mod service;
mod sources;
mod steered;
mod table;
mod verify;
mod writer;

pub use claims::Claims;
pub use difference::{Difference, Differences};
pub use error::{Error, RowError};
pub use explain::{ExplainedEdge, ExplainedPay, Explainer};
pub use heads::{Beside, HeadRow};
pub use manifest::{FileEntry, MANIFEST, Manifest, Parameters, Results};
pub use open::{Bounds, Dataset};
pub use overage::Overage;
pub use proposal::facts;
pub use receipt_proof::{Place, ReceiptProof, ReceiptProofError, Shown};
pub use receipt_prover::ReceiptProver;
pub use rollup::Distribution;
pub use rows::{CountedReceipt, DistributionRow, Operator, Payer};
pub use sources::Sources;
pub use verify::{Verified, verify, verify_within};
pub use writer::{EpochData, LeftOut, Writer, Written, newest_of_each_key, write};
