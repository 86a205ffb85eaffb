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
//!
//! # Example
//!
//! ```
//! use tatum_merkle::{Entry, SumTree};
//! use tatum_primitives::{Address, Nano, OperatorId};
//!
//! let earned = |id: u32, nano| Entry {
//!     operator_id: OperatorId(id),
//!     payout: Address::repeat_byte(1),
//!     cumulative_nano: Nano(nano),
//! };
//! let tree = SumTree::build(vec![earned(0, 30), earned(1, 12)])?;
//! assert_eq!(tree.total(), Nano(42));
//!
//! // What a claim shows: the root is on chain, the entry and its proof are not.
//! let proof = tree.proof(OperatorId(1))?;
//! proof.verify(tree.root(), &earned(1, 12))?;
//! assert!(proof.verify(tree.root(), &earned(1, 13)).is_err());
//! # Ok::<(), tatum_merkle::Error>(())
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

mod entry;
mod error;
mod list;
mod operator_proof;
mod parallel;
mod proof;
mod range;
mod tree;
mod word;

pub use entry::Entry;
pub use error::Error;
pub use list::{Gap, ListBuilder, ListCommitment, ListWords, Opening};
pub use operator_proof::OperatorProof;
pub use parallel::{hash_in_order, map_in_order};
pub use proof::Proof;
pub use range::RangeProof;
pub use tree::SumTree;
pub use word::{MAX_DEPTH, Word};
