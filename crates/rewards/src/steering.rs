//! What payers' receipts steer to operators, one payer after the other, so that an epoch of any size passes through.
//!
//! Invariant: memory is one amount for each operator; the order in which payers come changes nothing.

use tatum_primitives::{Bps, Nano, OperatorId};

use crate::settle::{common_pool, sum};
use crate::split::split_down;
use crate::{Error, Fee, Operator, PoolWeight, Share, Usage};

/// The amounts that the payers so far steered to each operator.
#[derive(Clone, Debug)]
pub struct Steering<'a> {
    pool_bps: Bps,
    operators: &'a [Operator],
    earned: Vec<Nano>,
}

impl<'a> Steering<'a> {
    /// Nothing is steered to `operators` yet, which are in order of their ids.
    ///
    /// # Errors
    ///
    /// [`Error::OperatorsNotDense`].
    pub fn new(pool_bps: Bps, operators: &'a [Operator]) -> Result<Self, Error> {
        check_dense(operators)?;
        Ok(Self { pool_bps, operators, earned: vec![Nano::ZERO; operators.len()] })
    }

    /// Divides one payer's fee over the operators in its usages, which are sorted by operator. Each payer comes once.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`].
    pub fn steer(&mut self, fee_nano: Nano, usages: &[Usage]) -> Result<(), Error> {
        let steered = Fee::divide(fee_nano, self.pool_bps)?.steered_nano;
        // Usages of operators that do not exist come last, and move nothing.
        let known = usages.partition_point(|usage| place(usage.operator_id) < self.earned.len());
        let (known, _) = usages.split_at(known);
        let units = |usages: &[Usage]| usages.iter().map(|usage| u128::from(usage.units)).sum();
        let edges = known.chunk_by(|one, other| one.operator_id == other.operator_id);
        let shares = split_down(steered, edges.clone().map(units))?;
        for (edge, share) in edges.zip(shares) {
            let operator =
                edge.first().and_then(|usage| self.earned.get_mut(place(usage.operator_id)));
            if let Some(operator) = operator {
                *operator = operator.checked_add(share?).ok_or(Error::Overflow("an earning"))?;
            }
        }
        Ok(())
    }

    /// Every operator's share of `available`: what was steered to it, and its part of the common pool.
    ///
    /// # Errors
    ///
    /// [`Error::FeesExceedAvailable`] or [`Error::Overflow`].
    pub fn shares(self, available: Nano, pool_weight: PoolWeight) -> Result<Vec<Share>, Error> {
        let steered = sum(self.earned.iter().copied())?;
        let common_pool_nano = common_pool(available, steered)?;
        let weights = self.operators.iter().map(|operator| pool_weight.of(operator));
        let from_pool = split_down(common_pool_nano, weights)?;
        let from_pool = from_pool.chain(std::iter::repeat(Ok(Nano::ZERO)));
        let share = |(receipts, pool): (Nano, Result<Nano, Error>)| {
            Ok(Share { from_receipts_nano: receipts, from_pool_nano: pool? })
        };
        self.earned.into_iter().zip(from_pool).map(share).collect()
    }
}

fn place(id: OperatorId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

fn check_dense(operators: &[Operator]) -> Result<(), Error> {
    for (at, operator) in operators.iter().enumerate() {
        let got = operator.operator_id;
        if place(got) != at {
            let expected = OperatorId(u32::try_from(at).unwrap_or(u32::MAX));
            return Err(Error::OperatorsNotDense { expected, got });
        }
    }
    Ok(())
}
