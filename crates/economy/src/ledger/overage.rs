//! What is billed to a payer that signed for more than its quota (E6).
//!
//! ```text
//! if U > Q + ⌊Q/20⌋ + min(64 MiB, ⌊Q/20⌋):   ⌊R · min(2 · (U − Q), 4 · Q) / Q⌋
//! ```
//!
//! Invariant: at most `4 · R`, so a stolen key costs its payer at most `5 · R` an epoch; nothing within the tolerance. The rule
//! stands ahead of the chain: no contract bills overage yet, and receipts beyond a quota are refused one by one.

use tatum_primitives::Nano;

use super::mul_div_down;

const TOLERANCE_BYTES: u64 = 64 << 20;

/// The bill of a payer that steers `steered` with a quota of `quota_bytes` and signed for `units` in all.
#[must_use]
pub fn bill_down(steered: Nano, quota_bytes: u64, units: u128) -> Nano {
    let quota = u128::from(quota_bytes);
    let part = quota / 20;
    if units <= quota + part + part.min(TOLERANCE_BYTES.into()) {
        return Nano::ZERO;
    }
    let beyond = (units - quota).saturating_mul(2).min(4 * quota);
    Nano(u64::try_from(mul_div_down(steered.0.into(), beyond, quota)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_within_the_tolerance_then_twice_then_four_times_at_most() {
        let bill = |units| bill_down(Nano(1_000), 1_000, units).0;
        assert_eq!(
            [0, 1_000, 1_100, 1_101, 1_500, 3_000, 1 << 80].map(bill),
            [0, 0, 0, 202, 1_000, 4_000, 4_000]
        );
        // Large quotas tolerate 64 MiB beyond the twentieth.
        let (quota, most) = (1u64 << 40, (1u128 << 40) + (1 << 40) / 20 + (64 << 20));
        assert_eq!(bill_down(Nano(7), quota, most), Nano(0));
        assert!(bill_down(Nano(70_000), quota, most + 1) > Nano(0));
    }
}
