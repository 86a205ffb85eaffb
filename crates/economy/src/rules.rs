//! The rules of an economy, and who takes part in it: all from one file.
//!
//! Invariant: what a file does not say is as chosen ([`Rules::default`], written out in `rules/default.toml`), so a file says what
//! differs; unknown keys are refused. A deployment's `scripts/deploy/parameters/*.json` is read as it is.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Bps, decimal};

use crate::Error;

const DATA: u128 = 1_000_000_000_000_000_000;

/// What moves the price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// Quota sold over capacity bonded: both on the chain, reported by nobody (E2).
    SoldOverCapacity,
    /// Bytes used over quota sold, as it would be reported: tried and left.
    UsedOverSold,
}

/// How far it moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Law {
    /// By a small step toward the target (E2).
    Step,
    /// At once to the quota at which the target would be sold: gain 1, tried and left.
    WholeWay,
}

/// How the common pool is divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PoolBy {
    /// By bond (E5).
    Bond,
    /// Every id the same: tried and left.
    Id,
    /// By work: tried and left.
    Work,
}

/// Price discovery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PriceRule {
    /// What moves it.
    pub signal: Signal,
    /// How far.
    pub law: Law,
    /// Where it stands still.
    pub target_bps: u16,
    /// The largest step of an epoch.
    pub step_bps: u16,
    /// How many times the capacity is sold at most; 0 is without a bound.
    pub most_oversold: u64,
    /// What a DATA buys in epoch 0.
    pub initial_quota_bytes_per_data: u64,
    /// The lower bound is the initial quota over this.
    pub least_part: u64,
    /// The upper bound is the initial quota times this.
    pub most_fold: u64,
}

/// Fees and stakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FeeRule {
    /// Of every stake and epoch, in parts per billion (E1).
    pub rate_ppb: u64,
    /// The pool's total that fees never go below.
    #[serde(with = "decimal")]
    pub dust_floor_wei: u128,
    /// The smallest stake.
    #[serde(with = "decimal")]
    pub minimum_stake_wei: u128,
    /// How long a stake is on its way out.
    pub unbonding_epochs: u64,
}

/// What operators are paid (E3–E6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PayRule {
    /// The part of every fee that goes to the common pool.
    pub pool_bps: u16,
    /// The most of the pool for an operator, as a share of its paid work; 0 is without a limit.
    pub pool_limit_bps: u16,
    /// The part of every pot that is its final proposal's proposer's (E10).
    pub proposer_bps: u16,
    /// How the pool is divided.
    pub pool_by: PoolBy,
    /// Whether work is paid up to the declared and bonded capacity (E3).
    pub is_capped: bool,
    /// Whether whoever signs for more than its quota is billed (E6).
    pub bills_overage: bool,
}

/// Operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OperatorRule {
    /// The smallest bond.
    #[serde(with = "decimal")]
    pub minimum_bond_wei: u128,
    /// Bytes an epoch that a DATA of a bond backs.
    pub capacity_bytes_per_data: u64,
}

/// Who takes part. Money here is any stable currency, in which costs are reckoned.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AgentRule {
    /// Payers.
    pub payers: usize,
    /// Who would run a relay if it paid.
    pub operators: usize,
    /// Operators with the smallest bond that never serve.
    pub idle_bonders: usize,
    /// Epochs from an operator's decision to enter or leave until it counts.
    pub lag_epochs: u64,
    /// What all payers want together at the beginning, in GiB an epoch.
    pub demand_gib: f64,
    /// Deviation of a payer's demand from day to day, as a share; it never exceeds 3.46 times that.
    pub daily_noise: f64,
    /// What a payer's quota is larger than what it expects to use, as a share.
    pub headroom: f64,
    /// Of payers, the share that looks after its stake every epoch; the others do once in seven.
    pub daily_keepers: f64,
    /// Money for a DATA at the beginning.
    pub token_price: f64,
    /// What capital costs in a year of 365 epochs, as a share.
    pub interest_a_year: f64,
    /// What a GiB of capacity costs the dearest operator, in money an epoch.
    pub dearest_per_gib: f64,
    /// By how much more capacity pays when prices rise, in per cent for a per cent: how unlike operators' costs are.
    pub supply_elasticity: f64,
    /// By how much less is sent when prices rise, in per cent for a per cent.
    pub demand_elasticity: f64,
    /// Of the operators that should enter or leave, the share that decides to on a day.
    pub decide_a_day: f64,
    /// At which price payers begin to do without, from the poorest to the richest, in money for a GiB of quota; at twice of it they have left.
    pub willing_per_gib: [f64; 2],
}

/// All of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Price discovery.
    pub price: PriceRule,
    /// Fees and stakes.
    pub fee: FeeRule,
    /// What operators are paid.
    pub pay: PayRule,
    /// Operators.
    pub operators: OperatorRule,
    /// Who takes part.
    pub agents: AgentRule,
}

