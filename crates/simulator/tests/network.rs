//! What the network promises, played on seeds with the production's trackers and nodes.

use tatum_simulator::network::{Outage, Outcome, Scenario, StreamSurvey, Survey, run, svg};

fn play(scenario: Scenario) -> Outcome {
    let outcome = run(&scenario);
    eprintln!("{scenario:?}\n{:?}\n{:?}", outcome.report, outcome.exposure);
    outcome
}

/// Every message reached everybody whom it was due to, each once and in the order of its chain.
fn assert_delivered_in_order(outcome: &Outcome, what: &str) {
    let Outcome { report, .. } = outcome;
    assert_eq!(report.delivered, report.expected, "{what}");
    assert_eq!(outcome.delivered_to_subscribers, outcome.expected_by_subscribers, "{what}");
    assert_eq!((outcome.misordered, outcome.gaps, outcome.unbalanced), (0, 0, 0), "{what}");
}

fn last(outcome: &Outcome) -> &Survey {
    outcome.surveys.last().expect("a simulation ends with a survey")
}

/// Whether all clients of a stream are at the tracker of this rank.
fn is_at(stream: &StreamSurvey, rank: usize) -> bool {
    let others: usize = stream.clients_at.iter().sum::<usize>() - stream.clients_at[rank];
    stream.clients_at[rank] > 0 && others == 0
}

#[test]
fn a_message_takes_at_most_two_and_a_half_direct_links_on_544_nodes() {
    for seed in 1..4 {
        for usual in [Scenario::of_relays(), Scenario::default()] {
            let outcome = play(Scenario { seed, messages: 32, ..usual });
            assert_delivered_in_order(&outcome, &format!("seed {seed}"));
            let Outcome { report, .. } = outcome;
            assert!(report.mean_ms <= 2.5 * report.mean_link_ms, "seed {seed}");
            // Two neighbouring regions are 5 ms apart: whoever is reached by way of a third one waits many times as long.
            assert!(report.mean_stretch <= 2.5 && report.p99_stretch <= 20.0, "seed {seed}");
        }
    }
}

#[test]
fn hops_grow_with_the_logarithm_of_the_size() {
    let mut before: Option<f64> = None;
    for nodes in [64, 256, 1_024, 4_096] {
        let scenario = Scenario { nodes, messages: 4, settle_ms: 3_000, ..Scenario::of_relays() };
        let Outcome { report, .. } = play(scenario);
        assert_eq!(report.delivered, report.expected, "{nodes} nodes");
        // Four times the nodes cost at most a constant number of hops more.
        if let Some(before) = before {
            assert!(report.mean_hops <= before + 3.5, "{nodes} nodes");
        }
        before = Some(report.mean_hops);
        assert!(report.max_hops <= 30, "{nodes} nodes");
    }
}

#[test]
fn receipts_add_up_to_deliveries() {
    let outcome = play(Scenario { nodes: 128, seed: 5, ..Scenario::default() });
    assert_delivered_in_order(&outcome, "128 nodes");
    assert_eq!(outcome.receipted, outcome.delivered_to_subscribers);
    assert_eq!(outcome.rejected_receipts, 0);
}

#[test]
fn with_loss_and_churn_every_message_reaches_every_live_subscriber() {
    for seed in 1..4 {
        let outcome = play(Scenario {
            nodes: 256,
            seed,
            loss_permille: 50,
            churn_permille: 100,
            settle_ms: 20_000,
            ..Scenario::of_relays()
        });
        assert_delivered_in_order(&outcome, &format!("seed {seed}"));
        assert_eq!(outcome.signed, outcome.delivered_to_subscribers, "seed {seed}");
        // What a relay did between a last receipt and its crash is its loss, which is bounded.
        assert!(outcome.receipted <= outcome.signed, "seed {seed}");
        assert!(outcome.receipted * 100 >= outcome.signed * 95, "seed {seed}");
    }
}

#[test]
fn with_a_fifth_malicious_the_honest_are_served_and_nobody_is_eclipsed() {
    let (mut delivered, mut expected) = (0, 0);
    for seed in 1..4 {
        let outcome = play(Scenario {
            nodes: 256,
            seed,
            malicious_permille: 200,
            settle_ms: 20_000,
            ..Scenario::of_relays()
        });
        let Outcome { report, exposure, .. } = &outcome;
        // Who begins between two malicious relays notices after 7 s; it may miss what was published first.
        assert!(report.delivered * 1_000 >= report.expected * 999, "seed {seed}");
        assert!(exposure.worst_of_eclipser <= 1, "seed {seed}");
        assert_eq!(exposure.eclipsed, 0, "seed {seed}");
        assert_eq!((outcome.unbalanced, outcome.misordered), (0, 0), "seed {seed}");
        assert!(outcome.graylisted > 0, "seed {seed}");
        delivered += outcome.delivered_to_subscribers;
        expected += outcome.expected_by_subscribers;
    }
    assert!(delivered * 1_000 >= expected * 999, "{delivered} of {expected}");
}

/// Twelve partitions of six streams on three trackers, lossy, and nodes crash.
fn crowd(seed: u64) -> Scenario {
    Scenario {
        nodes: 200,
        seed,
        streams: 12,
        trackers: 3,
        messages: 240,
        publishers: 12,
        loss_permille: 20,
        churn_permille: 100,
        settle_ms: 20_000,
        ..Scenario::default()
    }
}

