//! What the network promises, played on seeds.

use tatum_simulator::network::{Outcome, Scenario, run};

fn play(scenario: Scenario) -> Outcome {
    let outcome = run(&scenario);
    eprintln!("{scenario:?}\n{:?}\n{:?}", outcome.report, outcome.exposure);
    outcome
}

#[test]
fn a_message_takes_at_most_two_and_a_half_direct_links_on_544_nodes() {
    for seed in 1..4 {
        let Outcome { report, .. } = play(Scenario { seed, messages: 32, ..Scenario::default() });
        assert_eq!(report.delivered, report.expected, "seed {seed}");
        assert!(report.mean_ms <= 2.5 * report.mean_link_ms, "seed {seed}");
    }
}

#[test]
fn hops_grow_with_the_logarithm_of_the_size() {
    let mut before: Option<f64> = None;
    for nodes in [64, 256, 1_024, 4_096] {
        let scenario = Scenario { nodes, messages: 4, settle_ms: 3_000, ..Scenario::default() };
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
    assert_eq!(outcome.delivered_to_subscribers, outcome.expected_by_subscribers);
    assert_eq!(outcome.receipted, outcome.delivered_to_subscribers);
    assert_eq!((outcome.unbalanced, outcome.rejected_receipts, outcome.gaps), (0, 0, 0));
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
            ..Scenario::default()
        });
        let Outcome { report, .. } = &outcome;
        assert_eq!(outcome.delivered_to_subscribers, outcome.expected_by_subscribers, "{seed}");
        assert_eq!(report.delivered, report.expected, "seed {seed}");
        assert_eq!(outcome.signed, outcome.delivered_to_subscribers, "seed {seed}");
        // What a relay did between a last receipt and its crash is its loss, which is bounded.
        assert!(outcome.receipted <= outcome.signed, "seed {seed}");
        assert!(outcome.receipted * 100 >= outcome.signed * 95, "seed {seed}");
        assert_eq!((outcome.unbalanced, outcome.gaps), (0, 0), "seed {seed}");
    }
}

#[test]
fn with_a_fifth_malicious_the_honest_are_served_and_nobody_is_eclipsed() {
    for seed in 1..4 {
        let outcome = play(Scenario {
            nodes: 256,
            seed,
            malicious_permille: 200,
            settle_ms: 20_000,
            ..Scenario::default()
        });
        let Outcome { report, exposure, .. } = &outcome;
        let (got, due) = (outcome.delivered_to_subscribers, outcome.expected_by_subscribers);
        assert!(got * 1_000 >= due * 999, "seed {seed}: {got} of {due}");
        assert!(report.delivered * 1_000 >= report.expected * 999, "seed {seed}");
        assert!(exposure.worst_of_eclipser <= 1, "seed {seed}");
        assert_eq!(exposure.eclipsed, 0, "seed {seed}");
        assert_eq!(outcome.unbalanced, 0, "seed {seed}");
        assert!(outcome.graylisted > 0, "seed {seed}");
    }
}

#[test]
fn the_same_seed_gives_the_same_outcome() {
    let scenario =
        Scenario { nodes: 64, loss_permille: 20, churn_permille: 50, ..Scenario::default() };
    assert_eq!(run(&scenario).delays_us, run(&scenario).delays_us);
    let other = Scenario { seed: 2, ..scenario };
    assert_ne!(run(&scenario).delays_us, run(&other).delays_us);
}
