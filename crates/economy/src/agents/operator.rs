//! An operator: what it can carry and what that costs, when it enters and leaves, and what it declares.
//!
//! Whoever is out looks at what a byte of capacity has earned on the whole lately; if that pays its cost and the interest of its bond,
//! it decides to enter one of these days, and does after the lag if it then still pays. Whoever is in leaves likewise when capacity
//! earns less than its cost. A strategic one declares what would have been best for itself on its last days against what the others declare, believing
//! that less capacity in all raises the pot in proportion: the most tempting belief there is.
//!
//! Invariant: an operator knows its own cost and pay, and of the chain the pot and the capacities.

use std::collections::VecDeque;

use tatum_primitives::Nano;

use super::{GIB, seen};
use crate::Error;
use crate::draws::Draws;
use crate::exact::{exp, ln};
use crate::ledger::payout;
use crate::ledger::registry::Counts;
use crate::rules::{AgentRule, Rules};

/// Days that a strategic operator thinks over.
const REMEMBERED: usize = 10;

/// Where an operator stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It runs nothing.
    Out,
    /// It counts from this epoch on.
    Entering(u64),
    /// It serves.
    In,
    /// It serves until this epoch.
    Leaving(u64),
}

/// One operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Its id in the registry, once it has entered.
    pub id: Option<usize>,
    /// Bytes an epoch that it can carry.
    pub size_bytes: f64,
    /// Money an epoch for each byte of that.
    pub cost_per_byte: f64,
    /// Where it stands.
    pub standing: Standing,
    /// Whether it declares what is best for itself instead of what it can carry.
    pub is_strategic: bool,
    /// Its declaration as a share of what it can carry.
    pub declares: f64,
    /// What a byte of its capacity has earned it lately, in money.
    pub income_per_byte: f64,
    /// Its work and the pot of its last days.
    pub last_days: VecDeque<(Nano, Nano)>,
}

/// What an operator sees when it decides.
#[derive(Clone, Copy, Debug)]
pub struct Outlook {
    /// The running epoch.
    pub epoch: u64,
    /// What a byte of capacity has earned on the whole lately, in money.
    pub income_per_byte: f64,
    /// What the bond behind a byte costs in interest, in money.
    pub interest_per_byte: f64,
    /// Epochs from a decision until it counts.
    pub lag_epochs: u64,
    /// The share of those who should enter or leave that decide to today.
    pub decide_a_day: f64,
}

impl Operator {
    /// All who might run a relay; the cheapest that together can carry `capacity_bytes` run one.
    pub fn population(agents: &AgentRule, capacity_bytes: f64, draws: &mut Draws) -> Vec<Self> {
        // Of all, a share x costs at most the dearest's · x^(1/ε): then supply grows by ε per cent when income grows by one.
        let cost = |x: f64| agents.dearest_per_gib * exp(ln(x) / agents.supply_elasticity) / GIB;
        let one = |_| Self {
            id: None,
            size_bytes: draws.between(250.0, 1_250.0) * GIB,
            cost_per_byte: cost(1.0 - draws.unit()),
            standing: Standing::Out,
            is_strategic: false,
            declares: 1.0,
            income_per_byte: 0.0,
            last_days: VecDeque::new(),
        };
        let mut all: Vec<Self> = (0..agents.operators).map(one).collect();
        all.sort_by(|a, b| a.cost_per_byte.total_cmp(&b.cost_per_byte));
        let mut sum = 0.0;
        for operator in &mut all {
            if sum < capacity_bytes {
                operator.standing = Standing::Entering(0);
            }
            sum += operator.size_bytes;
        }
        all
    }

    /// Whether it carries traffic.
    #[must_use]
    pub const fn serves(&self) -> bool {
        matches!(self.standing, Standing::In | Standing::Leaving(_))
    }

    /// Whether a byte of capacity earns its cost and the interest of its bond: on the whole for who is out, and for itself too for
    /// who is in.
    #[must_use]
    pub fn pays(&self, outlook: &Outlook) -> bool {
        let own = if self.id.is_some() { self.income_per_byte } else { f64::INFINITY };
        outlook.income_per_byte.min(own) > self.cost_per_byte + outlook.interest_per_byte
    }

    /// Whether what it decided is due.
    #[must_use]
    pub const fn is_due(&self, epoch: u64) -> bool {
        matches!(self.standing, Standing::Entering(due) | Standing::Leaving(due) if due <= epoch)
    }

    /// What it stands like after it has looked around.
    pub fn decides(&self, outlook: &Outlook, draws: &mut Draws) -> Standing {
        let due = outlook.epoch + outlook.lag_epochs;
        // Drawn whatever it stands like, so that everybody's luck is its own.
        let acts = draws.happens(outlook.decide_a_day);
        match self.standing {
            Standing::Out if acts && self.pays(outlook) => Standing::Entering(due),
            Standing::In if acts && !self.pays(outlook) => Standing::Leaving(due),
            standing => standing,
        }
    }

    /// Learns what a day has paid, in money, and remembers its work and the pot.
    pub fn learns(&mut self, paid: f64, work: Nano, pot: Nano) {
        let today = paid / self.size_bytes;
        self.income_per_byte += 0.2 * (today - self.income_per_byte);
        if self.is_strategic {
            self.last_days.truncate(REMEMBERED - 1);
            self.last_days.push_front((work.min(pot), pot));
        }
    }

    /// What a strategic operator declares: of its size the share, in twentieths, that would have paid most on its last days, given
    /// what the rest declares.
    ///
    /// # Errors
    ///
    /// [`Error::Payout`].
    pub fn best_declaration(
        &self,
        rules: &Rules,
        others: Counts,
        bond_wei: u128,
    ) -> Result<f64, Error> {
        let rest = seen(others.capacity_bytes.into());
        let total = rest + self.size_bytes * self.declares;
        let mut best = (0, self.declares);
        // Of what pays the same the larger, which is tried first.
        for twentieths in (1..=20u32).rev() {
            let share = f64::from(twentieths) / 20.0;
            let capacity = self.size_bytes * share;
            let own = Counts { bond_wei, capacity_bytes: super::bytes(capacity) };
            let fold = total / (rest + capacity);
            let mut sum = 0;
            for (work, pot) in &self.last_days {
                sum += take(rules, *work, *pot, fold, &[own, others])?;
            }
            if sum > best.0 {
                best = (sum, share);
            }
        }
        Ok(best.1)
    }
}

/// What the first of two operators takes on a day of this work and pot, both of which scarcity multiplies; the second does the rest.
fn take(
    rules: &Rules,
    work: Nano,
    pot: Nano,
    fold: f64,
    counts: &[Counts; 2],
) -> Result<u64, Error> {
    let raised = |amount: Nano| Nano(super::bytes(seen(amount.0.into()) * fold));
    let (work, pot) = (raised(work), raised(pot));
    let steered = pot.0 - pot.0 / 10_000 * u64::from(rules.pay.pool_bps);
    let rest = Nano(steered.saturating_sub(work.0));
    let paid = payout::pay(rules, Nano(pot.0.max(work.0)), pot, &[work, rest], counts)?;
    Ok(paid.pays.first().map_or(0, |pay| pay.total_nano().0))
}
