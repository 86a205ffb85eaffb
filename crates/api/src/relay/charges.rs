//! What was spent of the relay's budget in the last hour, and for whom.
//!
//! Invariant: in any hour of its clock no more is charged than the budget has, in all, for one account that is paid for, and at the
//! request of one client. A charge is the most that a transaction can cost until it is known what it did cost, which is never more; it
//! counts as long as that is not known, and for an hour from then. So what is paid in any hour is within the budget too, however long
//! transactions wait to be mined. All of it is whole numbers, and the time is an argument.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, OperatorId};

/// How long a charge counts.
pub(super) const HOUR_MS: u64 = 3_600_000;
/// Charges that count at a time, so that what is kept is bounded however cheap they are.
const MOST_CHARGES: usize = 4_096;

/// What may be spent in an hour, in wei of the chain's coin.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowed {
    /// In all.
    pub(crate) wei_per_hour: u128,
    /// For one account, and at the request of one client.
    pub(crate) wei_per_address_hour: u128,
}

/// Whom something is paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Payee {
    /// A payer that stakes.
    Payer(Address),
    /// An operator that is claimed for.
    Operator(OperatorId),
}

/// What one transaction costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Charge {
    id: u64,
    /// When it was made; when it became known what it did cost, once that is known.
    at_ms: u64,
    payee: Payee,
    /// Who asked, as the request limits know it.
    client: IpAddr,
    #[serde(with = "tatum_primitives::decimal")]
    wei: u128,
    /// Whether it is not known yet what it did cost.
    open: bool,
}

/// Which charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChargeId(u64);

/// Whose budget does not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spent {
    /// The service's.
    InAll,
    /// That of the account that is paid for.
    OfThePayee,
    /// That of the client that asks.
    OfTheClient,
}

/// That a charge does not fit, and when it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    pub(crate) spent: Spent,
    pub(crate) wait_ms: u64,
}

/// The charges that count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Charges {
    /// The clock when it was looked at last; a later process goes on from there.
    clock_ms: u64,
    next_id: u64,
    charges: Vec<Charge>,
}

impl Charges {
    /// How far the clock was.
    pub(super) const fn clock_ms(&self) -> u64 {
        self.clock_ms
    }

    /// Charges `wei`, if it fits.
    pub(super) fn charge(
        &mut self,
        now_ms: u64,
        allowed: Allowed,
        (payee, client): (Payee, IpAddr),
        wei: u128,
    ) -> Result<ChargeId, TooMuch> {
        self.check(now_ms, allowed, (payee, client), wei)?;
        let id = self.next_id;
        self.next_id = id.saturating_add(1);
        self.charges.push(Charge { id, at_ms: self.clock_ms, payee, client, wei, open: true });
        Ok(ChargeId(id))
    }

    /// Whether `wei` would fit.
    pub(super) fn check(
        &mut self,
        now_ms: u64,
        allowed: Allowed,
        (payee, client): (Payee, IpAddr),
        wei: u128,
    ) -> Result<(), TooMuch> {
        self.pass(now_ms);
        let Allowed { wei_per_hour, wei_per_address_hour } = allowed;
        self.fits(Spent::OfThePayee, wei_per_address_hour, wei, |charge| charge.payee == payee)?;
        self.fits(Spent::OfTheClient, wei_per_address_hour, wei, |charge| charge.client == client)?;
        self.fits(Spent::InAll, wei_per_hour, wei, |_| true)?;
        if self.charges.len() >= MOST_CHARGES {
            let known = self.charges.iter().filter(|charge| !charge.open);
            let oldest = known.min_by_key(|charge| charge.at_ms);
            let wait_ms = oldest.map_or(HOUR_MS, |charge| self.left_ms(charge));
            return Err(TooMuch { spent: Spent::InAll, wait_ms });
        }
        Ok(())
    }

    /// It is known what a transaction did cost: no more than it was charged.
    pub(super) fn settle(&mut self, now_ms: u64, ChargeId(id): ChargeId, wei: u128) {
        self.pass(now_ms);
        let found = self.charges.iter_mut().find(|charge| charge.id == id && charge.open);
        if let Some(charge) = found {
            (charge.wei, charge.at_ms, charge.open) = (charge.wei.min(wei), self.clock_ms, false);
        }
    }

    /// Nothing is open any more but what is `followed`. Of the others it is not known what they did cost: each is the most that it can be.
    pub(super) fn settle_all_but(&mut self, now_ms: u64, followed: &[ChargeId]) {
        self.pass(now_ms);
        let lost = self.charges.iter_mut().filter(|charge| charge.open);
        for charge in lost.filter(|charge| !followed.contains(&ChargeId(charge.id))) {
            (charge.at_ms, charge.open) = (self.clock_ms, false);
        }
    }

    /// What open transactions may cost at most.
    pub(super) fn open_wei(&self) -> u128 {
        let open = self.charges.iter().filter(|charge| charge.open);
        open.fold(0, |sum, charge| sum.saturating_add(charge.wei))
    }

    /// What counts of the hour's budget.
    pub(super) fn spent_wei(&mut self, now_ms: u64) -> u128 {
        self.pass(now_ms);
        self.charges.iter().fold(0, |sum, charge| sum.saturating_add(charge.wei))
    }

    /// Time passes, and never goes back: what is older than an hour counts no more, unless it is open.
    fn pass(&mut self, now_ms: u64) {
        self.clock_ms = self.clock_ms.max(now_ms);
        let now_ms = self.clock_ms;
        self.charges.retain(|charge| charge.open || charge.at_ms.saturating_add(HOUR_MS) > now_ms);
    }

    /// Whether `wei` fits beside the charges that are `counted`; else when enough of them count no more.
    fn fits(
        &self,
        spent: Spent,
        most_wei: u128,
        wei: u128,
        counted: impl Fn(&Charge) -> bool,
    ) -> Result<(), TooMuch> {
        let counted: Vec<&Charge> = self.charges.iter().filter(|charge| counted(charge)).collect();
        let mut sum = counted.iter().fold(wei, |sum, charge| sum.saturating_add(charge.wei));
        if sum <= most_wei {
            return Ok(());
        }
        let mut known: Vec<&Charge> = counted.into_iter().filter(|charge| !charge.open).collect();
        known.sort_by_key(|charge| charge.at_ms);
        for charge in known {
            sum = sum.saturating_sub(charge.wei);
            if sum <= most_wei {
                return Err(TooMuch { spent, wait_ms: self.left_ms(charge) });
            }
        }
        Err(TooMuch { spent, wait_ms: HOUR_MS })
    }

    /// How long a charge still counts.
    const fn left_ms(&self, charge: &Charge) -> u64 {
        charge.at_ms.saturating_add(HOUR_MS).saturating_sub(self.clock_ms)
    }
}

#[cfg(test)]
mod tests;
