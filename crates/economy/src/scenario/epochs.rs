//! Random epochs of the payout: payers with fees and receipts, operators with bonds and capacities.
//!
//! Invariant: works follow from receipts, and no bond backs less than the capacity that counts.

use tatum_primitives::Nano;

use crate::Error;
use crate::draws::Draws;
use crate::ledger::payout::{Edge, Paid, nano_down, pay, works};
use crate::ledger::registry::{Counts, backed_down};
use crate::rules::Rules;

const DATA: u128 = 1_000_000_000_000_000_000;

/// One epoch.
#[derive(Clone, Debug)]
pub(super) struct Epoch {
    pub(super) fees_wei: Vec<u128>,
    pub(super) edges: Vec<Edge>,
    pub(super) counts: Vec<Counts>,
    pub(super) carried_nano: u64,
}

impl Epoch {
    /// 1 to 12 payers, 2 to 8 operators; some have no work, some declare less than they could.
    pub(super) fn random(rules: &Rules, draws: &mut Draws) -> Self {
        let payers = 1 + draws.place(12);
        let operators = 2 + draws.place(7);
        let fees_wei = (0..payers).map(|_| u128::from(draws.below(900) + 1) * DATA / 7).collect();
        let per_data = rules.operators.capacity_bytes_per_data;
        let counts = (0..operators).map(|_| {
            let bond_wei = rules.operators.minimum_bond_wei * u128::from(1 + draws.below(10));
            let backed = backed_down(bond_wei, per_data);
            Counts { bond_wei, capacity_bytes: backed / 10 * (1 + draws.below(10)) }
        });
        let counts = counts.collect();
        let mut edges = Vec::new();
        for payer in 0..payers {
            for operator in 0..operators {
                if draws.happens(0.5) {
                    edges.push(Edge { payer, operator, units: 1 + draws.below(1 << 40) });
                }
            }
        }
        Self { fees_wei, edges, counts, carried_nano: draws.below(1 << 36) }
    }

    /// The sum of all fees.
    pub(super) fn pot_nano(&self) -> Nano {
        Nano(nano_down(self.fees_wei.iter().sum()))
    }

    /// What may be paid.
    pub(super) fn available_nano(&self) -> Nano {
        Nano(self.pot_nano().0 + self.carried_nano)
    }

    pub(super) fn works(&self, rules: &Rules) -> Result<Vec<Nano>, Error> {
        works(rules, &self.fees_wei, &self.edges, self.counts.len())
    }

    pub(super) fn paid(&self, rules: &Rules) -> Result<Paid, Error> {
        pay(rules, self.available_nano(), self.pot_nano(), &self.works(rules)?, &self.counts)
    }

    /// What the operator takes in all.
    pub(super) fn take_nano(&self, rules: &Rules, operator: usize) -> Result<u64, Error> {
        Ok(self.paid(rules)?.pays.get(operator).map_or(0, |pay| pay.total_nano().0))
    }
}
