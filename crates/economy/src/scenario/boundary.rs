//! Around epochs' ends, and where somebody is missing: bursts, in and out, nobody there, relays down.
//!
//! Invariant: the first two are exact and need no agents.

use super::{Play, summary};
use crate::Error;
use crate::agents::seen;
use crate::ledger::payout::Purse;
use crate::ledger::pool::Pool;
use crate::ledger::registry::{Counts, Registry};
use crate::report::Report;
use crate::world::{Day, Script, World};

const DATA: u128 = 1_000_000_000_000_000_000;

/// A stake for one epoch's quota, against one that stays.
pub(super) fn timing(play: &Play, report: &mut Report) -> Result<(), Error> {
    let mut pool = Pool::new(play.rules.fee);
    let (steady, burst, in_and_out) =
        (pool.open_account(), pool.open_account(), pool.open_account());
    pool.stake(steady, 1_000_000 * DATA)?;
    for _ in 0..3 {
        pool.close();
    }
    let stake_wei = 1_000 * play.rules.fee.minimum_stake_wei;
    pool.stake(burst, stake_wei)?;
    pool.stake(in_and_out, stake_wei)?;
    pool.request_unstake(in_and_out, u128::MAX)?;
    pool.close();
    let (first_fee, quota) = (pool.fee_of(burst), pool.start_of(burst));
    let in_and_out_quota = pool.start_of(in_and_out);
    let steady_start = pool.start_of(steady);
    pool.request_unstake(burst, u128::MAX)?;
    pool.close();
    let per_quota = |fees: u128, quota: u128| seen(fees) / seen(quota.max(1));
    let ratio = per_quota(first_fee + pool.fee_of(burst), quota)
        / per_quota(pool.fee_of(steady), steady_start);
    report.at_most("fee of a burst, × a steady stake's for the same quota", ratio, 2.02);
    report.at_least("the same, from below: no burst is cheaper", ratio, 1.0);
    report.exactly(
        "quota of a stake that comes and leaves in one epoch, bytes",
        seen(in_and_out_quota),
        0.0,
    );
    Ok(())
}

/// Nobody at all; stakes and no operator; operators and no stake.
pub(super) fn empty(play: &Play, report: &mut Report) -> Result<(), Error> {
    let initial = play.rules.price.initial_quota_bytes_per_data;
    for (name, stakes, serves) in
        [("nobody", false, false), ("stakes alone", true, false), ("operators alone", false, true)]
    {
        let (mut pool, mut purse) = (Pool::new(play.rules.fee), Purse::default());
        let mut registry = Registry::new(play.rules.operators);
        let payer = pool.open_account();
        if stakes {
            pool.stake(payer, 100 * play.rules.fee.minimum_stake_wei)?;
        }
        if serves {
            registry.register(play.rules.operators.minimum_bond_wei, 1 << 30)?;
        }
        let (mut quota, mut moved, mut paid_nano, mut lost) = (initial, 0.0f64, 0u64, 0u64);
        for _ in 0..play.epochs {
            registry.open();
            let (open, capacity) = (pool.total_wei(), registry.total_capacity_bytes());
            let force = play.rules.price.in_force(quota, open, capacity);
            quota = play.rules.price.next(quota, force.sold_bps, open, capacity);
            moved = moved.max((seen(quota.into()) / seen(initial.into()) - 1.0).abs());
            let closed = pool.close();
            let counts: Vec<Counts> = registry.counts().collect();
            let fees = [pool.fee_of(payer)];
            let paid = purse.settle(&play.rules, closed.pot_wei, &fees, &[], &counts)?;
            paid_nano += paid.distributed_nano;
            lost = lost.max(purse.left_nano() - paid.carried_nano);
        }
        report.exactly(format!("{name}: the quota per DATA moves"), moved, 0.0);
        report.exactly(format!("{name}: paid without receipts, nano"), seen(paid_nano.into()), 0.0);
        report.exactly(format!("{name}: carried and not there, nano"), seen(lost.into()), 0.0);
    }
    Ok(())
}

/// All relays down for three epochs, later half of them for a week.
struct Outage {
    all: u64,
    half: u64,
}

impl Script for Outage {
    fn down(&self, epoch: u64) -> f64 {
        if (self.all..self.all + 3).contains(&epoch) {
            1.0
        } else if (self.half..self.half + 7).contains(&epoch) {
            0.5
        } else {
            0.0
        }
    }
}

pub(super) fn outage(play: &Play, report: &mut Report) -> Result<(), Error> {
    let (all, half) = (play.epochs / 3, 2 * play.epochs / 3);
    let worlds = play.worlds(&play.rules, || Outage { all, half })?;
    summary::describe(report, &worlds);
    let (mut paid, mut missing, mut widest) = (0u64, 0u64, 1.0f64);
    let mut after = Vec::new();
    for world in &worlds {
        let place = |epoch: u64| usize::try_from(epoch).unwrap_or(usize::MAX);
        let out = world.days.get(place(all)..place(all + 3)).unwrap_or(&[]);
        paid += out.iter().map(|day| day.paid_to_work_nano + day.paid_to_idle_nano).sum::<u64>();
        missing = missing.max(unaccounted(&world.days));
        for (day, next) in world.days.iter().zip(world.days.iter().skip(1)) {
            let ratio = next.nano_per_gib() / day.nano_per_gib();
            widest = widest.max(ratio).max(1.0 / ratio);
        }
        after.push(summary::served(world.days.get(place(all + 4)..place(all + 34)).unwrap_or(&[])));
    }
    report.figure("served of the wanted in the month after all were down", &after);
    report.exactly("paid while all are down, nano", seen(paid.into()), 0.0);
    report.exactly("fees neither paid nor carried, nano, worst", seen(missing.into()), 0.0);
    report.at_most("one epoch's price ratio, either way", widest, 1.053);
    report.figure(
        "fees carried at the end, in epochs of fees",
        &worlds.iter().map(carried).collect::<Vec<_>>(),
    );
    Ok(())
}

fn carried(world: &World) -> f64 {
    let day = world.days.last().copied().unwrap_or_default();
    seen(day.carried_nano.into()) / seen(day.pot_nano.max(1).into())
}

/// What came in and was neither paid nor carried; a nano an epoch may wait as a part of one.
fn unaccounted(days: &[Day]) -> u64 {
    let mut carried = 0u64;
    let mut worst = 0;
    for day in days {
        let out = day.paid_to_work_nano + day.paid_to_idle_nano;
        let out = out + day.proposer_nano + day.carried_nano;
        worst = worst.max((day.pot_nano + carried).abs_diff(out).saturating_sub(1));
        carried = day.carried_nano;
    }
    worst
}
