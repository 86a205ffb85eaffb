//! An operator under many ids, and one that is its own payer, over random epochs.
//!
//! Invariant: exact; a gain of one nano is a gain.

use tatum_primitives::Nano;

use super::Play;
use super::epochs::Epoch;
use crate::Error;
use crate::agents::seen;
use crate::draws::Draws;
use crate::ledger::mul_div_up;
use crate::ledger::payout::{Edge, pay};
use crate::ledger::registry::Counts;
use crate::report::Report;
use crate::rules::Rules;

const SPLITS: u64 = 5_000;
const COLLUSIONS: u64 = 20_000;
const DATA: u128 = 1_000_000_000_000_000_000;

/// The first operator's bond, capacity and work in 2 to 100 parts.
pub(super) fn sybil(play: &Play, report: &mut Report) -> Result<(), Error> {
    let draws = &mut Draws::of(play.seed, 0);
    let (mut gain, mut folds) = (i128::MIN, Vec::new());
    for _ in 0..SPLITS {
        let epoch = Epoch::random(&play.rules, draws);
        let parts = 2 + draws.below(99);
        let whole = epoch.take_nano(&play.rules, 0)?;
        let split = split_take(&play.rules, &epoch, parts)?;
        gain = gain.max(i128::from(split) - i128::from(whole));
        if whole > 0 {
            folds.push(seen(split.into()) / seen(whole.into()));
        }
    }
    report.figure("what the parts take, × the whole", &folds);
    report.at_most("gain of a split bond, nano, worst", signed(gain), 0.0);
    Ok(())
}

fn split_take(rules: &Rules, epoch: &Epoch, parts: u64) -> Result<u64, Error> {
    let mut works = epoch.works(rules)?;
    let mut counts = epoch.counts.clone();
    let (Some(work), Some(of)) = (works.first().copied(), counts.first().copied()) else {
        return Ok(0);
    };
    let part = |all: u128, number: u64| {
        let even = all / u128::from(parts);
        if number == 0 { all - even * u128::from(parts - 1) } else { even }
    };
    let narrow = |value: u128| u64::try_from(value).unwrap_or(u64::MAX);
    for number in 0..parts {
        let own = Counts {
            bond_wei: part(of.bond_wei, number),
            capacity_bytes: narrow(part(of.capacity_bytes.into(), number)),
        };
        let own_work = Nano(narrow(part(work.0.into(), number)));
        if let (0, Some(first), Some(first_work)) = (number, counts.first_mut(), works.first_mut())
        {
            (*first, *first_work) = (own, own_work);
        } else {
            counts.push(own);
            works.push(own_work);
        }
    }
    let paid = pay(rules, epoch.available_nano(), epoch.pot_nano(), &works, &counts)?;
    let own = paid.pays.iter().enumerate().filter(|(id, _)| *id == 0 || *id >= epoch.counts.len());
    Ok(own.map(|(_, pay)| pay.total_nano().0).sum())
}

/// The first operator's own payer signs for it alone.
pub(super) fn collusion(play: &Play, report: &mut Report) -> Result<(), Error> {
    let draws = &mut Draws::of(play.seed, 0);
    let (mut beyond, mut worst, mut gains) = (i128::MIN, f64::NEG_INFINITY, Vec::new());
    for _ in 0..COLLUSIONS {
        let honest = Epoch::random(&play.rules, draws);
        let fee_wei = u128::from(1 + draws.below(2_000)) * DATA / 7;
        let mut own = honest.clone();
        own.fees_wei.push(fee_wei);
        own.edges.push(Edge { payer: honest.fees_wei.len(), operator: 0, units: 1 });
        let (take, share, work) = (
            own.take_nano(&play.rules, 0)?,
            bond_share(&own, &play.rules)?,
            own.works(&play.rules)?,
        );
        let work = work.first().map_or(0, |work| work.0);
        beyond = beyond.max(i128::from(take) - i128::from(work) - i128::from(share));
        let before = honest.take_nano(&play.rules, 0)?;
        let gain = i128::from(take) - i128::from(before) - signed_nano(fee_wei);
        // Against what its bond would bring it if it worked.
        let of_share = signed(gain) / seen(share.max(1).into());
        worst = worst.max(of_share);
        gains.push(of_share);
    }
    report.figure("gain, × its bond's share of the pool", &gains);
    report.at_most("take beyond own work and own bond's share, nano, worst", signed(beyond), 0.0);
    report.at_most("gain, × its bond's share of the pool, worst", worst, 1.0);
    Ok(())
}

/// The first operator's share of the common pool by its bond, rounded up.
fn bond_share(epoch: &Epoch, rules: &Rules) -> Result<u64, Error> {
    let work: u64 = epoch.works(rules)?.iter().map(|work| work.0).sum();
    let common = epoch.available_nano().0.saturating_sub(work);
    let bonds: u128 = epoch.counts.iter().map(|counts| counts.bond_wei).sum();
    let own = epoch.counts.first().map_or(0, |counts| counts.bond_wei);
    Ok(u64::try_from(mul_div_up(common.into(), own, bonds)).unwrap_or(u64::MAX))
}

fn signed_nano(wei: u128) -> i128 {
    i128::try_from(wei / 1_000_000_000).unwrap_or(i128::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "a figure of a report")]
pub(super) const fn signed(value: i128) -> f64 {
    value as f64
}
