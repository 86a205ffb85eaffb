//! The roll-up comes to what the formulas say, written down once more in the plainest way, and refuses what is no epoch.

use std::collections::BTreeMap;

use alloy_primitives::{Address, U256, keccak256};
use proptest::prelude::*;
use tatum_primitives::{Bps, StreamKey, WEI_PER_NANO};
use tatum_receipt::{Signature, SignedReceipt};
use tatum_watcher::Units;
use tempfile::TempDir;

use super::*;
use crate::lineup::Lineup;
use crate::scene::{data, key, parameters, receipt};
use crate::{CountedReceipt, Dataset, EpochData, Sources, Writer, newest_of_each_key};

/// Nobody looks at signatures here.
fn unsigned(payer: u8, operator: u32, stream: u8, sequence: u64) -> CountedReceipt {
    let receipt = receipt(payer, operator, stream, sequence);
    CountedReceipt::forced(SignedReceipt { receipt, signature: Signature([27; 65]) })
}

fn paying(payer: u8, fee_nano: u64) -> Payer {
    let fee_wei = U256::from(u128::from(fee_nano) * u128::from(WEI_PER_NANO) + 7);
    Payer { payer: key(payer).address(), fee_wei, quota_bytes: U256::from(u64::MAX) }
}

/// Payers with and without receipts, receipts of payers and operators that do not exist.
pub(crate) fn epochs() -> impl Strategy<Value = EpochData> {
    let fees = prop::collection::vec(0..1_000_000_000_000u64, 1..12);
    let work = prop::collection::vec((1..15u8, 0..5u32, 0..4u8, 1..1_000_000u64), 0..60);
    let backed = prop::collection::vec((0..1u128 << 100, 0..1u64 << 60), 3);
    let rule = (0..=10_000u16, prop_oneof![Just(0), 0..=10_000u16]);
    (fees, work, backed, rule, 0..1_000u64).prop_map(
        |(fees, work, backed, (share, limit), more)| {
            let pot = fees.iter().sum::<u64>();
            let receipts = work
                .into_iter()
                .map(|(payer, operator, stream, sequence)| {
                    unsigned(payer, operator, stream, sequence)
                })
                .map(|counted| counted.signed);
            let with = |(operator, (bond_wei, capacity_bytes))| Operator {
                bond_wei,
                capacity_bytes,
                ..operator
            };
            EpochData {
                parameters: Parameters {
                    pool_bps: Bps::new(share).unwrap(),
                    pool_limit_bps: Bps::new(limit).unwrap(),
                    pot_nano: Nano(pot),
                    available_nano: Nano(pot + more),
                    ..parameters()
                },
                payers: (1..).zip(fees).map(|(number, fee)| paying(number, fee)).collect(),
                operators: data().operators.into_iter().zip(backed).map(with).collect(),
                receipts: newest_of_each_key(receipts.collect()),
                ..data()
            }
        },
    )
}

/// `⌊a · b / c⌋`, and nothing if there is nothing to divide by.
fn part(a: u64, b: u128, c: u128) -> u64 {
    let product = U256::from(a) * U256::from(b);
    product.checked_div(U256::from(c)).unwrap_or_default().to()
}

