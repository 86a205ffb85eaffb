//! The event loop: virtual time, links and what travels on them.
//!
//! Invariant: everything random comes from one seeded generator, drawn in the order of events, and
//! events at the same time happen in the order they were made.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tatum_overlay::frame::{self, Packer};
use tatum_overlay::permissions::SignedPermissions;
use tatum_overlay::{ChainKey, Frame, Link, Message, Now, Output, Priority};
use tatum_primitives::{Epoch, NodeId};
use tatum_protocol::Stream;
use tatum_protocol::tracker::{FromTracker, ToTracker};
use tatum_receipt::checks::StatedFacts;
use tatum_receipt::{Contents, ReceiptKey, SignedReceipt, StoredReceipt, Witnessed};

use super::chain::Chain;
use super::deployment::{facts, stream_name, verifier};
use super::host::{Host, Seat};
use super::population::{Arrival, Node, Role, populate};
use super::survey::Survey;
use super::{Attack, Drops, Scenario, attack};
use crate::Regions;

/// When the world begins, milliseconds since 1970.
const START_MS: u64 = 1_700_000_000_000;
/// Nodes look at the time this often.
const TICK_US: u64 = 50_000;
/// Work per frame at its receiver.
const WORK_US: u64 = 100;
/// What a lost control frame costs beyond a round trip.
const RETRANSMIT_US: u64 = 50_000;
/// Time for everybody to be introduced to their neighbours, and to attach to them.
pub(super) const WARM_UP_US: u64 = 8_000_000;
/// A node reviews its neighbours every so many looks at the time.
const REVIEW_TICKS: u64 = 20;

/// All of it happens in one epoch.
pub(super) const EPOCH: Epoch = Epoch(1);

pub(super) enum Event {
    Tick(usize, u64),
    Spam(usize),
    Publish(usize),
    Arrive { from: usize, to: usize, generation: u32, packet: Bytes, hops: u32 },
    Connect(usize, usize),
    Vanished { tracker: usize, seat: Seat },
    ToTracker { tracker: usize, seat: Seat, text: Box<ToTracker> },
    FromTracker { tracker: usize, number: usize, seat: Seat, text: Box<FromTracker> },
    Sweep(usize),
    KillTracker(usize),
    StartTracker(usize),
    PublishLists(u64),
    Survey,
    Link(usize, usize),
    Unlink(usize, usize),
    Crash(usize),
    Restart(usize),
    Harass(usize),
}

struct Due {
    at_us: u64,
    number: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        (self.at_us, self.number) == (other.at_us, other.number)
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at_us, self.number).cmp(&(other.at_us, other.number))
    }
}

/// The whole simulated network.
pub(super) struct World {
    pub(super) scenario: Scenario,
    pub(super) regions: Regions,
    pub(super) nodes: Vec<Node>,
    pub(super) by_id: BTreeMap<NodeId, usize>,
    pub(super) trackers: Vec<Host>,
    pub(super) facts: StatedFacts,
    pub(super) streams: Vec<Stream>,
    /// The newest permission list of each stream.
    pub(super) lists: Vec<SignedPermissions>,
    pub(super) chains: Vec<Chain>,
    /// When each message was published.
    pub(super) published_us: Vec<u64>,
    pub(super) numbers: BTreeMap<(ChainKey, u64), usize>,
    /// Open links, both ways, with the number of the link between the two.
    pub(super) links: BTreeMap<(usize, usize), u32>,
    pub(super) generations: u32,
    /// Until when one does not want a link with the other.
    pub(super) away_until_us: BTreeMap<(usize, usize), u64>,
    pub(super) receipts: BTreeMap<ReceiptKey, SignedReceipt>,
    /// What lies beside each of them.
    pub(super) beside: BTreeMap<ReceiptKey, Contents>,
    /// Messages that the newest signed receipt of each account counts.
    pub(super) signed: BTreeMap<ReceiptKey, u64>,
    pub(super) rejected: u64,
    /// Requests that trackers refused.
    pub(super) refusals: u64,
    /// Who took part where, at some moments.
    pub(super) surveys: Vec<Survey>,
    pub(super) rng: StdRng,
    pub(super) now_us: u64,
    last_arrival: BTreeMap<(usize, usize), u64>,
    queue: BinaryHeap<Reverse<Due>>,
    events: u64,
}

