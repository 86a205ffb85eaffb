//! Who is paid what for an epoch, in exact integers. Nothing of it is a setting of a program: the constants are the chain's.
//!
//! With `F_p` the fee of payer `p`, `u(p,o)` the units (bytes on time) that its receipts state for operator `o` and `U_p`
//! their sum, everything in whole nano and rounded down:
//!
//! ```text
//! steered  R_p    = F_p − ⌊F_p · poolBps / 10 000⌋           what p's receipts steer            (E4)
//! edge            = ⌊R_p · u(p,o) / U_p⌋                     work_o = Σ o's edges, work = Σ all
//! cap_o           = ⌊pot · C_o / Σ C⌋                        by declared and bonded capacity    (E3)
//! paid_o          = a + ⌊min(work_o − a, 2·cap_o) / 2⌋       with a = min(work_o, cap_o)
//! common          = available − work
//! pool_o          = min(⌊common · bond_o / Σ bond⌋, ⌊paid_o · poolLimitBps / 10 000⌋)           (E5)
//! carried         = available − Σ paid − Σ pool              part of the next epoch's available
//! ```
//!
//! A payer that signed for more than its quota is billed besides, see [`overage_down`]; that joins a later epoch's available (E6).
//!
//! Rounding always favours the common pool, and then the next epoch. [`Round::settle`] checks that no more is paid than there
//! is. Bounds and gains are proven by the properties in `tests/rule.rs`. Source: "Payout of an epoch" in
//! `docs/dataset.md`; `tests/vectors/payouts.json` holds `contracts/settlement/EntryMath.sol` to the same numbers.
//!
//! # Requirements
//!
//! Operators come by id without gaps. Works stem from checked receipts, only the newest of each key.
//!
//! # Provided
//!
//! A receipt steers its own signer's fee and no other, so an operator with a thousand invented payers gets back at most what
//! those paid, less the pool share.
//!
//! # Not provided
//!
//! Whether the receipts are true: payer and operator may collude over the payer's own money.
//!
//! # Example
//!
//! ```
//! use tatum_primitives::{Bps, Nano};
//! use tatum_rewards::{Fee, Operator, Round, Rule, edge_down};
//!
//! let rule = Rule { pool_bps: Bps::new(1_000).unwrap(), pool_limit_bps: Bps::new(5_000).unwrap() };
//! // A payer pays 100; its receipts state 3 units for one operator and 1 for another.
//! let steered = Fee::divide(Nano(100), rule.pool_bps)?.steered_nano;
//! let works = [edge_down(steered, 3, 4)?, edge_down(steered, 1, 4)?];
//! assert_eq!(works, [Nano(67), Nano(22)]);
//! let operators = works.map(|work_nano| Operator {
//!     work_nano,
//!     bond_wei: 1,
//!     capacity_bytes: 1,
//!     previous_nano: Nano::ZERO,
//! });
//! let backed = operators.iter().map(|operator| (operator.bond_wei, operator.capacity_bytes));
//! let paid = Round::of(rule, Nano(100), Nano(100), Nano(89), backed)?.settle(&operators)?;
//! // Either may earn 50 at the full price; of the 11 that are common, both get the same.
//! let earned: Vec<Nano> = paid.earnings.iter().map(|earning| earning.pay.total_nano()).collect();
//! assert_eq!(earned, [Nano(50 + 8 + 5), Nano(22 + 5)]);
//! assert_eq!(paid.carried_nano, Nano(10));
//! # Ok::<(), tatum_rewards::Error>(())
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

mod error;
mod fee;
mod overage;
mod price;
mod rounding;
mod rule;
mod settle;

pub use error::Error;
pub use fee::Fee;
pub use overage::{overage_down, tolerated_bytes};
pub use price::{NEWCOMER_BYTES, RealisedPrice};
pub use rounding::mul_div_down;
pub use rule::{Pay, Round, Rule, edge_down};
pub use settle::{Earning, Operator, Payouts};
