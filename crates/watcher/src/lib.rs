//! What an epoch's right distribution is, and how one watcher shows by one short proof that a proposal is another one.
//!
//! A proposal commits to two lists and a tree: [receipts](ReceiptLeaf) and [edges](EdgeLeaf), in which each line repeats
//! the totals so far, and the entries that are claimed from. So every rule is local: one leaf, two neighbours, or a leaf
//! against two neighbours of the other list. [`Disproof`] has the rules with their openings, [`find`] names the one that
//! applies, [`Book`] writes the right lists.
//!
//! Invariant: a proposal whose data can be opened has a disproof exactly if it is not the rule's image of its own receipts,
//! or its receipts are not the newest of those assented to and forced. `tests/adversary.rs` proves it for random worlds and
//! lies, and that no rule can be left out. Source: "The two lists" in `docs/architecture.md`.
//!
//! # Requirements
//!
//! [`Facts`] are the chain's, frozen when the epoch ended.
//!
//! # Provided
//!
//! The same answer as the contracts' from the same openings, and one right distribution for what was assented to and forced.
//!
//! # Not provided
//!
//! Which receipts were assented to, and whether they state what happened.
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
mod book;
mod disproof;
mod facts;
mod find;
mod leaf;
mod proposal;
mod proposal_data;
mod rules;

pub use book::{Book, EdgeTotals, ReceiptTotals, Units};
pub use disproof::{Disproof, Kind, OldEntry, Source};
pub use facts::{Facts, Finalized, OperatorFacts, PayerFacts};
pub use find::{Demand, Verdict, find, find_without};
pub use leaf::{EDGE_LEAF_BYTES, EdgeLeaf, FORCED, Of, RECEIPT_LEAF_BYTES, ReceiptLeaf};
pub use proposal::{Flaw, Proposal};
pub use proposal_data::{EntryWords, Kept, ListData, ProposalData};