/// Work, pay and pool share of each operator.
fn by_the_formulas(data: &EpochData) -> Vec<[u64; 3]> {
    let rule = &data.parameters;
    let fees: BTreeMap<Address, u64> =
        data.payers.iter().map(|payer| (payer.payer, fee_nano(payer).unwrap().0)).collect();
    let counts = |signed: &&SignedReceipt| {
        fees.get(&signed.receipt.payer).is_some_and(|fee| *fee > 0)
            && signed.receipt.operator_id.0 < 3
    };
    let mut edges: BTreeMap<(Address, u32), u128> = BTreeMap::new();
    for SignedReceipt { receipt, .. } in data.receipts.iter().filter(counts) {
        let edge = edges.entry((receipt.payer, receipt.operator_id.0)).or_default();
        *edge += u128::from(receipt.bytes_on_time);
    }
    let mut works = [0; 3];
    for ((payer, operator), units) in &edges {
        let all = edges.iter().filter(|((of, _), _)| of == payer).map(|(_, units)| units).sum();
        let fee = fees[payer];
        let steered = fee - part(fee, rule.pool_bps.bps().into(), 10_000);
        works[*operator as usize] += part(steered, *units, all);
    }
    let common = rule.available_nano.0 - works.iter().sum::<u64>();
    let bonds = data.operators.iter().map(|operator| operator.bond_wei).sum();
    let capacities = data.operators.iter().map(|o| u128::from(o.capacity_bytes)).sum();
    let pay = |(work, operator): (u64, &Operator)| {
        let cap = part(rule.pot_nano.0, operator.capacity_bytes.into(), capacities);
        let full = work.min(cap);
        let paid = full + (work - full).min(2 * cap) / 2;
        let pool = part(common, operator.bond_wei, bonds);
        let limit = rule.pool_limit_bps.bps();
        let most = if limit == 0 { u64::MAX } else { part(paid, limit.into(), 10_000) };
        [work, paid, pool.min(most)]
    };
    works.into_iter().zip(&data.operators).map(pay).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_roll_up_comes_to_what_the_formulas_say(data in epochs()) {
        let parent = TempDir::new().unwrap();
        let expected = by_the_formulas(&data);
        let EpochData { parameters, payers, operators, previous_nano, receipts, .. } = data;
        let writer = Writer::create(parent.path(), parameters, payers, operators, previous_nano);
        let mut writer = writer.unwrap();
        let counted = receipts.into_iter().map(|signed| Sources::default().count(signed));
        writer.push_all(&counted.collect::<Vec<_>>()).unwrap();
        let written = writer.finish().unwrap();
        let got = written.distribution.rows.iter();
        let got = got.map(|row| [row.work_nano.0, row.paid_nano.0, row.pool_nano.0]);
        prop_assert_eq!(got.collect::<Vec<_>>(), expected);
        let again = Dataset::open(&written.folder).unwrap().roll_up().unwrap();
        prop_assert_eq!(again, written.distribution);
    }
}

/// More receipts than are hashed at a time on one core, of few payers, so that parts end within a payer and within an edge.
fn many() -> Vec<CountedReceipt> {
    let signed = |number: u32| {
        let mut counted = unsigned(
            1 + u8::try_from(number / 700).unwrap(),
            number / 90 % 3,
            0,
            1 + u64::from(number % 90),
        );
        counted.signed.receipt.stream_key = StreamKey(keccak256(number.to_be_bytes()));
        counted.signed
    };
    let newest = newest_of_each_key((0..5_000).map(signed).collect());
    newest.into_iter().map(CountedReceipt::forced).collect()
}

