//! The shared vectors of the payout rule: remade here and compared with the checked-in file.
//!
//! Invariant: `tests/vectors/payouts.json` is exactly what this code makes. After an intended change run
//! `UPDATE_VECTORS=1 cargo test --release -p tatum-rewards --test vectors` and look at the difference.
#![allow(missing_docs)]

use std::path::PathBuf;

use alloy_primitives::{Address, keccak256};
use serde::Serialize;
use tatum_primitives::{Bps, Nano, OperatorId};
use tatum_rewards::{Inputs, Operator, Payer, PoolWeight, Usage, payouts};

#[derive(Serialize)]
struct File {
    payouts: Vec<PayoutCase>,
}

#[derive(Serialize)]
struct PayoutCase {
    name: String,
    pool_bps: u16,
    pool_weight: PoolWeight,
    available_nano: String,
    payers: Vec<Address>,
    fees_nano: Vec<String>,
    usage_payers: Vec<Address>,
    usage_operator_ids: Vec<u32>,
    usage_units: Vec<String>,
    bonds_wei: Vec<String>,
    eligible: Vec<bool>,
    previous_nano: Vec<String>,
    from_receipts_nano: Vec<String>,
    from_pool_nano: Vec<String>,
    cumulative_nano: Vec<String>,
    common_pool_nano: String,
    distributed_nano: String,
    dust_nano: String,
}

/// One epoch in short: fees of payers 0, 1, …; usages (payer, operator, units); operators (bond, eligible, previous).
struct Scene<'a> {
    name: &'a str,
    pool_bps: u16,
    pool_weight: PoolWeight,
    carried_over_nano: u64,
    fees_nano: &'a [u64],
    usages: &'a [(usize, u32, u64)],
    operators: &'a [(u128, bool, u64)],
}

const DATA: u64 = 1_000_000_000;
const BOND: u128 = 1_000_000_000_000_000_000;

fn payer(number: usize) -> Address {
    Address::from_word(keccak256(format!("payer {number}")))
}

fn strings<T: ToString>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

fn payout_case(scene: &Scene<'_>) -> PayoutCase {
    let fees = scene.fees_nano.iter().enumerate();
    let payers: Vec<Payer> =
        fees.map(|(number, fee)| Payer { payer: payer(number), fee_nano: Nano(*fee) }).collect();
    let usage = |(number, operator, units): &(usize, u32, u64)| Usage {
        payer: payer(*number),
        operator_id: OperatorId(*operator),
        units: *units,
    };
    let usages: Vec<Usage> = scene.usages.iter().map(usage).collect();
    let operator = |(id, (bond_wei, eligible, previous)): (u32, &(u128, bool, u64))| Operator {
        operator_id: OperatorId(id),
        bond_wei: *bond_wei,
        eligible: *eligible,
        previous_nano: Nano(*previous),
    };
    let operators: Vec<Operator> = (0..).zip(scene.operators).map(operator).collect();
    let available_nano = Nano(scene.fees_nano.iter().sum::<u64>() + scene.carried_over_nano);
    let paid = payouts(&Inputs {
        pool_bps: Bps::new(scene.pool_bps).unwrap(),
        pool_weight: scene.pool_weight,
        available_nano,
        payers: &payers,
        usages: &usages,
        operators: &operators,
    })
    .unwrap();
    PayoutCase {
        name: scene.name.into(),
        pool_bps: scene.pool_bps,
        pool_weight: scene.pool_weight,
        available_nano: available_nano.0.to_string(),
        payers: payers.iter().map(|payer| payer.payer).collect(),
        fees_nano: strings(scene.fees_nano),
        usage_payers: usages.iter().map(|usage| usage.payer).collect(),
        usage_operator_ids: usages.iter().map(|usage| usage.operator_id.0).collect(),
        usage_units: strings(usages.iter().map(|usage| usage.units)),
        bonds_wei: strings(operators.iter().map(|operator| operator.bond_wei)),
        eligible: operators.iter().map(|operator| operator.eligible).collect(),
        previous_nano: strings(operators.iter().map(|operator| operator.previous_nano.0)),
        from_receipts_nano: strings(paid.earnings.iter().map(|e| e.from_receipts_nano.0)),
        from_pool_nano: strings(paid.earnings.iter().map(|e| e.from_pool_nano.0)),
        cumulative_nano: strings(paid.earnings.iter().map(|e| e.cumulative_nano.0)),
        common_pool_nano: paid.common_pool_nano.0.to_string(),
        distributed_nano: paid.distributed_nano.0.to_string(),
        dust_nano: paid.dust_nano.0.to_string(),
    }
}

fn make() -> File {
    let equal = [(BOND, true, 0); 3];
    let mixed = [(BOND, true, 5 * DATA), (3 * BOND, true, 0), (2 * BOND, false, 7), (0, true, 1)];
    let scene = Scene {
        name: "",
        pool_bps: 2_000,
        pool_weight: PoolWeight::Uniform,
        carried_over_nano: 0,
        fees_nano: &[10 * DATA, 3 * DATA + 1, 7],
        usages: &[(0, 0, 500), (0, 1, 250), (1, 1, 1), (1, 2, 2), (2, 2, 9)],
        operators: &equal,
    };
    let by_bond = Scene { pool_weight: PoolWeight::Bond, operators: &mixed, ..scene };
    let scenes = [
        Scene { name: "everybody the same", pool_bps: 10_000, ..scene },
        Scene { name: "paid for work alone", pool_bps: 0, ..scene },
        Scene { name: "a fifth common, uniform", ..scene },
        Scene { name: "a fifth common, by bond, one not eligible", ..by_bond },
        Scene { name: "no receipts", usages: &[], ..by_bond },
        Scene { name: "receipts of zero units", usages: &[(0, 0, 0), (0, 1, 0)], ..scene },
        Scene { name: "remainders carried over", carried_over_nano: 2, ..scene },
        Scene {
            name: "unknown operators and payers move nothing",
            usages: &[(0, 0, 500), (0, 3, 1 << 40), (9, 0, 1 << 40), (1, u32::MAX, 5)],
            ..scene
        },
        Scene {
            name: "usages in pieces and out of order",
            usages: &[
                (2, 2, 9),
                (1, 2, 1),
                (0, 1, 250),
                (0, 0, 1),
                (1, 1, 1),
                (0, 0, 499),
                (1, 2, 1),
            ],
            ..scene
        },
        Scene { name: "no operators", operators: &[], ..scene },
        Scene { name: "nobody eligible", operators: &[(BOND, false, 3); 2], ..scene },
        Scene { name: "nothing available", fees_nano: &[], ..by_bond },
        Scene {
            name: "one nano for three",
            pool_bps: 0,
            fees_nano: &[1],
            usages: &[(0, 0, 1), (0, 1, 1), (0, 2, 1)],
            ..scene
        },
        Scene {
            name: "the whole supply and the largest receipts",
            pool_bps: 1,
            fees_nano: &[990_000_000 * DATA],
            usages: &[(0, 0, 1 << 40), (0, 1, (1 << 40) - 1), (0, 2, 1)],
            ..scene
        },
    ];
    File { payouts: scenes.iter().map(payout_case).collect() }
}

#[test]
fn the_file_is_what_the_code_makes() {
    let path: PathBuf =
        [env!("CARGO_MANIFEST_DIR"), "../../tests/vectors/payouts.json"].iter().collect();
    let made = format!("{}\n", serde_json::to_string_pretty(&make()).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        std::fs::write(&path, &made).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap();
    assert!(kept == made, "tests/vectors/payouts.json differs from what the code makes");
}
