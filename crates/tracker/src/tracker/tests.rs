//! What nodes are told, and what stays bounded whatever they ask.

use std::collections::BTreeMap;

use super::*;
use crate::participation::DECLINED_MS;
use crate::topology::Place;
use tatum_overlay::attendance::RoundTrip;
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence};
use tatum_primitives::{B256, Epoch, EpochSchedule, ReaderId, Role, StreamId};
use tatum_protocol::tracker::{RelayOffer, Signal, SignalKind};
use tatum_protocol::{NodeKey, Stream};
use tatum_receipt::SessionKey;
use tatum_receipt::checks::{ChainFacts, StatedFacts};

const START_MS: u64 = 1_700_000_000_000;

/// Every address has a stake, but for that of key 99.
fn stakes() -> StatedFacts {
    StatedFacts::default().quota_of_others(8 << 20).quota(key(99).address(), 0)
}

/// A tracker, and what its nodes heard.
pub(crate) struct World {
    pub(crate) tracker: Tracker,
    heard: BTreeMap<NodeId, Vec<FromTracker>>,
    pub(crate) now: Now,
    facts: Option<StatedFacts>,
}

impl World {
    pub(crate) fn new(follows_chain: bool) -> Self {
        let mut config = Config::new(NodeKey::from_bytes(&[9; 32]));
        (config.relays_per_stream, config.linger_ms) = (2, 10_000);
        config.follows_chain = follows_chain;
        let now = Now { monotonic_ms: 0, wall_ms: START_MS, epoch: Epoch(1) };
        let tracker = Tracker::new(config, [1; 32]);
        let facts = follows_chain.then(stakes);
        Self { tracker, heard: BTreeMap::new(), now, facts }
    }

    fn at(&mut self, ms: u64) {
        self.now.monotonic_ms = ms;
        self.now.wall_ms = START_MS + ms;
    }

    pub(crate) fn connect(&mut self, number: u8, relay: bool) -> Connection {
        let relay = relay.then_some(RelayOffer { capacity: 3 });
        let newcomer =
            Newcomer { node: node(number), place: Place::default(), relay, incarnation: 1 };
        let connection = self.tracker.connect(&newcomer, &self.now);
        self.drain();
        connection
    }

    pub(crate) fn drain(&mut self) {
        while let Some(output) = self.tracker.poll() {
            if let Output::Tell { to, text } | Output::PassOn { to, text } = output {
                self.heard.entry(to.node).or_default().push(text);
            }
        }
    }

    pub(crate) fn say(&mut self, from: Connection, text: ToTracker) -> Result<(), Refusal> {
        let checks = Checks {
            tracker: self.tracker.config.key.id(),
            now: self.now,
            schedule: EpochSchedule { genesis_s: 0, length_s: u64::MAX >> 20 },
            facts: self.facts.as_ref().map(|facts| facts as &dyn ChainFacts),
        };
        let done = self.tracker.take(from, text, &checks);
        self.drain();
        done
    }

    pub(crate) fn join(&mut self, from: Connection, stream: u8) -> Result<(), Refusal> {
        self.say(from, ToTracker::Join { stream: named(stream), account: None })
    }

    pub(crate) fn account(&self, from: Connection, stream: u8, payer: u8, role: Role) -> ToTracker {
        let (what, ends) = ((named(stream).key(), role), (from.node, self.tracker.config.key.id()));
        let key = key(payer);
        let attach = Attach::sign(what, (key.address(), ReaderId(0)), ends, self.now.wall_ms, &key);
        ToTracker::Join { stream: named(stream), account: Some(Box::new(attach)) }
    }

    fn sweep(&mut self, ms: u64) {
        self.at(ms);
        self.tracker.sweep(&self.now);
        self.drain();
    }

    /// What a node heard since it was asked last.
    fn heard(&mut self, number: u8) -> Vec<FromTracker> {
        self.heard.remove(&node(number)).unwrap_or_default()
    }

    fn neighbours(&mut self, number: u8) -> Vec<NodeId> {
        let last = self.heard(number).into_iter().rev().find_map(|text| match text {
            FromTracker::Assign(assignment) => Some(assignment.neighbours),
            _ => None,
        });
        last.unwrap_or_default().iter().map(|neighbour| neighbour.node).collect()
    }

    fn recruitments(&mut self, number: u8) -> usize {
        let heard = self.heard(number).into_iter();
        heard.filter(|text| matches!(text, FromTracker::Carry { .. })).count()
    }

