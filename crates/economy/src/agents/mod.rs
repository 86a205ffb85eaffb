//! Who takes part, and how they decide. Agents see what the chain shows and what happened to them, and think in floats; what
//! they decide reaches the ledger as integers.
//!
//! Invariant: no agent knows the future or another's mind; everything random comes from the run's [`Draws`](crate::draws::Draws).

mod operator;
mod payer;

pub use operator::{Operator, Outlook, Standing};
pub use payer::{Change, Market, Payer};

/// Bytes of a GiB.
pub const GIB: f64 = 1_073_741_824.0;

/// The nearest whole amount at or below, for the ledger; nothing for what is no amount.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped to what the type holds; the cast of floats saturates besides"
)]
#[must_use]
pub fn whole(value: f64) -> u128 {
    value.clamp(0.0, 1e30) as u128
}

/// The same in 64 bits.
#[must_use]
pub fn bytes(value: f64) -> u64 {
    u64::try_from(whole(value)).unwrap_or(u64::MAX)
}

/// An amount of the ledger, as agents see it.
#[expect(clippy::cast_precision_loss, reason = "agents round to 53 bits")]
#[must_use]
pub const fn seen(amount: u128) -> f64 {
    amount as f64
}
