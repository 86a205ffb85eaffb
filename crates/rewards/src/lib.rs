//! Who is paid what for an epoch, in exact integers.
//!
//! With `F_p` the fee of payer `p` and `u(p,o)` the units (bytes on time) that its receipts state for operator `o`, all in
//! whole nano and all rounded down:
//!
//! ```text
//! pool share   S_p = floor(F_p · poolBps / 10 000)           what stays common
//! steered      R_p = F_p − S_p                               what p's receipts steer
//! from receipts    = Σ_p floor(R_p · u(p,o) / Σ_o u(p,o))    to operator o
//! common pool  P   = available − Σ_o from receipts           shares, remainders, fees that nobody's receipts steer
//! from pool        = floor(P · w_o / Σ_o w_o)                to operator o, over the eligible
//! dust             = P − Σ_o from pool                       stays in the contract, part of the next epoch's available
//! ```
//!
//! Rounding always favours the common pool, and then the next epoch. [`payouts`] checks `Σ paid + dust = available` on
//! every call. Bounds and gains are proven by the properties in `tests/properties.rs`. Source: "Payout of an epoch" in
//! `docs/architecture.md`; `tests/vectors/payouts.json` holds Solidity to the same numbers.
//!
//! # Requirements
//!
//! Operator ids are dense. Every usage stems from checked receipts, only the newest of each key.
//!
//! # Provided
//!
//! The same answer whatever the order of the input and however a payer's usage is split up. A receipt steers its own
//! signer's fee and no other, so an operator with a thousand invented payers gets back at most what those paid, less the
//! pool share.
//!
//! # Not provided
//!
//! Whether the receipts are true: payer and operator may collude over the payer's own money.
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

mod error;
mod fee;
mod payout;
mod rounding;
mod rule;
mod settle;
mod split;
mod steering;
mod weight;

pub use error::Error;
pub use fee::Fee;
pub use payout::{Inputs, Operator, Payer, Usage, payouts};
pub use rounding::mul_div_down;
pub use rule::{Pay, Round, Rule, edge_down};
pub use settle::{Earning, Payouts, Share, settle};
pub use steering::Steering;
pub use weight::PoolWeight;
