//! What an epoch pays, by `tatum-rewards` itself, and what is carried from one epoch to the next.
//!
//! Invariant: `funded = distributed + proposers' + carried` in nano, from the first epoch on. The rules that were tried and left are the same payout with
//! other weights: without a cap everybody has all of the capacity, the pool by id has bonds of one, the pool by work has the works.

use tatum_primitives::{Nano, WEI_PER_NANO};
use tatum_rewards::{Fee, Operator, Pay, Round, edge_down};

use super::registry::Counts;
use crate::Error;
use crate::rules::{PoolBy, Rules};

/// What a payer's receipts say of one operator in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The payer's place.
    pub payer: usize,
    /// The operator's id.
    pub operator: usize,
    /// Bytes on time.
    pub units: u64,
}

/// What an epoch paid.
#[derive(Clone, Debug, Default)]
pub struct Paid {
    /// By operator id.
    pub pays: Vec<Pay>,
    /// The epoch's fees and bills.
    pub pot_nano: u64,
    /// What was paid out of it.
    pub distributed_nano: u64,
    /// What its proposer got.
    pub proposer_nano: u64,
    /// What is left for the next epoch.
    pub carried_nano: u64,
}

/// The distributor's books.
#[derive(Clone, Debug, Default)]
pub struct Purse {
    funded_wei: u128,
    distributed_nano: u64,
    proposers_nano: u64,
}

impl Purse {
    /// What was paid out in all.
    #[must_use]
    pub const fn distributed_nano(&self) -> u64 {
        self.distributed_nano
    }

    /// What proposers got in all.
    #[must_use]
    pub const fn proposers_nano(&self) -> u64 {
        self.proposers_nano
    }

    /// What was put in, less what was paid out.
    #[must_use]
    pub fn left_nano(&self) -> u64 {
        let spent = self.distributed_nano.saturating_add(self.proposers_nano);
        nano_down(self.funded_wei).saturating_sub(spent)
    }

    /// Pays an epoch of these fees (by payer), receipts, and operators (by id).
    ///
    /// # Errors
    ///
    /// [`Error::Payout`].
    pub fn settle(
        &mut self,
        rules: &Rules,
        pot_wei: u128,
        fees_wei: &[u128],
        edges: &[Edge],
        operators: &[Counts],
    ) -> Result<Paid, Error> {
        let before = nano_down(self.funded_wei);
        self.funded_wei += pot_wei;
        let works = works(rules, fees_wei, edges, operators.len())?;
        let pot = Nano(nano_down(pot_wei));
        // As in `Funding.sol`: the proposer's part gives way to work.
        let work: u64 = works.iter().map(|work| work.0).sum();
        let (left, funded) = (self.left_nano(), nano_down(self.funded_wei) - before);
        let part = proposer_part(funded, rules.pay.proposer_bps);
        let available = left.saturating_sub(part).max(work);
        let mut paid = pay(rules, Nano(available), pot, &works, operators)?;
        paid.proposer_nano = part.min(left.saturating_sub(available));
        self.distributed_nano += paid.distributed_nano;
        self.proposers_nano += paid.proposer_nano;
        Ok(paid)
    }
}

/// The proposer's part of a pot, rounded down.
fn proposer_part(pot_nano: u64, bps: u16) -> u64 {
    let part = u128::from(pot_nano) * u128::from(bps) / 10_000;
    u64::try_from(part).unwrap_or(u64::MAX)
}

/// What receipts steer to each operator.
///
/// # Errors
///
/// [`Error::Payout`].
pub fn works(
    rules: &Rules,
    fees_wei: &[u128],
    edges: &[Edge],
    operators: usize,
) -> Result<Vec<Nano>, Error> {
    let mut units = vec![0u128; fees_wei.len()];
    for edge in edges {
        if let Some(sum) = units.get_mut(edge.payer) {
            *sum += u128::from(edge.units);
        }
    }
    let pool_bps = rules.payout().pool_bps;
    let mut works = vec![Nano::ZERO; operators];
    for edge in edges {
        let fee = nano_down(fees_wei.get(edge.payer).copied().unwrap_or(0));
        let steered = Fee::divide(Nano(fee), pool_bps).map_err(Error::Payout)?.steered_nano;
        let all = units.get(edge.payer).copied().unwrap_or(0);
        let nano = edge_down(steered, edge.units.into(), all).map_err(Error::Payout)?;
        if let Some(work) = works.get_mut(edge.operator) {
            work.0 = work.0.saturating_add(nano.0);
        }
    }
    Ok(works)
}

/// Pays operators of these works and bonds.
///
/// # Errors
///
/// [`Error::Payout`].
pub fn pay(
    rules: &Rules,
    available: Nano,
    pot: Nano,
    works: &[Nano],
    counts: &[Counts],
) -> Result<Paid, Error> {
    let operators: Vec<Operator> = works
        .iter()
        .zip(counts)
        .map(|(work, counts)| Operator {
            work_nano: *work,
            bond_wei: match rules.pay.pool_by {
                PoolBy::Bond => counts.bond_wei,
                PoolBy::Id => u128::from(counts.bond_wei > 0),
                PoolBy::Work => u128::from(work.0),
            },
            capacity_bytes: if rules.pay.is_capped { counts.capacity_bytes } else { 1 },
            previous_nano: Nano::ZERO,
        })
        .collect();
    let work_nano = Nano(works.iter().map(|work| work.0).sum());
    let backed = operators.iter().map(|operator| (operator.bond_wei, operator.capacity_bytes));
    let round = Round::of(rules.payout(), available, pot, work_nano, backed);
    let mut round = round.map_err(Error::Payout)?;
    if !rules.pay.is_capped {
        // All of the capacity to each: a cap of the whole pot, which no work exceeds.
        round.total_capacity_bytes = 1;
    }
    let settled = round.settle(&operators).map_err(Error::Payout)?;
    Ok(Paid {
        pays: settled.earnings.iter().map(|earning| earning.pay).collect(),
        pot_nano: pot.0,
        distributed_nano: settled.distributed_nano.0,
        proposer_nano: 0,
        carried_nano: settled.carried_nano.0,
    })
}

/// Whole nano of an amount of wei.
#[must_use]
pub fn nano_down(wei: u128) -> u64 {
    u64::try_from(wei / u128::from(WEI_PER_NANO)).unwrap_or(u64::MAX)
}