impl Default for PriceRule {
    fn default() -> Self {
        Self {
            signal: Signal::SoldOverCapacity,
            law: Law::Step,
            target_bps: 7_000,
            step_bps: 500,
            most_oversold: 4,
            initial_quota_bytes_per_data: 354_334_794,
            least_part: 100_000,
            most_fold: 10_000,
        }
    }
}

impl Default for FeeRule {
    fn default() -> Self {
        Self {
            rate_ppb: 10_000_000,
            dust_floor_wei: DATA,
            minimum_stake_wei: 3 * DATA,
            unbonding_epochs: 7,
        }
    }
}

impl Default for PayRule {
    fn default() -> Self {
        Self {
            pool_bps: 1_000,
            pool_limit_bps: 5_000,
            proposer_bps: 25,
            pool_by: PoolBy::Bond,
            is_capped: true,
            bills_overage: true,
        }
    }
}

impl Default for OperatorRule {
    fn default() -> Self {
        Self { minimum_bond_wei: 5_000 * DATA, capacity_bytes_per_data: 107_374_182 }
    }
}

impl Default for AgentRule {
    fn default() -> Self {
        Self {
            payers: 80,
            operators: 300,
            idle_bonders: 3,
            lag_epochs: 7,
            demand_gib: 13_000.0,
            daily_noise: 0.05,
            headroom: 0.3,
            daily_keepers: 0.7,
            token_price: 0.05,
            interest_a_year: 0.1,
            dearest_per_gib: 0.008,
            supply_elasticity: 1.0,
            demand_elasticity: 0.35,
            decide_a_day: 0.2,
            willing_per_gib: [0.002_5, 0.02],
        }
    }
}

/// What of a deployment's parameters is a rule of the economy.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parameters {
    unbonding_epochs: u64,
    #[serde(with = "decimal")]
    minimum_stake_wei: u128,
    #[serde(with = "decimal")]
    dust_floor_wei: u128,
    quota_bytes_per_data: u64,
    pool_bps: u16,
    pool_limit_bps: u16,
    proposer_bps: u16,
    #[serde(with = "decimal")]
    minimum_bond_wei: u128,
}

impl Rules {
    /// Reads a file of rules.
    ///
    /// # Errors
    ///
    /// [`Error::Rules`] and [`Error::Rule`].
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        let rules: Self = toml::from_str(text).map_err(Error::Rules)?;
        rules.checked()
    }

    /// Reads the parameters of a deployment; the agents are the usual ones.
    ///
    /// # Errors
    ///
    /// [`Error::Parameters`] and [`Error::Rule`].
    pub fn from_parameters(json: &str) -> Result<Self, Error> {
        let read: Parameters = serde_json::from_str(json).map_err(Error::Parameters)?;
        let usual = Self::default();
        let rules = Self {
            price: PriceRule {
                initial_quota_bytes_per_data: read.quota_bytes_per_data,
                ..usual.price
            },
            fee: FeeRule {
                dust_floor_wei: read.dust_floor_wei,
                minimum_stake_wei: read.minimum_stake_wei,
                unbonding_epochs: read.unbonding_epochs,
                ..usual.fee
            },
            pay: PayRule {
                pool_bps: read.pool_bps,
                pool_limit_bps: read.pool_limit_bps,
                proposer_bps: read.proposer_bps,
                ..usual.pay
            },
            operators: OperatorRule { minimum_bond_wei: read.minimum_bond_wei, ..usual.operators },
            ..usual
        };
        rules.checked()
    }

    /// The payout rule of `tatum-rewards`.
    #[must_use]
    pub fn payout(&self) -> tatum_rewards::Rule {
        let share = |bps| Bps::new(bps).unwrap_or(Bps::ONE);
        tatum_rewards::Rule {
            pool_bps: share(self.pay.pool_bps),
            pool_limit_bps: share(self.pay.pool_limit_bps),
        }
    }

    fn checked(self) -> Result<Self, Error> {
        let refuse = |name, got: String, expected| Err(Error::Rule { name, got, expected });
        let Self { price, fee, pay, operators, agents } = &self;
        let quota = price.initial_quota_bytes_per_data;
        if !(10_000_000..=1_000_000_000_000_000).contains(&quota) {
            let name = "price.initial_quota_bytes_per_data";
            return refuse(name, quota.to_string(), "10^7 to 10^15");
        }
        if price.target_bps == 0 || price.target_bps >= 10_000 {
            return refuse("price.target_bps", price.target_bps.to_string(), "1 to 9 999");
        }
        if price.step_bps == 0 || price.step_bps > 5_000 {
            return refuse("price.step_bps", price.step_bps.to_string(), "1 to 5 000");
        }
        if price.least_part == 0 || price.least_part > 1_000_000 {
            return refuse("price.least_part", price.least_part.to_string(), "1 to 10^6");
        }
        if price.most_fold == 0 || price.most_fold > 10_000 {
            return refuse("price.most_fold", price.most_fold.to_string(), "1 to 10 000");
        }
        if !(1_000..=100_000_000).contains(&fee.rate_ppb) {
            return refuse("fee.rate_ppb", fee.rate_ppb.to_string(), "1 000 to 10^8");
        }
        if fee.minimum_stake_wei == 0 {
            return refuse("fee.minimum_stake_wei", "0".into(), "more than nothing");
        }
        if fee.unbonding_epochs < 2 || fee.unbonding_epochs > 1_000 {
            return refuse("fee.unbonding_epochs", fee.unbonding_epochs.to_string(), "2 to 1 000");
        }
        if pay.pool_bps > 10_000 || pay.pool_limit_bps > 10_000 {
            let got = format!("{} and {}", pay.pool_bps, pay.pool_limit_bps);
            return refuse("pay.pool_bps and pool_limit_bps", got, "10 000 at most");
        }
        if pay.proposer_bps > pay.pool_bps {
            let name = "pay.proposer_bps";
            return refuse(name, pay.proposer_bps.to_string(), "pay.pool_bps at most");
        }
        if operators.minimum_bond_wei == 0 || operators.capacity_bytes_per_data == 0 {
            return refuse("operators", "0".into(), "a bond and a capacity of more than nothing");
        }
        agents.check().map(|()| self)
    }
}

