//! A dataset as a proposal: what is committed to, and what a watcher has of it.
//!
//! Invariant: the lines are those of the roll-up, so what [`Dataset::proposal_data`] opens, opens against what
//! [`Results::proposal`] commits to.

use std::collections::BTreeSet;

use alloy_primitives::U256;
use tatum_merkle::Word;
use tatum_rewards::Rule;
use tatum_watcher::{
    Book, EdgeLeaf, EntryWords, Facts, Finalized, ListData, OperatorFacts, PayerFacts, Proposal,
    ProposalData, ReceiptTotals,
};

use crate::lineup::{Lineup, line};
use crate::rollup::{entry, fee_nano, steered_nano};
use crate::table::Row;
use crate::{CountedReceipt, Dataset, Error, Operator, Parameters, Payer, Results};

impl Results {
    /// What a proposer of the dataset commits to, as far as it can be wrong.
    pub const fn proposal(&self) -> Proposal {
        Proposal {
            receipts: self.receipts,
            edges: self.edges,
            entries_top: self.entries_top,
            work_nano: self.work_nano,
        }
    }
}

impl Dataset {
    /// The lines of the receipts, in order.
    ///
    /// # Errors
    ///
    /// Any [`Error`], here or in place of a line.
    pub fn receipt_lines(&self) -> Result<impl Iterator<Item = Result<Vec<u8>, Error>>, Error> {
        let mut totals = ReceiptTotals::default();
        let numbered = (0u64..).zip(self.counted_receipts()?);
        Ok(numbered.map(move |(row, counted)| {
            let in_row = |source| Error::Row { file: CountedReceipt::FILE, row, source };
            line(&mut totals, &counted?).map_err(in_row)
        }))
    }

    /// The lines of the edges, in order, and their sum. Memory is a line for each (payer, operator).
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn book(&self) -> Result<Book, Error> {
        let parameters = &self.manifest().parameters;
        let units = Lineup::read(self)?.counted()?.units;
        let payers = self.payers()?;
        let steered = |payer| steered_nano(parameters, &payers, payer);
        Book::from_lines(Book::lines(units, steered))
    }

    /// All that a watcher needs of the dataset's proposal, or to answer a demand: every line and word. Memory is some 400 bytes
    /// a receipt.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn proposal_data(&self) -> Result<ProposalData, Error> {
        let receipts = self.receipt_lines()?.collect::<Result<_, _>>()?;
        let edges = self.book()?.edges.iter().map(EdgeLeaf::encode).collect();
        let rows = self.distribution()?;
        let words = rows.iter().map(|row| Word::leaf(&entry(row))).collect();
        Ok(ProposalData {
            receipts: ListData::new(receipts)?,
            edges: ListData::new(edges)?,
            entries: Some(EntryWords::build(words, self.manifest().results.depth)?),
        })
    }
}

/// What the tables say of the chain, for a watcher. They do not say whose a node is, who may sign for whom, what was forced
/// and what is final: those are empty here, and for the caller to fill in from the chain. Until then no receipt is admitted.
///
/// # Errors
///
/// [`Error::Fee`] for a fee beyond all money.
pub fn facts(
    parameters: &Parameters,
    payers: &[Payer],
    operators: &[Operator],
) -> Result<Facts, Error> {
    let payer = |payer: &Payer| Ok((payer.payer, payer_facts(payer)?));
    Ok(Facts {
        epoch: parameters.epoch,
        domain: parameters.domain(),
        rule: parameters.rule(),
        available_nano: parameters.available_nano,
        pot_nano: parameters.pot_nano,
        payers: payers.iter().map(payer).collect::<Result<_, Error>>()?,
        operators: operators.iter().map(operator_facts).collect(),
        nodes: BTreeSet::new(),
        signers: BTreeSet::new(),
        finalized: Finalized::default(),
        assented: parameters.assented,
        forced: BTreeSet::new(),
    })
}

fn payer_facts(payer: &Payer) -> Result<PayerFacts, Error> {
    // A quota beyond 64 bits allows as much as one of them.
    let quota_bytes = payer.quota_bytes.min(U256::from(u64::MAX)).saturating_to();
    Ok(PayerFacts { fee_nano: fee_nano(payer)?, quota_bytes })
}

const fn operator_facts(operator: &Operator) -> OperatorFacts {
    let Operator { payout, bond_wei, capacity_bytes, .. } = *operator;
    OperatorFacts { payout, bond_wei, capacity_bytes }
}

impl Parameters {
    /// The deployment's constants.
    pub const fn rule(&self) -> Rule {
        Rule { pool_bps: self.pool_bps, pool_limit_bps: self.pool_limit_bps }
    }
}

#[cfg(test)]
mod tests;
