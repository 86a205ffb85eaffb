//! Every accounting identity of the payout rule, as a property over random epochs.
#![allow(missing_docs)]

use std::collections::BTreeMap;

use alloy_primitives::Address;
use proptest::prelude::*;
use tatum_primitives::{Bps, Nano, OperatorId};
use tatum_rewards::{Fee, Inputs, Operator, Payer, Payouts, PoolWeight, Usage, payouts};

/// An epoch that owns its inputs.
#[derive(Clone, Debug)]
struct Epoch {
    pool_bps: Bps,
    pool_weight: PoolWeight,
    available_nano: Nano,
    payers: Vec<Payer>,
    usages: Vec<Usage>,
    operators: Vec<Operator>,
}

impl Epoch {
    fn payouts(&self) -> Payouts {
        payouts(&Inputs {
            pool_bps: self.pool_bps,
            pool_weight: self.pool_weight,
            available_nano: self.available_nano,
            payers: &self.payers,
            usages: &self.usages,
            operators: &self.operators,
        })
        .unwrap()
    }

    fn steered(&self, payer: &Payer) -> u64 {
        Fee::divide(payer.fee_nano, self.pool_bps).unwrap().steered_nano.0
    }
}

fn payer(number: u8) -> Address {
    Address::repeat_byte(number)
}

/// Ten payers of which some have no fee, up to eight operators, usages of known and unknown payers and operators.
fn epochs() -> impl Strategy<Value = Epoch> {
    let fees = prop::collection::vec(prop_oneof![Just(0), 0..1_000u64, 0..u64::MAX / 64], 0..10);
    let bond = prop_oneof![Just(0), 1..100u128, 0..u128::MAX / 16];
    let operators = prop::collection::vec((bond, any::<bool>(), 0..u64::MAX / 64), 0..8);
    let units = prop_oneof![Just(0), 0..10u64, 0..=1u64 << 40, any::<u64>()];
    let usages = prop::collection::vec((0..12u8, 0..10u32, units), 0..60);
    let parameters = (0..=10_000u16, any::<bool>(), 0..1_000_000u64);
    (fees, operators, usages, parameters).prop_map(|(fees, operators, usages, parameters)| {
        let (bps, uniform, carried_over) = parameters;
        let fee = |(number, fee)| Payer { payer: payer(number), fee_nano: Nano(fee) };
        let operator = |(id, (bond_wei, eligible, previous))| Operator {
            operator_id: OperatorId(id),
            bond_wei,
            eligible,
            previous_nano: Nano(previous),
        };
        Epoch {
            pool_bps: Bps::new(bps).unwrap(),
            pool_weight: if uniform { PoolWeight::Uniform } else { PoolWeight::Bond },
            available_nano: Nano(fees.iter().sum::<u64>() + carried_over),
            payers: (0..).zip(fees).map(fee).collect(),
            usages: usages.into_iter().map(usage).collect(),
            operators: (0..).zip(operators).map(operator).collect(),
        }
    })
}

fn usage((payer_number, operator, units): (u8, u32, u64)) -> Usage {
    Usage { payer: payer(payer_number), operator_id: OperatorId(operator), units }
}

