//! What a fee is divided into before any operator is named.

use tatum_primitives::{Bps, Nano};

use crate::{Error, mul_div_down};

/// A payer's fee of one epoch in its two parts.
///
/// Invariant: `pool_share_nano + steered_nano` is the fee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fee {
    /// `⌊fee · poolBps / 10 000⌋`; rounding favours the payer's own choice by less than one nano.
    pub pool_share_nano: Nano,
    /// The rest, which the payer's receipts steer.
    pub steered_nano: Nano,
}

impl Fee {
    /// Divides a fee.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`]; never for a share of at most the whole.
    pub fn divide(fee_nano: Nano, pool_bps: Bps) -> Result<Self, Error> {
        let (share, whole) = (u128::from(pool_bps.bps()), u128::from(Bps::ONE.bps()));
        let pool_share_nano = Nano(mul_div_down(fee_nano.0, share, whole)?);
        let steered = fee_nano.checked_sub(pool_share_nano);
        Ok(Self { pool_share_nano, steered_nano: steered.ok_or(Error::Overflow("a pool share"))? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_parts_of_a_fee_are_the_fee(fee: u64, bps in 0u16..=10_000) {
            let parts = Fee::divide(Nano(fee), Bps::new(bps).unwrap()).unwrap();
            prop_assert_eq!(parts.pool_share_nano.checked_add(parts.steered_nano), Some(Nano(fee)));
        }
    }
}
