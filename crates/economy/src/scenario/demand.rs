//! Demand grows fivefold within a month and falls back later, with operators that need 3, 7 or 21 epochs to enter or leave.
//!
//! *Settled* is the first epoch, counted from the end of the change, from which on the price stays within 15 % of its mean in the last
//! third of the phase.

use super::{Play, summary};
use crate::Error;
use crate::report::{Report, least, mean, middle, most};
use crate::rules::AgentRule;
use crate::world::{Day, Script, World};

const FOLD: f64 = 5.0;
const RAMP: u64 = 30;
/// What must hold with operators of a lag.
struct Limits {
    lag: u64,
    overshoot: f64,
    settled: f64,
    wobble: f64,
}

/// Three weeks are near what the rule carries: near the target the price moves by 0.12 % for a per cent of supply, and with five epochs to see
/// and five to decide that is a turn of 3.6 where a plain loop is stable up to π/2. What holds it are demand that falls with the price, and
/// operators that look again. While a demand that grows by 5.5 % an epoch waits 21 epochs for the first new operator, the price rises by
/// up to 5 % an epoch, 2.8-fold, where 1.9-fold is enough in the end: an overshoot of 1.5, and some days to act.
const LIMITS: [Limits; 3] = [
    Limits { lag: 3, overshoot: 1.2, settled: 80.0, wobble: 0.04 },
    Limits { lag: 7, overshoot: 1.2, settled: 80.0, wobble: 0.04 },
    Limits { lag: 21, overshoot: 1.7, settled: 130.0, wobble: 0.05 },
];

/// Up at a third of the time, down at two.
struct Swing {
    third: u64,
}

impl Script for Swing {
    fn trend(&self, epoch: u64) -> f64 {
        let way = |from: u64| {
            let gone = epoch.saturating_sub(from).min(RAMP);
            crate::agents::seen(gone.into()) / crate::agents::seen(RAMP.into())
        };
        1.0 + (FOLD - 1.0) * (way(self.third) - way(2 * self.third))
    }
}

/// What a phase was like.
struct Phase {
    settled: f64,
    beyond_above: f64,
    beyond_below: f64,
    wobble: f64,
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let third = play.epochs / 3;
    for limits in &LIMITS {
        let agents = AgentRule { lag_epochs: limits.lag, ..play.rules.agents };
        let rules = crate::Rules { agents, ..play.rules };
        let worlds = play.worlds(&rules, || Swing { third })?;
        if limits.lag == 7 {
            summary::describe(report, &worlds);
        }
        judge(report, &worlds, third, limits);
    }
    Ok(())
}

fn judge(report: &mut Report, worlds: &[World], third: u64, limits: &Limits) {
    let phases = |number| -> Vec<Phase> {
        worlds.iter().filter_map(|world| phase(&world.days, number * third, third)).collect()
    };
    let (up, down, lag) = (phases(1), phases(2), limits.lag);
    let of = |phases: &[Phase], measure: fn(&Phase) -> f64| -> Vec<f64> {
        phases.iter().map(measure).collect()
    };
    let (ups, downs) = (of(&up, |phase| phase.settled), of(&down, |phase| phase.settled));
    report.at_most(format!("lag {lag}: epochs to settle upwards, p50"), middle(&ups), 35.0);
    report.at_most(format!("lag {lag}: epochs to settle downwards, p50"), middle(&downs), 70.0);
    report.at_most(
        format!("lag {lag}: epochs to settle, worst"),
        most(&ups).max(most(&downs)),
        limits.settled,
    );
    let (over, under) =
        (of(&up, |phase| phase.beyond_above), of(&down, |phase| phase.beyond_below));
    report.at_most(format!("lag {lag}: overshoot"), most(&over), limits.overshoot);
    report.at_most(format!("lag {lag}: undershoot"), most(&under), 1.3);
    let wobbles = [of(&up, |phase| phase.wobble), of(&down, |phase| phase.wobble)].concat();
    report.at_most(format!("lag {lag}: std of log price, p50"), middle(&wobbles), 0.03);
    report.at_most(format!("lag {lag}: std of log price, worst"), most(&wobbles), limits.wobble);
    let after: Vec<&[Day]> = worlds.iter().map(|world| summary::last(world, 0.75)).collect();
    let served: Vec<f64> = after.iter().map(|days| summary::served(days)).collect();
    report.at_least(format!("lag {lag}: served, mean"), mean(&served), 0.99);
    let epochs: Vec<f64> =
        after.iter().flat_map(|days| days.iter().map(Day::served_share)).collect();
    report.at_least(format!("lag {lag}: served, worst epoch"), least(&epochs), 0.5);
}

/// From the beginning of a change to the next.
fn phase(days: &[Day], from: u64, length: u64) -> Option<Phase> {
    let place = |epoch: u64| usize::try_from(epoch).ok();
    let days = days.get(place(from)?..place(from + length)?)?;
    let prices: Vec<f64> = days.iter().map(Day::nano_per_gib).collect();
    let quiet = days.get(days.len() * 2 / 3..)?;
    let end = summary::over(quiet, Day::nano_per_gib);
    let ramp = place(RAMP)?;
    let unsettled = prices.iter().rposition(|price| (price / end - 1.0).abs() > 0.15);
    let settled = unsettled.map_or(0, |last| (last + 1).saturating_sub(ramp));
    Some(Phase {
        settled: crate::agents::seen(settled as u128),
        beyond_above: most(&prices) / end,
        beyond_below: end / least(&prices),
        wobble: summary::wobble(quiet),
    })
}
