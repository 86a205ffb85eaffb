//! What came of a simulation.
//!
//! Invariant: only nodes that were there all the time and are honest are counted as receivers; what
//! a crashed node missed while it was away is nobody's failure.

use std::collections::BTreeMap;

use serde::Serialize;
use tatum_primitives::{Address, OperatorId, Role as ReceiptRole};
use tatum_receipt::{ReceiptKey, Witnessed};

use super::deployment::session;
use super::population::{Arrival, Node, Role};
use super::world::{WARM_UP_US, World};
use super::{Attack, Survey};

/// The figures of one simulation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Relays and subscribers.
    pub nodes: usize,
    /// Relays that trackers recruited, over all streams.
    pub recruited: usize,
    /// The mean time over a direct link from a message's publisher to its receiver.
    pub mean_link_ms: f64,
    /// The mean time from publication to a node's first copy.
    pub mean_ms: f64,
    /// 99 of 100 first copies came within this time.
    pub p99_ms: f64,
    /// How many times as long as over a direct link a first copy took: the mean over all pairs of publisher and receiver that
    /// are in different regions. Within a region a direct link takes half a millisecond, which says nothing.
    pub mean_stretch: f64,
    /// 99 of 100 such pairs took at most so many times as long.
    pub p99_stretch: f64,
    /// The mean number of links that a first copy travelled.
    pub mean_hops: f64,
    /// The largest number of links that a first copy travelled.
    pub max_hops: u32,
    /// Copies beyond the first, per message and receiver.
    pub duplicates_per_message: f64,
    /// First copies at receivers.
    pub delivered: u64,
    /// First copies that were due.
    pub expected: u64,
}

/// How exposed honest relays are to the malicious.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// The most neighbours of one foreign operator that any honest node has.
    pub worst_of_one_operator: usize,
    /// The most neighbours of the operator that tries to eclipse that any honest node has.
    pub worst_of_eclipser: usize,
    /// Honest nodes that have only malicious neighbours.
    pub surrounded: usize,
    /// Honest nodes that still missed more than one message in a thousand in the second half, though at most half of their
    /// neighbours are malicious: what somebody missed before its neighbours were replaced it missed.
    pub eclipsed: usize,
}

/// Everything a simulation shows.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The figures.
    pub report: Report,
    /// All delays, sorted, in microseconds.
    pub delays_us: Vec<u64>,
    /// How exposed honest nodes are.
    pub exposure: Exposure,
    /// Messages delivered in order to subscribers that were there all the time.
    pub delivered_to_subscribers: u64,
    /// What subscribers should have got.
    pub expected_by_subscribers: u64,
    /// Messages that the receipts count which they signed.
    pub signed: u64,
    /// Messages that the receipts count which relays hold: what crashed relays did shortly before
    /// may be missing.
    pub receipted: u64,
    /// Subscribers whose receipts do not add up to their deliveries.
    pub unbalanced: usize,
    /// Receipts that relays rejected.
    pub rejected_receipts: u64,
    /// Times an honest node put another on its graylist.
    pub graylisted: u64,
    /// Runs of messages that subscribers gave up which were there all the time.
    pub gaps: u64,
    /// Messages that permitted subscribers which were there all the time could read.
    pub read: u64,
    /// Messages that those should have read.
    pub expected_to_read: u64,
    /// Messages that subscribers could read which were published more than 2 s after the owner had left them out.
    pub leaked: u64,
    /// Messages that subscribers could read whom the owner left out later or had left out.
    pub read_by_revoked: u64,
    /// Messages that reached subscribers which were published more than 2 s after the owner had left them out.
    pub sent_to_revoked: u64,
    /// Deliveries that did not come after all earlier ones of their chain: repeated or out of order.
    pub misordered: u64,
    /// Who took part where: before a tracker's outage, at its end, and at the end of all.
    pub surveys: Vec<Survey>,
    /// The most that relays hold receipts for of any payer in one role, in bytes.
    pub most_receipted_bytes: u64,
    /// Requests that trackers refused.
    pub refusals: u64,
    /// The receipts that relays hold, with what lies beside them.
    pub receipts: Vec<Witnessed>,
    /// How many streams each operator's relays were recruited for, summed over its relays.
    pub recruited_of: BTreeMap<OperatorId, usize>,
}

/// What a first copy took, and what it would have taken over a direct link.
struct Trip {
    delay_us: u64,
    direct_us: u64,
    is_far: bool,
    hops: u32,
}

