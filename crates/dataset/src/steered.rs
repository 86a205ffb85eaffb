//! What payers steer, looked up once an edge.
//!
//! Invariant: it is what [`steered_of`] says of each payer, and nothing for anybody else. Memory is some 16 bytes a payer.

use std::hash::{BuildHasher, RandomState};

use alloy_primitives::Address;
use hashbrown::HashTable;
use tatum_primitives::Nano;

use crate::rollup::steered_of;
use crate::{Error, Parameters, Payer};

/// Payers by address.
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
