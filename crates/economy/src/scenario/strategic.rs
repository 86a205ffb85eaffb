//! All operators declare what is best for themselves, believing that scarcity raises the pot in proportion.
//!
//! The price is compared with a market of operators that declare what they can carry.

use super::{Play, summary};
use crate::Error;
use crate::agents::seen;
use crate::report::{Report, least, most};
use crate::world::{Calm, Day, Script, World};

/// They think from the beginning.
struct Strategists;

impl Script for Strategists {
    fn prepare(&mut self, world: &mut World) -> Result<(), Error> {
        for operator in &mut world.operators {
            operator.is_strategic = true;
        }
        Ok(())
    }
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let honest = play.worlds(&play.rules, || Calm)?;
    let strategic = play.worlds(&play.rules, || Strategists)?;
    summary::describe(report, &strategic);
    let price = |world: &World| summary::over(summary::last(world, 0.33), Day::nano_per_gib);
    let folds: Vec<f64> =
        strategic.iter().zip(&honest).map(|(with, without)| price(with) / price(without)).collect();
    let declared = |world: &World| {
        summary::over(summary::last(world, 0.33), |day| {
            seen(day.capacity_bytes.into()) / day.physical_bytes.max(1.0)
        })
    };
    let shares: Vec<f64> = strategic.iter().map(declared).collect();
    report.figure("declared of what they can carry", &shares);
    report.figure("price, × with honest declarations", &folds);
    report.at_least("declared of what they can carry, worst", least(&shares), 0.9);
    report.at_most("price, × with honest declarations, worst", most(&folds), 1.15);
    Ok(())
}
