//! What is billed to a payer whose receipts of an epoch state more than its quota (E6).
//!
//! With `R` what the payer steers, `Q` its quota and `U` the units of all its receipts that count, rounded down:
//!
//! ```text
//! if U > Q + ⌊Q/20⌋ + min(64 MiB, ⌊Q/20⌋):   bill = ⌊R · min(2 · (U − Q), 4 · Q) / Q⌋
//! ```
//!
//! Invariant: nothing within the tolerance, and at most `4 · R`: a stolen key costs its payer at most `5 · R` an epoch, the fee
//! included. The remainder of the division is the payer's. `EntryMath.overageNano` is the same on chain; both are held to
//! `tests/vectors/overage.json`.

use tatum_primitives::Nano;

use crate::{Error, mul_div_down};

/// The part of the tolerance that does not grow with the quota beyond this.
const FLAT_BYTES: u128 = 64 << 20;

/// One part in so many of the quota is tolerated, and as much again up to 64 MiB.
const PART: u128 = 20;

/// The units up to which nothing is billed.
#[must_use]
pub fn tolerated_bytes(quota_bytes: u128) -> u128 {
    let part = quota_bytes.checked_div(PART).unwrap_or_default();
    quota_bytes.saturating_add(part).saturating_add(part.min(FLAT_BYTES))
}

/// The bill of a payer that steers `steered` with a quota of `quota_bytes` and signed for `units` in all; nothing without a quota,
/// with which no receipt counts.
///
/// # Errors
///
/// [`Error::Overflow`] if 64 bits do not hold it, which takes more than a quarter of all nano there can be.
pub fn overage_down(steered: Nano, quota_bytes: u128, units: u128) -> Result<Nano, Error> {
    if quota_bytes == 0 || units <= tolerated_bytes(quota_bytes) {
        return Ok(Nano::ZERO);
    }
    let beyond = units.saturating_sub(quota_bytes).saturating_mul(2);
    mul_div_down(steered.0, beyond.min(quota_bytes.saturating_mul(4)), quota_bytes).map(Nano)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_within_the_tolerance_then_twice_then_four_times_at_most() {
        let bill = |units| overage_down(Nano(1_000), 1_000, units).unwrap().0;
        assert_eq!(
            [0, 1_000, 1_100, 1_101, 1_500, 3_000, 1 << 80].map(bill),
            [0, 0, 0, 202, 1_000, 4_000, 4_000]
        );
    }

    #[test]
    fn large_quotas_tolerate_64_mib_beyond_the_twentieth() {
        let (quota, most) = (1u128 << 40, (1u128 << 40) + (1 << 40) / 20 + (64 << 20));
        assert_eq!(tolerated_bytes(quota), most);
        assert_eq!(overage_down(Nano(7), quota, most), Ok(Nano(0)));
        assert!(overage_down(Nano(70_000), quota, most + 1).unwrap() > Nano(0));
    }

    #[test]
    fn no_quota_is_no_bill_and_a_bill_beyond_all_money_is_refused() {
        assert_eq!(overage_down(Nano(7), 0, 1 << 90), Ok(Nano(0)));
        assert!(overage_down(Nano(u64::MAX), 1, 1 << 90).is_err());
        assert_eq!(overage_down(Nano(1 << 61), u128::MAX, u128::MAX), Ok(Nano(0)));
    }

    proptest! {
        #[test]
        fn a_bill_is_at_most_four_times_what_is_steered_and_never_falls_with_the_units(
            steered in 0..1u64 << 61, quota in 1..1u128 << 90, units in 0..1u128 << 92, more in 0..1u128 << 92,
        ) {
            let bill = |units| overage_down(Nano(steered), quota, units).unwrap().0;
            prop_assert!(bill(units) <= 4 * steered);
            prop_assert!(bill(units + more) >= bill(units));
            prop_assert!(units > quota || bill(units) == 0);
        }
    }
}
