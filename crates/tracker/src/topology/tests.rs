//! What the graph keeps under joins and leaves.

use super::*;
use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tatum_primitives::{B256, OperatorId};

use tatum_overlay::Block;

fn node(number: u8) -> NodeId {
    NodeId(B256::left_padding_from(&[number]))
}

fn check(topology: &Topology) {
    let count = topology.relays.len();
    let target = topology.shape.degree.min(count.saturating_sub(1));
    let mut short = 0;
    for (relay, state) in &topology.relays {
        let theirs = &state.relays;
        let far = theirs.iter().filter(|other| topology.is_far(*relay, **other)).count();
        assert_eq!(state.far, far);
        assert!(!theirs.contains(relay));
        assert!(theirs.len() <= topology.shape.degree);
        short += target.saturating_sub(theirs.len());
        for other in theirs {
            assert!(
                topology.relays[other].relays.contains(relay),
                "an edge is known at one end only"
            );
        }
    }
    assert!(short <= 1, "{short} ends are missing");
    for (client, state) in &topology.clients {
        assert_eq!(state.relays.len(), topology.shape.client_degree.min(count));
        assert!(state.relays.iter().all(|relay| topology.relays[relay].clients.contains(client)));
    }
}

fn connected(topology: &Topology) -> bool {
    let mut reached = BTreeSet::new();
    let mut todo: Vec<NodeId> = topology.relays().take(1).collect();
    while let Some(next) = todo.pop() {
        if reached.insert(next) {
            todo.extend(&topology.relays[&next].relays);
        }
    }
    reached.len() == topology.relays.len()
}

#[test]
fn few_relays_form_a_full_mesh() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut topology = Topology::new(Shape::default());
    for number in 0..5 {
        topology.join_relay(node(number), Place::default(), &mut rng);
    }
    assert!(topology.relays.values().all(|relay| relay.relays.len() == 4));
}

#[test]
fn many_relays_form_a_connected_regular_graph() {
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut topology = Topology::new(Shape::default());
        for number in 0..60 {
            topology.join_relay(node(number), Place::default(), &mut rng);
            check(&topology);
        }
        assert!(connected(&topology), "seed {seed}");
    }
}

#[test]
fn a_client_waits_for_relays_and_is_moved_when_one_leaves() {
    let mut rng = StdRng::seed_from_u64(3);
    let mut topology = Topology::new(Shape::default());
    topology.join_client(node(100), Place::default(), false, &mut rng);
    assert!(topology.neighbours(&node(100)).is_empty());
    for number in 0..3 {
        topology.join_relay(node(number), Place::default(), &mut rng);
    }
    let before = topology.neighbours(&node(100));
    assert_eq!(before.len(), 2);
    let gone = *before.first().unwrap();
    let touched = topology.leave(&gone, &mut rng);
    assert!(touched.contains(&node(100)));
    assert_eq!(topology.neighbours(&node(100)).len(), 2);
    assert!(!topology.neighbours(&node(100)).contains(&gone));
}

proptest! {
    #[test]
    fn joins_and_leaves_keep_the_graph_regular(
        seed in any::<u64>(),
        steps in prop::collection::vec((0_u8..40, 0_u8..3), 1..120),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut topology = Topology::new(Shape::default());
        for (number, step) in steps {
            let before: BTreeMap<NodeId, BTreeSet<NodeId>> = (0..100)
                .map(|number| (node(number), topology.neighbours(&node(number))))
                .collect();
            let touched = match step {
                0 => topology.leave(&node(number), &mut rng),
                1 => topology.join_relay(node(number), Place::default(), &mut rng),
                _ => topology.join_client(node(number + 50), Place::default(), false, &mut rng),
            };
            check(&topology);
            prop_assert!(connected(&topology));
            for (other, old) in before {
                let same = topology.neighbours(&other) == old;
                let removed = step == 0 && other == node(number);
                prop_assert!(same || removed || touched.contains(&other));
            }
        }
    }
}

/// `count` relays over 16 regions, operators and blocks of four each; every fifth is the attacker's.
fn placed(number: u32) -> Place {
    let attacker = number.is_multiple_of(5);
    let party = if attacker { 0 } else { 1 + number / 4 };
    Place {
        region: u16::try_from(number % 16).unwrap(),
        operator: Some(OperatorId(party)),
        block: Some(Block::numbered(party)),
    }
}

fn numbered(number: u32) -> NodeId {
    NodeId(B256::left_padding_from(&number.to_be_bytes()))
}

fn world(count: u32, seed: u64) -> (Topology, StdRng) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut topology = Topology::new(Shape::default());
    for number in 0..count {
        topology.join_relay(numbered(number), placed(number), &mut rng);
    }
    (topology, rng)
}

