//! An economy from epoch to epoch: the ledger, the agents, and what a scenario does to them.
//!
//! An epoch has five steps, in the order in which a real one has them: it opens (what changed counts, the quota per DATA in force and
//! the next one are fixed), traffic runs, everybody decides for the next epoch, the scenario acts, and it closes (fees, pay). Nobody decides
//! with what only the close brings.
//!
//! Invariant: one seed, one run, one script: the same days. All money is in the ledger.

mod day;
mod traffic;

pub use day::Day;
pub use traffic::Flow;

use tatum_primitives::Nano;

use crate::Error;
use crate::agents::{Change, GIB, Market, Operator, Outlook, Payer, Standing, bytes, seen, whole};
use crate::draws::Draws;
use crate::ledger::controller::{InForce, quota_down};
use crate::ledger::payout::{Edge, Paid, Purse};
use crate::ledger::pool::Pool;
use crate::ledger::registry::{Counts, Registry};
use crate::rules::{Rules, Signal};

/// What happens to an economy from outside.
pub trait Script {
    /// Before the first epoch.
    ///
    /// # Errors
    ///
    /// What the ledger refuses.
    fn prepare(&mut self, _world: &mut World) -> Result<(), Error> {
        Ok(())
    }
    /// What payers want, as a multiple of the beginning.
    fn trend(&self, _epoch: u64) -> f64 {
        1.0
    }
    /// The token's price, as a multiple of the beginning.
    fn token(&mut self, _epoch: u64, _draws: &mut Draws) -> f64 {
        1.0
    }
    /// The share of operators' capacity that is down.
    fn down(&self, _epoch: u64) -> f64 {
        0.0
    }
    /// What attackers do after everybody has decided.
    ///
    /// # Errors
    ///
    /// What the ledger refuses.
    fn act(&mut self, _world: &mut World) -> Result<(), Error> {
        Ok(())
    }
}

/// Nothing happens but noise.
#[derive(Clone, Copy, Debug)]
pub struct Calm;

impl Script for Calm {}

/// One whose stake is no payer's of the population: a whale, a washer.
#[derive(Clone, Copy, Debug)]
pub struct Outsider {
    /// Its account in the pool.
    pub account: usize,
    /// Whether its quota is really used, at the relays of all.
    pub uses: bool,
    /// The operator for whom it signs for its whole quota, without traffic.
    pub signs_for: Option<usize>,
}

/// An economy in its running epoch.
#[derive(Debug)]
pub struct World {
    /// By which it goes.
    pub rules: Rules,
    /// The stake pool.
    pub pool: Pool,
    /// Operators' bonds and capacities.
    pub registry: Registry,
    /// What is paid.
    pub purse: Purse,
    /// Who sends.
    pub payers: Vec<Payer>,
    /// Who carries, or might.
    pub operators: Vec<Operator>,
    /// Attackers' stakes.
    pub outsiders: Vec<Outsider>,
    /// What has been so far.
    pub days: Vec<Day>,
    /// Payers' days, operators' decisions and routes each have their own, so that what happens to one changes no other's luck.
    days_luck: Draws,
    operators_luck: Draws,
    routes_luck: Draws,
    token_luck: Draws,
    quota: u64,
    next_quota: u64,
    token_price: f64,
    income_per_byte: f64,
}

impl World {
    /// The economy of a seed and run, before epoch 0.
    ///
    /// # Errors
    ///
    /// What the ledger refuses.
    pub fn new(rules: &Rules, seed: u64, run: u64) -> Result<Self, Error> {
        let agents = &rules.agents;
        let mut draws = Draws::of(seed, run);
        let quota = rules.price.initial_quota_bytes_per_data;
        let market = Market {
            next_quota: quota,
            fee_share: seen(rules.fee.rate_ppb.into()) / 1e9,
            token_price: agents.token_price,
        };
        let payers = Payer::population(agents, market.price_per_gib(quota), &mut draws);
        let sold = agents.demand_gib * GIB * (1.0 + agents.headroom);
        let capacity = sold * 10_000.0 / f64::from(rules.price.target_bps);
        let operators = Operator::population(agents, capacity, &mut draws);
        let mut world = Self {
            rules: *rules,
            pool: Pool::new(rules.fee),
            registry: Registry::new(rules.operators),
            purse: Purse::default(),
            payers,
            operators,
            outsiders: Vec::new(),
            days: Vec::new(),
            days_luck: draws.branch(),
            operators_luck: draws.branch(),
            routes_luck: draws.branch(),
            token_luck: draws.branch(),
            quota,
            next_quota: quota,
            token_price: agents.token_price,
            income_per_byte: 0.0,
        };
        for _ in 0..world.payers.len() {
            world.pool.open_account();
        }
        for _ in 0..agents.idle_bonders {
            world.registry.register(rules.operators.minimum_bond_wei, 0)?;
        }
        Ok(world)
    }

