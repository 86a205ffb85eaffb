//! The rule in one place: what an edge steers, and what an operator is paid of its work and of the common pool.
//!
//! All rounded down, with `R_p` what payer `p` steers and `u`, `U_p` units of the edge and of the payer:
//!
//! ```text
//! edge    = ⌊R_p · u / U_p⌋                       work_o = Σ o's edges, work = Σ all
//! cap_o   = ⌊pot · C_o / Σ C⌋                     what o's declared and bonded capacity lets it earn at the full price
//! paid_o  = a + ⌊min(work_o − a, 2·cap_o) / 2⌋    with a = min(work_o, cap_o)
//! common  = available − work
//! pool_o  = min(⌊common · bond_o / Σ bond⌋, ⌊paid_o · poolLimit / 10 000⌋)
//! ```
//!
//! Invariant: `paid_o ≤ min(work_o, 2·cap_o)` and `Σ pool ≤ common`, so no more than `available` is paid out; what is
//! paid to nobody stays for the next epoch. Neither splitting a bond, with the capacity and the work that it backs, nor
//! joining payers gains a nano. The properties in `tests/rule.rs` prove it. Source: "Payout of an epoch" in
//! `docs/dataset.md`.
//!
//! ```
//! use tatum_primitives::{Bps, Nano};
//! use tatum_rewards::{Pay, Round, Rule};
//!
//! let rule = Rule { pool_bps: Bps::new(1_000).unwrap(), pool_limit_bps: Bps::new(5_000).unwrap() };
//! let round = Round {
//!     rule,
//!     available_nano: Nano(1_000),
//!     pot_nano: Nano(1_000),
//!     work_nano: Nano(800),
//!     total_bond_wei: 4,
//!     total_capacity_bytes: 10,
//! };
//! // It may earn 200 at the full price, and half the price on up to 400 more.
//! let pay = round.pay(Nano(500), 1, 2)?;
//! assert_eq!(pay, Pay { work_nano: Nano(500), paid_nano: Nano(350), pool_nano: Nano(50) });
//! # Ok::<_, tatum_rewards::Error>(())
//! ```

use tatum_primitives::{Bps, Nano};

use crate::{Error, mul_div_down};

/// The constants that a deployment fixes for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The part of every fee that goes to the common pool.
    pub pool_bps: Bps,
    /// The most that an operator gets of the common pool, as a share of what it is paid for its work; zero is no limit.
    pub pool_limit_bps: Bps,
}

/// What all operators of an epoch are paid by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Round {
    /// The deployment's constants.
    pub rule: Rule,
    /// What may be paid: everything funded so far less everything promised before.
    pub available_nano: Nano,
    /// The epoch's fees.
    pub pot_nano: Nano,
    /// The sum of all edges.
    pub work_nano: Nano,
    /// The sum of all bonds that count in the epoch.
    pub total_bond_wei: u128,
    /// The sum of all capacities that count in the epoch.
    pub total_capacity_bytes: u128,
}

/// What one operator gets of one epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pay {
    /// What receipts steer to it.
    pub work_nano: Nano,
    /// What it is paid of that.
    pub paid_nano: Nano,
    /// What it gets of the common pool.
    pub pool_nano: Nano,
}

/// What a payer's receipts steer to one operator: `⌊steered · units / payer's units⌋`, and nothing if the payer has none.
///
/// # Errors
///
/// [`Error::Overflow`] if the operator's units are more than the payer's.
pub fn edge_down(steered: Nano, units: u128, payer_units: u128) -> Result<Nano, Error> {
    if payer_units == 0 { Ok(Nano::ZERO) } else { share_down(steered, units, payer_units) }
}

impl Pay {
    /// Both parts together.
    pub const fn total_nano(&self) -> Nano {
        Nano(self.paid_nano.0.saturating_add(self.pool_nano.0))
    }
}

impl Round {
    /// The round of an epoch with operators of these bonds and capacities.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if 128 bits do not hold a sum.
    pub fn of(
        rule: Rule,
        available_nano: Nano,
        pot_nano: Nano,
        work_nano: Nano,
        operators: impl IntoIterator<Item = (u128, u64)>,
    ) -> Result<Self, Error> {
        let (mut total_bond_wei, mut total_capacity_bytes) = (0u128, 0u128);
        for (bond_wei, capacity_bytes) in operators {
            let bonds = total_bond_wei.checked_add(bond_wei);
            total_bond_wei = bonds.ok_or(Error::Overflow("a sum of bonds"))?;
            let capacities = total_capacity_bytes.checked_add(capacity_bytes.into());
            total_capacity_bytes = capacities.ok_or(Error::Overflow("a sum of capacities"))?;
        }
        Ok(Self { rule, available_nano, pot_nano, work_nano, total_bond_wei, total_capacity_bytes })
    }

    /// What an operator with this work, bond and capacity gets.
    ///
    /// # Errors
    ///
    /// [`Error::FeesExceedAvailable`] or [`Error::Overflow`]: these are no epoch's facts.
    pub fn pay(&self, work_nano: Nano, bond_wei: u128, capacity_bytes: u64) -> Result<Pay, Error> {
        let paid_nano = paid_down(work_nano, self.cap_down(capacity_bytes)?);
        Ok(Pay { work_nano, paid_nano, pool_nano: self.pool_down(paid_nano, bond_wei)? })
    }

    /// What an operator of this capacity earns at the full price at most.
    ///
    /// # Errors
    ///
    /// [`Error::Overflow`] if it has more capacity than there is in all.
    pub fn cap_down(&self, capacity_bytes: u64) -> Result<Nano, Error> {
        share_or_nothing(self.pot_nano, capacity_bytes.into(), self.total_capacity_bytes)
    }

