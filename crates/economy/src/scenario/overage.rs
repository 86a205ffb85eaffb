//! A payer takes its whole quota from honest relays and signs for more with an operator of its own, which dilutes them; and a stolen key.
//!
//! Invariant: exact, with the bill in the pot of the same epoch, a tenth of it to whoever proves it, and the operator's bond share of
//! what that adds to the pool counted in its favour.

use tatum_primitives::Nano;
use tatum_rewards::overage_down;

use super::Play;
use super::attack::signed;
use super::epochs::Epoch;
use crate::Error;
use crate::agents::seen;
use crate::ledger::mul_div_down;
use crate::ledger::payout::{Edge, nano_down, pay};
use crate::ledger::registry::{Counts, backed_down};
use crate::report::{Report, most};
use crate::rules::Rules;

const DATA: u128 = 1_000_000_000_000_000_000;
/// Small enough for the tolerance to be its largest: a tenth.
const QUOTA: u64 = 1 << 30;
/// Bond shares in sixtieths, up to two thirds.
const SIXTIETHS: [u64; 5] = [1, 6, 20, 30, 40];

pub(super) fn run(play: &Play, report: &mut Report) -> Result<(), Error> {
    let steered = steered(&play.rules);
    let (mut gains, mut left) = (Vec::new(), Vec::new());
    for sixtieths in SIXTIETHS {
        for percent in [5, 9, 10, 11, 12, 15, 20, 30, 50, 100, 200, 500, 2_000, 12_000] {
            let (gain, honest) = oversigned(&play.rules, sixtieths, percent)?;
            gains.push(gain / seen(steered.into()));
            left.push(honest);
        }
    }
    report.figure("gain, × what the payer steers", &gains);
    report.figure("honest relays' pay from it, × without", &left);
    // Within the tolerance nothing is billed: a tenth beyond the quota is worth one part in eleven.
    report.at_most("gain, × what the payer steers, worst", most(&gains), 1.0 / 11.0);
    let bills = [1u128, 2, 4, 1 << 30, 1 << 60]
        .map(|fold| bill(&play.rules, steered, u128::from(QUOTA) * fold));
    let costs = bills.map(|bill| (seen(bill.into()) + seen(steered.into())) / seen(steered.into()));
    report.at_most("what a stolen key costs an epoch, × what the payer steers", most(&costs), 5.0);
    Ok(())
}

fn bill(rules: &Rules, steered: u64, units: u128) -> u64 {
    let bill = overage_down(Nano(steered), QUOTA.into(), units);
    if rules.pay.bills_overage { bill.map_or(u64::MAX, |bill| bill.0) } else { 0 }
}

fn steered(rules: &Rules) -> u64 {
    let fee = nano_down(10 * DATA);
    fee - fee * u64::from(rules.pay.pool_bps) / 10_000
}

/// What the pair of payer and operator gains in nano, and what honest relays keep of the payer's steered fee.
fn oversigned(rules: &Rules, sixtieths: u64, percent: u64) -> Result<(f64, f64), Error> {
    let bond = |part: u64| 60_000 * DATA * u128::from(part) / 60;
    let counts: Vec<Counts> = [sixtieths, 60 - sixtieths]
        .into_iter()
        .map(|part| Counts {
            bond_wei: bond(part),
            capacity_bytes: backed_down(bond(part), rules.operators.capacity_bytes_per_data),
        })
        .collect();
    // Other payers bring both operators half of the work that their capacity is worth, so no cap is in the way.
    let others = |operator, units| Edge { payer: 0, operator, units };
    let mut epoch = Epoch {
        fees_wei: vec![60 * DATA, 10 * DATA],
        edges: vec![
            others(0, sixtieths),
            others(1, 60 - sixtieths),
            Edge { payer: 1, operator: 1, units: QUOTA },
        ],
        counts,
        carried_nano: 0,
    };
    let before = epoch.take_nano(rules, 0)?;
    let honest_before = epoch.works(rules)?;
    let beyond = u64::try_from(mul_div_down(QUOTA.into(), percent.into(), 100)).unwrap_or(u64::MAX);
    epoch.edges.push(Edge { payer: 1, operator: 0, units: beyond });
    let bill = bill(rules, steered(rules), u128::from(QUOTA) + u128::from(beyond));
    let pot = Nano(epoch.pot_nano().0 + bill - bill / 10);
    let works = epoch.works(rules)?;
    let paid = pay(rules, pot, pot, &works, &epoch.counts)?;
    let after = paid.pays.first().map_or(0, |pay| pay.total_nano().0);
    let gain = i128::from(after) - i128::from(before) - i128::from(bill);
    let own = |works: &[Nano]| works.get(1).map_or(0, |work| work.0);
    let lost = own(&honest_before) - own(&works);
    Ok((signed(gain), 1.0 - seen(lost.into()) / seen(steered(rules).into())))
}