    fn relays(&self, stream: u8) -> usize {
        let stream = self.tracker.streams.get(&named(stream).key());
        stream.map_or(0, |stream| stream.topology.relay_count())
    }
}

pub(crate) fn node(number: u8) -> NodeId {
    NodeId(B256::repeat_byte(number))
}

pub(crate) fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes(&[byte; 32]).unwrap()
}

pub(crate) fn named(number: u8) -> Stream {
    Stream::new(StreamId::new(format!("test/{number}")).unwrap(), 0)
}

#[test]
fn relays_are_recruited_when_clients_come_and_released_when_they_are_gone() {
    let mut world = World::new(false);
    for number in 1..=3 {
        world.connect(number, true);
    }
    let client = world.connect(50, false);
    assert_eq!(world.heard(1), []);
    world.join(client, 7).unwrap();
    assert!(matches!(world.heard(1)[0], FromTracker::Carry { .. }));
    let FromTracker::Assign(assignment) = world.heard(50).pop().unwrap() else { panic!() };
    assert_eq!(assignment.neighbours.len(), 2);
    let tracker = world.tracker.config.key.id();
    assert!(assignment.verify(tracker, node(50)) && !assignment.verify(tracker, node(51)));
    world.at(5_000);
    world.tracker.disconnect(client, &world.now);
    world.sweep(14_999);
    assert_eq!(world.tracker.summary(&world.now).streams, 1);
    world.sweep(15_000);
    assert_eq!(world.tracker.summary(&world.now).streams, 0);
    assert!(matches!(world.heard(1).pop(), Some(FromTracker::Release { .. })));
}

#[test]
fn streams_are_told_in_numbers_and_from_any_of_them_on() {
    let mut world = World::new(true);
    world.connect(1, true);
    let (first, second) = (world.connect(50, false), world.connect(51, false));
    for stream in 1..=3 {
        world.say(first, world.account(first, stream, 5, Role::Publisher)).unwrap();
    }
    world.say(second, world.account(second, 2, 6, Role::Subscriber)).unwrap();
    let all = world.tracker.streams_after(None, &world.now);
    assert_eq!((all.streams.len(), all.next), (3, None));
    assert!(all.streams.is_sorted_by_key(|entry| entry.stream));
    let told = |stream| all.streams.iter().find(|entry| entry.stream == named(stream).key());
    let both = told(2).unwrap();
    assert_eq!((both.id.as_str(), both.partition), ("test/2", 0));
    assert_eq!((both.clients, both.publishers), (2, 1));
    assert_eq!(told(1).map(|one| (one.clients, one.publishers)), Some((1, 1)));
    let rest = world.tracker.streams_after(Some(all.streams[0].stream), &world.now);
    assert_eq!(rest.streams, all.streams[1..]);
    let after_last = world.tracker.streams_after(Some(all.streams[2].stream), &world.now);
    assert_eq!(after_last.streams, []);
}

#[test]
fn a_relay_that_vanishes_is_replaced() {
    let mut world = World::new(false);
    let first = world.connect(1, true);
    world.connect(2, true);
    let client = world.connect(50, false);
    world.join(client, 7).unwrap();
    world.connect(3, true);
    world.tracker.disconnect(first, &world.now);
    world.drain();
    assert_eq!(world.neighbours(50), [node(2), node(3)]);
}

#[test]
fn a_relay_that_has_no_room_is_left_alone_for_a_while() {
    let mut world = World::new(false);
    let relay = world.connect(1, true);
    let client = world.connect(50, false);
    world.join(client, 7).unwrap();
    world.say(relay, ToTracker::Leave { stream: named(7).key() }).unwrap();
    assert_eq!(world.recruitments(1), 1);
    world.sweep(DECLINED_MS - 1);
    assert_eq!(world.recruitments(1), 0);
    world.sweep(DECLINED_MS);
    assert_eq!(world.recruitments(1), 1);
}

#[test]
fn a_relay_that_carries_a_stream_already_is_kept_while_clients_may_come() {
    let mut world = World::new(false);
    let relay = world.connect(1, true);
    world.connect(2, true);
    let client = world.connect(50, false);
    for number in [7, 1, 2, 3] {
        world.say(relay, ToTracker::Offer { stream: named(number) }).unwrap();
    }
    assert_eq!(world.recruitments(1), 3, "as many as it has room for");
    world.say(client, ToTracker::Offer { stream: named(7) }).unwrap();
    assert_eq!(world.recruitments(50), 0);
    world.at(9_999);
    world.join(client, 7).unwrap();
    world.sweep(10_000);
    assert_eq!(world.tracker.streams.keys().collect::<Vec<_>>(), [&named(7).key()]);
    assert_eq!(world.neighbours(50).len(), 2);
}

