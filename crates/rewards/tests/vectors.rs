//! The shared vectors of the payout rule: remade here and compared with the checked-in file.
//!
//! Invariant: `payouts.json` and `overage.json` in `tests/vectors` are exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-rewards --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::Path;

use serde::Serialize;
use tatum_primitives::{Bps, Nano, U256, WEI_PER_DATA as DATA, WEI_PER_NANO};
use tatum_rewards::{Fee, Operator, Round, Rule, edge_down, overage_down, tolerated_bytes};

#[derive(Serialize)]
struct File {
    payouts: Vec<PayoutCase>,
}

#[derive(Serialize)]
struct PayoutCase {
    name: String,
    pool_bps: u16,
    pool_limit_bps: u16,
    available_nano: String,
    pot_wei: String,
    fees_wei: Vec<String>,
    edge_payers: Vec<u32>,
    edge_operators: Vec<u32>,
    edge_units: Vec<String>,
    edge_payer_units: Vec<String>,
    bonds_wei: Vec<String>,
    capacities_bytes: Vec<String>,
    previous_nano: Vec<String>,
    total_bond_wei: String,
    total_capacity_bytes: String,
    steered_nano: Vec<String>,
    edges_nano: Vec<String>,
    works_nano: Vec<String>,
    work_nano: String,
    common_nano: String,
    caps_nano: Vec<String>,
    paid_nano: Vec<String>,
    pool_nano: Vec<String>,
    cumulative_nano: Vec<String>,
    distributed_nano: String,
    carried_nano: String,
}

#[derive(Serialize)]
struct OverageFile {
    overages: Vec<OverageCase>,
}

#[derive(Serialize)]
struct OverageCase {
    name: String,
    pool_bps: u16,
    fee_wei: String,
    quota_bytes: String,
    units: String,
    tolerated_bytes: String,
    steered_nano: String,
    bill_nano: String,
}

/// One epoch in short: fees of payers 0, 1, …; edges (payer, operator, units), each pair once; operators (bond, capacity,
/// previous).
struct Scene<'a> {
    name: &'a str,
    pool_bps: u16,
    pool_limit_bps: u16,
    carried_nano: u64,
    fees_wei: &'a [u128],
    edges: &'a [(u32, u32, u128)],
    operators: &'a [(u128, u64, u64)],
}

const GIB: u64 = 1 << 30;
const NANO_WEI: u128 = WEI_PER_NANO as u128;

fn strings<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn nano(wei: u128) -> Nano {
    Nano::from_wei_down(U256::from(wei)).unwrap()
}

/// Units of the payer's in all.
fn payer_units(scene: &Scene<'_>, payer: u32) -> u128 {
    scene.edges.iter().filter(|(of, ..)| *of == payer).map(|(.., units)| units).sum()
}

fn steered(scene: &Scene<'_>) -> Vec<Nano> {
    let bps = Bps::new(scene.pool_bps).unwrap();
    let steered = |wei: &u128| Fee::divide(nano(*wei), bps).unwrap().steered_nano;
    scene.fees_wei.iter().map(steered).collect()
}

fn edges(scene: &Scene<'_>) -> Vec<Nano> {
    let steered = steered(scene);
    let edge = |(payer, _, units): &(u32, u32, u128)| {
        edge_down(steered[*payer as usize], *units, payer_units(scene, *payer)).unwrap()
    };
    scene.edges.iter().map(edge).collect()
}

fn operators(scene: &Scene<'_>, edges: &[Nano]) -> Vec<Operator> {
    let work = |id: u32| {
        let own = scene.edges.iter().zip(edges).filter(|((_, of, _), _)| *of == id);
        Nano(own.map(|(_, nano)| nano.0).sum())
    };
    let operator =
        |(id, (bond_wei, capacity_bytes, previous)): (u32, &(u128, u64, u64))| Operator {
            work_nano: work(id),
            bond_wei: *bond_wei,
            capacity_bytes: *capacity_bytes,
            previous_nano: Nano(*previous),
        };
    (0..).zip(scene.operators).map(operator).collect()
}

