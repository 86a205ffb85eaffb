//! Every scenario by the chosen rules, and every mechanism switched off once: then its bound fails.
#![allow(missing_docs)]

use tatum_economy::report::Report;
use tatum_economy::scenario::{ALL, Play, Scenario};
use tatum_economy::{Rules, svg};

const FIRST: &str = include_str!("../rules/first.toml");
const USAGE_SIGNAL: &str = include_str!("../rules/tried/usage-signal.toml");
const GAIN_ONE: &str = include_str!("../rules/tried/gain-one.toml");
const UNCAPPED: &str = include_str!("../rules/tried/uncapped.toml");
const POOL_BY_ID: &str = include_str!("../rules/tried/pool-by-id.toml");
const POOL_BY_WORK: &str = include_str!("../rules/tried/pool-by-work.toml");
const UNBILLED: &str = include_str!("../rules/tried/unbilled.toml");
const UNLIMITED_SALE: &str = include_str!("../rules/tried/unlimited-sale.toml");

fn play(name: &str, rules: &str) -> Report {
    let rules = Rules::from_toml(rules).unwrap();
    let play = Play { rules, epochs: 600, runs: 3, seed: 1 };
    Scenario::named(name).unwrap().play(&play).unwrap()
}

#[track_caller]
fn keeps(name: &str, bound: &str) -> f64 {
    let report = play(name, "");
    let bound = report.bound(bound).unwrap();
    assert!(bound.holds, "{name}: {} is {}", bound.name, bound.measured);
    bound.measured
}

#[track_caller]
fn breaks(name: &str, rules: &str, bound: &str) -> f64 {
    let report = play(name, rules);
    let bound = report.bound(bound).unwrap();
    assert!(!bound.holds, "{name}: {} is {}", bound.name, bound.measured);
    bound.measured
}

#[test]
fn a_seed_gives_the_same_bytes_and_another_seed_others() {
    let report = |seed| {
        let play = Play { rules: Rules::default(), epochs: 200, runs: 3, seed };
        Scenario::named("controller").unwrap().play(&play).unwrap()
    };
    let (first, again, other) = (report(7), report(7), report(8));
    assert_eq!(serde_json::to_string(&first).unwrap(), serde_json::to_string(&again).unwrap());
    assert_eq!(svg(&first), svg(&again));
    assert_ne!(svg(&first), svg(&other));
}

#[test]
fn a_signal_of_used_over_sold_runs_away() {
    let bound = "price at the end, × or ÷ the beginning, worst";
    keeps("controller", bound);
    assert!(breaks("controller", USAGE_SIGNAL, bound) > 9.0);
    assert!(breaks("controller", FIRST, bound) > 9.0);
}

#[test]
fn the_whole_way_at_once_rings_when_operators_lag() {
    breaks("demand", GAIN_ONE, "lag 7: std of log price, worst");
    assert!(breaks("demand", GAIN_ONE, "lag 21: std of log price, worst") >= 0.1);
}

#[test]
fn without_the_fourfold_bound_any_multiple_is_sold() {
    let bound = "quotas sold, of the capacity";
    keeps("controller", bound);
    breaks("controller", UNLIMITED_SALE, bound);
}

#[test]
fn without_the_cap_operators_declare_little_and_the_price_multiplies() {
    let (declared, price) =
        ("declared of what they can carry, worst", "price, × with honest declarations, worst");
    keeps("strategic", declared);
    keeps("strategic", price);
    breaks("strategic", UNCAPPED, declared);
    assert!(breaks("strategic", UNCAPPED, price) >= 3.0);
}

#[test]
fn a_pool_by_id_pays_for_ids() {
    let bound = "gain of a split bond, nano, worst";
    keeps("sybil", bound);
    breaks("sybil", POOL_BY_ID, bound);
    breaks("sybil", FIRST, bound);
}

#[test]
fn a_pool_by_work_pays_for_signing_to_oneself() {
    let bound = "take beyond own work and own bond's share, nano, worst";
    keeps("collusion", bound);
    breaks("collusion", POOL_BY_WORK, bound);
}

#[test]
fn without_the_bill_over_signing_dilutes_relays_to_nothing() {
    let bound = "gain, × what the payer steers, worst";
    keeps("overage", bound);
    breaks("overage", UNBILLED, bound);
    breaks("overage", FIRST, bound);
}

#[test]
fn without_a_limit_the_pool_pays_who_has_no_work() {
    let bound = "paid to who has no work, nano";
    keeps("selfdeal", bound);
    breaks("selfdeal", "[pay]\npool_limit_bps = 0", bound);
    breaks("omission", "[pay]\npool_limit_bps = 0", "paid by an empty list, nano");
}

#[test]
fn without_the_cap_a_washer_needs_no_capacity_to_move_the_price() {
    let bound = "the price moves, if it keeps its fee";
    keeps("wash", bound);
    breaks("wash", UNCAPPED, bound);
}

#[test]
fn exact_scenarios_hold_by_the_chosen_rules() {
    for name in ["timing", "sybil", "collusion", "overage", "empty", "dust", "selfdeal", "omission"]
    {
        let report = play(name, "");
        let broken: Vec<_> = report.bounds.iter().filter(|bound| !bound.holds).collect();
        assert!(broken.is_empty() && !report.bounds.is_empty(), "{name}: {broken:?}");
    }
}

#[test]
fn sizes_that_cannot_be_played_are_refused() {
    let play = Play { rules: Rules::default(), epochs: 119, runs: 1, seed: 1 };
    for scenario in &ALL {
        assert!(scenario.play(&play).unwrap_err().to_string().contains("epochs are 119"));
    }
    assert!(Scenario::named("sponsor").is_none());
}
