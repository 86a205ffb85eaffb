//! The theorems about pay, as properties over random epochs; the seed is fixed, so a failure is the same for everybody.
#![allow(missing_docs)]

use alloy_primitives::U256;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tatum_primitives::{Bps, Nano};
use tatum_rewards::{Fee, Operator, Pay, Payouts, Round, Rule, edge_down};

/// An epoch: payers' fees, what each operator stands for, and units by payer and operator.
#[derive(Clone, Debug)]
struct Epoch {
    rule: Rule,
    fees: Vec<u64>,
    /// Bond and capacity by operator.
    operators: Vec<(u128, u64)>,
    /// By payer, then by operator.
    units: Vec<Vec<u64>>,
    carried: u64,
}

impl Epoch {
    fn steered(&self, payer: usize) -> Nano {
        Fee::divide(Nano(self.fees[payer]), self.rule.pool_bps).unwrap().steered_nano
    }

    fn used(&self, payer: usize) -> u128 {
        self.units[payer].iter().map(|units| u128::from(*units)).sum()
    }

    fn edge(&self, payer: usize, operator: usize) -> u64 {
        let units = self.units[payer][operator].into();
        edge_down(self.steered(payer), units, self.used(payer)).unwrap().0
    }

    fn work(&self, operator: usize) -> Nano {
        Nano((0..self.fees.len()).map(|payer| self.edge(payer, operator)).sum())
    }

    fn round(&self) -> Round {
        let pot = self.fees.iter().sum::<u64>();
        let work = (0..self.operators.len()).map(|of| self.work(of).0).sum();
        let (available, operators) = (Nano(pot + self.carried), self.operators.iter().copied());
        Round::of(self.rule, available, Nano(pot), Nano(work), operators).unwrap()
    }

    fn settle(&self) -> Payouts {
        let operator = |(of, (bond_wei, capacity_bytes)): (usize, &(u128, u64))| Operator {
            work_nano: self.work(of),
            bond_wei: *bond_wei,
            capacity_bytes: *capacity_bytes,
            previous_nano: Nano(7),
        };
        let operators: Vec<Operator> = self.operators.iter().enumerate().map(operator).collect();
        self.round().settle(&operators).unwrap()
    }

    fn pays(&self) -> Vec<Pay> {
        self.settle().earnings.iter().map(|earning| earning.pay).collect()
    }
}

fn took(pay: &Pay) -> u64 {
    pay.total_nano().0
}

fn rules() -> impl Strategy<Value = Rule> {
    let limits = prop_oneof![Just(0u16), Just(5_000), 1..=10_000u16];
    let shares = prop_oneof![Just(1_000u16), 0..=10_000u16];
    (shares, limits).prop_map(|(share, limit)| Rule {
        pool_bps: Bps::new(share).unwrap(),
        pool_limit_bps: Bps::new(limit).unwrap(),
    })
}