/// All first copies that were due, and how many of them there are.
fn trips(world: &World) -> (Vec<Trip>, u64) {
    let (mut trips, mut expected) = (Vec::new(), 0);
    for (number, node) in receivers(world) {
        for message in world.due_at(number) {
            expected += 1;
            let Some(Arrival { at_us, hops }) = node.arrivals[message] else { continue };
            let publisher = world.publisher_of(message);
            let is_far = world.nodes[publisher].place.region != node.place.region;
            let delay_us = at_us - world.published_us[message];
            trips.push(Trip {
                delay_us,
                direct_us: world.one_way_us(publisher, number),
                is_far,
                hops,
            });
        }
    }
    (trips, expected)
}

/// Honest nodes that were there all the time and that owners permit.
fn receivers(world: &World) -> impl Iterator<Item = (usize, &Node)> {
    let all = world.steady(Role::Relay).chain(world.steady(Role::Subscriber));
    all.filter(|(number, node)| node.role == Role::Relay || !world.scenario.is_left_out(*number))
}

fn report(world: &World, trips: &[Trip], expected: u64) -> Report {
    let delivered = trips.len() as u64;
    let sum = |of: fn(&Trip) -> u64| trips.iter().map(of).sum::<u64>();
    let mut delays_us: Vec<u64> = trips.iter().map(|trip| trip.delay_us).collect();
    delays_us.sort_unstable();
    let far = trips.iter().filter(|trip| trip.is_far);
    let mut stretches: Vec<u64> =
        far.map(|trip| trip.delay_us * 1_000 / trip.direct_us.max(1)).collect();
    stretches.sort_unstable();
    let duplicates: u64 = receivers(world)
        .map(|(_, node)| node.overlay.counters().duplicates + node.duplicates_before)
        .sum();
    let relays = world.nodes.iter().filter(|node| node.role == Role::Relay);
    Report {
        nodes: world.scenario.nodes,
        recruited: relays.map(|relay| relay.carrying_since_us.len()).sum(),
        mean_link_ms: ratio(sum(|trip| trip.direct_us), delivered * 1_000),
        mean_ms: ratio(sum(|trip| trip.delay_us), delivered * 1_000),
        p99_ms: ratio(percentile(&delays_us, 99), 1_000),
        mean_stretch: ratio(stretches.iter().sum(), stretches.len() as u64 * 1_000),
        p99_stretch: ratio(percentile(&stretches, 99), 1_000),
        mean_hops: ratio(sum(|trip| u64::from(trip.hops)), delivered),
        max_hops: trips.iter().map(|trip| trip.hops).max().unwrap_or_default(),
        duplicates_per_message: ratio(duplicates, delivered),
        delivered,
        expected,
    }
}

impl Outcome {
    pub(super) fn of(world: &World) -> Self {
        let (trips, expected) = trips(world);
        let report = report(world, &trips, expected);
        let mut delays_us: Vec<u64> = trips.into_iter().map(|trip| trip.delay_us).collect();
        delays_us.sort_unstable();
        let subscribers: Vec<(usize, &Node)> =
            receivers(world).filter(|(_, node)| node.role == Role::Subscriber).collect();
        let due = |number: usize| world.due_at(number).count() as u64;
        let expected_by_subscribers = subscribers.iter().map(|(number, _)| due(*number)).sum();
        let signed = by_payer(world.signed.iter().map(|(key, messages)| (key, *messages)));
        let held = world.receipts.iter().map(|(key, held)| (key, held.receipt.messages));
        let held = by_payer(held);
        let of = |sums: &BTreeMap<Address, u64>, number: usize| {
            sums.get(&session(number).address()).copied().unwrap_or(0)
        };
        Self {
            report,
            delays_us,
            exposure: exposure(world),
            delivered_to_subscribers: subscribers.iter().map(|(_, node)| node.delivered).sum(),
            expected_by_subscribers,
            signed: subscribers.iter().map(|(number, _)| of(&signed, *number)).sum(),
            receipted: subscribers.iter().map(|(number, _)| of(&held, *number)).sum(),
            unbalanced: subscribers
                .iter()
                .filter(|(number, node)| of(&signed, *number) != node.delivered)
                .count(),
            rejected_receipts: world.rejected,
            graylisted: receivers(world)
                .map(|(_, node)| node.overlay.counters().graylisted + node.graylisted_before)
                .sum(),
            gaps: subscribers.iter().map(|(_, node)| node.gaps).sum(),
            read: subscribers.iter().map(|(_, node)| node.read.len() as u64).sum(),
            expected_to_read: expected_by_subscribers,
            read_by_revoked: revoked(world).map(|node| node.read.len() as u64).sum(),
            leaked: after_revocation(world, |node| node.read.iter().copied().collect()),
            sent_to_revoked: after_revocation(world, Node::got),
            misordered: world.nodes.iter().map(|node| node.misordered).sum(),
            surveys: world.surveys.clone(),
            most_receipted_bytes: most_receipted_bytes(world),
            refusals: world.refusals,
            receipts: witnessed(world).collect(),
            recruited_of: recruited_of(world),
        }
    }
}

