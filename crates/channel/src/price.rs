//! What an operator asks for delivery in a channel, and what a payer is ready to pay.
//!
//! `owed = ⌊bytes · per_gib_wei / 2^30⌋ + ⌊messages · per_1000_messages_wei / 1000⌋`, rounded down in the payer's favour, by less
//! than two wei a lane; it never falls while counters only rise.

use serde::{Deserialize, Serialize};
use tatum_primitives::U256;

use crate::error::data;

/// Bytes in a GiB.
const GIB: u64 = 1 << 30;
/// Messages that the second price is for.
const MESSAGES: u64 = 1_000;

/// A price for delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Price {
    /// Wei for a GiB of payload.
    pub per_gib_wei: u128,
    /// Wei for a thousand messages.
    pub per_1000_messages_wei: u128,
}

/// An offer dearer than the payer's limit. It names both numbers.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{what}: {} is asked, the limit is {}", data(offered_wei), data(limit_wei))]
pub struct TooDear {
    /// Which of the two prices.
    pub what: &'static str,
    /// What the operator asks.
    pub offered_wei: u128,
    /// What the payer pays at most.
    pub limit_wei: u128,
}

impl Price {
    /// What so much delivery costs; nothing if it is more than any channel could hold.
    pub fn owed_wei_down(&self, bytes: u64, messages: u64) -> Option<u128> {
        let part = |amount: u64, price_wei: u128, unit: u64| {
            // 64 and 128 bits: the product fits 256.
            let product = U256::from(amount).checked_mul(U256::from(price_wei))?;
            u128::try_from(product.checked_div(U256::from(unit))?).ok()
        };
        let by_bytes = part(bytes, self.per_gib_wei, GIB)?;
        by_bytes.checked_add(part(messages, self.per_1000_messages_wei, MESSAGES)?)
    }

    /// Whether a payer with this limit accepts `offer`.
    pub fn accepts(&self, offer: &Self) -> Result<(), TooDear> {
        let compare = |what, offered_wei, limit_wei| {
            if offered_wei > limit_wei {
                Err(TooDear { what, offered_wei, limit_wei })
            } else {
                Ok(())
            }
        };
        compare("price per GiB", offer.per_gib_wei, self.per_gib_wei)?;
        compare("price per 1 000 messages", offer.per_1000_messages_wei, self.per_1000_messages_wei)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_dearer_offer_is_refused_with_both_numbers() {
        let limit = Price { per_gib_wei: 10, per_1000_messages_wei: 5 };
        assert_eq!(limit.accepts(&limit), Ok(()));
        let dearer = Price { per_gib_wei: 11, ..limit };
        let error = limit.accepts(&dearer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "price per GiB: 0.000000000000000011 DATA is asked, the limit is 0.00000000000000001 DATA"
        );
        let dearer = Price { per_1000_messages_wei: 6, ..limit };
        assert_eq!(limit.accepts(&dearer).unwrap_err().offered_wei, 6);
    }

    /// It accepts what is free, and nothing else.
    #[test]
    fn nitrolite_mf3_h01_a_limit_of_nothing_is_no_lack_of_a_limit() {
        let dear = Price { per_gib_wei: 1, per_1000_messages_wei: 0 };
        assert_eq!(Price::default().accepts(&Price::default()), Ok(()));
        assert!(Price::default().accepts(&dear).is_err());
    }

    #[test]
    fn a_gib_and_a_thousand_messages_cost_their_price() {
        let price = Price { per_gib_wei: 7, per_1000_messages_wei: 3 };
        assert_eq!(price.owed_wei_down(1 << 30, 1_000), Some(10));
        assert_eq!(price.owed_wei_down((1 << 30) - 1, 999), Some(8));
        let dear = Price { per_gib_wei: u128::MAX, per_1000_messages_wei: u128::MAX };
        assert_eq!(dear.owed_wei_down(u64::MAX, 0), None);
    }

    proptest! {
        #[test]
        fn more_delivery_never_costs_less(
            price in any::<(u64, u64)>(), bytes in any::<u64>(), messages in any::<u64>(), more in any::<(u32, u32)>(),
        ) {
            let price = Price { per_gib_wei: price.0.into(), per_1000_messages_wei: price.1.into() };
            let before = price.owed_wei_down(bytes, messages);
            let after = price.owed_wei_down(
                bytes.saturating_add(more.0.into()), messages.saturating_add(more.1.into()),
            );
            prop_assert!(before <= after);
        }
    }
}
