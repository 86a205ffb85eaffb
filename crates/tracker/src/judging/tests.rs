//! Who gets new streams, and who does not.

use tatum_overlay::Now;
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, Role, StreamKey};
use tatum_protocol::tracker::{RelayOffer, ToTracker};

use crate::findings::JUDGED_EPOCHS;
use crate::tracker::tests::{World, key, named, node};
use crate::{Connection, Finding, Newcomer, Place, Refusal};

const WORST: StreamKey = StreamKey(B256::repeat_byte(77));

fn found(operator: u32) -> Finding {
    let operator_id = OperatorId(operator);
    Finding { operator_id, stream: WORST, completeness_ppm: 980_000, sole_payer: None }
}

fn relay(world: &mut World, number: u8, capacity: u32) -> Connection {
    let place = Place { operator: Some(OperatorId(number.into())), ..Place::default() };
    let relay = Some(RelayOffer { capacity });
    let newcomer = Newcomer { node: node(number), place, relay, incarnation: 1 };
    let connection = world.tracker.connect(&newcomer, &world.now);
    world.drain();
    connection
}

/// A client that takes part in a stream on a payer's account.
fn subscriber(world: &mut World, number: u8, stream: u8) -> Connection {
    let client = world.connect(number, false);
    let asked = world.account(client, stream, number, Role::Subscriber);
    world.say(client, asked).unwrap();
    client
}

fn carriers(world: &World, stream: u8) -> Vec<NodeId> {
    let stream = world.tracker.streams.get(&named(stream).key());
    stream.map_or_else(Vec::new, |stream| stream.topology.relays().collect())
}

fn judge(world: &mut World, epoch: u64, found: &[Finding]) {
    let now = world.now;
    world.tracker.judge(Epoch(epoch), found, &now);
}

fn judged(world: &World) -> Vec<OperatorId> {
    let judged = world.tracker.judged(&world.now);
    judged.into_iter().map(|judged| judged.operator_id).collect()
}

#[test]
fn who_served_badly_gets_no_new_streams_and_keeps_those_it_has() {
    let mut world = World::new(true);
    for number in 1..=3 {
        relay(&mut world, number, 9);
    }
    subscriber(&mut world, 50, 1);
    assert_eq!(carriers(&world, 1), [node(1), node(2)]);
    judge(&mut world, 1, &[found(1), found(2)]);
    // Operators 1 and 2 are left out now: 3 alone gets the stream, and 1 of the others, so that a client has two.
    subscriber(&mut world, 51, 2);
    assert_eq!(carriers(&world, 2), [node(1), node(3)]);
    relay(&mut world, 4, 9);
    subscriber(&mut world, 52, 3);
    assert_eq!(carriers(&world, 3), [node(3), node(4)], "others have come");
    assert_eq!(carriers(&world, 1), [node(1), node(2)], "what it has it keeps");
    let now = world.now;
    let summary = world.tracker.summary(&now);
    assert_eq!((summary.judged_operators, summary.surveyed_epoch), (2, Some(Epoch(1))));
    assert_eq!(world.tracker.judged(&now)[0].completeness_ppm, 980_000);
}

#[test]
fn a_relay_that_served_badly_is_better_than_none() {
    let mut world = World::new(true);
    relay(&mut world, 1, 9);
    judge(&mut world, 1, &[found(1)]);
    subscriber(&mut world, 50, 1);
    assert_eq!(carriers(&world, 1), [node(1)]);
    // One that is full is nobody who could take its place.
    let honest = relay(&mut world, 2, 1);
    assert_eq!(carriers(&world, 1), [node(1), node(2)]);
    subscriber(&mut world, 51, 2);
    assert_eq!(carriers(&world, 2), [node(1)]);
    world.tracker.disconnect(honest, &world.now);
    assert_eq!(carriers(&world, 1), [node(1)]);
}