#[test]
fn many_streams_on_several_trackers_are_recruited_for_and_served_under_churn() {
    for seed in 1..4 {
        let scenario = crowd(seed);
        let outcome = play(scenario);
        assert_delivered_in_order(&outcome, &format!("seed {seed}"));
        let survey = last(&outcome);
        assert_eq!(survey.streams.len(), scenario.streams);
        for (number, stream) in survey.streams.iter().enumerate() {
            let what = format!("seed {seed}, stream {number}: {stream:?}");
            // Each stream is where everybody works out by himself that it belongs, crashes or not.
            assert!(is_at(stream, 0), "{what}");
            assert!(stream.relays >= scenario.relays_per_stream, "{what}");
            assert!(stream.fewest_relays_of_client >= scenario.shape.client_degree, "{what}");
            // Of so few relays some are of one operator, and fewer neighbours go before surrounded ones.
            assert!(stream.fewest_relays_of_relay >= 2, "{what}");
        }
    }
}

/// The tracker of the first stream dies for 40 s while messages are published, and there is time to move back afterwards.
fn bereaved(seed: u64) -> Scenario {
    Scenario {
        nodes: 60,
        seed,
        streams: 6,
        trackers: 3,
        subscribers_permille: 700,
        messages: 300,
        publishers: 6,
        interval_ms: 200,
        outage: Some(Outage { rank: 0, from_ms: 5_000, for_ms: 40_000 }),
        settle_ms: 120_000,
        ..Scenario::default()
    }
}

#[test]
fn streams_of_a_dead_tracker_are_taken_over_and_come_back_and_no_message_is_lost() {
    for seed in 1..4 {
        let outcome = play(bereaved(seed));
        assert_delivered_in_order(&outcome, &format!("seed {seed}"));
        let [before, meanwhile, after] = outcome.surveys.as_slice() else {
            panic!("{:?}", outcome.surveys)
        };
        let moved: Vec<usize> =
            (0..6).filter(|number| is_at(&meanwhile.streams[*number], 1)).collect();
        assert!(moved.contains(&0), "seed {seed}: {meanwhile:?}");
        for (number, stream) in meanwhile.streams.iter().enumerate() {
            assert!(is_at(stream, 0) || moved.contains(&number), "seed {seed}: {stream:?}");
        }
        for survey in [before, after] {
            for stream in &survey.streams {
                assert!(is_at(stream, 0), "seed {seed} at {} ms: {stream:?}", survey.at_ms);
                assert!(stream.fewest_relays_of_client >= 2, "seed {seed}: {stream:?}");
            }
        }
    }
}

#[test]
fn nobody_is_served_beyond_its_quota_by_all_relays_together() {
    const QUOTA_BYTES: u64 = 3 << 20;
    const PAYLOAD_BYTES: usize = 16_000;
    for seed in 1..4 {
        let scenario = Scenario {
            nodes: 24,
            seed,
            subscribers_permille: 500,
            publishers: 2,
            messages: 400,
            payload_bytes: PAYLOAD_BYTES,
            quota_bytes: QUOTA_BYTES,
            ..Scenario::default()
        };
        let outcome = play(scenario);
        let receipted = outcome.most_receipted_bytes;
        // A relay stops at most one message beyond what it was leased; a publisher has four relays.
        let overrun = 4 * PAYLOAD_BYTES as u64;
        assert!(receipted <= QUOTA_BYTES + overrun, "seed {seed}: {receipted}");
        assert!(receipted >= QUOTA_BYTES - (1 << 20), "seed {seed}: {receipted}");
        assert!(last(&outcome).most_leased_bytes <= QUOTA_BYTES, "seed {seed}");
        assert!(last(&outcome).most_leased_bytes > QUOTA_BYTES / 2, "seed {seed}");
        assert!(outcome.delivered_to_subscribers < outcome.expected_by_subscribers);
        assert_eq!((outcome.misordered, outcome.unbalanced), (0, 0), "seed {seed}");
    }
}

#[test]
fn whoever_is_revoked_gets_nothing_new_and_everybody_else_reads_on() {
    for seed in 1..4 {
        let outcome = play(Scenario {
            nodes: 100,
            is_private: true,
            loss_permille: 0,
            churn_permille: 0,
            ..crowd(seed)
        });
        assert_delivered_in_order(&outcome, &format!("seed {seed}"));
        assert!(outcome.expected_to_read > 0);
        assert_eq!(outcome.read, outcome.expected_to_read, "seed {seed}");
        assert!(outcome.read_by_revoked > 0, "they read until then");
        assert_eq!((outcome.leaked, outcome.sent_to_revoked), (0, 0), "seed {seed}");
    }
}

#[test]
fn keys_and_permissions_hold_while_nodes_crash_and_a_tracker_dies() {
    for seed in 1..4 {
        let outcome = play(Scenario { is_private: true, churn_permille: 100, ..bereaved(seed) });
        assert_delivered_in_order(&outcome, &format!("seed {seed}"));
        assert_eq!((outcome.leaked, outcome.sent_to_revoked), (0, 0), "seed {seed}");
        assert_eq!(outcome.read, outcome.expected_to_read, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bytes = |scenario: &Scenario| {
        let outcome = run(scenario);
        format!("{outcome:?}{}", svg(&outcome)).into_bytes()
    };
    let scenario = Scenario {
        nodes: 64,
        is_private: true,
        malicious_permille: 100,
        outage: Some(Outage { rank: 0, from_ms: 2_000, for_ms: 12_000 }),
        ..crowd(1)
    };
    assert_eq!(bytes(&scenario), bytes(&scenario));
    let other = Scenario { seed: 2, ..scenario };
    assert_ne!(bytes(&scenario), bytes(&other));
}
