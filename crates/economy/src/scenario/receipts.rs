//! What one payer's receipts can move, and what a list that leaves some out can pay, over random epochs.
//!
//! Invariant: exact.

use tatum_primitives::Nano;

use super::Play;
use super::attack::signed;
use super::epochs::Epoch;
use crate::Error;
use crate::agents::seen;
use crate::draws::Draws;
use crate::ledger::mul_div_down;
use crate::ledger::payout::{Edge, nano_down};
use crate::report::Report;
use crate::rules::Rules;

const EPOCHS: u64 = 20_000;

/// A payer signs for its own operator instead of its relays.
pub(super) fn selfdeal(play: &Play, report: &mut Report) -> Result<(), Error> {
    let draws = &mut Draws::of(play.seed, 0);
    let (mut moved_most, mut below, mut paid_idle) = (0.0f64, i128::MIN, 0u64);
    for _ in 0..EPOCHS {
        let epoch = Epoch::random(&play.rules, draws);
        let mut selfish = epoch.clone();
        selfish.edges.retain(|edge| edge.payer != 0);
        selfish.edges.push(Edge { payer: 0, operator: 0, units: 1 });
        let (before, after) = (epoch.works(&play.rules)?, selfish.works(&play.rules)?);
        let moved: u64 = before.iter().zip(&after).skip(1).map(|(a, b)| a.0.abs_diff(b.0)).sum();
        let fee = epoch.fees_wei.first().map_or(0, |fee| nano_down(*fee));
        let steered = fee - fee * u64::from(play.rules.pay.pool_bps) / 10_000;
        moved_most = moved_most.max(seen(moved.into()) / seen(steered.max(1).into()));
        below = below.max(below_floor(&epoch, steered, &before, &play.rules)?);
        for (work, pay) in before.iter().zip(&epoch.paid(&play.rules)?.pays) {
            paid_idle += if work.0 == 0 { pay.total_nano().0 } else { 0 };
        }
    }
    report.at_most("others' work that a payer moves, × what it steers, worst", moved_most, 1.0);
    report.at_most("work below the floor price, nano, worst", signed(below), 0.0);
    report.exactly("paid to who has no work, nano", seen(paid_idle.into()), 0.0);
    Ok(())
}

/// What an edge of the first payer lacks to `R · u / Q − 1`, with all of its quota used.
fn below_floor(epoch: &Epoch, steered: u64, works: &[Nano], rules: &Rules) -> Result<i128, Error> {
    let own: Vec<&Edge> = epoch.edges.iter().filter(|edge| edge.payer == 0).collect();
    let quota: u128 = own.iter().map(|edge| u128::from(edge.units)).sum();
    let mut without = epoch.clone();
    without.edges.retain(|edge| edge.payer != 0);
    let rest = without.works(rules)?;
    let lacks = own.iter().map(|edge| {
        let at = |works: &[Nano]| works.get(edge.operator).map_or(0, |work| work.0);
        let floor = mul_div_down(steered.into(), edge.units.into(), quota.max(1));
        i128::try_from(floor).unwrap_or(i128::MAX) - 1 - i128::from(at(works) - at(&rest))
    });
    Ok(lacks.max().unwrap_or(i128::MIN))
}

/// A proposer leaves out the receipts of all other operators, or all receipts.
pub(super) fn omission(play: &Play, report: &mut Report) -> Result<(), Error> {
    let draws = &mut Draws::of(play.seed, 0);
    let (mut beyond, mut from_nothing, mut folds) = (i128::MIN, 0u64, Vec::new());
    for _ in 0..EPOCHS / 4 {
        let epoch = Epoch::random(&play.rules, draws);
        let (mut omitted, mut none) = (epoch.clone(), epoch.clone());
        omitted.edges.retain(|edge| edge.operator == 0);
        none.edges.clear();
        let (right, take) = (epoch.take_nano(&play.rules, 0)?, omitted.take_nano(&play.rules, 0)?);
        beyond = beyond.max(i128::from(take) - most_of(&epoch, play));
        from_nothing += none.paid(&play.rules)?.distributed_nano;
        if right > 0 {
            folds.push(seen(take.into()) / seen(right.into()));
        }
    }
    report.figure("what it takes if nobody forces a receipt, × the right", &folds);
    report.at_most("take beyond three times its cap, nano, worst", signed(beyond), 0.0);
    report.exactly("paid by an empty list, nano", seen(from_nothing.into()), 0.0);
    Ok(())
}

/// Twice its cap for work, and as a share of that from the pool.
fn most_of(epoch: &Epoch, play: &Play) -> i128 {
    let capacity: u128 = epoch.counts.iter().map(|counts| u128::from(counts.capacity_bytes)).sum();
    let own = epoch.counts.first().map_or(0, |counts| counts.capacity_bytes);
    let cap = mul_div_down(epoch.pot_nano().0.into(), own.into(), capacity);
    let limit = 10_000 + u128::from(play.rules.pay.pool_limit_bps);
    i128::try_from(2 * cap * limit / 10_000).unwrap_or(i128::MAX)
}
