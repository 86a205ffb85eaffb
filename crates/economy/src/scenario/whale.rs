//! One stake of one, three or ten times all others for 1, 5 or 30 epochs: what the others lose for what it pays.
//!
//! Every run is played with and without it, by the same draws. What others lose is what relays and falling quotas refuse them beyond what
//! they do without it; what they no longer ask for, because the price is higher or they trust less, is a figure beside it. Eight runs at most, and half a year each.

use super::{Play, summary};
use crate::Error;
use crate::agents::{seen, whole};
use crate::report::{Report, most};
use crate::world::{Calm, Day, Outsider, Script, World};

const FOLDS: [f64; 3] = [1.0, 3.0, 10.0];
const LENGTHS: [u64; 3] = [1, 5, 30];
/// Half a year after it came nothing of it is left.
const AFTER: u64 = 180;
/// The first epochs, in which nobody has a quota yet, are left out.
const START: usize = 30;

/// It comes, holds its stake, and asks to leave in the last epoch in which that counts.
struct Whale {
    from: u64,
    length: u64,
    fold: f64,
    uses: bool,
}

impl Script for Whale {
    fn act(&mut self, world: &mut World) -> Result<(), Error> {
        let now = world.now();
        if now == self.from {
            let account = world.pool.open_account();
            world.outsiders.push(Outsider { account, uses: self.uses, signs_for: None });
            let stake_wei = whole(seen(world.pool.total_wei()) * self.fold);
            world.pool.stake(account, stake_wei)?;
        }
        if now == self.from + self.length
            && let Some(whale) = world.outsiders.first()
        {
            world.pool.request_unstake(whale.account, u128::MAX)?;
        }
        Ok(())
    }
}

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let from = (play.epochs / 2).min(200);
    let play = &Play { epochs: play.epochs.min(from + AFTER), runs: play.runs.min(8), ..*play };
    let without = play.worlds(&play.rules, || Calm)?;
    let (mut dearest, mut idle_worst): (f64, f64) = (0.0, 0.0);
    for uses in [true, false] {
        for fold in FOLDS {
            for length in LENGTHS {
                let with = play.worlds(&play.rules, || Whale { from, length, fold, uses })?;
                let losses: Vec<[f64; 3]> =
                    with.iter().zip(&without).map(|(with, without)| loss(with, without)).collect();
                let of_fees: Vec<f64> = losses.iter().map(|[refused, ..]| *refused).collect();
                let missing: Vec<f64> = losses.iter().map(|[_, missing, _]| *missing).collect();
                dearest = dearest.max(most(&of_fees));
                let how = if uses { "used" } else { "idle" };
                let name = format!("{fold} × for {length} epochs, {how}");
                report.figure(format!("{name}, refused"), &of_fees);
                report.figure(format!("{name}, and not asked for any more"), &missing);
                if !uses && fold <= 3.0 && length == 1 {
                    idle_worst = losses.iter().map(|[.., worst]| *worst).fold(idle_worst, f64::max);
                }
                if uses
                    && fold == 3.0
                    && length == 30
                    && let Some(world) = with.first()
                {
                    summary::draw(report, world);
                }
            }
        }
    }
    report.at_most(
        "epochs of traffic that others are refused per epoch of all fees it pays",
        dearest,
        0.25,
    );
    report.at_most(
        "idle, up to 3 × for one epoch: others' worst epoch is refused more",
        idle_worst,
        0.02,
    );
    Ok(())
}

/// What others were refused beyond what they are without the whale, in epochs of traffic per epoch of fees that it pays; the same with
/// what they no longer ask for; and the worst epoch's refusals, as a share of the wanted.
fn loss(with: &World, without: &World) -> [f64; 3] {
    let days = || with.days.iter().zip(&without.days).skip(START);
    let usual = summary::over(&without.days, |day| day.served_bytes);
    let usual_fees = summary::over(&without.days, |day| seen(day.fees_wei));
    let paid: f64 = with.days.iter().map(|day| seen(day.outsiders_fees_wei)).sum();
    let refused = |day: &Day| day.wanted_bytes - day.served_bytes;
    let lost: f64 = days().map(|(a, b)| refused(a) - refused(b)).sum();
    let missing: f64 = days().map(|(a, b)| b.served_bytes - a.served_bytes).sum();
    let of_fees = |bytes: f64| bytes / usual / (paid / usual_fees);
    let worst = days().map(|(a, b)| b.served_share() - a.served_share());
    [of_fees(lost), of_fees(missing), worst.fold(0.0, f64::max)]
}