#[test]
fn relays_are_recruited_as_demand_grows() {
    let mut world = World::new(false);
    let relays: Vec<Connection> = (1..=9).map(|number| world.connect(number, true)).collect();
    for number in 50..90 {
        let client = world.connect(number, false);
        world.join(client, 7).unwrap();
    }
    assert_eq!(world.relays(7), 3);
    for relay in relays {
        let load = ToTracker::Load { stream: named(7).key(), bytes_per_second: 1 << 20 };
        world.say(relay, load).unwrap();
    }
    assert_eq!(world.relays(7), 5);
}

#[test]
fn how_long_links_take_is_told_of_links_of_the_graph_by_the_relays_at_their_ends() {
    let mut world = World::new(false);
    let (relay, client) = (world.connect(1, true), world.connect(50, false));
    world.join(client, 7).unwrap();
    let told = |to, round_trip_us| RoundTrip { node: node(to), round_trip_us };
    // Of a neighbour, of somebody that is none, and by a client, whose word it is not.
    let links = vec![told(50, u32::MAX), told(9, 5)];
    world.say(relay, ToTracker::RoundTrips { links }).unwrap();
    world.say(client, ToTracker::RoundTrips { links: vec![told(1, 3)] }).unwrap();
    let graph = world.tracker.graph(named(7).key());
    let [said] = graph.round_trips[..] else { panic!("{graph:?}") };
    assert_eq!((said.by, said.to, said.round_trip_us), (node(1), node(50), 60_000_000));
    // The next report is all that holds, and with the relay it goes.
    world.say(relay, ToTracker::RoundTrips { links: vec![told(50, 700)] }).unwrap();
    assert_eq!(world.tracker.graph(named(7).key()).round_trips[0].round_trip_us, 700);
    world.tracker.disconnect(relay, &world.now);
    assert_eq!(world.tracker.graph(named(7).key()).round_trips, []);
}

#[test]
fn an_old_connection_ends_without_harm_to_the_new_one() {
    let mut world = World::new(false);
    let old = world.connect(1, true);
    let new = world.connect(1, true);
    world.tracker.disconnect(old, &world.now);
    assert_eq!(world.tracker.summary(&world.now).relays, 1);
    assert_eq!(world.join(old, 7), Err(Refusal::Gone));
    world.tracker.disconnect(new, &world.now);
    assert_eq!(world.tracker.summary(&world.now).relays, 0);
}

#[test]
fn a_connection_that_is_replaced_is_closed() {
    let mut world = World::new(false);
    let old = world.connect(1, true);
    let newcomer = Newcomer { node: node(1), place: Place::default(), relay: None, incarnation: 2 };
    world.tracker.connect(&newcomer, &world.now);
    // It is another process, so whoever is pushed out is told whose key that was.
    let told = Output::Tell { to: old, text: FromTracker::KeyInUse };
    assert_eq!(world.tracker.poll(), Some(told));
    assert_eq!(world.tracker.poll(), Some(Output::Close { connection: old }));
    let again = world.tracker.connect(&newcomer, &world.now);
    world.tracker.connect(&newcomer, &world.now);
    while let Some(output) = world.tracker.poll() {
        assert!(!matches!(output, Output::Tell { .. }), "a process took its own place: {output:?}");
    }
    assert_eq!(world.join(again, 7), Err(Refusal::Gone));
}

#[test]
fn signals_pass_between_neighbours_only() {
    let mut world = World::new(false);
    let keys = [50, 51].map(|byte| NodeKey::from_bytes(&[byte; 32]));
    world.connect(1, true);
    let [client, stranger] = keys.clone().map(|key| {
        let place = Place::default();
        let newcomer = Newcomer { node: key.id(), place, relay: None, incarnation: 1 };
        world.tracker.connect(&newcomer, &world.now)
    });
    world.join(client, 7).unwrap();
    let signal = |key: &NodeKey, to| {
        let signal = Signal::sign(key, to, SignalKind::Offer, 1, String::new());
        ToTracker::Signal { to, signal }
    };
    assert_eq!(world.say(client, signal(&keys[0], node(1))), Ok(()));
    let refused = world.say(stranger, signal(&keys[1], node(1)));
    assert_eq!(refused, Err(Refusal::NoNeighbour(node(1))));
    assert_eq!(world.say(client, signal(&keys[1], node(1))), Err(Refusal::SignalSignature));
    let passed = world.heard(1).into_iter();
    assert_eq!(passed.filter(|text| matches!(text, FromTracker::Signal { .. })).count(), 1);
}

