//! From an epoch's tables to its distribution: the edges, the payout rule, then the sum tree.
//!
//! Invariant: a pure function of tables in order. `total = previous total + distributed` and `distributed + carried =
//! available`, or it refuses. Memory is a row for each payer and each operator; receipts and edges pass through.

use alloy_primitives::Address;
use tatum_merkle::{Entry, ListBuilder, ListCommitment, SumTree, map_in_order};
use tatum_primitives::{Nano, OperatorId};
use tatum_rewards::{Fee, Payouts, Round};
use tatum_watcher::{EdgeLeaf, EdgeTotals, Units};

use crate::lineup::Counted;
use crate::steered::Steered;
use crate::table::Row;
use crate::{DistributionRow, Error, Operator, Parameters, Payer, Results, RowError};

/// Edges that are hashed at a time, on all cores.
const EDGES_AT_A_TIME: usize = 1 << 16;
/// How many lines are worth starting a thread for.
const LINES_A_THREAD: usize = 1 << 10;

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

/// Rolls up an epoch. `previous_nano` is what each operator was promised in the distribution before, by id; operators beyond
/// its end are new.
///
/// # Errors
///
/// Any [`Error`]; the inputs are then not one epoch's true state.
pub(crate) fn roll_up(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
    previous_nano: &[Nano],
    counted: Counted,
) -> Result<Distribution, Error> {
    let edges = edges(parameters, payers, operators, previous_nano, counted)?;
    distribute(parameters, operators, previous_nano, edges)
}

/// The first half of it, which what is available does not matter to.
pub(crate) fn edges(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
    previous_nano: &[Nano],
    counted: Counted,
) -> Result<Edges, Error> {
    check_payers(payers)?;
    check_operators(operators)?;
    check_previous(parameters, operators, previous_nano)?;
    Edges::of(counted, operators.len(), &Steered::of(parameters, payers))
}

/// The second half: what each operator gets.
pub(crate) fn distribute(
    parameters: &Parameters,
    operators: &[Operator],
    previous_nano: &[Nano],
    edges: Edges,
) -> Result<Distribution, Error> {
    let paid = pay(parameters, operators, previous_nano, &edges)?;
    let rows = rows(operators, &paid);
    let tree = SumTree::build(rows.iter().map(entry).collect())?;
    let results = Results {
        root: tree.root(),
        depth: tree.depth(),
        entries_top: tree.top(),
        receipts: edges.receipts,
        edges: edges.list,
        work_nano: edges.work_nano,
        total_nano: tree.total(),
        distributed_nano: paid.distributed_nano,
        carried_nano: paid.carried_nano,
    };
    Ok(Distribution { rows, tree, results })
}

/// What the edges of an epoch come to.
pub(crate) struct Edges {
    receipts: ListCommitment,
    list: ListCommitment,
    /// By operator id. What goes to operators that do not exist goes to nobody.
    works: Vec<Nano>,
    work_nano: Nano,
}

impl Edges {
    /// What all of them pay.
    pub(crate) const fn work_nano(&self) -> Nano {
        self.work_nano
    }

    fn of(
        Counted { receipts, mut units }: Counted,
        operators: usize,
        steered: &Steered<'_>,
    ) -> Result<Self, Error> {
        let (mut totals, mut list) = (EdgeTotals::default(), ListBuilder::default());
        let mut work_nano = Nano::ZERO;
        let mut works = vec![Nano::ZERO; operators];
        loop {
            let some = units.by_ref().take(EDGES_AT_A_TIME).collect::<Result<Vec<_>, Error>>()?;
            // Looking a payer up is most of an edge's work besides its hash, and needs no other edge.
            let steered = map_in_order(&some, LINES_A_THREAD, |of: &Units| steered.nano(of.payer))?;
            let edges = some.into_iter().zip(steered).map(|(of, nano)| totals.push(of, nano));
            let edges = edges.collect::<Result<Vec<EdgeLeaf>, _>>()?;
            let Some(last) = edges.last() else {
                return Ok(Self { receipts, list: list.commitment(), works, work_nano });
            };
            work_nano = last.total_nano;
            for edge in &edges {
                if let Some(work) = works.get_mut(place(edge.operator_id)) {
                    *work = edge.operator_nano;
                }
            }
            list.push_all(&edges, EdgeLeaf::encode)?;
        }
    }
}

