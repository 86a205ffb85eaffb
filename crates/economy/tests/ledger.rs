//! The identities of the ledger, as properties; the seed is fixed, so a failure is the same for everybody.
#![allow(missing_docs)]

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use tatum_economy::Rules;
use tatum_economy::ledger::controller::quota_down;
use tatum_economy::ledger::fee::remaining;
use tatum_economy::ledger::payout::{Edge, Purse};
use tatum_economy::ledger::pool::Pool;
use tatum_economy::ledger::registry::Counts;
use tatum_economy::ledger::{mul_div_down, mul_div_up};
use tatum_economy::rules::PriceRule;

const DATA: u128 = 1_000_000_000_000_000_000;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, rng_seed: RngSeed::Fixed(0x7a70), ..ProptestConfig::default() }
}

/// What somebody does with a stake.
#[derive(Clone, Copy, Debug)]
enum Move {
    Stake(usize, u128),
    Unstake(usize, u128),
    Close,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let amount = prop_oneof![1..9u128, 0..10_000 * DATA, 0..1u128 << 88];
    let one = prop_oneof![
        (0..4usize, amount.clone()).prop_map(|(who, wei)| Move::Stake(who, wei)),
        (0..4usize, amount).prop_map(|(who, wei)| Move::Unstake(who, wei)),
        Just(Move::Close),
    ];
    prop::collection::vec(one, 1..120)
}

fn quotas() -> impl Strategy<Value = u64> {
    prop_oneof![3_543..10_000u64, 3_543..=354_334_794u64, 3_543..=3_543_347_940_000u64]
}

proptest! {
    #![proptest_config(cases(2_000))]

    #[test]
    fn what_was_put_in_is_there_or_was_a_fee_or_left(moves in moves()) {
        let mut pool = Pool::new(Rules::default().fee);
        let accounts: Vec<usize> = (0..4).map(|_| pool.open_account()).collect();
        let (mut put_in, mut out) = (0u128, 0u128);
        for one in moves {
            match one {
                Move::Stake(who, wei) => put_in += if pool.stake(accounts[who], wei).is_ok() { wei } else { 0 },
                Move::Unstake(who, wei) => { let _ = pool.request_unstake(accounts[who], wei); }
                Move::Close => {
                    let closed = pool.close();
                    out += closed.pot_wei + closed.left_wei;
                    let fees: u128 = accounts.iter().map(|who| pool.fee_of(*who)).sum();
                    prop_assert!(fees <= closed.pot_wei && closed.pot_wei - fees <= 8);
                }
            }
            prop_assert_eq!(put_in, out + pool.total_wei());
            let stakes: u128 = accounts.iter().map(|who| pool.stake_of(*who)).sum();
            prop_assert!(stakes <= pool.total_wei());
        }
    }

    #[test]
    fn one_division_is_the_other_less_its_remainder(a: u128, b: u128, c in 1u128..) {
        let (down, up) = (mul_div_down(a, b % c, c), mul_div_up(a, b % c, c));
        prop_assert!(up == down || up == down + 1);
    }

    #[test]
    fn fees_taken_one_by_one_are_those_taken_at_once(total in 0..1u128 << 96, epochs in 0..40u64) {
        let mut left = total;
        for _ in 0..epochs {
            left = remaining(left, 10_000_000, 1, DATA);
        }
        let at_once = remaining(total, 10_000_000, epochs, DATA);
        // A wei for each rounding up, and the power's 27 places.
        let places = 2 * u128::from(epochs) * (total / 10u128.pow(27) + 1);
        prop_assert!(at_once <= left && left - at_once <= u128::from(epochs) + 1 + places);
    }

    #[test]
    fn what_comes_in_is_paid_or_carried(
        pots in prop::collection::vec(0..1u128 << 80, 1..20),
        units in prop::collection::vec((0..3usize, 0..3usize, any::<u64>()), 0..12),
        bonds in prop::collection::vec(0..1u128 << 90, 3),
    ) {
        let counts: Vec<Counts> =
            bonds.iter().map(|bond_wei| Counts { bond_wei: *bond_wei, capacity_bytes: 1 << 40 }).collect();
        let edges: Vec<Edge> =
            units.iter().map(|(payer, operator, units)| Edge { payer: *payer, operator: *operator, units: *units }).collect();
        let (mut purse, mut funded) = (Purse::default(), 0u128);
        for pot in pots {
            funded += pot;
            let fees = [pot / 2, pot / 3, pot / 7];
            let paid = purse.settle(&Rules::default(), pot, &fees, &edges, &counts).unwrap();
            prop_assert_eq!(paid.carried_nano, purse.left_nano());
            let out = purse.distributed_nano() + purse.proposers_nano();
            prop_assert!(u128::from(purse.proposers_nano()) <= funded / 1_000_000_000 * 25 / 10_000);
            let all = u128::from(out) + u128::from(paid.carried_nano);
            prop_assert_eq!(all, funded / 1_000_000_000);
        }
    }
}

proptest! {
    #![proptest_config(cases(20_000))]

    #[test]
    fn a_step_is_small_the_right_way_and_rises_with_the_quota(
        quota in quotas(), more in quotas(), sold in 0..=10_000u64, further in 0..=10_000u64,
    ) {
        let price = PriceRule::default();
        let next = |quota, sold| price.next(quota, sold, DATA, 1);
        let after = next(quota, sold);
        prop_assert!(19 * u128::from(quota) <= 20 * u128::from(after));
        prop_assert!(20 * u128::from(after) <= 21 * u128::from(quota));
        // The price ratio: 1 / 0.95 = 1.0526 in either direction.
        prop_assert!(1_000 * u128::from(quota) <= 1_053 * u128::from(after));
        prop_assert!(1_000 * u128::from(after) <= 1_053 * u128::from(quota));
        prop_assert!(next(quota, sold.max(further)) <= after);
        prop_assert!(next(quota.max(more), sold) >= after);
        prop_assert_eq!(next(quota, 7_000), quota);
    }

    #[test]
    fn all_quotas_together_are_at_most_four_times_the_capacity(
        quota in quotas(), stakes in prop::collection::vec(0..1u128 << 88, 1..8), capacity: u64,
    ) {
        let open: u128 = stakes.iter().sum();
        let force = PriceRule::default().in_force(quota, open, capacity);
        let sold: u128 =
            stakes.iter().map(|stake| u128::from(quota_down(*stake, force.quota_bytes_per_data))).sum();
        prop_assert!(sold <= 4 * u128::from(capacity));
    }
}
