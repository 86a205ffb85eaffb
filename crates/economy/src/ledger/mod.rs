//! The chain's books, as twins of the contracts: all that moves money in a simulated economy.
//!
//! Invariant: integers only, rounded as the contracts round. `tests/vectors/controller.json` and `fees.json` hold [`fee`] and
//! [`controller`] to Solidity, `payouts.json` holds `tatum-rewards`, which [`payout`] pays by.

pub mod controller;
pub mod fee;
pub mod payout;
pub mod pool;
pub mod registry;

use tatum_primitives::U256;

/// `⌊a · b / c⌋`, and zero for `c = 0`; saturates at 128 bits, which no book reaches.
#[must_use]
pub fn mul_div_down(a: u128, b: u128, c: u128) -> u128 {
    if c == 0 {
        return 0;
    }
    if let Some(product) = a.checked_mul(b) {
        return product / c;
    }
    u128::try_from(U256::from(a) * U256::from(b) / U256::from(c)).unwrap_or(u128::MAX)
}

/// `⌈a · b / c⌉`, and zero for `c = 0`; saturates like [`mul_div_down`].
#[must_use]
pub fn mul_div_up(a: u128, b: u128, c: u128) -> u128 {
    if c == 0 {
        return 0;
    }
    let product = U256::from(a) * U256::from(b) + U256::from(c - 1);
    u128::try_from(product / U256::from(c)).unwrap_or(u128::MAX)
}
