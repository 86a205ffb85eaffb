//! Capacity that is bonded and declared and never serves: how far it moves the price, and what it costs.
//!
//! The price rule believes what is bonded, so honest operators leave until what is sold is 70 % of true and fake together. Of what is
//! sold 1/1.3 is used, and has to be carried by the true part: with a fold f of fakes it is used to 0.54 · (1 + f). A fifth leaves it at 65 %; half
//! leaves 81 %, which a bad week exceeds; as much again is more than there is.

use super::{Play, summary};
use crate::Error;
use crate::agents::seen;
use crate::report::{Report, least};
use crate::rules::Rules;
use crate::world::{Calm, Day, Script, World};

/// Of the true capacity.
const FOLDS: [f64; 4] = [0.1, 0.2, 0.5, 1.0];
/// Up to here the bounds must hold.
const STATED: f64 = 0.2;

/// It bonds at a third of the time.
struct Faker {
    from: u64,
    fold: f64,
}

impl Script for Faker {
    fn act(&mut self, world: &mut World) -> Result<(), Error> {
        if world.now() == self.from {
            let capacity = seen(world.registry.total_capacity_bytes().into());
            world.bond(capacity * self.fold, 1.0)?;
        }
        Ok(())
    }
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let from = play.epochs / 3;
    let without = play.worlds(&play.rules, || Calm)?;
    let price = |world: &World| summary::over(summary::last(world, 0.33), Day::nano_per_gib);
    for fold in FOLDS {
        let with = play.worlds(&play.rules, || Faker { from, fold })?;
        if fold == STATED {
            summary::describe(report, &with);
        }
        let prices: Vec<f64> =
            with.iter().zip(&without).map(|(a, b)| price(a) / price(b)).collect();
        let served: Vec<f64> =
            with.iter().map(|world| summary::served(summary::last(world, 0.33))).collect();
        report.figure(format!("{fold} of the true capacity: price, × without"), &prices);
        report.figure(format!("{fold} of the true capacity: served of the wanted"), &served);
        if fold == STATED {
            report.at_least(
                format!("{fold} of the true capacity: price, worst"),
                least(&prices),
                0.45,
            );
            report.at_least(
                format!("{fold} of the true capacity: served, worst"),
                least(&served),
                0.95,
            );
        }
    }
    let capital = capital(&play.rules);
    report.at_least(
        "capital an epoch for as much again, of all fees at the first price",
        capital,
        0.12,
    );
    Ok(())
}

/// The interest of the bond behind a capacity, over the fees of the stakes that buy the target's share of it.
fn capital(rules: &Rules) -> f64 {
    let interest = rules.agents.interest_a_year / 365.0;
    let bond = 1.0 / seen(rules.operators.capacity_bytes_per_data.into());
    let target = f64::from(rules.price.target_bps) / 1e4;
    let stake = target / seen(rules.price.initial_quota_bytes_per_data.into());
    bond * interest / (stake * seen(rules.fee.rate_ppb.into()) / 1e9)
}
