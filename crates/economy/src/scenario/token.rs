//! The token's price in money falls to a tenth and to a hundredth within 75 epochs, grows fivefold, or wanders.

use super::{Play, summary};
use crate::Error;
use crate::agents::seen;
use crate::draws::Draws;
use crate::exact::{exp, ln};
use crate::report::{Report, least, most};
use crate::world::{Script, World};

const LENGTH: u64 = 75;

/// From a third of the time on by an even share each epoch to a multiple, or at random.
struct Path {
    from: u64,
    fold: f64,
    wanders: bool,
    at: f64,
}

impl Script for Path {
    fn token(&mut self, epoch: u64, draws: &mut Draws) -> f64 {
        let step = if self.wanders { 0.03 * draws.bell() } else { 0.0 };
        if epoch < self.from {
            return 1.0;
        }
        // Bounded, as a wanderer over 900 epochs would be nowhere else to compare.
        self.at = (self.at + step).clamp(-3.0, 3.0);
        let way = seen((epoch - self.from).min(LENGTH).into()) / seen(LENGTH.into());
        exp(ln(self.fold) * way + self.at)
    }
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let from = play.epochs / 3;
    let paths = [
        ("to a tenth", 0.1, false, 0.99),
        ("to a hundredth", 0.01, false, 0.99),
        ("fivefold", 5.0, false, 0.95),
        ("at random", 1.0, true, 0.95),
    ];
    let mut locked = Vec::new();
    for (name, fold, wanders, limit) in paths {
        let worlds = play.worlds(&play.rules, || Path { from, fold, wanders, at: 0.0 })?;
        if fold == 0.1 {
            summary::describe(report, &worlds);
        }
        let after = |world: &World| summary::served(summary::last(world, 2.0 / 3.0));
        let served: Vec<f64> = worlds.iter().map(after).collect();
        report.figure(format!("{name}: served of the wanted"), &served);
        report.at_least(format!("{name}: served, worst run"), least(&served), limit);
        locked.extend(
            worlds.iter().map(|w| summary::over(summary::last(w, 0.5), |day| day.locked_share)),
        );
    }
    report.at_most("interest of locked stakes, of what payers bear", most(&locked), 0.028);
    Ok(())
}
