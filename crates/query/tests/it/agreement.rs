//! The queries and the roll-up come to the same payouts, and to the same lists byte for byte.

use proptest::prelude::*;
use tatum_dataset::{CountedReceipt, Dataset, EpochData};
use tatum_merkle::{ListBuilder, ListCommitment};
use tatum_primitives::{Bps, Nano, WEI_PER_NANO};
use tatum_query::Engine;
use tatum_watcher::ReceiptLeaf;

use crate::world::{Work, engine, epoch, operator, parameters, payer, queried, write};

/// Nano that a column of amounts just holds, in wei.
const LARGEST_FEE_WEI: u128 = (i64::MAX as u128) * (WEI_PER_NANO as u128) + 999_999_999;

/// Zero, one, and both ends of every size between.
fn spread(most: u128) -> impl Strategy<Value = u128> {
    let digits = most.ilog2();
    prop_oneof![
        Just(0),
        Just(1),
        Just(most),
        (0..=digits, 0..=most).prop_map(move |(shift, value)| (value >> shift).min(most)),
    ]
}

fn work(payers: u64, operators: u32) -> impl Strategy<Value = Work> {
    // One payer and one operator beyond those that exist.
    let (payer, operator) = (0..=payers, 0..=operators);
    let counters = spread(1 << 40)
        .prop_flat_map(|bytes| (Just(bytes), prop_oneof![Just(bytes), spread(bytes.max(1))]))
        .prop_map(|(bytes, on_time)| (bytes, on_time.min(bytes)));
    (payer, operator, 0..3u64, counters).prop_map(|(payer, operator, stream, (bytes, on_time))| {
        Work {
            payer,
            operator,
            stream,
            bytes: u64::try_from(bytes).unwrap(),
            on_time: u64::try_from(on_time).unwrap(),
        }
    })
}

/// Epochs in which the fees are funded; extreme fees stand alone, for there is no more money.
fn epochs() -> impl Strategy<Value = EpochData> {
    (1..60u64, 0..12u32).prop_flat_map(|(payers, operators)| {
        let most = LARGEST_FEE_WEI / u128::from(payers);
        let fees = prop::collection::vec(spread(most), usize::try_from(payers).unwrap());
        let backed = prop::collection::vec(
            (spread(10u128.pow(28) / 12 - 1), spread(i64::MAX as u128)),
            usize::try_from(operators).unwrap(),
        );
        let work = prop::collection::vec(work(payers, operators), 0..150);
        let rule = (0..=10_000u16, prop_oneof![Just(0), 0..=10_000u16]);
        (fees, backed, work, rule, 0..1_000_000_000u64)
            .prop_map(|(fees, backed, work, rule, more)| data(fees, backed, work, rule, more))
    })
}

fn data(
    fees: Vec<u128>,
    backed: Vec<(u128, u128)>,
    mut work: Vec<Work>,
    (share, limit): (u16, u16),
    more: u64,
) -> EpochData {
    // One receipt a key.
    work.sort_by_key(|work| (work.payer, work.operator, work.stream));
    work.dedup_by_key(|work| (work.payer, work.operator, work.stream));
    let pot: u64 =
        fees.iter().map(|fee| u64::try_from(fee / u128::from(WEI_PER_NANO)).unwrap()).sum();
    let payers = (0..).zip(fees).map(|(number, fee)| payer(number, fee)).collect();
    let operator = |(id, (bond, capacity)): (u32, (u128, u128))| {
        operator(id, bond, u64::try_from(capacity).unwrap())
    };
    let operators = (0..).zip(backed).map(operator).collect();
    let mut data = epoch(payers, operators, &work);
    data.parameters.pool_bps = Bps::new(share).unwrap();
    data.parameters.pool_limit_bps = Bps::new(limit).unwrap();
    data.parameters.pot_nano = Nano(pot);
    // Columns of amounts are signed.
    let most = i64::MAX.unsigned_abs();
    data.parameters.available_nano = Nano(pot.saturating_add(more).min(most));
    data
}

/// The lists of a dataset with the totals that the queries give, and no others.
fn lists(engine: &Engine, dataset: &Dataset) -> [ListCommitment; 2] {
    let (folder, parameters) = (dataset.folder(), &dataset.manifest().parameters);
    let (mut receipts, mut edges) = (ListBuilder::default(), ListBuilder::default());
    let units = engine.receipt_units(folder, parameters).unwrap();
    let counted: Vec<CountedReceipt> =
        dataset.counted_receipts().unwrap().map(Result::unwrap).collect();
    assert_eq!(units.len(), counted.len());
    for ((edge_units, payer_units), counted) in units.into_iter().zip(counted) {
        let (signed, source) = (counted.signed.encode(), counted.source);
        let line = ReceiptLeaf { signed, edge_units, payer_units, source };
        receipts.push(&line.encode()).unwrap();
    }
    for line in engine.edge_lines(folder, parameters).unwrap() {
        edges.push(&line.encode()).unwrap();
    }
    [receipts.commitment(), edges.commitment()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_queries_answer_what_the_roll_up_does(
        data in epochs(),
        threads in 1..4usize,
        sorted: bool,
    ) {
        let engine = Engine { sorted, ..engine(threads) };
        let (reference, dataset, _parent) = write(data);
        prop_assert_eq!(queried(&engine, &dataset).unwrap().pays, reference);
        let results = &dataset.manifest().results;
        prop_assert_eq!(lists(&engine, &dataset), [results.receipts, results.edges]);
    }
}

#[test]
fn an_epoch_without_anything_pays_nobody() {
    let (reference, dataset, _parent) = write(epoch(vec![], vec![], &[]));
    assert_eq!(queried(&engine(2), &dataset).unwrap().pays, reference);
    assert!(reference.is_empty());
    assert_eq!(lists(&engine(2), &dataset), [ListCommitment::default(); 2]);
}

#[test]
fn units_of_nothing_steer_nothing_and_are_an_edge_all_the_same() {
    let late = Work { payer: 0, operator: 0, stream: 0, bytes: 9, on_time: 0 };
    let mut data = epoch(
        vec![payer(0, 10_000_000_000_000)],
        vec![operator(0, 0, 1), operator(1, 1, 1)],
        &[late],
    );
    data.parameters.pool_limit_bps = Bps::new(0).unwrap();
    let (reference, dataset, _parent) = write(data);
    let pays = queried(&engine(2), &dataset).unwrap().pays;
    assert_eq!(pays, reference);
    assert_eq!(pays[0].total_nano(), Nano::ZERO);
    assert_eq!(pays[1].pool_nano, parameters().available_nano);
    assert_eq!(dataset.manifest().results.edges.count, 1);
    let results = &dataset.manifest().results;
    assert_eq!(lists(&engine(2), &dataset), [results.receipts, results.edges]);
}

#[test]
fn more_than_a_row_group_has_the_same_lists_whoever_adds_them_up() {
    let (reference, dataset, _parent) = write(crate::world::large());
    assert_eq!(queried(&Engine::new(), &dataset).unwrap().pays, reference);
    let results = &dataset.manifest().results;
    assert_eq!(lists(&Engine::new(), &dataset), [results.receipts, results.edges]);
}