    /// What receipts steer to nobody.
    ///
    /// # Errors
    ///
    /// [`Error::FeesExceedAvailable`].
    pub fn common_nano(&self) -> Result<Nano, Error> {
        let (steered, available) = (self.work_nano, self.available_nano);
        available.checked_sub(steered).ok_or(Error::FeesExceedAvailable { steered, available })
    }

    fn pool_down(&self, paid: Nano, bond_wei: u128) -> Result<Nano, Error> {
        let by_bond = share_or_nothing(self.common_nano()?, bond_wei, self.total_bond_wei)?;
        let limit = self.rule.pool_limit_bps;
        if limit.bps() == 0 {
            return Ok(by_bond);
        }
        let whole = u128::from(Bps::ONE.bps());
        Ok(by_bond.min(share_down(paid, limit.bps().into(), whole)?))
    }
}

/// `a + ⌊min(work − a, 2·cap) / 2⌋` with `a = min(work, cap)`: the full price up to the cap, half of it up to three times
/// the cap, nothing beyond.
fn paid_down(work: Nano, cap: Nano) -> Nano {
    let full = work.0.min(cap.0);
    let beyond = work.0.saturating_sub(full);
    // Halved before it is compared, so that twice the cap need not fit: ⌊min(x, 2c) / 2⌋ = min(⌊x / 2⌋, c).
    Nano(full.saturating_add((beyond >> 1).min(cap.0)))
}

fn share_or_nothing(amount: Nano, part: u128, whole: u128) -> Result<Nano, Error> {
    match (part, whole) {
        (0, 0) => Ok(Nano::ZERO),
        _ => share_down(amount, part, whole),
    }
}

fn share_down(amount: Nano, part: u128, whole: u128) -> Result<Nano, Error> {
    if part > whole {
        return Err(Error::Overflow("a part of less than itself"));
    }
    mul_div_down(amount.0, part, whole).map(Nano)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Round = Round {
        rule: Rule { pool_bps: Bps::ONE, pool_limit_bps: Bps::ONE },
        available_nano: Nano(u64::MAX),
        pot_nano: Nano(u64::MAX),
        work_nano: Nano::ZERO,
        total_bond_wei: u128::MAX,
        total_capacity_bytes: 1 << 96,
    };

    #[test]
    fn work_is_paid_in_full_up_to_the_cap_then_by_half_then_not() {
        let paid = |work| paid_down(Nano(work), Nano(10)).0;
        assert_eq!(
            [0, 9, 10, 11, 12, 29, 30, 31, 1000].map(paid),
            [0, 9, 10, 10, 11, 19, 20, 20, 20]
        );
        assert_eq!(paid_down(Nano(1000), Nano::ZERO), Nano::ZERO);
        assert_eq!(paid_down(Nano(u64::MAX), Nano(u64::MAX)), Nano(u64::MAX));
        assert_eq!(paid_down(Nano(u64::MAX), Nano(u64::MAX / 2)), Nano(u64::MAX / 4 * 3 + 2));
    }

    #[test]
    fn a_payer_without_units_steers_nothing() {
        assert_eq!(edge_down(Nano(5), 0, 0), Ok(Nano::ZERO));
        assert_eq!(edge_down(Nano(7), 1, 2), Ok(Nano(3)));
        assert!(edge_down(Nano(7), 3, 2).is_err());
    }

    #[test]
    fn the_largest_stake_and_two_to_the_24_largest_receipts_overflow_nothing() {
        let units = u128::from(u32::MAX) << 40;
        assert_eq!(edge_down(Nano(u64::MAX), units, units), Ok(Nano(u64::MAX)));
        let (most, all) = (1u128 << 64, 1u128 << 64);
        assert_eq!(edge_down(Nano(1 << 60), most - 1, all), Ok(Nano((1 << 60) - 1)));
        let pay = ROUND.pay(Nano(u64::MAX), u128::MAX, u64::MAX).unwrap();
        assert_eq!(pay.paid_nano, Nano(2 * (u64::MAX >> 32)));
        assert_eq!(pay.pool_nano, pay.paid_nano);
    }

    #[test]
    fn nobody_bonded_and_nothing_offered_is_an_epoch_too() {
        let empty = Round { total_bond_wei: 0, total_capacity_bytes: 0, ..ROUND };
        let nothing = Pay { work_nano: Nano(5), ..Pay::default() };
        assert_eq!(empty.pay(Nano(5), 0, 0), Ok(nothing));
        assert!(empty.pay(Nano(5), 1, 0).is_err());
        assert!(empty.pay(Nano(5), 0, 1).is_err());
    }

    #[test]
    fn without_a_limit_the_pool_goes_by_bond_alone() {
        let no_limit = Rule { pool_limit_bps: Bps::new(0).unwrap(), ..ROUND.rule };
        let round = Round { rule: no_limit, available_nano: Nano(99), total_bond_wei: 3, ..ROUND };
        assert_eq!(round.pay(Nano::ZERO, 1, 0).map(|pay| pay.pool_nano), Ok(Nano(33)));
        let limited = Round { rule: ROUND.rule, ..round };
        assert_eq!(limited.pay(Nano::ZERO, 1, 0).map(|pay| pay.pool_nano), Ok(Nano::ZERO));
    }

    #[test]
    fn more_work_than_there_is_to_pay_is_refused() {
        let round = Round { available_nano: Nano(4), work_nano: Nano(5), ..ROUND };
        let refused = Error::FeesExceedAvailable { steered: Nano(5), available: Nano(4) };
        assert_eq!(round.pay(Nano(5), 0, 0), Err(refused));
    }
}