    /// Plays so many epochs.
    ///
    /// # Errors
    ///
    /// What the ledger refuses.
    pub fn play(mut self, script: &mut impl Script, epochs: u64) -> Result<Self, Error> {
        script.prepare(&mut self)?;
        for _ in 0..epochs {
            self.epoch(script)?;
        }
        Ok(self)
    }

    /// The running epoch.
    #[must_use]
    pub const fn now(&self) -> u64 {
        self.pool.epoch()
    }

    /// What a DATA buys in the next epoch.
    #[must_use]
    pub const fn next_quota(&self) -> u64 {
        self.next_quota
    }

    /// Bonds and registers one that can carry so much, from the next epoch on; its id. Its bond is what backs that, and the least at least.
    ///
    /// # Errors
    ///
    /// What the registry refuses.
    pub fn bond(&mut self, capacity_bytes: f64, declared: f64) -> Result<usize, Error> {
        let rule = &self.rules.operators;
        let backing = capacity_bytes / seen(rule.capacity_bytes_per_data.into()) * 1e18;
        let bond_wei = whole(backing * 1.000_001).max(rule.minimum_bond_wei);
        self.registry.register(bond_wei, bytes(capacity_bytes * declared))
    }

    fn epoch(&mut self, script: &mut impl Script) -> Result<(), Error> {
        let epoch = self.now();
        self.token_price =
            self.rules.agents.token_price * script.token(epoch, &mut self.token_luck).max(1e-9);
        self.enter_and_leave()?;
        let force = self.open();
        let flow = traffic::run(self, force, script.trend(epoch), script.down(epoch));
        self.fix_next_quota(force, &flow);
        self.payers_decide();
        self.operators_decide()?;
        let open_wei = self.pool.total_wei();
        script.act(self)?;
        self.close(force, &flow, open_wei)
    }

    /// Those whose time has come look again: if it still pays they count from here on; who meant to leave goes if it still does not.
    fn enter_and_leave(&mut self) -> Result<(), Error> {
        let (epoch, outlook) = (self.now(), self.outlook());
        for place in 0..self.operators.len() {
            let Some(operator) = self.operators.get(place) else { continue };
            if !operator.is_due(epoch) {
                continue;
            }
            let pays = epoch == 0 || operator.pays(&outlook);
            let (size, declares, id) = (operator.size_bytes, operator.declares, operator.id);
            let (id, standing) = match (pays, id) {
                (true, None) => (Some(self.bond(size, declares)?), Standing::In),
                (true, Some(id)) => (Some(id), Standing::In),
                (false, id) => {
                    id.into_iter().for_each(|id| self.registry.leave(id));
                    (None, Standing::Out)
                }
            };
            if let Some(operator) = self.operators.get_mut(place) {
                if operator.id.is_none() {
                    // What it saw is what it expects.
                    operator.income_per_byte = self.income_per_byte;
                }
                (operator.id, operator.standing) = (id, standing);
            }
        }
        Ok(())
    }

    fn open(&mut self) -> InForce {
        self.registry.open();
        self.quota = self.next_quota;
        let capacity = self.registry.total_capacity_bytes();
        self.rules.price.in_force(self.quota, self.pool.total_wei(), capacity)
    }

    fn fix_next_quota(&mut self, force: InForce, flow: &Flow) {
        let price = &self.rules.price;
        let signal_bps = match price.signal {
            Signal::SoldOverCapacity => force.sold_bps,
            Signal::UsedOverSold if flow.sold_bytes < 1.0 => price.target_bps.into(),
            Signal::UsedOverSold => bytes(flow.served_bytes / flow.sold_bytes * 10_000.0),
        };
        let (open, capacity) = (self.pool.total_wei(), self.registry.total_capacity_bytes());
        self.next_quota = price.next(self.quota, signal_bps, open, capacity);
    }

    fn payers_decide(&mut self) {
        let market = self.market();
        let (epoch, headroom) = (self.now(), self.rules.agents.headroom);
        for payer in &self.payers {
            let stake_wei = self.pool.stake_of(payer.account);
            // A change that the pool refuses (below its minimum) is none; the payer goes on with what it has.
            let _ = match payer.decides(epoch, stake_wei, headroom, &market) {
                Change::Add(wei) => self.pool.stake(payer.account, whole(wei)),
                Change::Remove(wei) => self.pool.request_unstake(payer.account, whole(wei)),
                Change::Keep => Ok(()),
            };
        }
    }

