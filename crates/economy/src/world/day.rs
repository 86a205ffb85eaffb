//! What is written down of an epoch.
//!
//! Invariant: a day is a fact of the ledger or of the traffic, not of anybody's mind.

use super::{Flow, World, traffic};
use crate::agents::{GIB, seen};
use crate::ledger::controller::InForce;
use crate::ledger::payout::Paid;

/// An epoch in figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Day {
    /// The quota per DATA that was fixed for it, before the fourfold bound.
    pub quota: u64,
    /// What of it was in force.
    pub in_force: u64,
    /// How much of the capacity was sold.
    pub sold_bps: u64,
    /// Stakes at its opening, in wei.
    pub open_wei: u128,
    /// What is locked on its way out, in wei.
    pub unbonding_wei: u128,
    /// The capacity that counted, in bytes.
    pub capacity_bytes: u64,
    /// What operators could really carry.
    pub physical_bytes: f64,
    /// What the population wanted, its quotas allowed and relays carried, in bytes.
    pub wanted_bytes: f64,
    /// See above.
    pub allowed_bytes: f64,
    /// See above.
    pub served_bytes: f64,
    /// All quotas.
    pub sold_bytes: f64,
    /// How many of the population wanted more than their quota.
    pub ran_out: usize,
    /// Of them, those that look once in seven epochs.
    pub weekly_ran_out: usize,
    /// Operators that served.
    pub operators: usize,
    /// Ids that count and had no work.
    pub idle: usize,
    /// The epoch's fees.
    pub pot_nano: u64,
    /// What was paid to whom had work, and to whom had none.
    pub paid_to_work_nano: u64,
    /// See above.
    pub paid_to_idle_nano: u64,
    /// What the proposer got.
    pub proposer_nano: u64,
    /// What was paid to nobody, and carried.
    pub carried_nano: u64,
    /// The fees of the population alone, in wei.
    pub fees_wei: u128,
    /// The fees of everybody else, in wei.
    pub outsiders_fees_wei: u128,
    /// Money for a DATA.
    pub token_price: f64,
    /// The population's interest on what it has locked, over its fees.
    pub locked_share: f64,
}

impl Day {
    pub(super) fn of(
        world: &World,
        force: InForce,
        flow: &Flow,
        paid: &Paid,
        open_wei: u128,
        pot_wei: u128,
    ) -> Self {
        let (mut to_work, mut to_idle, mut idle) = (0, 0, 0);
        for (counts, pay) in world.registry.counts().zip(&paid.pays) {
            if pay.work_nano.0 > 0 {
                to_work += pay.total_nano().0;
            } else {
                to_idle += pay.total_nano().0;
                idle += usize::from(counts.bond_wei > 0);
            }
        }
        let fee = |account| world.pool.fee_of(account);
        let outsiders_fees_wei: u128 = world.outsiders.iter().map(|o| fee(o.account)).sum();
        let unbonding_wei = world.pool.unbonding_wei();
        let interest = world.rules.agents.interest_a_year / 365.0;
        let locked = seen(world.pool.total_wei() + unbonding_wei) * interest;
        Self {
            quota: world.quota,
            in_force: force.quota_bytes_per_data,
            sold_bps: force.sold_bps,
            open_wei,
            unbonding_wei,
            capacity_bytes: world.registry.total_capacity_bytes(),
            physical_bytes: traffic::physical_bytes(&world.operators),
            wanted_bytes: flow.wanted_bytes,
            allowed_bytes: flow.allowed_bytes,
            served_bytes: flow.served_bytes,
            sold_bytes: flow.sold_bytes,
            ran_out: flow.ran_out,
            weekly_ran_out: flow.weekly_ran_out,
            operators: world.operators.iter().filter(|operator| operator.serves()).count(),
            idle,
            pot_nano: paid.pot_nano,
            paid_to_work_nano: to_work,
            paid_to_idle_nano: to_idle,
            proposer_nano: paid.proposer_nano,
            carried_nano: paid.carried_nano,
            fees_wei: world.payers.iter().map(|payer| fee(payer.account)).sum(),
            outsiders_fees_wei,
            token_price: world.token_price,
            locked_share: locked / (locked + seen(pot_wei)).max(1.0),
        }
    }

    /// The price of a GiB of quota in nano: the fee of as many staked DATA as buy it.
    #[must_use]
    pub fn nano_per_gib(&self) -> f64 {
        10_000_000.0 * GIB / seen(self.quota.max(1).into())
    }

    /// What of the wanted was served; all of nothing.
    #[must_use]
    pub fn served_share(&self) -> f64 {
        if self.wanted_bytes < 1.0 { 1.0 } else { self.served_bytes / self.wanted_bytes }
    }

    /// What was served, with what it paid for it, in nano a GiB.
    #[must_use]
    pub fn paid_per_gib(&self) -> f64 {
        seen(self.fees_wei) / 1e9 / (self.served_bytes / GIB).max(1e-9)
    }
}
