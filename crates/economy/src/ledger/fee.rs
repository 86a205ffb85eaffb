//! The fee: the twin of `contracts/libraries/FeeMath.sol`.
//!
//! ```text
//! remaining(total, rate, n) = max(floor, ⌈total · (1 − rate)^n⌉)   if total > floor, else total
//! ```
//!
//! Invariant: the power has 27 decimal places and every product is rounded down, so what is left is never too much; the pot
//! gains the remainder. `tests/vectors/fees.json` holds both to the same numbers.

use tatum_primitives::U256;

const UNIT: u128 = 1_000_000_000_000_000_000_000_000_000;
const UNIT_PER_PPB: u128 = 1_000_000_000_000_000_000;

/// What is left of a total after so many fees of `rate_ppb`, at most 10^9.
#[must_use]
pub fn remaining(total_wei: u128, rate_ppb: u64, epochs: u64, floor_wei: u128) -> u128 {
    if total_wei <= floor_wei {
        return total_wei;
    }
    let base = U256::from(UNIT.saturating_sub(u128::from(rate_ppb) * UNIT_PER_PPB));
    let product = U256::from(total_wei) * power(base, epochs);
    let left = (product + U256::from(UNIT - 1)) / U256::from(UNIT);
    // No more than the total, which has 128 bits.
    u128::try_from(left).unwrap_or(total_wei).max(floor_wei)
}

fn power(mut base: U256, mut exponent: u64) -> U256 {
    let unit = U256::from(UNIT);
    let mut result = unit;
    while exponent != 0 {
        if exponent & 1 != 0 {
            result = result * base / unit;
        }
        exponent >>= 1;
        if exponent != 0 {
            base = base * base / unit;
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: u128 = 1_000_000_000_000_000_000;

    #[test]
    fn one_epoch_takes_one_percent_and_stops_at_the_floor() {
        assert_eq!(remaining(100 * DATA, 10_000_000, 1, DATA), 99 * DATA);
        assert_eq!(remaining(DATA, 10_000_000, 1, DATA), DATA);
        assert_eq!(remaining(DATA + 1, 10_000_000, 1, DATA), DATA);
        assert_eq!(remaining(DATA, 0, 9, 0), DATA);
        assert_eq!(remaining(DATA, 1_000_000_000, 1, 0), 0);
    }

    #[test]
    fn a_hundredth_of_a_stake_is_left_after_459_epochs() {
        let left = |epochs| remaining(100 * DATA, 10_000_000, epochs, 0);
        assert!(left(458) > DATA && left(459) < DATA);
    }
}