#[test]
fn saying_that_it_carries_a_stream_or_asking_for_it_gets_a_judged_relay_none() {
    let mut world = World::new(true);
    let bad = relay(&mut world, 1, 9);
    for number in 2..=3 {
        relay(&mut world, number, 9);
    }
    judge(&mut world, 1, &[found(1)]);
    subscriber(&mut world, 50, 1);
    world.say(bad, ToTracker::Offer { stream: named(1) }).unwrap();
    world.say(bad, ToTracker::Offer { stream: named(2) }).unwrap();
    assert_eq!((carriers(&world, 1).len(), carriers(&world, 2).len()), (2, 0));
    let refused = world.join(bad, 1).unwrap_err();
    let expected = Refusal::Judged { epoch: Epoch(1), stream: WORST, completeness_ppm: 980_000 };
    assert_eq!(refused, expected);
    assert!(refused.is_told());
}

#[test]
fn judgements_age_and_who_mends_is_recruited_again() {
    let mut world = World::new(true);
    judge(&mut world, 1, &[found(1)]);
    world.now.epoch = Epoch(1 + JUDGED_EPOCHS);
    assert_eq!(judged(&world), [OperatorId(1)]);
    judge(&mut world, 2, &[]);
    assert_eq!(judged(&world), [OperatorId(1)], "one good epoch does not make up for a bad one");
    judge(&mut world, 3, &[found(2)]);
    world.now.epoch = Epoch(2 + JUDGED_EPOCHS);
    assert_eq!(judged(&world), [OperatorId(2)]);
    judge(&mut world, 1, &[found(1)]);
    assert_eq!(judged(&world), [OperatorId(2)], "what is over counts no more, whoever brings it");
    judge(&mut world, 3, &[]);
    assert_eq!(judged(&world), [], "a later word on the same epoch replaces the first");
    let sweep = Now { epoch: Epoch(900), ..world.now };
    world.tracker.sweep(&sweep);
    assert_eq!(world.tracker.summary(&sweep).surveyed_epoch, None);
}

#[test]
fn on_one_payers_word_nobody_is_judged_unless_somebody_else_complained_here() {
    let mut world = World::new(true);
    for number in 1..=2 {
        relay(&mut world, number, 9);
    }
    let alone = Finding { sole_payer: Some(key(50).address()), ..found(1) };
    let accuser = subscriber(&mut world, 50, 1);
    judge(&mut world, 1, &[alone]);
    world.say(accuser, ToTracker::Avoid { node: node(1) }).unwrap();
    assert_eq!(judged(&world), [], "its own complaint is the same word once more");
    let other = subscriber(&mut world, 51, 1);
    world.say(other, ToTracker::Avoid { node: node(1) }).unwrap();
    assert_eq!(judged(&world), [OperatorId(1)]);
    // What was said in an earlier epoch is not about this one.
    world.now.epoch = Epoch(2);
    judge(&mut world, 1, &[]);
    judge(&mut world, 2, &[alone]);
    assert_eq!(judged(&world), []);
}

#[test]
fn an_operator_confirms_nothing_against_itself_and_who_never_met_it_nothing_at_all() {
    let mut world = World::new(true);
    let own = relay(&mut world, 1, 9);
    relay(&mut world, 2, 9);
    let accuser = subscriber(&mut world, 50, 1);
    let alone = Finding { sole_payer: Some(key(50).address()), ..found(1) };
    judge(&mut world, 1, &[alone]);
    world.say(own, ToTracker::Avoid { node: node(1) }).unwrap();
    let stranger = world.connect(60, false);
    world.say(stranger, ToTracker::Avoid { node: node(1) }).unwrap();
    world.say(accuser, ToTracker::Avoid { node: node(1) }).unwrap();
    assert_eq!(judged(&world), []);
    world.say(own, ToTracker::Avoid { node: node(2) }).unwrap();
    judge(&mut world, 1, &[Finding { operator_id: OperatorId(2), ..alone }]);
    assert_eq!(judged(&world), [OperatorId(2)], "another operator's word is one");
}