impl AgentRule {
    fn check(&self) -> Result<(), Error> {
        let refuse = |name, got: String, expected| Err(Error::Rule { name, got, expected });
        if self.payers == 0
            || self.payers > 10_000
            || self.operators == 0
            || self.operators > 10_000
        {
            let got = format!("{} and {}", self.payers, self.operators);
            return refuse("agents.payers and operators", got, "1 to 10 000");
        }
        if self.idle_bonders > 10_000 || self.lag_epochs == 0 || self.lag_epochs > 1_000 {
            let got = format!("{} and {}", self.idle_bonders, self.lag_epochs);
            return refuse("agents.idle_bonders and lag_epochs", got, "10 000 and 1 to 1 000");
        }
        let shares = [
            self.daily_noise,
            self.headroom,
            self.daily_keepers,
            self.interest_a_year,
            self.decide_a_day,
        ];
        if shares.iter().any(|share| !(0.0..=1.0).contains(share)) || self.daily_noise > 0.25 {
            return refuse(
                "agents",
                format!("{shares:?}"),
                "shares of 0 to 1, noise of 0.25 at most",
            );
        }
        let [poorest, richest] = self.willing_per_gib;
        let elasticities = [self.supply_elasticity, self.demand_elasticity];
        if elasticities.iter().any(|elasticity| !(0.01..=20.0).contains(elasticity)) {
            return refuse("agents", format!("{elasticities:?}"), "elasticities of 0.01 to 20");
        }
        let amounts = [self.demand_gib, self.token_price, self.dearest_per_gib, poorest, richest];
        let are_amounts = amounts.iter().all(|amount| (1e-9..=1e9).contains(amount));
        if !are_amounts || poorest > richest {
            return refuse("agents", format!("{amounts:?}"), "amounts of 10^-9 to 10^9, in order");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_of_the_chosen_rules_is_what_a_file_leaves_out() {
        let read = Rules::from_toml(include_str!("../rules/default.toml")).unwrap();
        assert_eq!(read, Rules::default());
        assert_eq!(Rules::from_toml("").unwrap(), read);
        let all = toml::to_string(&read).unwrap();
        assert_eq!(Rules::from_toml(&all).unwrap(), read);
    }

    #[test]
    fn the_default_file_leaves_nothing_out() {
        let file: toml::Table = include_str!("../rules/default.toml").parse().unwrap();
        let all: toml::Table = toml::to_string(&Rules::default()).unwrap().parse().unwrap();
        assert_eq!(file, all);
    }

    #[test]
    fn rules_that_no_contract_takes_are_refused_by_name() {
        let refused = |text| Rules::from_toml(text).unwrap_err().to_string();
        assert!(refused("[price]\ntarget_bps = 10000").starts_with("price.target_bps is 10000"));
        assert!(refused("[agents]\nlag_epochs = 0").contains("lag_epochs"));
        assert!(refused("[agents]\ndemand_gib = nan").contains("amounts"));
        assert!(matches!(Rules::from_toml("[pay]\npool = 1"), Err(Error::Rules(_))));
        assert!(matches!(Rules::from_parameters("{}"), Err(Error::Parameters(_))));
    }
}