fn epochs() -> impl Strategy<Value = Epoch> {
    let amount = || prop_oneof![0..50u64, 0..1_000_000u64, 0..1u64 << 56];
    let bond = prop_oneof![Just(0u128), 1..9u128, 0..1u128 << 90];
    let operators = prop::collection::vec((bond, amount()), 1..6);
    let fees = prop::collection::vec(amount(), 0..6);
    (rules(), fees, operators, amount()).prop_flat_map(|(rule, fees, operators, carried)| {
        let units = prop_oneof![Just(0u64), 0..9u64, 0..=1u64 << 40];
        let row = prop::collection::vec(units, operators.len());
        let rows = prop::collection::vec(row, fees.len());
        rows.prop_map(move |units| Epoch {
            rule,
            fees: fees.clone(),
            operators: operators.clone(),
            units,
            carried,
        })
    })
}

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(0x7a70), ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn nobody_takes_more_than_its_work_and_its_bonds_share(epoch in epochs()) {
        let round = epoch.round();
        let common = u128::from(round.common_nano().unwrap().0);
        let mut out = 0;
        for (pay, (bond, bytes)) in epoch.pays().iter().zip(&epoch.operators) {
            let share = if *bond == 0 { 0 } else {
                let product = U256::from(common) * U256::from(*bond);
                (product / U256::from(round.total_bond_wei)).to::<u64>()
            };
            prop_assert!(pay.pool_nano.0 <= share);
            let cap = round.cap_down(*bytes).unwrap().0;
            prop_assert!(pay.paid_nano.0 <= pay.work_nano.0.min(2 * cap));
            prop_assert!(pay.paid_nano.0 >= pay.work_nano.0.min(cap));
            if epoch.rule.pool_limit_bps.bps() != 0 && pay.work_nano.0 == 0 {
                prop_assert_eq!(took(pay), 0, "no work");
            }
            out += took(pay);
        }
        prop_assert!(out <= round.available_nano.0, "what is carried is never less than nothing");
    }

    #[test]
    fn receipts_of_a_payer_move_what_it_steers_at_most_and_pay_the_floor_price(epoch in epochs()) {
        for payer in 0..epoch.fees.len() {
            let steered = epoch.steered(payer).0;
            let edges: Vec<u64> = (0..epoch.operators.len()).map(|of| epoch.edge(payer, of)).collect();
            prop_assert!(edges.iter().sum::<u64>() <= steered);
            let used = epoch.used(payer);
            // Whatever quota: as long as no more than it is used, a unit earns no less than its price.
            for quota in [used, used + 1, 2 * used, 1 << 60] {
                for (edge, units) in edges.iter().zip(&epoch.units[payer]) {
                    let floor = (u128::from(steered) * u128::from(*units)).checked_div(quota);
                    prop_assert!(u128::from(*edge) + 1 >= floor.unwrap_or(0));
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(5_000))]

    #[test]
    fn splitting_a_bond_gains_nothing(epoch in epochs(), cuts: [u64; 4]) {
        let round = epoch.round();
        let cut = |whole: u128, by: u64| if whole == 0 { 0 } else { u128::from(by) % (whole + 1) };
        for (of, (bond, bytes)) in epoch.operators.iter().enumerate() {
            let work = epoch.work(of);
            let bond_part = cut(*bond, cuts[0]);
            let bytes_part = u64::try_from(cut(u128::from(*bytes), cuts[1])).unwrap();
            let work_part = u64::try_from(cut(u128::from(work.0), cuts[2])).unwrap();
            let whole = round.pay(work, *bond, *bytes).unwrap();
            let one = round.pay(Nano(work_part), bond_part, bytes_part).unwrap();
            let rest = Nano(work.0 - work_part);
            let other = round.pay(rest, bond - bond_part, bytes - bytes_part).unwrap();
            prop_assert!(took(&one) + took(&other) <= took(&whole));
        }
    }

    #[test]
    fn an_epoch_without_receipts_pays_nobody_where_the_pool_has_a_limit(mut epoch in epochs()) {
        let limit = epoch.rule.pool_limit_bps.bps().max(1);
        epoch.rule.pool_limit_bps = Bps::new(limit).unwrap();
        epoch.units.iter_mut().flatten().for_each(|units| *units = 0);
        prop_assert!(epoch.pays().iter().all(|pay| took(pay) == 0));
    }

    #[test]
    fn at_the_workshops_starting_point_every_operator_gets_the_same(mut epoch in epochs(), bond in 1..1u128 << 90) {
        epoch.rule = Rule { pool_bps: Bps::ONE, pool_limit_bps: Bps::new(0).unwrap() };
        epoch.operators.iter_mut().for_each(|operator| operator.0 = bond);
        let each = epoch.round().available_nano.0 / epoch.operators.len() as u64;
        prop_assert!(epoch.pays().iter().all(|pay| took(pay) == each));
    }
}

proptest! {
    #![proptest_config(cases(1_000))]

    #[test]
    fn what_is_carried_comes_to_what_was_not_paid(epochs in prop::collection::vec(epochs(), 1..12)) {
        let (mut carried, mut fees, mut paid) = (0u64, 0u128, 0u128);
        for mut epoch in epochs {
            epoch.carried = carried;
            let paid_out = epoch.settle();
            let out: u64 = paid_out.earnings.iter().map(|earning| earning.cumulative_nano.0 - 7).sum();
            prop_assert_eq!(paid_out.distributed_nano, Nano(out));
            carried = paid_out.carried_nano.0;
            fees += epoch.fees.iter().map(|fee| u128::from(*fee)).sum::<u128>();
            paid += u128::from(out);
            prop_assert_eq!(u128::from(carried), fees - paid);
        }
    }
}

#[test]
fn what_rounding_leaves_over_stays_below_a_nano_an_operator_for_ten_years() {
    let operators = vec![(3u128, 5u64), (1, 1), (7, 11), (5, 2), (1, 1)];
    let rule = Rule { pool_bps: Bps::ONE, pool_limit_bps: Bps::new(0).unwrap() };
    let (units, mut carried) = (vec![vec![1, 2, 3, 4, 5]; 2], 0);
    for day in 0..3_650u64 {
        let fees = vec![day * 7_919 % 1_000_003, day];
        let epoch =
            Epoch { rule, fees, operators: operators.clone(), units: units.clone(), carried };
        carried = epoch.settle().carried_nano.0;
        assert!(carried < operators.len() as u64, "day {day}");
    }
}
