//! A payer: what it wants to send, what that is worth to it, and the stake that it chooses for it.
//!
//! Demand of a day = its own size · the trend · (1 + daily noise) · appetite · trust. Appetite falls with the price by the elasticity, and
//! beyond what it is willing to pay to nothing at twice of that. Trust falls by up to a tenth with a day of failed service and comes back by a fiftieth of what is missing.
//! The stake is for what it expects (a running mean that follows rises faster than falls) and its headroom, at the quota of the next epoch, which
//! is known. A keeper looks every epoch and tops up when three quarters of the headroom are gone; the others look once in seven.
//!
//! Invariant: a payer knows the quota per DATA of the next epoch and its own past, and nothing else.

use crate::draws::Draws;
use crate::exact::{exp, ln};
use crate::rules::AgentRule;

use super::{GIB, seen};

/// However cheap it is, nobody sends more than so many times its usual.
const MOST_APPETITE: f64 = 4.0;

/// What a payer sees of the world when it decides.
#[derive(Clone, Copy, Debug)]
pub struct Market {
    /// What a DATA buys in the next epoch.
    pub next_quota: u64,
    /// Of every stake and epoch, as a share.
    pub fee_share: f64,
    /// Money for a DATA.
    pub token_price: f64,
}

/// One payer.
#[derive(Clone, Debug)]
pub struct Payer {
    /// Its account in the pool.
    pub account: usize,
    /// Bytes an epoch that it would send at a low price.
    pub size_bytes: f64,
    /// The price for a GiB of quota at which it begins to do without.
    pub willing_per_gib: f64,
    /// The price at which its size is what it would send, and by how much less it sends when that rises, in per cent for a per cent.
    pub usual_per_gib: f64,
    /// See above.
    pub elasticity: f64,
    /// Whether it looks after its stake every epoch.
    pub is_keeper: bool,
    /// The day of the week on which it looks in any case.
    pub weekday: u64,
    /// 0 … 1.
    pub trust: f64,
    /// The relays that it uses, by operator id.
    pub relays: Vec<usize>,
    expected_bytes: f64,
}

/// What to do with a stake.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Change {
    /// Put so many wei in.
    Add(f64),
    /// Take so many wei out.
    Remove(f64),
    /// Nothing.
    Keep,
}

impl Market {
    /// Money for a GiB of quota.
    pub fn price_per_gib(&self, quota: u64) -> f64 {
        self.fee_share * self.token_price * GIB / seen(quota.max(1).into())
    }
}

impl Payer {
    /// Payers of a run, whose sizes add up to the demand.
    pub fn population(agents: &AgentRule, usual_per_gib: f64, draws: &mut Draws) -> Vec<Self> {
        let sizes: Vec<f64> = (0..agents.payers).map(|_| exp(0.8 * draws.bell())).collect();
        let unit = agents.demand_gib * GIB / sizes.iter().sum::<f64>();
        let [poorest, richest] = agents.willing_per_gib;
        sizes
            .into_iter()
            .enumerate()
            .map(|(account, size)| Self {
                account,
                size_bytes: size * unit,
                willing_per_gib: draws.between(poorest, richest),
                usual_per_gib,
                elasticity: agents.demand_elasticity,
                is_keeper: draws.happens(agents.daily_keepers),
                weekday: draws.below(7),
                trust: 1.0,
                relays: Vec::new(),
                expected_bytes: size * unit,
            })
            .collect()
    }

    /// What of its usual demand it sends at this price, or more.
    pub fn appetite(&self, price_per_gib: f64) -> f64 {
        let fold =
            exp(-self.elasticity * ln(price_per_gib / self.usual_per_gib)).min(MOST_APPETITE);
        fold * (2.0 - price_per_gib / self.willing_per_gib).clamp(0.0, 1.0)
    }

    /// What it wants to send today, in bytes.
    pub fn wants(&mut self, trend: f64, price: f64, noise: f64, draws: &mut Draws) -> f64 {
        let day = self.size_bytes * trend * (1.0 + noise * draws.bell()) * self.trust;
        // Expectations are of what it would send at a low price; the price is applied where it is known.
        let gain = if day > self.expected_bytes { 0.4 } else { 0.1 };
        self.expected_bytes += gain * (day - self.expected_bytes);
        day * self.appetite(price)
    }

    /// Learns how much of what its quota allowed was served.
    pub fn learns(&mut self, allowed_bytes: f64, served_bytes: f64) {
        let failed = if allowed_bytes > 1.0 { 1.0 - served_bytes / allowed_bytes } else { 0.0 };
        if failed > 0.02 {
            self.trust *= 1.0 - 0.1 * failed;
        } else {
            self.trust += 0.02 * (1.0 - self.trust);
        }
    }

    /// What it does with its stake for the next epoch.
    pub fn decides(&self, epoch: u64, stake_wei: u128, headroom: f64, market: &Market) -> Change {
        let looks = epoch % 7 == self.weekday;
        if !looks && !self.is_keeper {
            return Change::Keep;
        }
        let price = market.price_per_gib(market.next_quota);
        let need = self.expected_bytes * self.appetite(price);
        let per_byte = 1e18 / seen(market.next_quota.max(1).into()) / (1.0 - market.fee_share);
        let (target, stake) = (need * (1.0 + headroom) * per_byte, seen(stake_wei));
        // A keeper lets a quarter of its headroom go before it acts.
        let least = if looks { target } else { need * (1.0 + 0.75 * headroom) * per_byte };
        if stake < least {
            Change::Add(target - stake)
        } else if looks && stake > 1.1 * target {
            Change::Remove(stake - target)
        } else {
            Change::Keep
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Rules;
    use crate::agents::whole;

    fn payer() -> Payer {
        let agents = AgentRule { payers: 1, ..Rules::default().agents };
        Payer::population(&agents, 1.0, &mut Draws::of(1, 0)).remove(0)
    }

    #[test]
    fn dear_traffic_is_wanted_less_and_at_twice_the_price_not_at_all() {
        let payer = Payer { willing_per_gib: 3.0, elasticity: 0.5, ..payer() };
        let near = |price: f64, wanted: f64| (payer.appetite(price) - wanted).abs() < 1e-12;
        assert!(near(1.0, 1.0) && near(0.25, 2.0) && near(1e-9, 4.0));
        assert!(near(2.25, 1.0 / 1.5) && near(4.0, 1.0 / 3.0) && near(6.0, 0.0) && near(9.0, 0.0));
    }

    #[test]
    fn failed_service_costs_trust_and_good_service_wins_it_back() {
        let mut payer = payer();
        payer.learns(100.0, 50.0);
        assert_eq!(payer.trust, 0.95);
        payer.learns(100.0, 100.0);
        assert!(payer.trust > 0.95 && payer.trust < 1.0);
    }

    #[test]
    fn a_stake_is_for_what_is_expected_with_headroom_after_the_fee() {
        let payer =
            Payer { is_keeper: true, weekday: 0, elasticity: 0.0, willing_per_gib: 9.0, ..payer() };
        let market = Market { next_quota: 354_334_794, fee_share: 0.01, token_price: 0.05 };
        let Change::Add(wei) = payer.decides(0, 0, 0.3, &market) else { panic!("no stake") };
        let quota = wei * 0.99 * 354_334_794.0 / 1e18;
        assert!((quota / payer.size_bytes - 1.3).abs() < 1e-9);
        assert_eq!(payer.decides(1, whole(wei), 0.3, &market), Change::Keep);
        let Change::Remove(_) = payer.decides(7, whole(2.0 * wei), 0.3, &market) else {
            panic!("keeps twice its stake")
        };
    }
}
