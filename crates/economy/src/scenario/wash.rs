//! A stake that signs for its own operator, to move the price: what it moves if it keeps its fee, and what if it gives a part of it.
//!
//! To get its whole fee back its operator needs the share of bond that its stake has of all stakes; then as much capacity is offered
//! as quota is sold, and the price stays. With nine tenths of that share its work is still paid in full, and it loses
//! a hundredth of its fee: what that moves is a figure, not a bound.

use super::{Play, summary};
use crate::Error;
use crate::agents::{seen, whole};
use crate::report::{Report, middle};
use crate::world::{Calm, Day, Outsider, Script, World};

const FOLDS: [f64; 3] = [0.1, 1.0, 10.0];

/// From a third of the time on it holds a multiple of all other stakes at that time, and bonds a share of what matches it.
struct Washer {
    from: u64,
    fold: f64,
    /// Of the capacity that would match its stake.
    matches: f64,
    stake_wei: u128,
}

impl Script for Washer {
    fn act(&mut self, world: &mut World) -> Result<(), Error> {
        let now = world.now();
        if now == self.from {
            let others = seen(world.registry.total_capacity_bytes().into());
            let share = self.matches * self.fold / (1.0 + self.fold);
            // Without a cap by capacity the smallest bond does.
            let capacity =
                if world.rules.pay.is_capped { others * share / (1.0 - share) } else { 0.0 };
            let id = world.bond(capacity, 1.0)?;
            let account = world.pool.open_account();
            world.outsiders.push(Outsider { account, uses: false, signs_for: Some(id) });
            self.stake_wei = whole(seen(world.pool.total_wei()) * self.fold);
        }
        if let Some(washer) = world.outsiders.first().filter(|_| now >= self.from) {
            let held = world.pool.stake_of(washer.account);
            if held < self.stake_wei {
                world.pool.stake(
                    washer.account,
                    (self.stake_wei - held).max(3_000_000_000_000_000_000),
                )?;
            }
        }
        Ok(())
    }
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let from = play.epochs / 3;
    let without = play.worlds(&play.rules, || Calm)?;
    let mut furthest: f64 = 0.0;
    for (matches, name) in [(1.0, "keeps its fee"), (0.9, "gives a hundredth")] {
        for fold in FOLDS {
            let script = || Washer { from, fold, matches, stake_wei: 0 };
            let with = play.worlds(&play.rules, script)?;
            let moved: Vec<f64> =
                with.iter().zip(&without).map(|(with, without)| moved(with, without)).collect();
            report.figure(format!("{fold} × all stakes, {name}: price"), &moved);
            if matches == 1.0 {
                // The middle run, which way it moved being part of it: a single run's price wanders by itself, either way.
                furthest = furthest.max((middle(&moved) - 1.0).abs());
                if fold == 10.0
                    && let Some(world) = with.first()
                {
                    summary::draw(report, world);
                }
            }
        }
    }
    let own: Vec<f64> =
        without.iter().map(|world| summary::wobble(summary::last(world, 0.33))).collect();
    report.figure("without it: std of log price", &own);
    report.at_most("the price moves, if it keeps its fee", furthest, 0.02);
    Ok(())
}

/// The mean price of the last third, as a multiple of what it is without the washer.
fn moved(with: &World, without: &World) -> f64 {
    let price = |world| summary::over(summary::last(world, 0.33), Day::nano_per_gib);
    price(with) / price(without)
}
