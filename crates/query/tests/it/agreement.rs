//! The query and the row-by-row reference come to the same shares.

use alloy_primitives::B256;
use proptest::prelude::*;
use tatum_dataset::EpochData;
use tatum_primitives::{Bps, Nano};
use tatum_rewards::PoolWeight;

use crate::world::{Work, both_ways, engine, epoch, operator, parameters, payer, write};

/// Nano that 64 bits just hold, in wei.
const LARGEST_FEE_WEI: u128 = (u64::MAX as u128) * 1_000_000_000 + 999_999_999;

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
        let bonds = prop::collection::vec(
            (spread(10u128.pow(28) / 12 - 1), any::<bool>()),
            usize::try_from(operators).unwrap(),
        );
        let work = prop::collection::vec(work(payers, operators), 0..150);
        (fees, bonds, work, any::<bool>(), 0..=10_000u16, 0..1_000_000_000u64).prop_map(
            |(fees, bonds, work, by_bond, bps, more)| data(fees, bonds, work, by_bond, bps, more),
        )
    })
}

fn data(
    fees: Vec<u128>,
    bonds: Vec<(u128, bool)>,
    mut work: Vec<Work>,
    by_bond: bool,
    bps: u16,
    more: u64,
) -> EpochData {
    // One receipt a key.
    work.sort_by_key(|work| (work.payer, work.operator, work.stream));
    work.dedup_by_key(|work| (work.payer, work.operator, work.stream));
    let fees_nano: u128 = fees.iter().map(|fee| fee / 1_000_000_000).sum();
    // Columns of amounts are signed.
    let available = fees_nano.saturating_add(more.into()).min(i64::MAX as u128);
    let payers = (0..).zip(fees).map(|(number, fee)| payer(number, fee)).collect();
    let operators =
        (0..).zip(bonds).map(|(id, (bond, eligible))| operator(id, bond, eligible)).collect();
    let mut data = epoch(payers, operators, &work);
    data.parameters.pool_bps = Bps::new(bps).unwrap();
    data.parameters.available_nano = Nano(u64::try_from(available).unwrap());
    if by_bond {
        data.parameters.pool_weight = PoolWeight::Bond;
    }
    data
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_query_answers_what_the_reference_does(
        data in epochs(),
        threads in 1..4usize,
        sorted: bool,
    ) {
        let engine = tatum_query::Engine { sorted, ..engine(threads) };
        // More may be steered than 63 bits hold; then both refuse.
        match both_ways(data.clone(), &engine) {
            Ok((reference, answer, ..)) => prop_assert_eq!(answer.shares, reference),
            Err(_) => {
                let parent = tempfile::TempDir::new().unwrap();
                let reference = write(parent.path(), data.clone(), |tables| Ok(tables.shares()?));
                let query = write(parent.path(), data, |tables| {
                    Ok(engine.shares(tables.folder(), tables.parameters())?.shares)
                });
                prop_assert!(reference.is_err(), "only the query refuses: {query:?}");
                prop_assert!(query.is_err(), "only the reference refuses: {reference:?}");
            }
        }
    }
}

#[test]
fn an_epoch_without_anything_pays_nobody() {
    let data = epoch(vec![], vec![], &[]);
    let (reference, answer, ..) = both_ways(data, &engine(2)).unwrap();
    assert_eq!(answer.shares, reference);
    assert!(answer.shares.is_empty());
}

#[test]
fn units_of_nothing_leave_the_fee_to_the_common_pool() {
    let late = Work { payer: 0, operator: 0, stream: 0, bytes: 9, on_time: 0 };
    let data = epoch(
        vec![payer(0, 10_000_000_000_000)],
        vec![operator(0, 1, false), operator(1, 1, true)],
        &[late],
    );
    let (reference, answer, ..) = both_ways(data, &engine(2)).unwrap();
    assert_eq!(answer.shares, reference);
    assert_eq!(answer.shares[0].from_receipts_nano, Nano::ZERO);
    assert_eq!(answer.shares[1].from_pool_nano, parameters().available_nano);
}

#[test]
fn the_dataset_is_the_same_whoever_rolls_it_up() {
    let parent = tempfile::TempDir::new().unwrap();
    let by_query = write(parent.path(), crate::world::large(), |tables| {
        Ok(tatum_query::Engine::new().shares(tables.folder(), tables.parameters())?.shares)
    })
    .unwrap();
    let by_row =
        write(parent.path(), crate::world::large(), |tables| Ok(tables.shares()?)).unwrap();
    assert_eq!(by_query, by_row);
    let dataset = tatum_dataset::Dataset::open(&by_query).unwrap();
    let name: B256 = by_query.file_name().unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(dataset.manifest_hash(), name);
}
