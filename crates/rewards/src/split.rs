//! An amount split by weights, rounded down share by share.
//!
//! Invariant: the shares add up to at most the amount; what is left over is less than one nano a share.

use tatum_primitives::Nano;

use crate::{Error, mul_div_down};

/// The shares of `amount`, in order of `weights`; none at all if the weights are all zero.
///
/// # Errors
///
/// [`Error::Overflow`] if the weights add up to more than 128 bits.
pub(crate) fn split_down(
    amount: Nano,
    weights: impl Iterator<Item = u128> + Clone,
) -> Result<impl Iterator<Item = Result<Nano, Error>>, Error> {
    let total = weights.clone().try_fold(0u128, u128::checked_add);
    let total = total.ok_or(Error::Overflow("a sum of weights"))?;
    let shares = weights.map(move |weight| mul_div_down(amount.0, weight, total).map(Nano));
    Ok(shares.take(if total == 0 { 0 } else { usize::MAX }))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(amount: u64, weights: &[u128]) -> Vec<u64> {
        let shares = split_down(Nano(amount), weights.iter().copied()).unwrap();
        shares.map(|share| share.unwrap().0).collect()
    }

    #[test]
    fn shares_follow_weights() {
        assert_eq!(split(100, &[1, 1, 1]), [33, 33, 33]);
        assert_eq!(split(100, &[0, 3, 1]), [0, 75, 25]);
        assert!(split(100, &[0, 0]).is_empty());
        assert!(split_down(Nano(1), [u128::MAX, 1].into_iter()).is_err());
    }

    proptest! {
        #[test]
        fn less_than_a_nano_a_share_is_left_over(
            amount: u64,
            weights in prop::collection::vec(0..u128::MAX / 100, 1..50),
        ) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let paid: u128 = split(amount, &weights).into_iter().map(u128::from).sum();
            prop_assert!(paid <= u128::from(amount));
            prop_assert!(u128::from(amount) - paid < weights.len() as u128);
        }
    }
}
