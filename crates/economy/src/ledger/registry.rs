//! Operators' bonds and declared capacities by epoch: the twin of what of `contracts/operators/` moves prices and pay.
//!
//! Invariant: what changes in an epoch counts from the next one on; what counts of a capacity is `min(declared, bond · κ / 10^18)`, and
//! nothing of a bond below the minimum or of one who leaves.

use super::mul_div_down;
use crate::Error;
use crate::rules::OperatorRule;

const WEI_PER_DATA: u128 = 1_000_000_000_000_000_000;

/// What counts of an operator in an epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Its bond.
    pub bond_wei: u128,
    /// Its capacity in bytes an epoch.
    pub capacity_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Record {
    bond_wei: u128,
    declared_bytes: u64,
    stays: bool,
    counts: Counts,
}

/// The registry; an operator's id is its place.
#[derive(Clone, Debug)]
pub struct Registry {
    rule: OperatorRule,
    records: Vec<Record>,
}

impl Registry {
    /// One without operators.
    #[must_use]
    pub const fn new(rule: OperatorRule) -> Self {
        Self { rule, records: Vec::new() }
    }

    /// A new operator, which counts from the next epoch on; its id.
    ///
    /// # Errors
    ///
    /// [`Error::Bond`].
    pub fn register(&mut self, bond_wei: u128, declared_bytes: u64) -> Result<usize, Error> {
        let minimum_wei = self.rule.minimum_bond_wei;
        if bond_wei < minimum_wei {
            return Err(Error::Bond { got_wei: bond_wei, minimum_wei });
        }
        let counts = Counts::default();
        self.records.push(Record { bond_wei, declared_bytes, stays: true, counts });
        Ok(self.records.len() - 1)
    }

    /// Another declaration, for the next epoch.
    pub fn declare(&mut self, id: usize, declared_bytes: u64) {
        if let Some(record) = self.records.get_mut(id) {
            record.declared_bytes = declared_bytes;
        }
    }

    /// The operator counts no more from the next epoch on.
    pub fn leave(&mut self, id: usize) {
        if let Some(record) = self.records.get_mut(id) {
            record.stays = false;
        }
    }

    /// The next epoch begins: what changed counts.
    pub fn open(&mut self) {
        for record in &mut self.records {
            let counts = record.stays && record.bond_wei >= self.rule.minimum_bond_wei;
            let bond_wei = if counts { record.bond_wei } else { 0 };
            let backed = backed_down(bond_wei, self.rule.capacity_bytes_per_data);
            record.counts = Counts { bond_wei, capacity_bytes: record.declared_bytes.min(backed) };
        }
    }

    /// What counts in the running epoch, by id.
    pub fn counts(&self) -> impl Iterator<Item = Counts> + '_ {
        self.records.iter().map(|record| record.counts)
    }

    /// What counts of one operator in the running epoch.
    #[must_use]
    pub fn counts_of(&self, id: usize) -> Counts {
        self.records.get(id).map(|record| record.counts).unwrap_or_default()
    }

    /// The sum of all capacities that count.
    #[must_use]
    pub fn total_capacity_bytes(&self) -> u64 {
        let sum: u128 = self.counts().map(|counts| u128::from(counts.capacity_bytes)).sum();
        u64::try_from(sum).unwrap_or(u64::MAX)
    }
}

/// The capacity that a bond backs.
#[must_use]
pub fn backed_down(bond_wei: u128, capacity_bytes_per_data: u64) -> u64 {
    let bytes = mul_div_down(bond_wei, capacity_bytes_per_data.into(), WEI_PER_DATA);
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;

    const DATA: u128 = WEI_PER_DATA;

    #[test]
    fn a_declaration_counts_from_the_next_epoch_up_to_what_the_bond_backs() {
        let mut registry = Registry::new(Rules::default().operators);
        let id = registry.register(5_000 * DATA, u64::MAX).unwrap();
        assert_eq!(registry.total_capacity_bytes(), 0);
        registry.open();
        assert_eq!(registry.counts_of(id).capacity_bytes, 536_870_910_000);
        registry.declare(id, 7);
        assert_eq!(registry.total_capacity_bytes(), 536_870_910_000);
        registry.open();
        assert_eq!(registry.total_capacity_bytes(), 7);
        registry.leave(id);
        registry.open();
        assert_eq!(registry.counts_of(id), Counts::default());
    }

    #[test]
    fn a_bond_below_the_minimum_is_refused() {
        let mut registry = Registry::new(Rules::default().operators);
        assert!(matches!(registry.register(5_000 * DATA - 1, 1), Err(Error::Bond { .. })));
    }
}