impl World {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut rng = StdRng::seed_from_u64(scenario.seed);
        let regions = Regions::cloud();
        let nodes = populate(scenario, regions.count(), &mut rng);
        let by_id = nodes.iter().enumerate().map(|(number, node)| (node.id(), number)).collect();
        let streams = (0..scenario.streams).map(|stream| stream_name(stream, scenario)).collect();
        let publishers = scenario.nodes..scenario.nodes + scenario.publishers;
        let chains = publishers.map(|number| Chain::new(number, scenario)).collect();
        let operators = nodes.iter().filter_map(|node| Some((node.id(), node.place.operator?)));
        let facts = facts(operators, scenario.quota_bytes);
        Self {
            scenario: *scenario,
            regions,
            nodes,
            by_id,
            trackers: (0..scenario.trackers).map(|number| Host::new(number, scenario)).collect(),
            facts,
            streams,
            lists: Vec::new(),
            chains,
            published_us: Vec::new(),
            numbers: BTreeMap::new(),
            links: BTreeMap::new(),
            generations: 0,
            away_until_us: BTreeMap::new(),
            receipts: BTreeMap::new(),
            beside: BTreeMap::new(),
            signed: BTreeMap::new(),
            rejected: 0,
            refusals: 0,
            surveys: Vec::new(),
            rng,
            now_us: 0,
            last_arrival: BTreeMap::new(),
            queue: BinaryHeap::new(),
            events: 0,
        }
    }

    /// Plays the scenario to its end.
    pub(super) fn play(&mut self) {
        if self.scenario.is_private {
            self.publish_lists(1);
            let halfway_us = self.scenario.length_ms() * 500;
            self.at(WARM_UP_US + halfway_us, Event::PublishLists(2));
        }
        self.start_trackers(WARM_UP_US);
        self.start_all();
        for number in 0..self.nodes.len() {
            let offset = self.rng.random_range(0..TICK_US);
            self.at(offset, Event::Tick(number, 0));
            match self.nodes[number].attack {
                Some(Attack::Spam) => self.at(WARM_UP_US / 2 + offset, Event::Spam(number)),
                Some(Attack::Eclipse) => self.at(WARM_UP_US + offset, Event::Harass(number)),
                Some(Attack::Drop | Attack::Delay) | None => {}
            }
        }
        let interval_us = self.scenario.interval_ms * 1_000;
        for message in 0..self.scenario.messages {
            self.at(WARM_UP_US + message as u64 * interval_us, Event::Publish(message));
        }
        let end_us = WARM_UP_US + self.scenario.messages as u64 * interval_us;
        self.plan_churn(end_us);
        self.run_until(end_us + self.scenario.settle_ms * 1_000);
        self.survey();
        self.close_accounts();
        self.run_until(self.now_us + 3_000_000);
    }

    /// Everybody starts, in random order, relays first: so trackers know them when the first client comes.
    fn start_all(&mut self) {
        let mut order: Vec<usize> = (0..self.nodes.len()).collect();
        order.shuffle(&mut self.rng);
        order.sort_by_key(|number| self.nodes[*number].role != Role::Relay);
        let (now, trackers) = (self.now(), self.trackers.len());
        for number in order {
            self.nodes[number].begin(number, &self.scenario, trackers, &now, &mut self.rng);
            self.start(number);
        }
    }

    pub(super) fn at(&mut self, at_us: u64, event: Event) {
        self.events += 1;
        self.queue.push(Reverse(Due { at_us, number: self.events, event }));
    }

    pub(super) fn after(&mut self, wait_us: u64, event: Event) {
        self.at(self.now_us + wait_us, event);
    }

    pub(super) fn now(&self) -> Now {
        let ms = self.now_us / 1_000;
        Now { monotonic_ms: ms, wall_ms: START_MS + ms, epoch: EPOCH }
    }

    fn run_until(&mut self, end_us: u64) {
        while self.queue.peek().is_some_and(|due| due.0.at_us <= end_us) {
            let Some(Reverse(due)) = self.queue.pop() else { break };
            self.now_us = due.at_us;
            self.happen(due.event);
        }
        self.now_us = end_us;
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Tick(number, tick) => self.tick(number, tick),
            Event::Spam(number) => self.spam(number),
            Event::Publish(message) => self.publish(message),
            Event::Arrive { from, to, generation, packet, hops } => {
                if self.links.get(&(to, from)) == Some(&generation) {
                    self.arrive(from, to, &packet, hops);
                }
            }
            Event::Connect(number, tracker) => self.connect(number, tracker),
            Event::Vanished { tracker, seat } => self.end_seat(tracker, seat),
            Event::ToTracker { tracker, seat, text } => self.heard(tracker, seat, *text),
            Event::FromTracker { tracker, number, seat, text } => {
                self.told(tracker, number, seat, *text);
            }
            Event::Sweep(tracker) => self.sweep(tracker),
            Event::KillTracker(tracker) => self.kill_tracker(tracker),
            Event::StartTracker(tracker) => self.start_tracker(tracker),
            Event::PublishLists(version) => self.publish_lists(version),
            Event::Survey => self.survey(),
            Event::Link(a, b) => self.link(a, b),
            Event::Unlink(a, b) => self.unlink(a, b),
            Event::Crash(number) => self.crash(number),
            Event::Restart(number) => self.restart(number),
            Event::Harass(number) => self.harass(number),
        }
    }

    fn tick(&mut self, number: usize, tick: u64) {
        if self.nodes[number].alive {
            let now = self.now();
            self.nodes[number].overlay.tick(&now);
            if tick.is_multiple_of(REVIEW_TICKS) {
                self.review(number);
            }
            self.drain(number, None);
            // What came out may ask for other neighbours.
            self.attend(number);
            self.dial(number);
        }
        self.after(TICK_US, Event::Tick(number, tick + 1));
    }

    fn arrive(&mut self, from: usize, to: usize, packet: &Bytes, hops: u32) {
        let now = self.now();
        let before = self.nodes[to].overlay.counters().messages;
        self.nodes[to].overlay.packet(Link(from as u64), packet, &now);
        let mut current = None;
        if self.nodes[to].overlay.counters().messages > before {
            current = self.message_in(packet);
            if let Some(message) = current {
                let arrival = Arrival { at_us: self.now_us, hops };
                self.nodes[to].arrivals[message].get_or_insert(arrival);
            }
        }
        self.drain(to, current);
    }

    /// The number of the message in a packet.
    fn message_in(&self, packet: &Bytes) -> Option<usize> {
        let frames = frame::decode(packet).ok()?;
        frames.into_iter().find_map(|(frame, _)| {
            let Frame::Message(message) = frame else { return None };
            self.number_of(&message)
        })
    }

    pub(super) fn number_of(&self, message: &Message) -> Option<usize> {
        self.numbers.get(&(message.chain, message.at.sequence)).copied()
    }

    /// Carries out what a node decided. `current` is the message it is forwarding.
    pub(super) fn drain(&mut self, number: usize, current: Option<usize>) {
        let now = self.now();
        while let Some(output) = self.nodes[number].overlay.poll() {
            match output {
                Output::Send { link, frame, priority } => {
                    let to = usize::try_from(link.0).unwrap_or(usize::MAX);
                    self.send(number, to, &frame, priority, current);
                }
                Output::Deliver(message) => self.delivered(number, *message),
                Output::Gap { .. } => self.nodes[number].gaps += 1,
                Output::AttachAsked { link, attach, .. } => {
                    let held = self.receipts_of(number, &attach);
                    let quota_bytes = self.scenario.quota_bytes;
                    self.nodes[number].overlay.admit(link, &attach, &held, quota_bytes, &now);
                }
                Output::QuotaWanted { payer, .. } => self.set_quota(number, payer),
                Output::LeaseWanted { claim, evidence } => {
                    self.lease_wanted(number, claim, evidence);
                }
                Output::ReceiptOffered { link, bytes } => self.take_receipt(number, link, &bytes),
                Output::Distrusted { node } => self.avoid(number, node),
                Output::ReceiptSigned(signed) => {
                    let receipt = &signed.signed.receipt;
                    self.signed.insert(receipt.key(), receipt.messages);
                    self.nodes[number].overlay.send_receipt(&signed, &now);
                }
                Output::Disconnect { node, retry_after_ms, .. }
                | Output::Dismissed { node, retry_after_ms, .. } => {
                    if let Some(other) = self.by_id.get(&node).copied() {
                        self.send_away(number, other, retry_after_ms * 1_000);
                    }
                }
                Output::Misbehaved { link, .. } => {
                    let other = usize::try_from(link.0).unwrap_or(usize::MAX);
                    self.send_away(number, other, 15_000_000);
                }
                Output::Accepted { .. }
                | Output::ReceiptSettled { .. }
                | Output::ReceiptRejected { .. }
                | Output::Admitted { .. }
                | Output::Refused { .. } => {}
                Output::Unserved { stream, .. } => {
                    self.nodes[number].attendance.unserved(stream, now.monotonic_ms);
                }
            }
        }
    }

    fn take_receipt(&mut self, relay: usize, link: Link, bytes: &[u8]) {
        let now = self.now();
        let Ok(Witnessed { signed, contents }) = Witnessed::decode(bytes) else { return };
        if self.nodes[relay].overlay.check_delivered(&signed.receipt).is_err() {
            self.rejected += 1;
            return;
        }
        let held = self.receipts.get(&signed.receipt.key());
        if tatum_receipt::step(held, &signed) == tatum_receipt::Step::Advance {
            self.receipts.insert(signed.receipt.key(), signed.clone());
            self.beside.insert(signed.receipt.key(), contents);
        }
        let stored = StoredReceipt::written(&signed);
        let word = verifier().acknowledge(self.nodes[relay].key.signing_key(), &stored);
        self.nodes[relay].overlay.acknowledge(link, &stored, word, &now);
    }

    fn send(
        &mut self,
        from: usize,
        to: usize,
        frame: &Bytes,
        priority: Priority,
        current: Option<usize>,
    ) {
        let bulk = priority >= Priority::Live;
        let attack = self.nodes[from].attack;
        if bulk && attack.is_some_and(Attack::swallows) {
            return;
        }
        let mut packer = Packer::default();
        packer.push(frame);
        let Some(packet) = packer.finish() else { return };
        if bulk && self.keeps(from, &packet) {
            return;
        }
        let message = match priority {
            Priority::Live => current,
            Priority::Repair => self.message_in(&packet),
            Priority::Account | Priority::Control => None,
        };
        let arrival = message.and_then(|message| self.nodes[from].arrivals[message]);
        let hops = arrival.map_or(0, |arrival| arrival.hops) + 1;
        let late = bulk && attack == Some(Attack::Delay);
        let wait_us = if late { Attack::DELAY_US } else { 0 };
        self.fly((from, to), packet, hops, wait_us, bulk);
    }

    /// Whether a node keeps what is in a packet to itself.
    fn keeps(&self, number: usize, packet: &Bytes) -> bool {
        let Some(Drops { operator, stream, one_in }) = self.scenario.drops else { return false };
        if self.nodes[number].place.operator != Some(operator) {
            return false;
        }
        let (key, frames) = (self.streams[stream].key(), frame::decode(packet));
        frames.unwrap_or_default().into_iter().any(|(frame, _)| match frame {
            Frame::Message(message) => {
                message.stream_key == key && message.at.sequence.is_multiple_of(one_in)
            }
            _ => false,
        })
    }

    fn fly(&mut self, ends: (usize, usize), packet: Bytes, hops: u32, wait_us: u64, bulk: bool) {
        let Some(generation) = self.links.get(&ends).copied() else { return };
        let one_way_us = self.one_way_us(ends.0, ends.1);
        let lost = self.rng.random_range(0..1_000) < self.scenario.loss_permille;
        if lost && bulk {
            return;
        }
        let again_us = if lost { 2 * one_way_us + RETRANSMIT_US } else { 0 };
        let jitter_us = self.rng.random_range(0..=one_way_us / 10);
        let at_us = self.now_us + wait_us + one_way_us + jitter_us + again_us + WORK_US;
        // A data channel keeps its order; what is delayed on purpose overtakes nothing either.
        let last_us = self.last_arrival.entry(ends).or_default();
        *last_us = at_us.max(*last_us);
        let at_us = *last_us;
        let (from, to) = ends;
        self.at(at_us, Event::Arrive { from, to, generation, packet, hops });
    }

    pub(super) fn one_way_us(&self, a: usize, b: usize) -> u64 {
        let region = |number: usize| usize::from(self.nodes[number].place.region).saturating_sub(1);
        self.regions.one_way_us(region(a), region(b))
    }

    fn spam(&mut self, number: usize) {
        let range = (number, 0)..=(number, usize::MAX);
        let victims: Vec<usize> = self.links.range(range).map(|((_, to), _)| *to).collect();
        let stream = self.streams[self.scenario.stream_of(number)].key();
        for victim in victims {
            let packet = attack::spam(stream, self.now().wall_ms, &mut self.rng);
            self.fly((number, victim), packet, 0, 0, false);
        }
        self.after(Attack::SPAM_EVERY_US, Event::Spam(number));
    }

    /// Nodes that were never away and are honest, of a role.
    pub(super) fn steady(&self, role: Role) -> impl Iterator<Item = (usize, &Node)> {
        let nodes = self.nodes.iter().enumerate();
        nodes.filter(move |(_, node)| node.role == role && !node.churned && node.attack.is_none())
    }

    /// Who published a message.
    pub(super) fn publisher_of(&self, message: usize) -> usize {
        self.chains[message % self.chains.len()].node
    }

    /// The messages that a node should get: those of its stream; a relay those of the streams that it carries for a while.
    pub(super) fn due_at(&self, number: usize) -> impl Iterator<Item = usize> {
        /// Until a relay that was recruited has its neighbours.
        const SETTLED_US: u64 = 5_000_000;
        let node = &self.nodes[number];
        let takes_part = move |message: &usize| {
            let stream = self.scenario.stream_of(self.publisher_of(*message));
            if node.role != Role::Relay {
                return stream == self.scenario.stream_of(number);
            }
            let since_us = node.carrying_since_us.get(&self.streams[stream].key());
            since_us.is_some_and(|since_us| since_us + SETTLED_US <= self.published_us[*message])
        };
        (0..self.published_us.len()).filter(takes_part)
    }
}
