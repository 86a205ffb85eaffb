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
//!
//! # Example
//!
//! ```
//! use tatum_primitives::{Address, Bps, Nano, OperatorId};
//! use tatum_rewards::{Inputs, Operator, Payer, PoolWeight, Usage, payouts};
//!
//! let payer = Address::repeat_byte(1);
//! let operator = |id| Operator {
//!     operator_id: OperatorId(id),
//!     bond_wei: 1,
//!     eligible: true,
//!     previous_nano: Nano::ZERO,
//! };
//! let usage = |id, units| Usage { payer, operator_id: OperatorId(id), units };
//! let paid = payouts(&Inputs {
//!     pool_bps: Bps::new(2_000).ok_or("at most the whole")?,
//!     pool_weight: PoolWeight::Uniform,
//!     available_nano: Nano(100),
//!     payers: &[Payer { payer, fee_nano: Nano(100) }],
//!     usages: &[usage(0, 3), usage(1, 1)],
//!     operators: &[operator(0), operator(1)],
//! })?;
//! // Of 100, 80 go by receipts as 3 to 1, and 20 to both alike.
//! let earned: Vec<Nano> = paid.earnings.iter().map(|earning| earning.epoch_nano()).collect();
//! assert_eq!(earned, [Nano(70), Nano(30)]);
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