fn payout_case(scene: &Scene<'_>) -> PayoutCase {
    let edges = edges(scene);
    let operators = operators(scene, &edges);
    let pot_wei: u128 = scene.fees_wei.iter().sum();
    let pot_nano = nano(pot_wei);
    let rule = Rule {
        pool_bps: Bps::new(scene.pool_bps).unwrap(),
        pool_limit_bps: Bps::new(scene.pool_limit_bps).unwrap(),
    };
    let available = Nano(pot_nano.0 + scene.carried_nano);
    let work = Nano(edges.iter().map(|nano| nano.0).sum());
    let backed = operators.iter().map(|operator| (operator.bond_wei, operator.capacity_bytes));
    let round = Round::of(rule, available, pot_nano, work, backed).unwrap();
    let paid = round.settle(&operators).unwrap();
    let caps = operators.iter().map(|operator| round.cap_down(operator.capacity_bytes).unwrap().0);
    PayoutCase {
        name: scene.name.into(),
        pool_bps: scene.pool_bps,
        pool_limit_bps: scene.pool_limit_bps,
        available_nano: available.0.to_string(),
        pot_wei: pot_wei.to_string(),
        fees_wei: strings(scene.fees_wei),
        edge_payers: scene.edges.iter().map(|(payer, ..)| *payer).collect(),
        edge_operators: scene.edges.iter().map(|(_, operator, _)| *operator).collect(),
        edge_units: strings(scene.edges.iter().map(|(.., units)| units)),
        edge_payer_units: strings(scene.edges.iter().map(|(payer, ..)| payer_units(scene, *payer))),
        bonds_wei: strings(operators.iter().map(|operator| operator.bond_wei)),
        capacities_bytes: strings(operators.iter().map(|operator| operator.capacity_bytes)),
        previous_nano: strings(operators.iter().map(|operator| operator.previous_nano.0)),
        total_bond_wei: round.total_bond_wei.to_string(),
        total_capacity_bytes: round.total_capacity_bytes.to_string(),
        steered_nano: strings(steered(scene).iter().map(|nano| nano.0)),
        edges_nano: strings(edges.iter().map(|nano| nano.0)),
        works_nano: strings(operators.iter().map(|operator| operator.work_nano.0)),
        work_nano: work.0.to_string(),
        common_nano: round.common_nano().unwrap().0.to_string(),
        caps_nano: strings(caps),
        paid_nano: strings(paid.earnings.iter().map(|earning| earning.pay.paid_nano.0)),
        pool_nano: strings(paid.earnings.iter().map(|earning| earning.pay.pool_nano.0)),
        cumulative_nano: strings(paid.earnings.iter().map(|earning| earning.cumulative_nano.0)),
        distributed_nano: paid.distributed_nano.0.to_string(),
        carried_nano: paid.carried_nano.0.to_string(),
    }
}

fn make() -> File {
    let bonded = (5_000 * DATA, 500 * GIB, 0);
    let equal = [bonded; 3];
    let mixed = [
        (5_000 * DATA, 500 * GIB, 5_000_000_000),
        (15_000 * DATA, 1, 0),
        (10_000 * DATA, 0, 7),
        (0, 0, 1),
    ];
    let scene = Scene {
        name: "",
        pool_bps: 1_000,
        pool_limit_bps: 5_000,
        carried_nano: 0,
        fees_wei: &[10 * DATA, 3 * DATA + 1, 7 * NANO_WEI + 999_999_999],
        edges: &[(0, 0, 500), (0, 1, 250), (1, 1, 1), (1, 2, 2), (2, 2, 9)],
        operators: &equal,
    };
    let workshop = Scene { pool_bps: 10_000, pool_limit_bps: 0, ..scene };
    let mixed = Scene { operators: &mixed, ..scene };
    let scenes = [
        Scene { name: "everybody the same", ..workshop },
        Scene { name: "everybody the same, with a remainder", carried_nano: 2, ..workshop },
        Scene { name: "paid for work alone", pool_bps: 0, ..scene },
        Scene { name: "a tenth common", ..scene },
        Scene { name: "other bonds and capacities", ..mixed },
        Scene { name: "no limit on the pool's share", pool_limit_bps: 0, ..mixed },
        Scene { name: "no receipts", edges: &[], ..mixed },
        Scene { name: "receipts of no units", edges: &[(0, 0, 0), (0, 1, 0)], ..scene },
        Scene { name: "more work than capacity", edges: &[(0, 0, 1), (1, 0, 1)], ..scene },
        Scene { name: "carried from before", carried_nano: 1 << 40, ..scene },
        Scene { name: "no operators", edges: &[], operators: &[], ..scene },
        Scene { name: "nobody bonded", operators: &[(0, 0, 3); 3], ..scene },
        Scene { name: "nothing to pay", fees_wei: &[], edges: &[], ..mixed },
        Scene {
            name: "one nano for three",
            pool_bps: 0,
            fees_wei: &[NANO_WEI],
            edges: &[(0, 0, 1), (0, 1, 1), (0, 2, 1)],
            ..scene
        },
        Scene {
            name: "the whole supply, and as many of the largest receipts as a list holds",
            pool_bps: 1,
            fees_wei: &[990_000_000 * DATA],
            edges: &[(0, 0, u32::MAX as u128 * (1 << 39)), (0, 1, (1 << 71) - 1), (0, 2, 1)],
            operators: &[(990_000_000 * DATA, u64::MAX, 1 << 62), (1, u64::MAX, 0), (0, 1, 0)],
            ..scene
        },
    ];
    File { payouts: scenes.iter().map(payout_case).collect() }
}

