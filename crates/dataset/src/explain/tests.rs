//! What is explained is what the roll-up pays, over random epochs, and what follows from nothing is not explained.

use std::collections::BTreeMap;

use alloy_primitives::U256;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::rollup::tests::epochs;
use crate::scene::{data, key};
use crate::table::TableWriter;
use crate::{EpochData, Sources, Writer, Written};

fn written(data: EpochData, parent: &TempDir) -> Written {
    let EpochData { parameters, payers, operators, previous_nano, receipts, .. } = data;
    let writer = Writer::create(parent.path(), parameters, payers, operators, previous_nano);
    let mut writer = writer.unwrap();
    let counted = receipts.into_iter().map(|signed| Sources::default().count(signed));
    writer.push_all(&counted.collect::<Vec<_>>()).unwrap();
    writer.finish().unwrap()
}

fn explainer(written: &Written) -> Explainer {
    Explainer::new(&Dataset::open(&written.folder).unwrap()).unwrap()
}

/// The division as the documentation has it: what is left over is less than one share.
fn is_rounded_down(edge: &ExplainedEdge) -> bool {
    let product = U256::from(edge.payer_steers_nano.0) * U256::from(edge.units);
    let (work, whole) = (U256::from(edge.work_nano.0), U256::from(edge.payer_units));
    work * whole <= product && product - work * whole < whole.max(U256::from(1))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn an_explanation_sums_to_what_the_distribution_pays(data in epochs()) {
        let (parent, before) = (TempDir::new().unwrap(), data.previous_nano.clone());
        let written = written(data, &parent);
        let explainer = explainer(&written);
        let before = before.into_iter().chain(std::iter::repeat(Nano::ZERO));
        let mut by_payer: BTreeMap<Address, (Nano, u64)> = BTreeMap::new();
        for (row, before_nano) in written.distribution.rows.iter().zip(before) {
            let pay = explainer.pay(row.operator_id).unwrap();
            let edges: Vec<_> = explainer.edges(row.operator_id, 0, usize::MAX).collect();
            let work: u64 = edges.iter().map(|edge| edge.work_nano.0).sum();
            prop_assert_eq!(Nano(work), row.work_nano);
            prop_assert_eq!((pay.work_nano, pay.paid_nano), (row.work_nano, row.paid_nano));
            prop_assert_eq!((pay.pool_nano, pay.total_nano), (row.pool_nano, row.epoch_nano()));
            prop_assert_eq!((pay.before_nano, pay.cumulative_nano), (before_nano, row.cumulative_nano));
            prop_assert_eq!(pay.before_nano.checked_add(pay.total_nano), Some(row.cumulative_nano));
            // The full price up to the cap, half of it up to three times the cap.
            let full = work.min(pay.cap_nano.0);
            let beyond = u128::from(work - full).min(2 * u128::from(pay.cap_nano.0)) / 2;
            prop_assert_eq!(u128::from(pay.paid_nano.0), u128::from(full) + beyond);
            prop_assert!(edges.iter().all(is_rounded_down));
            prop_assert!(edges.is_sorted_by_key(|edge| edge.payer));
            for edge in edges {
                let (work, receipts) = by_payer.entry(edge.payer).or_default();
                *work = work.checked_add(edge.work_nano).unwrap();
                *receipts += edge.receipts;
                prop_assert!(*work <= edge.payer_steers_nano, "no payer steers more than its fee");
            }
        }
        let receipts = by_payer.values().map(|(_, receipts)| receipts).sum::<u64>();
        prop_assert_eq!(receipts, u64::from(written.distribution.results.receipts.count));
    }
}

#[test]
fn one_row_of_the_distribution_is_read_by_itself() {
    let parent = TempDir::new().unwrap();
    let written = written(data(), &parent);
    let dataset = Dataset::open(&written.folder).unwrap();
    let row = |id| dataset.distribution_row(OperatorId(id)).unwrap();
    assert_eq!([0, 1, 2].map(|id| row(id).unwrap()), written.distribution.rows[..]);
    assert_eq!([row(3), row(u32::MAX)], [None, None]);
}

#[test]
fn pages_of_edges_come_to_all_of_them() {
    let parent = TempDir::new().unwrap();
    let explainer = explainer(&written(data(), &parent));
    let id = OperatorId(0);
    let all: Vec<_> = explainer.edges(id, 0, usize::MAX).collect();
    assert_eq!((all.len(), explainer.edge_count(id)), (2, 2));
    let of = |number: u8| all.iter().find(|edge| edge.payer == key(number).address()).unwrap();
    // Payer 1 has two receipts for operator 0 and one for operator 2: 900 bytes on time each time its sequence.
    assert_eq!((of(1).receipts, of(1).units, of(1).payer_units), (2, 900 * 8, 900 * 9));
    assert_eq!((of(2).receipts, of(2).units, of(2).payer_units), (1, 900 * 7, 900 * 13));
    assert_eq!(of(1).payer_steers_nano, Nano(4_800_000_000), "four fifths of the fee");
    let pages = (0..3).flat_map(|offset| explainer.edges(id, offset, 1));
    assert_eq!(pages.collect::<Vec<_>>(), all);
    assert_eq!(explainer.edges(OperatorId(7), 0, 9).count(), 0);
    let missing = explainer.pay(OperatorId(7));
    assert!(matches!(missing, Err(Error::Tree(tatum_merkle::Error::NoSuchOperator { .. }))));
}

#[test]
fn a_distribution_that_does_not_follow_is_not_explained() {
    let parent = TempDir::new().unwrap();
    let written = written(data(), &parent);
    let mut rows = written.distribution.rows.clone();
    rows[1].paid_nano.0 += 1;
    rows[0].cumulative_nano = Nano::ZERO;
    std::fs::remove_file(written.folder.join(DistributionRow::FILE)).unwrap();
    let mut table = TableWriter::create(&written.folder).unwrap();
    rows.iter().for_each(|row| table.push(row).unwrap());
    table.finish().unwrap();
    let explainer = explainer(&written);
    explainer.pay(OperatorId(2)).unwrap();
    for id in [0, 1].map(OperatorId) {
        let refused = explainer.pay(id);
        assert!(matches!(refused, Err(Error::Unexplained(of)) if of == id), "{refused:?}");
    }
}
