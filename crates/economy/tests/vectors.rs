//! The shared vectors of the price rule and the fee: remade here and compared with the checked-in files.
//!
//! Invariant: `tests/vectors/controller.json` and `fees.json` are exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-economy --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::Path;

use serde::Serialize;
use tatum_economy::draws::Draws;
use tatum_economy::ledger::controller::quota_down;
use tatum_economy::ledger::fee::remaining;
use tatum_economy::rules::PriceRule;

const Q0: u64 = 354_334_794;

#[derive(Serialize)]
struct Prices {
    steps: Vec<Step>,
}

#[derive(Serialize)]
struct Step {
    name: String,
    initial_quota: String,
    quota: String,
    open_wei: String,
    capacity_bytes: String,
    in_force: String,
    sold_bps: u64,
    next_quota: String,
    stake_wei: String,
    stake_quota: String,
}

#[derive(Serialize)]
struct Fees {
    fees: Vec<Fee>,
}

#[derive(Serialize)]
struct Fee {
    name: String,
    total_wei: String,
    rate_ppb: u64,
    epochs: u64,
    floor_wei: String,
    remaining_wei: String,
}

fn step(name: &str, initial: u64, quota: u64, open_wei: u128, capacity_bytes: u64) -> Step {
    let price = PriceRule { initial_quota_bytes_per_data: initial, ..PriceRule::default() };
    let force = price.in_force(quota, open_wei, capacity_bytes);
    let stake_wei = open_wei / 16;
    Step {
        name: name.into(),
        initial_quota: initial.to_string(),
        quota: quota.to_string(),
        open_wei: open_wei.to_string(),
        capacity_bytes: capacity_bytes.to_string(),
        in_force: force.quota_bytes_per_data.to_string(),
        sold_bps: force.sold_bps,
        next_quota: price.next(quota, force.sold_bps, open_wei, capacity_bytes).to_string(),
        stake_wei: stake_wei.to_string(),
        stake_quota: quota_down(stake_wei, force.quota_bytes_per_data).to_string(),
    }
}

fn prices() -> Prices {
    let e = |zeros: u32| 10u128.pow(zeros);
    let most = (1u128 << 96) - 1;
    let mut steps = vec![
        step("just above the target", Q0, Q0, e(24), 500_000_000_000_000),
        step("all sold", Q0, Q0, e(24), 200_000_000_000_000),
        step("much sold", Q0, Q0, e(24), 400_000_000_000_000),
        step("beyond the fourfold bound", Q0, Q0, e(24), 10_000_000_000_000),
        step("nobody stakes", Q0, Q0, 0, 10_000_000_000_000),
        step("nobody serves", Q0, Q0, e(24), 0),
        step("hardly anything sold", Q0, Q0, 3 * e(18), 100_000_000_000_000_000),
        step("at the smallest quota", Q0, 3_543, e(27), 1_000),
        step("at the largest quota", Q0, Q0 * 10_000, e(18), u64::MAX),
        step("the largest stakes and capacity", Q0, Q0 * 10_000, most, u64::MAX),
        step("the smallest deployment", 10_000_000, 100, e(24), 1 << 40),
        step("the largest deployment", 1 << 49, 1 << 62, most, u64::MAX),
    ];
    let draws = &mut Draws::of(1, 0);
    for number in 0..52 {
        let quota = 3_543 + (draws.bits() >> (22 + draws.below(30)));
        let open_wei = u128::from(draws.bits()) << draws.below(32);
        let capacity = draws.bits() >> draws.below(40);
        let quota = quota.min(Q0 * 10_000);
        steps.push(step(&format!("random {number}"), Q0, quota, open_wei, capacity));
    }
    Prices { steps }
}

fn fee(name: &str, total_wei: u128, rate_ppb: u64, epochs: u64, floor_wei: u128) -> Fee {
    Fee {
        name: name.into(),
        total_wei: total_wei.to_string(),
        rate_ppb,
        epochs,
        floor_wei: floor_wei.to_string(),
        remaining_wei: remaining(total_wei, rate_ppb, epochs, floor_wei).to_string(),
    }
}

fn fees() -> Fees {
    let data = 10u128.pow(18);
    let (rate, floor, supply) = (10_000_000, data, 987_154_514 * data);
    let mut fees = vec![
        fee("one epoch", 100 * data, rate, 1, floor),
        fee("one wei more than divides", 100 * data + 1, rate, 1, floor),
        fee("at the floor", data, rate, 1, floor),
        fee("to the floor", data + 1, rate, 1, floor),
        fee("no epoch", supply, rate, 0, floor),
        fee("a century of the whole supply", supply, rate, 36_525, floor),
        fee("as much as fits", (1 << 96) - 1, rate, 1, floor),
        fee("nothing", 0, rate, 5, floor),
        fee("the smallest rate", supply, 1_000, 459, 0),
        fee("the largest rate", supply, 100_000_000, 17, 0),
    ];
    let draws = &mut Draws::of(2, 0);
    for number in 0..30 {
        let total_wei = u128::from(draws.bits()) << draws.below(32);
        let most = 1 << draws.below(12);
        let epochs = draws.below(most);
        fees.push(fee(&format!("random {number}"), total_wei, rate, epochs, floor));
    }
    Fees { fees }
}

fn compare(name: &str, made: &impl Serialize) {
    let path = Path::new("../../tests/vectors").join(name);
    let made = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == made, "tests/vectors/{name} differs from what the code makes");
}

#[test]
fn the_prices_are_what_the_code_makes() {
    compare("controller.json", &prices());
}

#[test]
fn the_fees_are_what_the_code_makes() {
    compare("fees.json", &fees());
}

/// The vectors that the rules were chosen with.
#[test]
fn the_prices_are_those_of_the_specification() {
    let known = [
        (354_334_794, 7_086, 353_826_915),
        (354_334_794, 10_000, 336_618_055),
        (354_334_794, 8_858, 343_362_227),
        (40_000_000, 10_000, 336_618_055),
        (354_334_794, 7_000, 354_334_794),
        (0, 7_000, 354_334_794),
        (354_334_794, 0, 372_051_533u64),
    ];
    for (step, (in_force, sold_bps, next)) in prices().steps.iter().zip(known) {
        let found = (step.in_force.clone(), step.sold_bps, step.next_quota.clone());
        assert_eq!(found, (in_force.to_string(), sold_bps, next.to_string()), "{}", step.name);
    }
}