#[test]
fn an_offer_that_is_sent_again_and_again_costs_its_receiver_little() {
    let mut world = World::new(false);
    let key = NodeKey::from_bytes(&[50; 32]);
    world.connect(1, true);
    let newcomer =
        Newcomer { node: key.id(), place: Place::default(), relay: None, incarnation: 1 };
    let client = world.tracker.connect(&newcomer, &world.now);
    world.join(client, 7).unwrap();
    let signal = Signal::sign(&key, node(1), SignalKind::Offer, 1, String::new());
    for ms in 0..1_000 {
        world.at(ms * 10);
        let _ = world.say(client, ToTracker::Signal { to: node(1), signal: signal.clone() });
    }
    let passed = world.heard(1).into_iter();
    let passed = passed.filter(|text| matches!(text, FromTracker::Signal { .. })).count();
    assert!(passed <= 8 + 10, "{passed} of 1 000 offers in 10 s");
}

#[test]
fn where_the_chain_is_followed_names_that_strangers_make_up_cost_nothing() {
    let mut world = World::new(true);
    world.connect(1, true);
    let client = world.connect(50, false);
    for number in 0..200 {
        assert_eq!(world.join(client, number), Err(Refusal::NoAccount));
        let unstaked = world.account(client, number, 99, Role::Subscriber);
        assert_eq!(world.say(client, unstaked), Err(Refusal::NoStake));
        world.say(client, ToTracker::Offer { stream: named(number) }).unwrap();
    }
    assert_eq!(world.tracker.summary(&world.now).streams, 0);
    let paid = world.account(client, 7, 1, Role::Subscriber);
    world.say(client, paid).unwrap();
    assert_eq!((world.tracker.summary(&world.now).streams, world.relays(7)), (1, 1));
}

#[test]
fn a_stream_that_its_last_client_left_is_gone_unless_relays_carry_it() {
    let mut world = World::new(false);
    let client = world.connect(50, false);
    for number in 0..200 {
        world.join(client, number).unwrap();
        world.say(client, ToTracker::Leave { stream: named(number).key() }).unwrap();
    }
    assert_eq!(world.tracker.summary(&world.now).streams, 0);
}

#[test]
fn an_account_that_was_shown_before_is_not_looked_at_again() {
    let mut world = World::new(true);
    let client = world.connect(50, false);
    let (old, publishing) = (
        world.account(client, 7, 1, Role::Subscriber),
        world.account(client, 7, 1, Role::Publisher),
    );
    world.say(client, old.clone()).unwrap();
    assert_eq!(world.tracker.screen(client, &old, &world.now), Err(Refusal::AccountUsed));
    world.say(client, publishing.clone()).unwrap();
    for text in [old, publishing] {
        assert_eq!(world.say(client, text), Err(Refusal::AccountUsed));
    }
    world.at(1);
    let newer = world.account(client, 7, 1, Role::Subscriber);
    assert_eq!(world.say(client, newer), Ok(()));
}

#[test]
fn a_node_has_so_many_neighbours_replaced_and_no_more() {
    let mut world = World::new(false);
    let client = world.connect(50, false);
    world.join(client, 7).unwrap();
    let mut avoided = 0;
    for number in 0..200 {
        let done = world.say(client, ToTracker::Avoid { node: node(number) });
        avoided += usize::from(done.is_ok());
    }
    assert_eq!(avoided, 64);
}

#[test]
fn a_client_that_distrusts_all_its_relays_still_has_some() {
    let mut world = World::new(false);
    for number in 1..=2 {
        world.connect(number, true);
    }
    let client = world.connect(50, false);
    world.join(client, 7).unwrap();
    for number in 1..=2 {
        world.say(client, ToTracker::Avoid { node: node(number) }).unwrap();
    }
    let graph = world.tracker.graph(named(7).key());
    assert!(graph.links.iter().any(|(a, b)| *a == node(50) || *b == node(50)), "{graph:?}");
    // Others are to be had again.
    world.connect(3, true);
    world.connect(4, true);
}

