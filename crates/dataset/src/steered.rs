//! What payers steer: of their fees in whole nano.
//!
//! Invariant: whoever is no payer steers nothing, however it is looked up.

use std::hash::{BuildHasher, RandomState};

use alloy_primitives::Address;
use hashbrown::HashTable;
use tatum_primitives::Nano;
use tatum_rewards::Fee;

use crate::{Error, Parameters, Payer};

/// Payers by address, for a look-up an edge. Memory is some 16 bytes a payer.
pub(crate) struct Steered<'a> {
    parameters: &'a Parameters,
    payers: &'a [Payer],
    /// Rows of `payers`. A search by halves would miss the processor's caches a dozen times for each edge of a million payers.
    rows: HashTable<usize>,
    /// Drawn anew each time: whoever chooses addresses cannot choose those that collide.
    hasher: RandomState,
}

impl<'a> Steered<'a> {
    /// Of these payers, none of whom stands there twice.
    pub(crate) fn of(parameters: &'a Parameters, payers: &'a [Payer]) -> Self {
        let hasher = RandomState::new();
        let mut rows = HashTable::with_capacity(payers.len());
        for (row, payer) in payers.iter().enumerate() {
            let rehash = |row: &usize| hasher.hash_one(payers.get(*row).map(|of| of.payer));
            rows.insert_unique(hasher.hash_one(Some(payer.payer)), row, rehash);
        }
        Self { parameters, payers, rows, hasher }
    }

    /// What this payer's receipts steer.
    pub(crate) fn nano(&self, payer: Address) -> Result<Nano, Error> {
        let is_it = |row: &usize| self.payers.get(*row).is_some_and(|of| of.payer == payer);
        let row = self.rows.find(self.hasher.hash_one(Some(payer)), is_it);
        let found = row.and_then(|row| self.payers.get(*row));
        found.map_or(Ok(Nano::ZERO), |payer| steered_of(self.parameters, payer))
    }
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
fn steered_of(parameters: &Parameters, payer: &Payer) -> Result<Nano, Error> {
    Ok(Fee::divide(fee_nano(payer)?, parameters.pool_bps)?.steered_nano)
}
