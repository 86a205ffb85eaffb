//! From an epoch's inputs to its distribution: the payout rule, then the sum tree.
//!
//! Invariant: a pure function. `total = previous total + distributed` and `distributed + dust = available`, or it refuses.

use std::borrow::Cow;
use std::collections::BTreeMap;

use alloy_primitives::U256;
use tatum_merkle::{Entry, ListBuilder, ListCommitment, SumTree};
use tatum_primitives::{Bps, Nano};
use tatum_rewards::{Fee, Inputs, Share, payouts, settle};
use tatum_watcher::{Book, Units};

use crate::lineup::Counted;
use crate::{DistributionRow, Error, Operator, Parameters, Payer, Results, Tally};

/// An epoch's distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    /// By operator id.
    pub rows: Vec<DistributionRow>,
    /// The tree over the cumulative amounts.
    pub tree: SumTree,
    /// What is proposed on chain, and more.
    pub results: Results,
}

/// Rolls up an epoch from a tally, as an audit does. `previous_nano` is what each operator was promised in the distribution before, by id; operators
/// beyond its end are new.
///
/// # Errors
///
/// Any [`Error`]; the inputs are then not one epoch's true state.
pub fn rollup(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
    previous_nano: &[Nano],
    receipts: &Tally,
) -> Result<Distribution, Error> {
    let operators = sorted(operators);
    let shares = shares(parameters, payers, &operators, receipts)?;
    distribute(parameters, payers, &operators, previous_nano, &shares, receipts.counted())
}

/// What each operator gets of the epoch, by id.
fn shares(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
    receipts: &Tally,
) -> Result<Vec<Share>, Error> {
    let paid = payouts(&Inputs {
        pool_bps: parameters.pool_bps,
        pool_weight: parameters.pool_weight,
        available_nano: parameters.available_nano,
        payers: &payers.iter().map(with_fee).collect::<Result<Vec<_>, _>>()?,
        usages: receipts.usages(),
        operators: &with_previous(operators, &[]),
    })?;
    Ok(paid.earnings.iter().map(tatum_rewards::Earning::share).collect())
}

/// The distribution of shares that were worked out, by operator id.
pub(crate) fn distribute(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
    previous_nano: &[Nano],
    shares: &[Share],
    counted: Counted,
) -> Result<Distribution, Error> {
    check_previous(parameters, operators, previous_nano)?;
    let paid = settle(parameters.available_nano, &with_previous(operators, previous_nano), shares)?;
    let row = |(operator, earning): (&Operator, &tatum_rewards::Earning)| DistributionRow {
        operator_id: operator.operator_id,
        payout: operator.payout,
        epoch_nano: earning.epoch_nano(),
        cumulative_nano: earning.cumulative_nano,
    };
    let rows: Vec<DistributionRow> = operators.iter().zip(&paid.earnings).map(row).collect();
    let tree = SumTree::build(rows.iter().map(entry).collect())?;
    let results = Results {
        root: tree.root(),
        depth: tree.depth(),
        receipts: counted.receipts,
        edges: edges(parameters, payers, counted.units)?,
        total_nano: tree.total(),
        distributed_nano: paid.distributed_nano,
        dust_nano: paid.dust_nano,
        utilisation_bps: utilisation_down(counted.bytes, payers),
    };
    Ok(Distribution { rows, tree, results })
}

/// The list of edges that is committed to: what each payer's receipts steer to each operator, and the sums so far.
fn edges(
    parameters: &Parameters,
    payers: &[Payer],
    units: Vec<Units>,
) -> Result<ListCommitment, Error> {
    let mut steered = BTreeMap::new();
    for payer in payers {
        let fee = Fee::divide(fee_nano(payer)?, parameters.pool_bps)?;
        steered.insert(payer.payer, fee.steered_nano);
    }
    let of = |payer| Ok(steered.get(&payer).copied().unwrap_or_default());
    let mut list = ListBuilder::default();
    for edge in Book::of(units, of)?.edges {
        list.push(&edge.encode())?;
    }
    Ok(list.commitment())
}

/// The entry of a row's operator in the sum tree.
pub(crate) const fn entry(row: &DistributionRow) -> Entry {
    Entry { operator_id: row.operator_id, payout: row.payout, cumulative_nano: row.cumulative_nano }
}

fn with_fee(payer: &Payer) -> Result<tatum_rewards::Payer, Error> {
    Ok(tatum_rewards::Payer { payer: payer.payer, fee_nano: fee_nano(payer)? })
}

/// A payer's fee in whole nano.
pub(crate) fn fee_nano(payer: &Payer) -> Result<Nano, Error> {
    Nano::from_wei_down(payer.fee_wei).map_err(Error::Fee)
}

fn sorted(operators: &[Operator]) -> Cow<'_, [Operator]> {
    let mut operators = Cow::Borrowed(operators);
    if !operators.is_sorted_by_key(|operator| operator.operator_id) {
        operators.to_mut().sort_by_key(|operator| operator.operator_id);
    }
    operators
}

/// Operators with what each was promised before.
pub(crate) fn with_previous(
    operators: &[Operator],
    previous: &[Nano],
) -> Vec<tatum_rewards::Operator> {
    let previous = previous.iter().copied().chain(std::iter::repeat(Nano::ZERO));
    let joined = operators.iter().zip(previous);
    joined
        .map(|(operator, previous_nano)| tatum_rewards::Operator {
            operator_id: operator.operator_id,
            bond_wei: operator.bond_wei,
            eligible: operator.eligible,
            previous_nano,
        })
        .collect()
}

/// Nobody who was promised something may be left out, and the promises must come to the stated total.
fn check_previous(
    parameters: &Parameters,
    operators: &[Operator],
    previous: &[Nano],
) -> Result<(), Error> {
    let sum = previous.iter().try_fold(Nano::ZERO, |sum, nano| sum.checked_add(*nano));
    let expected = parameters.previous_total_nano;
    if sum == Some(expected) && previous.len() <= operators.len() {
        return Ok(());
    }
    let got = sum.unwrap_or(Nano(u64::MAX));
    Err(Error::Previous { expected, got, operators: previous.len() })
}

/// `min(10 000, floor(bytes · 10 000 / Σ quota))`; 0 without any quota.
fn utilisation_down(bytes: u128, payers: &[Payer]) -> Bps {
    let quota = payers.iter().fold(U256::ZERO, |sum, payer| sum.saturating_add(payer.quota_bytes));
    let scaled = U256::from(bytes).saturating_mul(U256::from(Bps::ONE.bps()));
    let share = scaled.checked_div(quota).unwrap_or(U256::ZERO);
    u16::try_from(share).ok().and_then(Bps::new).unwrap_or(Bps::ONE)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    #[test]
    fn utilisation_is_used_quota_and_never_more_than_all() {
        let payer = |quota: u64| Payer {
            payer: Address::ZERO,
            fee_wei: U256::ZERO,
            quota_bytes: U256::from(quota),
        };
        assert_eq!(utilisation_down(1, &[]), Bps::new(0).unwrap());
        assert_eq!(utilisation_down(199, &[payer(500), payer(500)]), Bps::new(1_990).unwrap());
        assert_eq!(utilisation_down(1, &[payer(10_001)]), Bps::new(0).unwrap());
        assert_eq!(utilisation_down(u128::MAX, &[payer(1)]), Bps::ONE);
    }
}