/// The rule once more, written down as slowly and plainly as its definition.
fn from_receipts_by_definition(epoch: &Epoch) -> Vec<u64> {
    let known = |usage: &&Usage| (usage.operator_id.0 as usize) < epoch.operators.len();
    let mut units: BTreeMap<(Address, OperatorId), u128> = BTreeMap::new();
    for usage in epoch.usages.iter().filter(known) {
        *units.entry((usage.payer, usage.operator_id)).or_default() += u128::from(usage.units);
    }
    let of_payer = |payer: &Payer| -> u128 {
        units.iter().filter(|((p, _), _)| *p == payer.payer).map(|(_, units)| *units).sum()
    };
    let share = |payer: &Payer, operator: &Operator| -> u64 {
        let own = units.get(&(payer.payer, operator.operator_id)).copied().unwrap_or(0);
        let total = of_payer(payer);
        let share = (u128::from(epoch.steered(payer)) * own).checked_div(total);
        share.unwrap_or(0).try_into().unwrap()
    };
    let earned = |operator| epoch.payers.iter().map(|payer| share(payer, operator)).sum();
    epoch.operators.iter().map(earned).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_paid_and_the_dust_are_what_was_available(epoch in epochs()) {
        let paid = epoch.payouts();
        let sum: u128 = paid.earnings.iter()
            .map(|e| u128::from(e.from_receipts_nano.0) + u128::from(e.from_pool_nano.0)).sum();
        prop_assert_eq!(sum, u128::from(paid.distributed_nano.0));
        prop_assert_eq!(
            sum + u128::from(paid.dust_nano.0),
            u128::from(epoch.available_nano.0)
        );
        let weights = epoch.operators.iter().map(|o| epoch.pool_weight.of(o));
        if weights.clone().any(|weight| weight > 0) {
            prop_assert!(paid.dust_nano.0 < weights.count() as u64);
        } else {
            prop_assert_eq!(paid.dust_nano, paid.common_pool_nano);
        }
        for (earning, operator) in paid.earnings.iter().zip(&epoch.operators) {
            let added = operator.previous_nano.checked_add(earning.epoch_nano());
            prop_assert_eq!(Some(earning.cumulative_nano), added);
        }
    }

    #[test]
    fn receipts_pay_what_the_definition_says(mut epoch in epochs()) {
        // Below 2^64 units a payer, the definition fits into 128 bits as it stands.
        epoch.usages.iter_mut().for_each(|usage| usage.units %= 1 << 50);
        let paid = epoch.payouts();
        let got: Vec<u64> = paid.earnings.iter().map(|e| e.from_receipts_nano.0).collect();
        prop_assert_eq!(got, from_receipts_by_definition(&epoch));
    }

    #[test]
    fn more_units_never_earn_less(
        epoch in epochs(), by: u8, whose in 0..8u32, more in 1..=1u64 << 40,
    ) {
        prop_assume!((whose as usize) < epoch.operators.len());
        let mut with_more = epoch.clone();
        with_more.usages.push(usage((by % 12, whose, more)));
        let (before, after) = (epoch.payouts(), with_more.payouts());
        let at = whose as usize;
        prop_assert!(
            after.earnings[at].from_receipts_nano >= before.earnings[at].from_receipts_nano
        );
        prop_assert!(after.earnings[at].epoch_nano() >= before.earnings[at].epoch_nano());
    }

    #[test]
    fn a_payers_receipts_move_only_its_own_fee(epoch in epochs(), whose: prop::sample::Index) {
        prop_assume!(!epoch.payers.is_empty());
        let payer = epoch.payers[whose.index(epoch.payers.len())];
        let mut without = epoch.clone();
        without.usages.retain(|usage| usage.payer != payer.payer);
        let (with, without) = (epoch.payouts(), without.payouts());
        let moved: u64 = with.earnings.iter().zip(&without.earnings)
            .map(|(with, without)| with.from_receipts_nano.0 - without.from_receipts_nano.0).sum();
        prop_assert!(moved <= epoch.steered(&payer));
        prop_assert_eq!(without.common_pool_nano.0 - with.common_pool_nano.0, moved);
    }

    #[test]
    fn order_and_splitting_of_input_change_nothing(
        epoch in epochs(),
        seed: u64,
        cuts in prop::collection::vec(any::<u64>(), 60),
    ) {
        let mut other = epoch.clone();
        other.usages = epoch.usages.iter().zip(cuts).flat_map(|(usage, cut)| {
            let part = if usage.units == 0 { 0 } else { cut % usage.units };
            [Usage { units: part, ..*usage }, Usage { units: usage.units - part, ..*usage }]
        }).collect();
        shuffle(&mut other.usages, seed);
        shuffle(&mut other.payers, seed.rotate_left(7));
        shuffle(&mut other.operators, seed.rotate_left(14));
        prop_assert_eq!(other.payouts(), epoch.payouts());
    }

    #[test]
    fn invented_payers_bring_back_no_more_than_they_paid(
        epoch in epochs(), fees in prop::collection::vec(0..u64::MAX / 1024, 1..30), whose in 0..8u32,
    ) {
        prop_assume!((whose as usize) < epoch.operators.len());
        let mut colluding = epoch.clone();
        let (mut paid_in, mut all_fees) = (0, 0);
        for (number, fee) in (100..).zip(fees) {
            let fake = Payer { payer: payer(number), fee_nano: Nano(fee) };
            paid_in += epoch.steered(&fake);
            all_fees += fee;
            colluding.available_nano.0 += fee;
            colluding.payers.push(fake);
            colluding.usages.push(usage((number, whose, 1 << 40)));
        }
        let (before, after) = (epoch.payouts(), colluding.payouts());
        for (at, (before, after)) in before.earnings.iter().zip(&after.earnings).enumerate() {
            let gained = after.from_receipts_nano.0 - before.from_receipts_nano.0;
            let expected = if at == whose as usize { paid_in } else { 0 };
            prop_assert_eq!(gained, expected);
            // What the invented payers leave in the common pool is shared as ever.
            prop_assert!(after.from_pool_nano >= before.from_pool_nano);
            // With its part of that, nobody has more than what the invented payers paid in all.
            let total = after.epoch_nano().0 - before.epoch_nano().0;
            prop_assert!(total <= all_fees);
        }
    }

    #[test]
    fn the_whole_share_split_uniformly_pays_every_operator_the_same(mut epoch in epochs()) {
        epoch.pool_bps = Bps::ONE;
        epoch.pool_weight = PoolWeight::Uniform;
        epoch.operators.iter_mut().for_each(|operator| operator.eligible = true);
        let paid = epoch.payouts();
        let each = epoch.available_nano.0.checked_div(epoch.operators.len() as u64);
        for earning in &paid.earnings {
            prop_assert_eq!(Some(earning.epoch_nano().0), each);
        }
    }
}

/// Fisher and Yates' shuffle over a linear congruential sequence: all the order needs is to be another one.
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        items.swap(last, (state >> 33) as usize % (last + 1));
    }
}