fn counted(lineup: Lineup) -> (ListCommitment, Vec<Units>) {
    let Counted { receipts, units } = lineup.counted().unwrap();
    (receipts, units.map(Result::unwrap).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn receipts_in_any_number_of_parts_come_to_what_they_come_to_one_by_one(
        parts in prop::collection::vec(1..2_500usize, 0..12),
    ) {
        let receipts = many();
        let mut one_by_one = Lineup::new(parameters().epoch);
        receipts.iter().for_each(|counted| one_by_one.push(counted).unwrap());
        let (mut in_parts, mut rest) = (Lineup::new(parameters().epoch), receipts.as_slice());
        for part in parts.into_iter().chain([usize::MAX]) {
            let (next, behind) = rest.split_at(part.min(rest.len()));
            in_parts.push_all(next, |_| Ok::<_, Error>(())).unwrap();
            rest = behind;
        }
        prop_assert_eq!(counted(in_parts), counted(one_by_one));
    }
}

/// What follows from these receipts and payers in this order.
fn rolled(receipts: &[CountedReceipt], payers: &[Payer]) -> Result<Distribution, Error> {
    let mut lineup = Lineup::new(parameters().epoch);
    lineup.push_all(receipts, |_| Ok::<_, Error>(()))?;
    let (operators, previous) = (data().operators, data().previous_nano);
    roll_up(&parameters(), payers, &operators, &previous, lineup.counted().unwrap())
}

fn refused(result: Result<Distribution, Error>) -> (&'static str, u64, RowError) {
    match result {
        Err(Error::Row { file, row, source }) => (file, row, source),
        other => panic!("{other:?}"),
    }
}

/// Two payers by address.
fn two() -> (u8, u8) {
    if key(1).address() < key(2).address() { (1, 2) } else { (2, 1) }
}

#[test]
fn a_payer_that_comes_back_is_refused() {
    let (first, second) = two();
    let payers = [paying(first, 10), paying(second, 10)];
    let sorted = [unsigned(first, 0, 1, 1), unsigned(first, 1, 1, 1), unsigned(second, 0, 1, 1)];
    assert_eq!(rolled(&sorted, &payers).unwrap().rows.len(), 3);
    let back = [unsigned(first, 0, 1, 1), unsigned(second, 0, 1, 1), unsigned(first, 1, 1, 1)];
    assert_eq!(refused(rolled(&back, &payers)), (CountedReceipt::FILE, 2, RowError::OutOfOrder));
}

#[test]
fn payers_out_of_order_or_twice_or_with_fees_beyond_all_money_are_refused() {
    let (first, second) = two();
    let swapped = [paying(second, 10), paying(first, 10)];
    assert_eq!(refused(rolled(&[], &swapped)), (Payer::FILE, 1, RowError::OutOfOrder));
    let twice = [paying(first, 10), paying(first, 10)];
    assert_eq!(refused(rolled(&[], &twice)), (Payer::FILE, 1, RowError::KeyTwice));
    let fee_wei = U256::MAX;
    assert!(matches!(rolled(&[], &[Payer { fee_wei, ..paying(first, 1) }]), Err(Error::Fee(_))));
}

#[test]
fn operators_with_gaps_are_refused() {
    let counted = Lineup::new(parameters().epoch).counted().unwrap();
    let mut operators = data().operators;
    operators.remove(1);
    let rolled = roll_up(&parameters(), &[], &operators, &data().previous_nano, counted);
    let reason = RowError::NotDense { expected: OperatorId(1), got: OperatorId(2) };
    assert_eq!(refused(rolled), (Operator::FILE, 1, reason));
}

#[test]
fn a_file_that_is_cut_short_is_refused() {
    let parent = TempDir::new().unwrap();
    let written = crate::write(parent.path(), data()).unwrap();
    let file = written.folder.join(CountedReceipt::FILE);
    let bytes = std::fs::read(&file).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    assert!(Dataset::open(&written.folder).unwrap().roll_up().is_err());
}

/// Units as many of the largest receipts come to, so that not all of them need be there.
#[test]
fn the_largest_stake_with_the_most_and_largest_receipts_stops_no_roll_up() {
    let payer = key(1).address();
    for receipts in [1u128 << 24, u32::MAX.into()] {
        let all = receipts << 40;
        let (most, rest) = (all - (1 << 40) - 1, (1 << 40) + 1);
        let edge =
            |id, units| Units { payer, operator_id: OperatorId(id), units, payer_units: all };
        let units = vec![edge(0, most), edge(1, rest)];
        let units = Box::new(units.into_iter().map(Ok));
        let counted = Counted { receipts: Default::default(), units };
        let whole = i64::MAX.unsigned_abs();
        let parameters = Parameters {
            pool_bps: Bps::new(0).unwrap(),
            pot_nano: Nano(whole),
            available_nano: Nano(whole),
            previous_total_nano: Nano::ZERO,
            ..parameters()
        };
        let payers = [paying(1, whole)];
        let rolled = roll_up(&parameters, &payers, &data().operators, &[], counted).unwrap();
        let works = [part(whole, most, all), part(whole, rest, all)];
        assert_eq!([0, 1].map(|id: usize| rolled.rows[id].work_nano.0), works);
        assert_eq!(rolled.results.work_nano, Nano(works[0] + works[1]));
    }
}
