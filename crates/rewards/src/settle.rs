//! The end of every roll-up: shares, however they were worked out, become earnings that add up.
//!
//! Invariant: `Σ from receipts + Σ from pool + dust = available`, or there are no payouts.

use tatum_primitives::{Nano, OperatorId};

use crate::{Error, Operator};

/// What one operator gets of one epoch, by where it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// Steered to it by payers' receipts.
    pub from_receipts_nano: Nano,
    /// Its share of the common pool.
    pub from_pool_nano: Nano,
}

/// What one operator earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// The operator.
    pub operator_id: OperatorId,
    /// Steered to it by payers' receipts.
    pub from_receipts_nano: Nano,
    /// Its share of the common pool.
    pub from_pool_nano: Nano,
    /// Both, and everything it had earned before.
    pub cumulative_nano: Nano,
}

impl Earning {
    /// What this epoch adds.
    pub const fn epoch_nano(&self) -> Nano {
        Nano(self.from_receipts_nano.0.saturating_add(self.from_pool_nano.0))
    }

    /// Where this epoch's part comes from.
    pub const fn share(&self) -> Share {
        let Self { from_receipts_nano, from_pool_nano, .. } = *self;
        Share { from_receipts_nano, from_pool_nano }
    }
}

/// What an epoch pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payouts {
    /// By operator id, every operator once.
    pub earnings: Vec<Earning>,
    /// What receipts steered to nobody.
    pub common_pool_nano: Nano,
    /// What the split of the common pool left over.
    pub dust_nano: Nano,
    /// Sum of what this epoch pays.
    pub distributed_nano: Nano,
}

/// Adds `shares`, one for each of `operators` and in their order, to what operators had earned before.
///
/// # Errors
///
/// [`Error::Shares`] unless there is one for each operator, [`Error::FeesExceedAvailable`], [`Error::NotConserved`], or
/// [`Error::Overflow`].
pub fn settle(available: Nano, operators: &[Operator], shares: &[Share]) -> Result<Payouts, Error> {
    if operators.len() != shares.len() {
        return Err(Error::Shares { expected: operators.len(), got: shares.len() });
    }
    let earnings = operators.iter().zip(shares).map(|(operator, share)| earning(operator, *share));
    let earnings = earnings.collect::<Result<Vec<_>, Error>>()?;
    let steered = sum(shares.iter().map(|share| share.from_receipts_nano))?;
    let common_pool_nano = common_pool(available, steered)?;
    let pooled = sum(shares.iter().map(|share| share.from_pool_nano))?;
    let dust = common_pool_nano.checked_sub(pooled).ok_or(Error::Overflow("the common pool"))?;
    let distributed_nano = sum(earnings.iter().map(Earning::epoch_nano))?;
    let payouts = Payouts { earnings, common_pool_nano, dust_nano: dust, distributed_nano };
    payouts.check_conservation(available)?;
    Ok(payouts)
}

/// What of `available` goes to no operator by receipts.
pub(crate) fn common_pool(available: Nano, steered: Nano) -> Result<Nano, Error> {
    available.checked_sub(steered).ok_or(Error::FeesExceedAvailable { steered, available })
}

impl Payouts {
    fn check_conservation(&self, available: Nano) -> Result<(), Error> {
        let paid = self.distributed_nano;
        if paid.checked_add(self.dust_nano) == Some(available) {
            Ok(())
        } else {
            Err(Error::NotConserved { paid, dust: self.dust_nano, available })
        }
    }
}

fn earning(operator: &Operator, share: Share) -> Result<Earning, Error> {
    let Share { from_receipts_nano, from_pool_nano } = share;
    let amounts = [operator.previous_nano, from_receipts_nano, from_pool_nano];
    Ok(Earning {
        operator_id: operator.operator_id,
        from_receipts_nano,
        from_pool_nano,
        cumulative_nano: sum(amounts.into_iter())?,
    })
}

pub(crate) fn sum(amounts: impl Iterator<Item = Nano>) -> Result<Nano, Error> {
    let mut amounts = amounts;
    amounts.try_fold(Nano::ZERO, Nano::checked_add).ok_or(Error::Overflow("a sum of amounts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPERATOR: Operator = Operator {
        operator_id: OperatorId(0),
        bond_wei: 1,
        eligible: true,
        previous_nano: Nano(5),
    };

    #[test]
    fn shares_of_more_than_there_is_are_refused() {
        let share = |receipts, pool| Share {
            from_receipts_nano: Nano(receipts),
            from_pool_nano: Nano(pool),
        };
        let paid = settle(Nano(10), &[OPERATOR], &[share(6, 3)]).unwrap();
        assert_eq!((paid.common_pool_nano, paid.dust_nano), (Nano(4), Nano(1)));
        assert_eq!(paid.earnings[0].cumulative_nano, Nano(14));
        let exceeded = Error::FeesExceedAvailable { steered: Nano(11), available: Nano(10) };
        assert_eq!(settle(Nano(10), &[OPERATOR], &[share(11, 0)]), Err(exceeded));
        let overdrawn = settle(Nano(10), &[OPERATOR], &[share(6, 5)]);
        assert_eq!(overdrawn, Err(Error::Overflow("the common pool")));
        let missing = Error::Shares { expected: 1, got: 0 };
        assert_eq!(settle(Nano(10), &[OPERATOR], &[]), Err(missing));
    }
}