fn place(id: OperatorId) -> usize {
    usize::try_from(id.0).unwrap_or(usize::MAX)
}

fn pay(
    parameters: &Parameters,
    operators: &[Operator],
    previous_nano: &[Nano],
    edges: &Edges,
) -> Result<Payouts, Error> {
    let Parameters { available_nano, pot_nano, .. } = *parameters;
    let backed = operators.iter().map(|operator| (operator.bond_wei, operator.capacity_bytes));
    let round = Round::of(parameters.rule(), available_nano, pot_nano, edges.work_nano, backed)?;
    let previous = previous_nano.iter().copied().chain(std::iter::repeat(Nano::ZERO));
    let joined = operators.iter().zip(edges.works.iter().zip(previous));
    let operator = |(operator, (work_nano, previous_nano)): (&Operator, (&Nano, Nano))| {
        let Operator { bond_wei, capacity_bytes, .. } = *operator;
        tatum_rewards::Operator { work_nano: *work_nano, bond_wei, capacity_bytes, previous_nano }
    };
    Ok(round.settle(&joined.map(operator).collect::<Vec<_>>())?)
}

fn rows(operators: &[Operator], paid: &Payouts) -> Vec<DistributionRow> {
    let row = |(operator, earning): (&Operator, &tatum_rewards::Earning)| DistributionRow {
        operator_id: operator.operator_id,
        payout: operator.payout,
        work_nano: earning.pay.work_nano,
        paid_nano: earning.pay.paid_nano,
        pool_nano: earning.pay.pool_nano,
        cumulative_nano: earning.cumulative_nano,
    };
    operators.iter().zip(&paid.earnings).map(row).collect()
}

/// The entry of a row's operator in the sum tree.
pub(crate) const fn entry(row: &DistributionRow) -> Entry {
    Entry { operator_id: row.operator_id, payout: row.payout, cumulative_nano: row.cumulative_nano }
}

/// A payer's fee in whole nano.
pub(crate) fn fee_nano(payer: &Payer) -> Result<Nano, Error> {
    Nano::from_wei_down(payer.fee_wei).map_err(Error::Fee)
}

/// What a payer's receipts steer; somebody who is not among `payers`, which are in order, steers nothing.
pub(crate) fn steered_nano(
    parameters: &Parameters,
    payers: &[Payer],
    payer: Address,
) -> Result<Nano, Error> {
    let at = payers.binary_search_by_key(&payer, |payer| payer.payer).ok();
    let found = at.and_then(|at| payers.get(at));
    found.map_or(Ok(Nano::ZERO), |payer| steered_of(parameters, payer))
}

/// What this payer's receipts steer.
pub(crate) fn steered_of(parameters: &Parameters, payer: &Payer) -> Result<Nano, Error> {
    Ok(Fee::divide(fee_nano(payer)?, parameters.pool_bps)?.steered_nano)
}

/// Every fee must fit, also that of somebody without receipts, and nobody may stand there twice.
fn check_payers(payers: &[Payer]) -> Result<(), Error> {
    let mut before = None;
    for (row, payer) in (0..).zip(payers) {
        fee_nano(payer)?;
        let refused = |source| Err(Error::Row { file: Payer::FILE, row, source });
        match before.replace(payer.payer) {
            Some(before) if before == payer.payer => return refused(RowError::KeyTwice),
            Some(before) if before > payer.payer => return refused(RowError::OutOfOrder),
            _ => {}
        }
    }
    Ok(())
}

/// Ids are 0, 1, 2, …: the place is the id.
fn check_operators(operators: &[Operator]) -> Result<(), Error> {
    for (row, operator) in (0u64..).zip(operators) {
        let got = operator.operator_id;
        if u64::from(got.0) != row {
            let expected = OperatorId(u32::try_from(row).unwrap_or(u32::MAX));
            let source = RowError::NotDense { expected, got };
            return Err(Error::Row { file: Operator::FILE, row, source });
        }
    }
    Ok(())
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

#[cfg(test)]
pub(crate) mod tests;
