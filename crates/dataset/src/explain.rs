//! Why an operator is paid what it is paid: whose receipts brought it how much, and what the rule makes of that.
//!
//! ```text
//! edge       = ⌊payer_steers · units / payer_units⌋       work = Σ edges
//! cap, paid, pool as in "Payout of an epoch" in `docs/dataset.md`
//! total      = paid + pool                                cumulative = before + total
//! ```
//!
//! Invariant: the edges are worked out from the receipts by the code that rolls an epoch up, so an operator's edges sum to its work
//! in the distribution to the nano, and what the rule makes of it is what stands there; where that is not so there is no explanation.
//! Memory is one line for each (payer, operator), not one for each receipt. Proven by the properties in `explain/tests.rs`.

use std::collections::HashMap;

use alloy_primitives::Address;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::{DeliveryReceipt, ReceiptKey};
use tatum_rewards::Round;
use tatum_watcher::{Book, EdgeLeaf, ReceiptTotals};

use crate::lineup::each_group;
use crate::rollup::steered_nano;
use crate::table::{Row, row_number};
use crate::{CountedReceipt, Dataset, DistributionRow, Error, Operator, RowError};

/// What one payer's receipts brought an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainedEdge {
    /// The payer.
    pub payer: Address,
    /// How many of its receipts count for the operator.
    pub receipts: u64,
    /// The bytes on time in them.
    pub units: u128,
    /// The bytes on time in all of the payer's receipts.
    pub payer_units: u128,
    /// What all of the payer's receipts steer together.
    pub payer_steers_nano: Nano,
    /// What of that goes to the operator: rounded down, so that an epoch's edges never exceed what was paid for them.
    pub work_nano: Nano,
}

/// What the rule makes of an operator's edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExplainedPay {
    /// The sum of its edges.
    pub work_nano: Nano,
    /// What its capacity lets it earn at the full price.
    pub cap_nano: Nano,
    /// What it is paid of its work.
    pub paid_nano: Nano,
    /// What it gets of the common pool.
    pub pool_nano: Nano,
    /// What the epoch adds.
    pub total_nano: Nano,
    /// Everything it was promised before.
    pub before_nano: Nano,
    /// Everything it is promised with it.
    pub cumulative_nano: Nano,
}

/// Explains the payouts of one dataset.
#[derive(Debug)]
pub struct Explainer {
    /// In order of operator and payer.
    edges: Vec<EdgeLeaf>,
    receipts: HashMap<(OperatorId, Address), u64>,
    steered: HashMap<Address, Nano>,
    round: Round,
    operators: Vec<Operator>,
    rows: Vec<DistributionRow>,
}

impl Explainer {
    /// Reads all receipts once, on all cores. Whether they may stand there is for [`crate::verify`] to say.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of reading, or if the tables are no epoch's.
    pub fn new(dataset: &Dataset) -> Result<Self, Error> {
        let parameters = &dataset.manifest().parameters;
        let (payers, operators) = (dataset.payers()?, dataset.operators()?);
        let Tally { totals, receipts, .. } = Tally::of(dataset)?;
        let mut steered = HashMap::new();
        for (_, payer) in receipts.keys() {
            steered.insert(*payer, steered_nano(parameters, &payers, *payer)?);
        }
        let of = |payer| Ok::<_, Error>(steered.get(&payer).copied().unwrap_or_default());
        let Book { edges, work_nano } = Book::of(totals.finish(), of)?;
        let backed = operators.iter().map(|operator| (operator.bond_wei, operator.capacity_bytes));
        let (available_nano, pot_nano) = (parameters.available_nano, parameters.pot_nano);
        let round = Round::of(parameters.rule(), available_nano, pot_nano, work_nano, backed)?;
        let rows = dataset.distribution()?;
        Ok(Self { edges, receipts, steered, round, operators, rows })
    }

    /// An operator's edges in order of payer, at most `limit` of them from place `offset` on.
    pub fn edges(
        &self,
        operator: OperatorId,
        offset: usize,
        limit: usize,
    ) -> impl Iterator<Item = ExplainedEdge> {
        let own = self.of(operator).iter().skip(offset).take(limit);
        own.map(move |edge| ExplainedEdge {
            payer: edge.payer,
            receipts: self.receipts.get(&(operator, edge.payer)).copied().unwrap_or_default(),
            units: edge.units,
            payer_units: edge.payer_units,
            payer_steers_nano: self.steered.get(&edge.payer).copied().unwrap_or_default(),
            work_nano: edge.nano,
        })
    }

    /// How many edges an operator has.
    pub fn edge_count(&self, operator: OperatorId) -> usize {
        self.of(operator).len()
    }

    fn of(&self, operator: OperatorId) -> &[EdgeLeaf] {
        let first = self.edges.partition_point(|edge| edge.operator_id < operator);
        let beyond = self.edges.partition_point(|edge| edge.operator_id <= operator);
        self.edges.get(first..beyond).unwrap_or_default()
    }

    /// What the rule makes of an operator's edges.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] if the distribution has no such operator, [`Error::Unexplained`] if it says something else than the rule.
    pub fn pay(&self, operator: OperatorId) -> Result<ExplainedPay, Error> {
        let operators = self.rows.len();
        let missing = tatum_merkle::Error::NoSuchOperator { id: operator, operators };
        let at = usize::try_from(operator.0).unwrap_or(usize::MAX);
        let (Some(row), Some(backed)) = (self.rows.get(at), self.operators.get(at)) else {
            return Err(missing.into());
        };
        let work_nano = self.of(operator).last().map_or(Nano::ZERO, |edge| edge.operator_nano);
        let pay = self.round.pay(work_nano, backed.bond_wei, backed.capacity_bytes)?;
        let before_nano = row.cumulative_nano.checked_sub(row.epoch_nano());
        let before_nano = before_nano.filter(|_| row.pay() == pay && row.operator_id == operator);
        Ok(ExplainedPay {
            work_nano,
            cap_nano: self.round.cap_down(backed.capacity_bytes)?,
            paid_nano: pay.paid_nano,
            pool_nano: pay.pool_nano,
            total_nano: pay.total_nano(),
            before_nano: before_nano.ok_or(Error::Unexplained(operator))?,
            cumulative_nano: row.cumulative_nano,
        })
    }
}

/// What receipts in canonical order come to.
#[derive(Default)]
struct Tally {
    totals: ReceiptTotals,
    /// How many receipts a payer has for an operator.
    receipts: HashMap<(OperatorId, Address), u64>,
    last: Option<ReceiptKey>,
}

impl Tally {
    fn of(dataset: &Dataset) -> Result<Self, Error> {
        let mut tally = Self::default();
        each_group(dataset, |group, receipts| {
            receipts.iter().enumerate().try_for_each(|(at, counted)| {
                let row = row_number(group, at);
                let in_row = |source| Error::Row { file: CountedReceipt::FILE, row, source };
                tally.push(&counted.signed.receipt).map_err(in_row)
            })
        })?;
        Ok(tally)
    }

    fn push(&mut self, receipt: &DeliveryReceipt) -> Result<(), RowError> {
        let key = receipt.key();
        if self.last.replace(key).is_some_and(|last| last >= key) {
            return Err(RowError::OutOfOrder);
        }
        let DeliveryReceipt { payer, operator_id, bytes_on_time, .. } = *receipt;
        self.totals.push(payer, operator_id, bytes_on_time).map_err(RowError::Units)?;
        let count = self.receipts.entry((operator_id, payer)).or_insert(0);
        *count = count.saturating_add(1);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
