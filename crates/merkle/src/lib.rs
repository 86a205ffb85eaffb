//! The trees of an epoch: the Merkle sum tree over operators' cumulative earnings, and lists with a fixed order.
//!
//! Invariant: what verifies here verifies in the contracts and the other way round; `tests/vectors/sum_trees.json` and
//! `lists.json` hold both to it. Source: "Merkle sum tree" and "Receipts" in `docs/architecture.md`.
//!
//! # Requirements
//!
//! Operator ids are dense: entry `i` is operator `i`. The verifier knows the root from the chain.
//!
//! # Provided
//!
//! One place per operator; a root that carries the most it can ever pay; proofs of `depth` words for one operator, and of
//! at most `2 · depth` words for any run of neighbours; the next epoch's tree at a cost that follows what changed.
//!
//! # Not provided
//!
//! Whether the amounts are right: that is re-derived from the dataset. Hash strength is that of 24 bytes, 96 bits against
//! collisions.
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

mod entry;
mod error;
mod list;
mod parallel;
mod proof;
mod range;
mod tree;
mod word;

pub use entry::Entry;
pub use error::Error;
pub use list::{Gap, ListBuilder, ListCommitment, ListWords, Opening};
pub use parallel::map_in_order;
pub use proof::Proof;
pub use range::RangeProof;
pub use tree::SumTree;
pub use word::{MAX_DEPTH, Word};
