//! The figures that every played market has, and the measures that several scenarios take.

use crate::agents::{GIB, seen};
use crate::exact::std_of_ln;
use crate::report::{Curve, Report, mean};
use crate::world::{Day, World};

/// The last days of a run: a share of all of them.
pub(super) fn last(world: &World, share: f64) -> &[Day] {
    let count = seen(world.days.len() as u128);
    let from = usize::try_from(crate::agents::bytes(count * (1.0 - share))).unwrap_or(0);
    world.days.get(from..).unwrap_or(&[])
}

/// The mean of something over days.
pub(super) fn over(days: &[Day], of: impl Fn(&Day) -> f64) -> f64 {
    mean(&days.iter().map(of).collect::<Vec<_>>())
}

/// The deviation of the price's logarithm over days.
pub(super) fn wobble(days: &[Day]) -> f64 {
    std_of_ln(&days.iter().map(Day::nano_per_gib).collect::<Vec<_>>())
}

/// What of the wanted was served over days.
pub(super) fn served(days: &[Day]) -> f64 {
    let wanted: f64 = days.iter().map(|day| day.wanted_bytes).sum();
    if wanted < 1.0 { 1.0 } else { days.iter().map(|day| day.served_bytes).sum::<f64>() / wanted }
}

/// The usual figures over the last half of each run, and the first run's curves.
pub(super) fn describe(report: &mut Report, worlds: &[World]) {
    type Measure = fn(&Day) -> f64;
    let measures: [(&str, Measure); 13] = [
        ("price, nano per GiB of quota", Day::nano_per_gib),
        ("sold of the capacity", |day| seen(day.sold_bps.into()) / 1e4),
        ("staked, DATA", |day| seen(day.open_wei) / 1e18),
        ("capacity, GiB an epoch", |day| seen(day.capacity_bytes.into()) / GIB),
        ("served of the wanted", Day::served_share),
        ("served, GiB an epoch", |day| day.served_bytes / GIB),
        ("payers pay, nano per served GiB", Day::paid_per_gib),
        ("operators that serve", |day| seen(day.operators as u128)),
        ("ids that do not", |day| seen(day.idle as u128)),
        ("paid to work, of the fees", |day| share(day.paid_to_work_nano, day.pot_nano)),
        ("paid to idleness, of the fees", |day| share(day.paid_to_idle_nano, day.pot_nano)),
        ("paid to nobody and carried, of the fees", |day| share(day.carried_nano, day.pot_nano)),
        ("interest of locked stakes, of what payers bear", |day| day.locked_share),
    ];
    for (name, measure) in measures {
        let values: Vec<f64> = worlds.iter().map(|world| over(last(world, 0.5), measure)).collect();
        report.figure(name, &values);
    }
    if let Some(world) = worlds.first() {
        draw(report, world);
    }
}

/// The first run as a picture.
pub(super) fn draw(report: &mut Report, world: &World) {
    let first = world.days.get(10).copied().unwrap_or_default();
    let mut curve = |name: &str, of: &dyn Fn(&Day) -> f64| {
        report
            .curves
            .push(Curve { name: name.into(), values: world.days.iter().map(of).collect() });
    };
    curve("price, × its beginning", &|day| day.nano_per_gib() / first.nano_per_gib());
    curve("capacity, × its beginning", &|day| {
        seen(day.capacity_bytes.into()) / seen(first.capacity_bytes.max(1).into())
    });
    curve("sold of capacity", &|day| seen(day.sold_bps.into()) / 1e4);
    curve("served of wanted", &Day::served_share);
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { seen(part.into()) / seen(whole.into()) }
}