    fn operators_decide(&mut self) -> Result<(), Error> {
        let outlook = self.outlook();
        for operator in &mut self.operators {
            operator.standing = operator.decides(&outlook, &mut self.operators_luck);
        }
        self.declare()
    }

    /// One in twenty of the strategic operators thinks its declaration over.
    fn declare(&mut self) -> Result<(), Error> {
        let all: Vec<Counts> = self.registry.counts().collect();
        let bonds_wei: u128 = all.iter().map(|counts| counts.bond_wei).sum();
        let capacity = self.registry.total_capacity_bytes();
        for operator in &mut self.operators {
            let Some(id) = operator.id.filter(|_| operator.is_strategic) else { continue };
            let own = self.registry.counts_of(id);
            if own.capacity_bytes == 0 || !self.operators_luck.happens(0.05) {
                continue;
            }
            let others = Counts {
                bond_wei: bonds_wei - own.bond_wei,
                capacity_bytes: capacity - own.capacity_bytes,
            };
            operator.declares = operator.best_declaration(&self.rules, others, own.bond_wei)?;
            self.registry.declare(id, bytes(operator.size_bytes * operator.declares));
        }
        Ok(())
    }

    fn close(&mut self, force: InForce, flow: &Flow, open_wei: u128) -> Result<(), Error> {
        let closed = self.pool.close();
        let mut fees: Vec<u128> = self.payers.iter().map(|p| self.pool.fee_of(p.account)).collect();
        fees.extend(self.outsiders.iter().map(|outsider| self.pool.fee_of(outsider.account)));
        let counts: Vec<Counts> = self.registry.counts().collect();
        let rules = self.rules;
        let paid = self.purse.settle(&rules, closed.pot_wei, &fees, &flow.edges, &counts)?;
        self.learn(&paid, flow);
        self.days.push(Day::of(self, force, flow, &paid, open_wei, closed.pot_wei));
        Ok(())
    }

    fn learn(&mut self, paid: &Paid, flow: &Flow) {
        let price = self.token_price;
        for operator in &mut self.operators {
            if let Some(pay) = operator.id.and_then(|id| paid.pays.get(id)) {
                let money = seen(pay.total_nano().0.into()) / 1e9 * price;
                operator.learns(money, pay.work_nano, Nano(paid.pot_nano));
            }
        }
        for (payer, (allowed, served)) in self.payers.iter_mut().zip(&flow.by_payer) {
            payer.learns(*allowed, *served);
        }
        let capacity = seen(self.registry.total_capacity_bytes().max(1).into());
        let today = seen(paid.pot_nano.into()) / 1e9 * price / capacity;
        let gain = if self.income_per_byte > 0.0 { 0.2 } else { 1.0 };
        self.income_per_byte += gain * (today - self.income_per_byte);
    }

    /// What payers see.
    #[must_use]
    pub fn market(&self) -> Market {
        Market {
            next_quota: self.next_quota,
            fee_share: seen(self.rules.fee.rate_ppb.into()) / 1e9,
            token_price: self.token_price,
        }
    }

    /// Of an outsider, what its stake buys in the running epoch.
    #[must_use]
    pub fn quota_of(&self, account: usize, force: InForce) -> u64 {
        quota_down(self.pool.start_of(account), force.quota_bytes_per_data)
    }

    fn outlook(&self) -> Outlook {
        Outlook {
            epoch: self.now(),
            income_per_byte: self.income_per_byte,
            interest_per_byte: self.interest_per_byte(),
            lag_epochs: self.rules.agents.lag_epochs,
            decide_a_day: self.rules.agents.decide_a_day,
        }
    }

    fn interest_per_byte(&self) -> f64 {
        let backed = seen(self.rules.operators.capacity_bytes_per_data.into());
        self.rules.agents.interest_a_year / 365.0 * self.token_price / backed
    }
}

/// All edges of outsiders that sign for an operator of their own.
fn own_edges(world: &World, force: InForce, served: &mut Vec<Edge>) {
    for (place, outsider) in world.outsiders.iter().enumerate() {
        let units = world.quota_of(outsider.account, force);
        if let Some(operator) = outsider.signs_for.filter(|_| units > 0) {
            served.push(Edge { payer: world.payers.len() + place, operator, units });
        }
    }
}
