//! Verifies an operator's proof in a browser, and says where a wrong one goes wrong.
//!
//! The page (`web/`) loads this crate as WebAssembly: JSON text goes in and comes out (`memory`), nothing else is shared.
//!
//! Invariant: whether a proof holds is said by [`tatum_merkle::OperatorProof::verify`] and by nothing else; the trace beside it only
//! shows the way there. A root alone cannot say which of the words below it was changed, so *where* is told by comparison with
//! a proof that holds.
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

mod difference;
mod examination;
#[cfg(target_family = "wasm")]
mod memory;
mod trace;

pub use difference::Difference;
pub use examination::{Answer, Question, examine};
pub use trace::{Level, Side, Trace};
