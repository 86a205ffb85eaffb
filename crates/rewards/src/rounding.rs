//! The one division of the payout rule.
//!
//! `floor(a · b / c)`: the remainder stays with whoever is paid last (the common pool, then the next epoch). The product is
//! exact in 256 bits, so nothing wraps whatever is signed.

use alloy_primitives::U256;

use crate::Error;

/// `floor(a · b / c)` for `a` in nano or bytes and `b`, `c` weights of one unit.
///
/// # Errors
///
/// [`Error::Overflow`] if `c` is zero or 64 bits do not hold the result; neither happens for `0 < c` and `b ≤ c`.
pub fn mul_div_down(a: u64, b: u128, c: u128) -> Result<u64, Error> {
    let overflow = Error::Overflow("a share");
    let quotient = match u128::from(a).checked_mul(b) {
        Some(product) => product.checked_div(c),
        None => {
            let product = U256::from(a).checked_mul(U256::from(b));
            let quotient = product.and_then(|product| product.checked_div(U256::from(c)));
            quotient.and_then(|quotient| u128::try_from(quotient).ok())
        }
    };
    quotient.and_then(|quotient| u64::try_from(quotient).ok()).ok_or(overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn remainders_are_dropped_and_nonsense_is_refused() {
        assert_eq!(mul_div_down(10, 2, 3), Ok(6));
        assert_eq!(mul_div_down(u64::MAX, u128::MAX, u128::MAX), Ok(u64::MAX));
        assert!(mul_div_down(1, 1, 0).is_err());
        assert!(mul_div_down(u64::MAX, u128::MAX, 0).is_err());
        assert!(mul_div_down(u64::MAX, 2, 1).is_err());
    }

    proptest! {
        #[test]
        fn the_quotient_times_the_divisor_is_the_product_less_a_remainder(
            a: u64, c in 1u128.., share: u128,
        ) {
            let b = share % c;
            let quotient = U256::from(mul_div_down(a, b, c).unwrap());
            let product = U256::from(a) * U256::from(b);
            prop_assert!(quotient * U256::from(c) <= product);
            prop_assert!(product - quotient * U256::from(c) < U256::from(c));
        }
    }
}
