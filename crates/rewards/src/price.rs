//! What a payer really paid for the bytes of its quota, and whether that is what an operator asks (E7).
//!
//! With `R` what the payer's receipts of an epoch steer and `Q` its quota in it, the price of a byte *is* `R / Q`. An ask is of nano
//! a GiB; the payer meets it if
//!
//! ```text
//! R · 2^30 ≥ ask · Q
//! ```
//!
//! Nothing is divided before it is compared, so nobody is declined for a rounding; both products are below 2^128 whatever the
//! numbers are. Shown is `⌊R · 2^30 / Q⌋`, which is below the ask exactly if the payer is declined: an ask is a whole number.
//!
//! Invariant: there is a price only where there was a quota. Who had none has no price yet, and is served as a newcomer.
//! The properties below prove it at the ends of all numbers.

use tatum_primitives::{Bps, Nano};

use crate::{Error, Fee};

/// Bytes of a GiB, as a power of two.
const GIB_BITS: u32 = 30;

/// What one relay serves a payer that has no price yet, in one epoch.
pub const NEWCOMER_BYTES: u64 = 32 << 20;

/// What a payer paid for a byte in an epoch: the two numbers that it is the quotient of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RealisedPrice {
    steered_nano: Nano,
    /// Never zero.
    quota_bytes: u64,
}

impl RealisedPrice {
    /// The price that a payer of this fee and quota paid in an epoch; nothing if it had no quota, for it has no price yet.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`]; never for a pool share of at most the whole.
    pub fn of(fee_nano: Nano, quota_bytes: u64, pool_bps: Bps) -> Result<Option<Self>, Error> {
        let steered_nano = Fee::divide(fee_nano, pool_bps)?.steered_nano;
        Ok((quota_bytes > 0).then_some(Self { steered_nano, quota_bytes }))
    }

    /// Whether that is at least an ask, in nano a GiB.
    #[must_use]
    pub fn meets(&self, ask_nano_per_gib: Nano) -> bool {
        let asked = u128::from(ask_nano_per_gib.0).checked_mul(self.quota_bytes.into());
        // Two numbers of 64 bits have a product of 128; were it more, it would be more than anybody paid.
        asked.is_some_and(|asked| self.steered_gib() >= asked)
    }

    /// The price of a GiB, rounded down.
    #[must_use]
    pub fn nano_per_gib_down(&self) -> u128 {
        self.steered_gib().checked_div(self.quota_bytes.into()).unwrap_or_default()
    }

    /// `R · 2^30`, below 2^94.
    const fn steered_gib(&self) -> u128 {
        (self.steered_nano.0 as u128) << GIB_BITS
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;
    use proptest::prelude::*;
    use proptest::test_runner::RngSeed;

    use super::*;

    fn price(fee: u64, quota: u64, bps: u16) -> RealisedPrice {
        RealisedPrice::of(Nano(fee), quota, Bps::new(bps).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn the_price_is_what_is_steered_over_the_quota() {
        // A fee of 1 DATA, nine tenths of which are steered, for half a GiB.
        let paid = price(1_000_000_000, 1 << 29, 1_000);
        assert_eq!(paid.steered_nano, Nano(900_000_000));
        assert_eq!(paid.nano_per_gib_down(), 1_800_000_000);
        assert!(paid.meets(Nano(1_800_000_000)) && !paid.meets(Nano(1_800_000_001)));
    }

    #[test]
    fn who_had_no_quota_has_no_price_and_who_paid_nothing_has_the_lowest() {
        let half = Bps::new(5_000).unwrap();
        assert_eq!(RealisedPrice::of(Nano(7), 0, half), Ok(None));
        let nothing = price(0, u64::MAX, 5_000);
        assert!(nothing.meets(Nano::ZERO) && !nothing.meets(Nano(1)));
        // Where every fee is common, nobody steers anything.
        assert!(!price(u64::MAX, 1, 10_000).meets(Nano(1)));
    }

    #[test]
    fn the_ends_of_all_numbers_are_compared_exactly() {
        let most = u64::MAX;
        // The dearest byte there can be, and the cheapest.
        assert!(price(most, 1, 0).meets(Nano(most)));
        assert_eq!(price(most, 1, 0).nano_per_gib_down(), u128::from(most) << 30);
        assert!(!price(most, most, 0).meets(Nano(most)));
        assert!(price(most, most, 0).meets(Nano(1 << 30)));
        assert!(!price(most - 1, most, 0).meets(Nano(1 << 30)));
        assert!(!price(1, most, 0).meets(Nano(1)));
    }

    /// Any number, its ends as often as all others.
    fn any_number() -> impl Strategy<Value = u64> {
        prop_oneof![Just(0), Just(1), Just(u64::MAX), Just(1 << 30), any::<u64>(), 0u64..1 << 34]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 20_000,
            rng_seed: RngSeed::Fixed(15),
            ..ProptestConfig::default()
        })]

        #[test]
        fn who_is_declined_paid_less_and_what_is_shown_says_so(
            fee in any_number(), quota in any_number(), bps in 0u16..=10_000, ask in any_number(),
        ) {
            let bps = Bps::new(bps).unwrap();
            let Some(paid) = RealisedPrice::of(Nano(fee), quota, bps).unwrap() else {
                prop_assert_eq!(quota, 0);
                return Ok(());
            };
            let steered = U256::from(Fee::divide(Nano(fee), bps).unwrap().steered_nano.0);
            let exact = (steered << 30usize) >= U256::from(ask) * U256::from(quota);
            prop_assert_eq!(paid.meets(Nano(ask)), exact);
            prop_assert_eq!(paid.meets(Nano(ask)), paid.nano_per_gib_down() >= u128::from(ask));
        }

        #[test]
        fn a_higher_fee_a_smaller_quota_or_a_lower_ask_declines_nobody(
            fee in any_number(), quota in 1u64.., ask in any_number(), by in any_number(),
        ) {
            let met = price(fee, quota, 1_000).meets(Nano(ask));
            prop_assert!(!met || price(fee.saturating_add(by), quota, 1_000).meets(Nano(ask)));
            let smaller = quota.saturating_sub(by).max(1);
            prop_assert!(!met || price(fee, smaller, 1_000).meets(Nano(ask)));
            prop_assert!(!met || price(fee, quota, 1_000).meets(Nano(ask.saturating_sub(by))));
        }
    }
}