fn witnessed(world: &World) -> impl Iterator<Item = Witnessed> {
    world.receipts.iter().map(|(key, signed)| Witnessed {
        signed: signed.clone(),
        contents: world.beside.get(key).cloned().unwrap_or_default(),
    })
}

fn recruited_of(world: &World) -> BTreeMap<OperatorId, usize> {
    let mut sums = BTreeMap::new();
    for node in &world.nodes {
        if let Some(operator) = node.place.operator {
            *sums.entry(operator).or_default() += node.carrying_since_us.len();
        }
    }
    sums
}

/// Subscribers that owners leave out halfway.
fn revoked(world: &World) -> impl Iterator<Item = &Node> {
    let nodes = world.nodes.iter().enumerate().filter(|(number, node)| {
        node.role == Role::Subscriber && world.scenario.is_left_out(*number)
    });
    nodes.map(|(_, node)| node)
}

/// Of the messages that `of` gives of a subscriber, those that were published when it had been left out for 2 s.
fn after_revocation(world: &World, of: impl Fn(&Node) -> Vec<usize>) -> u64 {
    let left_out_us = WARM_UP_US + world.scenario.length_ms() * 500 + 2_000_000;
    let messages = revoked(world).flat_map(of);
    messages.filter(|message| world.published_us[*message] > left_out_us).count() as u64
}

fn most_receipted_bytes(world: &World) -> u64 {
    let mut sums: BTreeMap<(Address, ReceiptRole), u64> = BTreeMap::new();
    for (key, held) in &world.receipts {
        *sums.entry((key.payer, key.role)).or_default() += held.receipt.bytes;
    }
    sums.into_values().max().unwrap_or_default()
}

/// Messages that each subscriber's receipts count.
fn by_payer<'a>(receipts: impl Iterator<Item = (&'a ReceiptKey, u64)>) -> BTreeMap<Address, u64> {
    let mut sums = BTreeMap::new();
    for (key, messages) in receipts.filter(|(key, _)| key.role == ReceiptRole::Subscriber) {
        *sums.entry(key.payer).or_default() += messages;
    }
    sums
}

fn exposure(world: &World) -> Exposure {
    let mut exposure =
        Exposure { worst_of_one_operator: 0, worst_of_eclipser: 0, surrounded: 0, eclipsed: 0 };
    for (number, node) in receivers(world) {
        let others: Vec<&Node> = node
            .attendance
            .routes()
            .keys()
            .filter_map(|id| world.by_id.get(id))
            .map(|number| &world.nodes[*number])
            .filter(|other| other.role == Role::Relay)
            .collect();
        let mut of_operator: BTreeMap<OperatorId, usize> = BTreeMap::new();
        let foreign = others.iter().filter_map(|other| other.place.operator);
        for operator in foreign.filter(|operator| Some(*operator) != node.place.operator) {
            *of_operator.entry(operator).or_default() += 1;
        }
        let eclipsers = others.iter().filter(|other| other.attack == Some(Attack::Eclipse)).count();
        let malicious = others.iter().filter(|other| other.attack.is_some()).count();
        let worst = of_operator.values().max().copied().unwrap_or_default();
        exposure.worst_of_one_operator = exposure.worst_of_one_operator.max(worst);
        exposure.worst_of_eclipser = exposure.worst_of_eclipser.max(eclipsers);
        exposure.surrounded += usize::from(!others.is_empty() && malicious == others.len());
        let (mut due, mut missed) = (0, 0);
        let second_half = |message: &usize| *message >= world.published_us.len() / 2;
        for message in world.due_at(number).filter(second_half) {
            due += 1;
            missed += u64::from(node.arrivals[message].is_none());
        }
        let bearable = malicious * 2 <= others.len();
        exposure.eclipsed += usize::from(bearable && missed * 1_000 > due);
    }
    exposure
}

fn percentile(sorted: &[u64], percent: usize) -> u64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).copied().unwrap_or_default()
}

/// A quotient with two places.
#[expect(clippy::cast_precision_loss, reason = "these are figures for people, far below 2^52")]
fn ratio(a: u64, b: u64) -> f64 {
    if b == 0 { 0.0 } else { (a as f64 * 100.0 / b as f64).round() / 100.0 }
}