fn overage_case(
    name: &str,
    pool_bps: u16,
    fee_wei: u128,
    quota_bytes: u128,
    units: u128,
) -> OverageCase {
    let steered = Fee::divide(nano(fee_wei), Bps::new(pool_bps).unwrap()).unwrap().steered_nano;
    OverageCase {
        name: name.to_owned(),
        pool_bps,
        fee_wei: fee_wei.to_string(),
        quota_bytes: quota_bytes.to_string(),
        units: units.to_string(),
        tolerated_bytes: tolerated_bytes(quota_bytes).to_string(),
        steered_nano: steered.0.to_string(),
        bill_nano: overage_down(steered, quota_bytes, units).unwrap().0.to_string(),
    }
}

fn make_overages() -> OverageFile {
    let fee = 10 * DATA + 7;
    let (small, large) = (354_334_794_000, 1 << 50);
    let (small_most, large_most) = (tolerated_bytes(small), tolerated_bytes(large));
    let supply = 990_000_000 * DATA;
    let most_units = u128::from(u32::MAX) << 40;
    let cases = [
        overage_case("nothing signed", 1_000, fee, small, 0),
        overage_case("all of the quota", 1_000, fee, small, small),
        overage_case("the last tolerated byte", 1_000, fee, small, small_most),
        overage_case("the first byte that is not", 1_000, fee, small, small_most + 1),
        overage_case("a large quota tolerates 64 MiB more", 1_000, fee, large, large_most),
        overage_case("and not a byte beyond", 1_000, fee, large, large_most + 1),
        overage_case("half as much again", 1_000, fee, small, small / 2 * 3),
        overage_case("a byte before the most", 1_000, fee, small, 3 * small - 1),
        overage_case("the most", 1_000, fee, small, 3 * small),
        overage_case("far more than the most", 1_000, fee, small, most_units),
        overage_case("a quota of one byte", 1_000, fee, 1, 2),
        overage_case("a quota of nineteen bytes tolerates none", 1_000, fee, 19, 20),
        overage_case("a quota of twenty bytes tolerates two", 1_000, fee, 20, 22),
        overage_case("no quota", 1_000, fee, 0, 5),
        overage_case("a fee of no nano", 1_000, 999_999_999, small, 9 * small),
        overage_case("all of the fee is common", 10_000, fee, small, 9 * small),
        overage_case("none of the fee is common", 0, fee, small, 2 * small + 1),
        overage_case("the whole supply as a fee", 0, supply, 1 << 92, most_units),
        overage_case("the whole supply, and the most units", 0, supply, 1 << 60, most_units),
    ];
    OverageFile { overages: cases.into() }
}

/// Writes the file if told to, and compares it with what is made.
fn check(name: &str, made: &impl Serialize) {
    let path = Path::new("../../tests/vectors").join(name);
    let made = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(path).unwrap();
    assert!(kept == made, "tests/vectors/{name} differs from what the code makes");
}

#[test]
fn the_files_are_what_the_code_makes() {
    check("payouts.json", &make());
    check("overage.json", &make_overages());
}