#[test]
fn only_relays_make_a_tracker_learn_the_names_of_regions() {
    let mut world = World::new(false);
    for number in 50..60 {
        let client = world.connect(number, false);
        let name = format!("nowhere {number}");
        world.say(client, ToTracker::Region { name: name.clone() }).unwrap();
        world.join(client, 7).unwrap();
        assert_eq!(world.tracker.config.regions.known(&name), None);
    }
    let relay = world.connect(1, true);
    world.say(relay, ToTracker::Region { name: "eu".to_owned() }).unwrap();
    world.join(relay, 7).unwrap();
    assert!(world.tracker.config.regions.known("eu").is_some());
}

fn claim(payer: u8, held: u64, used: u64, wanted: u64) -> Claim {
    Claim { payer: key(payer).address(), epoch: Epoch(1), number: 1, held, used, wanted }
}

fn lease(relay: Connection, claim: Claim, payer: u8, at_ms: u64) -> ToTracker {
    let what = (named(7).key(), Role::Subscriber);
    let attach =
        Attach::sign(what, (claim.payer, ReaderId(0)), (node(50), relay.node), at_ms, &key(payer));
    ToTracker::Lease { claim, evidence: Box::new(Evidence { client: node(50), attach }) }
}

#[test]
fn only_a_relays_present_connection_is_leased_anything() {
    let mut world = World::new(true);
    let (old, new) = (world.connect(1, true), world.connect(1, true));
    let client = world.connect(50, false);
    world.heard(1);
    let asked = claim(1, 0, 0, 60);
    assert_eq!(world.say(old, lease(old, asked, 1, START_MS)), Err(Refusal::Gone));
    world.say(client, lease(client, asked, 1, START_MS)).unwrap();
    assert!(world.tracker.lessor.is_empty() && world.heard(1).is_empty());
    world.say(new, lease(new, asked, 1, START_MS)).unwrap();
    let [FromTracker::Leased(lease)] = world.heard(1)[..] else { panic!() };
    assert_eq!((lease.number, lease.total), (1, 60));
}

#[test]
fn without_the_chain_there_is_no_quota_to_share_out() {
    let mut world = World::new(false);
    let relay = world.connect(1, true);
    world.say(relay, lease(relay, claim(1, 0, 0, u64::MAX), 1, START_MS)).unwrap();
    let Some(FromTracker::Leased(lease)) = world.heard(1).pop() else { panic!() };
    assert_eq!(lease.total, u64::MAX);
}

proptest::proptest! {
    #[test]
    fn whatever_nodes_ask_the_tracker_stays_bounded(
        follows_chain in proptest::bool::ANY,
        steps in proptest::collection::vec((0_u8..12, 0_u8..10, 0_u8..20), 1..120),
    ) {
        let mut world = World::new(follows_chain);
        let mut connections: BTreeMap<u8, Connection> = BTreeMap::new();
        for (number, step, other) in steps {
            if step == 0 || !connections.contains_key(&number) {
                connections.insert(number, world.connect(number, number < 6));
            }
            let from = connections[&number];
            let text = match step {
                0 => continue,
                1 => {
                    world.tracker.disconnect(from, &world.now);
                    connections.remove(&number);
                    continue;
                }
                2 => ToTracker::Join { stream: named(other), account: None },
                3 => world.account(from, other, other + 1, Role::Publisher),
                4 => ToTracker::Leave { stream: named(other).key() },
                5 => ToTracker::Avoid { node: node(other) },
                6 => ToTracker::Load { stream: named(other).key(), bytes_per_second: u64::MAX },
                7 => {
                    let amount = u64::from(other) << 20;
                    let claim = claim(other + 1, amount, amount / 2, u64::MAX);
                    lease(from, claim, other + 1, world.now.wall_ms)
                }
                8 => ToTracker::Offer { stream: named(other) },
                _ => {
                    world.sweep(world.now.monotonic_ms + 7_000);
                    continue;
                }
            };
            let _ = world.say(from, text);
            if follows_chain {
                let leased = world.tracker.lessor.leased(key(other + 1).address(), Epoch(1));
                proptest::prop_assert!(leased <= 8 << 20);
            }
            for (key, stream) in &world.tracker.streams {
                proptest::prop_assert!(!stream.is_deserted());
                for relay in stream.topology.relays() {
                    let member = &world.tracker.members[&relay];
                    proptest::prop_assert!(member.takes_part(key));
                    proptest::prop_assert!(member.burden() <= 3, "{}", member.burden());
                }
            }
        }
    }
}
