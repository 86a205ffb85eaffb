//! Realised prices, for people: what a payer paid for a GiB of its quota, and the middle one of many.
//!
//! Invariant: the price is the one that relays decline by; nothing is rounded before it is shown, and then down.

use tatum_primitives::Address;
use tatum_protocol::web::PayerPrice;
use tatum_receipt::checks::PaidEpoch;
use tatum_rewards::{Fee, RealisedPrice};

use crate::{ChainError, Result};

/// What a payer paid in an epoch, and what that makes of a GiB.
pub fn payer_price(payer: Address, paid: PaidEpoch) -> Result<PayerPrice> {
    let PaidEpoch { fee_nano, quota_bytes, pool_bps, .. } = paid;
    let wrong = |_| ChainError::OutOfRange { what: "fee", value: fee_nano.0.to_string() };
    let steered_nano = Fee::divide(fee_nano, pool_bps).map_err(wrong)?.steered_nano;
    let price = RealisedPrice::of(fee_nano, quota_bytes, pool_bps).map_err(wrong)?;
    let nano_per_gib = price.map(|price| price.nano_per_gib_down());
    Ok(PayerPrice { payer, fee_nano, steered_nano, quota_bytes, nano_per_gib })
}

/// The middle one; the lower of two.
pub fn median<T: Ord + Copy>(mut all: Vec<T>) -> Option<T> {
    all.sort_unstable();
    all.get(all.len().checked_sub(1)?.div_euclid(2)).copied()
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{Bps, Epoch, Nano};

    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_the_lower_of_two() {
        assert_eq!(median(Vec::<u64>::new()), None);
        assert_eq!(median(vec![5]), Some(5));
        assert_eq!(median(vec![9, 5]), Some(5));
        assert_eq!(median(vec![9, 5, 7]), Some(7));
        assert_eq!(median(vec![9, 5, 7, 8]), Some(7));
    }

    #[test]
    fn who_had_no_quota_has_no_price() {
        let (epoch, pool_bps) = (Epoch(3), Bps::new(1_000).unwrap());
        let paid = |quota_bytes| PaidEpoch { epoch, fee_nano: Nano(1_000), quota_bytes, pool_bps };
        assert_eq!(payer_price(Address::ZERO, paid(0)).unwrap().nano_per_gib, None);
        assert_eq!(payer_price(Address::ZERO, paid(1 << 30)).unwrap().nano_per_gib, Some(900));
    }
}