/// The largest number of foreign neighbours of one operator that a relay of somebody else has.
fn worst_share(topology: &Topology) -> usize {
    let shares = topology.relays.values().map(|relay| {
        let mut counts: BTreeMap<OperatorId, usize> = BTreeMap::new();
        let places = relay.relays.iter().map(|other| topology.relays[other].place);
        for operator in places.filter_map(|place| place.operator) {
            if Some(operator) != relay.place.operator {
                *counts.entry(operator).or_default() += 1;
            }
        }
        counts.into_values().max().unwrap_or_default()
    });
    shares.max().unwrap_or_default()
}

#[test]
fn no_party_has_more_than_its_share_of_anybodys_neighbours() {
    for seed in 0..3 {
        let (mut topology, mut rng) = world(300, seed);
        assert_eq!(worst_share(&topology), 1);
        for number in (0..300).step_by(7) {
            topology.leave(&numbered(number), &mut rng);
            assert_eq!(worst_share(&topology), 1, "after {number} left");
        }
        assert!(connected(&topology));
        let full = topology.relays.values().filter(|relay| relay.relays.len() == 4).count();
        assert!(full * 100 >= topology.relays.len() * 97, "{full} have all neighbours");
    }
}

#[test]
fn most_neighbours_are_near_and_one_is_far() {
    let (topology, _) = world(544, 1);
    let far: Vec<usize> = topology.relays.values().map(|relay| relay.far).collect();
    let one = far.iter().filter(|far| **far == 1).count();
    assert!(one * 100 >= far.len() * 80, "{one} of {} have one far neighbour", far.len());
    assert!(far.iter().sum::<usize>() >= 544 * 9 / 10);
}

#[test]
fn a_client_is_seated_near_and_with_two_parties() {
    let (mut topology, mut rng) = world(320, 4);
    for number in 0..200 {
        let place = Place { region: u16::try_from(number % 16).unwrap(), ..Place::default() };
        topology.join_client(numbered(10_000 + number), place, false, &mut rng);
    }
    for client in topology.clients.values() {
        let places: Vec<Place> =
            client.relays.iter().map(|relay| topology.relays[relay].place).collect();
        assert_eq!(places.len(), 2);
        assert_ne!(places[0].operator, places[1].operator);
        assert!(places.iter().all(|place| place.region == client.place.region));
    }
}

#[test]
fn the_two_relays_of_a_lone_operator_still_meet() {
    let mut rng = StdRng::seed_from_u64(1);
    let mut topology = Topology::new(Shape::default());
    let place = Place { operator: Some(OperatorId(1)), ..placed(1) };
    for number in 0..12 {
        topology.join_relay(numbered(number), place, &mut rng);
        assert!(connected(&topology));
    }
    assert!(topology.relays.values().all(|relay| relay.relays.len() == 4));
}

proptest! {
    #[test]
    fn placed_relays_stay_connected_and_within_the_caps(
        seed in any::<u64>(),
        steps in prop::collection::vec((0_u32..60, any::<bool>()), 1..150),
    ) {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut topology = Topology::new(Shape::default());
        for (number, joins) in steps {
            let touched = if joins {
                topology.join_relay(numbered(number), placed(number), &mut rng)
            } else {
                topology.leave(&numbered(number), &mut rng)
            };
            prop_assert!(touched.iter().all(|node| topology.contains(node)));
            prop_assert!(connected(&topology), "{} relays", topology.relays.len());
            for (node, relay) in &topology.relays {
                prop_assert!(!relay.relays.contains(node) && relay.relays.len() <= 5);
                for other in &relay.relays {
                    prop_assert!(topology.relays[other].relays.contains(node));
                }
            }
        }
    }
}

#[test]
fn who_is_avoided_is_replaced_and_stays_away() {
    let (mut topology, mut rng) = world(120, 3);
    topology.join_client(numbered(900), placed(1), false, &mut rng);
    topology.join_client(numbered(901), placed(2), true, &mut rng);
    assert_eq!(topology.relays_of(&numbered(901)).len(), 4);
    for node in [numbered(900), numbered(901), numbered(17)] {
        let before = topology.relays_of(&node);
        let bad = *before.first().unwrap();
        let touched = topology.avoid(node, bad, 1, &mut rng);
        assert!(touched.contains(&node) && touched.contains(&bad));
        let after = topology.relays_of(&node);
        assert_eq!(after.len(), before.len());
        assert!(!after.contains(&bad));
        assert!(topology.avoid(node, bad, 1, &mut rng).is_empty());
        assert!(connected(&topology));
    }
}

#[test]
fn judgements_age_and_a_client_that_distrusts_everybody_still_has_a_relay() {
    let (mut topology, mut rng) = world(2, 3);
    let client = numbered(900);
    topology.join_client(client, placed(1), false, &mut rng);
    for relay in topology.relays_of(&client) {
        topology.avoid(client, relay, 1_000, &mut rng);
    }
    assert_eq!(topology.relays_of(&client).len(), 1, "rather a bad one than none");
    assert!(topology.forgive(999, &mut rng).is_empty());
    assert!(topology.forgive(1_000, &mut rng).contains(&client));
    assert_eq!(topology.relays_of(&client).len(), 2);
}
