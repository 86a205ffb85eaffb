//! An epoch's roll-up as a query: plain SQL over the columns of the dataset's files, with DataFusion in process. Nobody is
//! paid by it: it is the second opinion, in tests and benchmarks, on the pass that `tatum_dataset` makes.
//!
//! `sql/edges.sql` is what payers' receipts steer to operators, and a view for the others: `sql/roll_up.sql` is what each
//! operator gets, `sql/edge_lines.sql` and `sql/receipt_units.sql` are the lists' running totals. What must hold before is
//! `sql/checks.sql`. All keep to whole numbers, to what every SQL engine has, and to files that every engine reads, so that
//! another engine answers the same, digit by digit.
//!
//! Invariant: the answer depends on the rows and the parameters alone, not on threads, batches, memory or the order of
//! rows; and it is that of `tatum_dataset::Dataset::roll_up`, or none. Source: "Payout of an epoch" in `docs/dataset.md`.
//!
//! # Requirements
//!
//! The files are whole. Whether they are what a manifest names, and whether their receipts are true, is checked elsewhere.
//!
//! # Provided
//!
//! [`Engine::pays`]: within the memory given, the rest on disk; too little memory is an error. Nothing wraps: every sum and
//! product stays within what its type holds because a cast before it fails otherwise (`tests/overflow.rs`).
//!
//! # Not provided
//!
//! Trees and hashes, which no query language has.
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

mod answer;
mod engine;
mod error;
mod run;
mod session;

pub use answer::Answer;
pub use engine::Engine;
pub use error::Error;
