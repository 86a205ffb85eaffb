//! The price rule by itself at random points, its way from end to end, and a calm market.
//!
//! Invariant: all of it is checked in integers but the deviation of the price.

use super::{Play, summary};
use crate::Error;
use crate::agents::seen;
use crate::draws::Draws;
use crate::ledger::controller::quota_down;
use crate::report::{Report, middle, most};
use crate::rules::PriceRule;
use crate::world::{Calm, Day, World};

const POINTS: u64 = 20_000;

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    points(&play.rules.price, &mut Draws::of(play.seed, u64::MAX), report);
    ends(&play.rules.price, report);
    let worlds = play.worlds(&play.rules, || Calm)?;
    summary::describe(report, &worlds);
    let wobbles: Vec<f64> =
        worlds.iter().map(|world| summary::wobble(summary::last(world, 0.5))).collect();
    report.at_most("std of log price, p50", middle(&wobbles), 0.03);
    report.at_most("std of log price, worst", most(&wobbles), 0.04);
    let ran_out = |world: &World| {
        let weekly = world.payers.iter().filter(|payer| !payer.is_keeper).count().max(1);
        let days = summary::last(world, 0.5);
        summary::over(days, |day| seen(day.weekly_ran_out as u128)) / seen(weekly as u128)
    };
    let ran_out: Vec<f64> = worlds.iter().map(ran_out).collect();
    report.at_most("epochs in which who looks weekly runs out, worst", most(&ran_out), 0.005);
    let price = &play.rules.price;
    let at_an_end = worlds.iter().filter_map(|world| world.days.last()).filter(|day| {
        day.quota <= price.least_quota() / 100 * 101 || day.quota >= price.most_quota() / 100 * 99
    });
    report.exactly("runs that end at a bound of the price", seen(at_an_end.count() as u128), 0.0);
    let strayed: Vec<f64> = worlds.iter().map(strayed).collect();
    report.at_most("price at the end, × or ÷ the beginning, worst", most(&strayed), 2.0);
    Ok(())
}

/// How far the price of the last quarter is from the first, either way.
fn strayed(world: &World) -> f64 {
    let first = world.days.first().map_or(1.0, Day::nano_per_gib);
    let ratio = summary::over(summary::last(world, 0.25), Day::nano_per_gib) / first;
    ratio.max(1.0 / ratio)
}

/// Steps from random quotas at random stakes and capacities.
fn points(price: &PriceRule, draws: &mut Draws, report: &mut Report) {
    let (mut widest, mut oversold) = (1.0f64, 0.0f64);
    let (mut beyond, mut wrong_way) = (0u32, 0u32);
    for _ in 0..POINTS {
        let quota =
            price.clamp(price.least_quota() + (1 << draws.below(42)) + draws.below(1 << 20));
        let open_wei = u128::from(draws.bits()) << draws.below(26);
        let capacity = 1 + (draws.bits() >> draws.below(60));
        let force = price.in_force(quota, open_wei, capacity);
        let next = |quota, sold| price.next(quota, sold, open_wei, capacity);
        let after = next(quota, force.sold_bps);
        let ratio = seen(after.into()) / seen(quota.into());
        widest = widest.max(ratio).max(1.0 / ratio);
        let (low, high) = (19 * u128::from(quota), 21 * u128::from(quota));
        beyond += u32::from(!(low..=high).contains(&(20 * u128::from(after))));
        let (sold, more) = (force.sold_bps, (force.sold_bps + 1 + draws.below(3_000)).min(10_000));
        let larger = price.clamp(quota + 1 + draws.below(quota));
        wrong_way += u32::from(next(quota, more) > after || next(larger, sold) < after);
        let target = u64::from(price.target_bps);
        wrong_way += u32::from(next(quota, target) != quota);
        let sold_bytes = quota_down(open_wei, force.quota_bytes_per_data);
        oversold = oversold.max(seen(sold_bytes.into()) / seen(capacity.into()));
    }
    report.at_most("one epoch's price ratio, either way", widest, 1.053);
    report.exactly("steps outside of 19q ≤ 20q′ ≤ 21q", f64::from(beyond), 0.0);
    report.exactly("steps the wrong way", f64::from(wrong_way), 0.0);
    report.at_most("quotas sold, of the capacity", oversold, 4.0);
}

/// From the initial quota to both bounds.
fn ends(price: &PriceRule, report: &mut Report) {
    let way = |sold_bps, end: u64| {
        let mut quota = price.initial_quota_bytes_per_data;
        // With a DATA staked and a byte of capacity: what other laws see stands still.
        let steps = (0..1_000u32).take_while(|_| {
            let at = quota;
            quota = price.next(quota, sold_bps, 1_000_000_000_000_000_000, 1_000_000_000);
            at != end
        });
        f64::from(u32::try_from(steps.count()).unwrap_or(u32::MAX))
    };
    report.exactly("epochs from q0 to the largest quota", way(0, price.most_quota()), 189.0);
    report.exactly("epochs from q0 to the smallest quota", way(10_000, price.least_quota()), 225.0);
}
