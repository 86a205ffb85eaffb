//! The roll-up of one epoch: fees, usages and operators in, earnings out.
//!
//! Invariant: the order of the input and the way in which usages are split up change nothing; what comes out is settled.

use std::borrow::Cow;

use alloy_primitives::Address;
use tatum_primitives::{Bps, Nano, OperatorId};

use crate::{Error, Payouts, PoolWeight, Steering, settle};

/// A payer's fee of the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payer {
    /// Whose stake the fee was taken from.
    pub payer: Address,
    /// `floor(feeOf(payer, epoch) / 1e9)`.
    pub fee_nano: Nano,
}

/// Units that a payer's receipts state for an operator: of one receipt or of several added up, as you like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usage {
    /// Who signed.
    pub payer: Address,
    /// Who is to be paid.
    pub operator_id: OperatorId,
    /// The sum of its receipts' bytes on time.
    pub units: u64,
}

/// An operator as it stands at the epoch's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its id in the registry.
    pub operator_id: OperatorId,
    /// Its bond, the weight of [`PoolWeight::Bond`].
    pub bond_wei: u128,
    /// True if it was bonded for the whole epoch; only then does it share in the common pool.
    pub eligible: bool,
    /// Everything it had earned by the end of the epoch before.
    pub previous_nano: Nano,
}

/// All that an epoch's payouts depend on. The order of the slices does not matter.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The part of every fee that goes to the common pool.
    pub pool_bps: Bps,
    /// How the common pool is split.
    pub pool_weight: PoolWeight,
    /// What may be paid: everything funded so far less everything promised before.
    pub available_nano: Nano,
    /// Every payer once.
    pub payers: &'a [Payer],
    /// Usages of known and unknown payers and operators; the unknown move nothing.
    pub usages: &'a [Usage],
    /// Every registered operator once.
    pub operators: &'a [Operator],
}

/// Works out an epoch's payouts.
///
/// # Errors
///
/// Any [`Error`]: the input is not one epoch's true state, and no payout may be derived from it.
pub fn payouts(inputs: &Inputs<'_>) -> Result<Payouts, Error> {
    let operators = sorted(inputs.operators, |operator| operator.operator_id);
    let steering = steered(inputs, Steering::new(inputs.pool_bps, &operators)?)?;
    let shares = steering.shares(inputs.available_nano, inputs.pool_weight)?;
    settle(inputs.available_nano, &operators, &shares)
}

/// Steers every payer's fee.
fn steered<'a>(inputs: &Inputs<'_>, mut steering: Steering<'a>) -> Result<Steering<'a>, Error> {
    let payers = sorted(inputs.payers, |payer| payer.payer);
    let usages = sorted(inputs.usages, |usage| (usage.payer, usage.operator_id));
    let mut usages = usages.as_ref();
    let mut before: Option<Address> = None;
    for Payer { payer, fee_nano } in payers.iter() {
        if before.replace(*payer) == Some(*payer) {
            return Err(Error::PayerTwice(*payer));
        }
        let (_, from_here) = split_while(usages, |usage| usage.payer < *payer);
        let (own, rest) = split_while(from_here, |usage| usage.payer == *payer);
        usages = rest;
        steering.steer(*fee_nano, own)?;
    }
    Ok(steering)
}

/// Splits where `belongs` first fails; looks at no more items than the first part and one.
fn split_while<T>(items: &[T], belongs: impl Fn(&T) -> bool) -> (&[T], &[T]) {
    let at = items.iter().position(|item| !belongs(item)).unwrap_or(items.len());
    items.split_at(at)
}

/// The items in order; copied only if they are not in order already.
fn sorted<T: Copy, K: Ord>(items: &[T], key: impl Fn(&T) -> K) -> Cow<'_, [T]> {
    if items.is_sorted_by_key(&key) {
        return Cow::Borrowed(items);
    }
    let mut items = items.to_vec();
    items.sort_unstable_by_key(key);
    Cow::Owned(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYER: Payer = Payer { payer: Address::ZERO, fee_nano: Nano(10) };

    fn operator(id: u32) -> Operator {
        Operator {
            operator_id: OperatorId(id),
            bond_wei: 1,
            eligible: true,
            previous_nano: Nano::ZERO,
        }
    }

    fn pay(available: u64, payers: &[Payer], operators: &[Operator]) -> Result<Payouts, Error> {
        let usages = [Usage { payer: PAYER.payer, operator_id: OperatorId(0), units: 1 }];
        payouts(&Inputs {
            pool_bps: Bps::new(0).unwrap(),
            pool_weight: PoolWeight::Uniform,
            available_nano: Nano(available),
            payers,
            usages: &usages,
            operators,
        })
    }

    #[test]
    fn input_that_is_no_epoch_is_refused() {
        let exceeded = Error::FeesExceedAvailable { steered: Nano(10), available: Nano(9) };
        assert_eq!(pay(9, &[PAYER], &[operator(0)]), Err(exceeded));
        assert_eq!(pay(20, &[PAYER; 2], &[operator(0)]), Err(Error::PayerTwice(PAYER.payer)));
        let gap = Error::OperatorsNotDense { expected: OperatorId(1), got: OperatorId(2) };
        assert_eq!(pay(10, &[PAYER], &[operator(2), operator(0)]), Err(gap));
        let twice = Error::OperatorsNotDense { expected: OperatorId(1), got: OperatorId(0) };
        assert_eq!(pay(10, &[PAYER], &[operator(0); 2]), Err(twice));
        let full = Operator { previous_nano: Nano(u64::MAX), ..operator(0) };
        assert!(matches!(pay(10, &[PAYER], &[full]), Err(Error::Overflow(_))));
    }
}
