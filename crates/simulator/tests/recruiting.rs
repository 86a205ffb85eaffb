//! An operator that drops two in a hundred messages of one stream is named by what an epoch's receipts say, and gets no new streams.

use std::collections::BTreeSet;

use alloy_primitives::{Address, U256};
use tatum_dataset::Payer;
use tatum_dataset::service::{ServiceReport, Survey};
use tatum_primitives::{Domain, Epoch, OperatorId};
use tatum_receipt::Verifier;
use tatum_simulator::network::{Drops, Outcome, Scenario, run, run_after};
use tatum_tracker::Finding;

const DROPPING: OperatorId = OperatorId(1);
const LEAST_PPM: u64 = 990_000;

/// Four operators with four relays each, and everybody carries both streams.
fn first_epoch(seed: u64, drops: Option<Drops>) -> Scenario {
    Scenario {
        nodes: 48,
        subscribers_permille: 667,
        seed,
        streams: 2,
        relays_per_stream: usize::MAX,
        messages: 1_200,
        publishers: 4,
        interval_ms: 10,
        drops,
        ..Scenario::default()
    }
}

/// The same network an epoch later, with streams that are all new.
fn second_epoch(seed: u64) -> Scenario {
    Scenario {
        streams: 6,
        relays_per_stream: 4,
        messages: 60,
        publishers: 6,
        ..first_epoch(seed, None)
    }
}

/// What an aggregator would say of the epoch, in which everybody paid the same.
fn survey(outcome: &Outcome) -> ServiceReport {
    let verifier = Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO });
    let mut survey = Survey::default();
    outcome.receipts.iter().for_each(|receipt| survey.publisher(receipt, &verifier));
    outcome.receipts.iter().for_each(|receipt| survey.subscriber(receipt, None));
    let payers: BTreeSet<Address> =
        outcome.receipts.iter().map(|receipt| receipt.signed.receipt.payer).collect();
    let (fee_wei, quota_bytes) = (U256::from(1_000_000_000_u64), U256::from(1_u64 << 40));
    let payers = payers.into_iter().map(|payer| Payer { payer, fee_wei, quota_bytes });
    survey.report(Epoch(0), &payers.collect::<Vec<_>>())
}

fn found(report: &ServiceReport) -> Vec<Finding> {
    let found = report.findings(LEAST_PPM).into_iter();
    let finding = |found: tatum_dataset::service::Finding| Finding {
        operator_id: found.operator_id,
        stream: found.stream,
        completeness_ppm: found.completeness_ppm,
        sole_payer: found.sole_payer,
    };
    found.map(finding).collect()
}

#[test]
fn who_drops_two_in_a_hundred_of_one_stream_gets_no_new_streams_in_the_next_epoch() {
    for seed in 1..4 {
        let drops = Drops { operator: DROPPING, stream: 0, one_in: 50 };
        let outcome = run(&first_epoch(seed, Some(drops)));
        assert_eq!(outcome.delivered_to_subscribers, outcome.expected_by_subscribers);
        let found = found(&survey(&outcome));
        let named: Vec<OperatorId> = found.iter().map(|found| found.operator_id).collect();
        assert_eq!(named, [DROPPING], "seed {seed}: {found:?}");
        assert!((970_000..985_000).contains(&found[0].completeness_ppm), "{found:?}");
        assert_eq!(found[0].sole_payer, None);
        let next = second_epoch(seed);
        let without = run_after(&next, &[]);
        assert!(without.recruited_of[&DROPPING] > 0, "otherwise it gets its part");
        let with = run_after(&next, &found);
        assert_eq!(with.recruited_of[&DROPPING], 0, "seed {seed}");
        assert_eq!(with.report.recruited, without.report.recruited, "others carry as many");
        assert_eq!(with.delivered_to_subscribers, with.expected_by_subscribers);
    }
}

#[test]
fn honest_operators_are_found_guilty_of_nothing_where_one_frame_in_a_thousand_is_lost() {
    for seed in 1..4 {
        let scenario = Scenario { loss_permille: 1, ..first_epoch(seed, None) };
        let report = survey(&run(&scenario));
        assert_eq!(found(&report), [], "seed {seed}");
        let figures = report.streams.iter().flat_map(|stream| &stream.operators);
        let measured = figures.filter(|operator| operator.completeness_ppm.is_some()).count();
        assert!(measured >= 4, "seed {seed}: somebody tells");
    }
}
