//! What all operators of an epoch are paid, and what they have earned with it.
//!
//! Invariant: `distributed + carried = available`, or there are no payouts.

use tatum_primitives::Nano;

use crate::{Error, Pay, Round};

/// An operator in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Operator {
    /// The sum of its edges.
    pub work_nano: Nano,
    /// The bond that counts.
    pub bond_wei: u128,
    /// The capacity that counts: what it declared, up to what the bond backs.
    pub capacity_bytes: u64,
    /// Everything it had earned by the end of the epoch before.
    pub previous_nano: Nano,
}

/// What one operator earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earning {
    /// What it gets of the epoch.
    pub pay: Pay,
    /// That, and everything it had earned before.
    pub cumulative_nano: Nano,
}

/// What an epoch pays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payouts {
    /// By operator id, every operator once.
    pub earnings: Vec<Earning>,
    /// The sum of what this epoch pays.
    pub distributed_nano: Nano,
    /// What is paid to nobody, and is part of what the next epoch may pay.
    pub carried_nano: Nano,
}

impl Round {
    /// Pays all operators, which come by id.
    ///
    /// # Errors
    ///
    /// As for [`Round::pay`], and [`Error::Overpaid`] or [`Error::Overflow`]: these are not the round's operators.
    pub fn settle(&self, operators: &[Operator]) -> Result<Payouts, Error> {
        let earnings = operators.iter().map(|operator| self.earning(operator));
        let earnings = earnings.collect::<Result<Vec<_>, Error>>()?;
        let mut paid = earnings.iter().map(|earning| earning.pay.total_nano());
        let sum = paid.try_fold(Nano::ZERO, Nano::checked_add);
        let distributed_nano = sum.ok_or(Error::Overflow("a sum of payouts"))?;
        let overpaid = Error::Overpaid { paid: distributed_nano, available: self.available_nano };
        let carried_nano = self.available_nano.checked_sub(distributed_nano).ok_or(overpaid)?;
        Ok(Payouts { earnings, distributed_nano, carried_nano })
    }

    fn earning(&self, operator: &Operator) -> Result<Earning, Error> {
        let Operator { work_nano, bond_wei, capacity_bytes, previous_nano } = *operator;
        let pay = self.pay(work_nano, bond_wei, capacity_bytes)?;
        let cumulative = previous_nano.checked_add(pay.total_nano());
        Ok(Earning { pay, cumulative_nano: cumulative.ok_or(Error::Overflow("an earning"))? })
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::Bps;

    use super::*;
    use crate::Rule;

    fn round(work: u64, operators: &[Operator]) -> Round {
        let rule = Rule { pool_bps: Bps::new(0).unwrap(), pool_limit_bps: Bps::new(0).unwrap() };
        let backed = operators.iter().map(|o| (o.bond_wei, o.capacity_bytes));
        Round::of(rule, Nano(100), Nano(100), Nano(work), backed).unwrap()
    }

    #[test]
    fn what_nobody_is_paid_is_carried() {
        let operator = |work| Operator {
            work_nano: Nano(work),
            bond_wei: 1,
            capacity_bytes: 1,
            previous_nano: Nano(5),
        };
        let operators = [operator(50), operator(9), operator(0)];
        // Each may earn 33 at the full price; of the 41 that nobody's receipts steer a third goes to each bond.
        let paid = round(59, &operators).settle(&operators).unwrap();
        let earned: Vec<_> = paid.earnings.iter().map(|e| e.cumulative_nano.0 - 5).collect();
        assert_eq!(earned, [33 + 8 + 13, 9 + 13, 13]);
        assert_eq!((paid.distributed_nano, paid.carried_nano), (Nano(89), Nano(11)));
    }

    #[test]
    fn operators_of_another_round_are_refused() {
        let one = Operator { bond_wei: 1, ..Operator::default() };
        let refused = round(0, &[one]).settle(&[one, one]);
        let (paid, available) = (Nano(200), Nano(100));
        assert_eq!(refused, Err(Error::Overpaid { paid, available }));
        let full = Operator { previous_nano: Nano(u64::MAX), ..one };
        assert_eq!(round(0, &[full]).settle(&[full]), Err(Error::Overflow("an earning")));
        assert!(round(0, &[one]).settle(&[Operator { bond_wei: 2, ..one }]).is_err());
    }
}
