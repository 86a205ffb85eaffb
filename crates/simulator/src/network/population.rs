//! Who takes part: relays, subscribers and publishers, their keys, places and manners.
//!
//! Invariant: node numbers are dense: relays first, then subscribers, then publishers.

use std::collections::{BTreeMap, BTreeSet};

use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use tatum_overlay::attendance::{Attendance, Times};
use tatum_overlay::client::{Keyring, Opener, Rotation};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::permissions::Book;
use tatum_overlay::propagation::Limits;
use tatum_overlay::seal::GroupKey;
use tatum_overlay::{Block, ChainKey, Now, Overlay, credit};
use tatum_primitives::{NodeId, OperatorId, ReaderId, StreamKey};
use tatum_protocol::{NodeKey, Stream};

use tatum_tracker::topology::Place;

use super::deployment::{session, stream_name, verifier};
use super::host::Seat;
use super::{Attack, Scenario};

/// Nodes of an honest operator.
const NODES_PER_OPERATOR: usize = 4;
/// Nodes of a malicious operator that does not try to eclipse.
const NODES_PER_ATTACKER: usize = 8;
/// Address blocks of those that try to eclipse, all of one operator.
const ECLIPSE_BLOCKS: u32 = 3;
/// When streams change their trackers: as in production.
const TIMES: Times = Times { patience_ms: 10_000, return_ms: 30_000, linger_ms: 60_000 };

/// What a node is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Relay,
    Subscriber,
    Publisher,
}

/// When and over how many links a message reached a node first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Arrival {
    pub(super) at_us: u64,
    pub(super) hops: u32,
}

#[derive(Debug)]
pub(super) struct Node {
    pub(super) overlay: Overlay,
    pub(super) attendance: Attendance,
    /// Its connection to each tracker.
    pub(super) seats: Vec<Option<Seat>>,
    /// By what name each of its streams is known.
    pub(super) names: BTreeMap<StreamKey, Stream>,
    pub(super) book: Book,
    /// A publisher's keys, where payloads are sealed.
    pub(super) keyring: Option<Keyring>,
    /// A subscriber's, where payloads are sealed.
    pub(super) opener: Option<Opener>,
    pub(super) role: Role,
    pub(super) key: NodeKey,
    pub(super) place: Place,
    pub(super) attack: Option<Attack>,
    pub(super) alive: bool,
    /// It crashed at least once.
    pub(super) churned: bool,
    /// Changes with each start.
    pub(super) incarnation: u64,
    /// Neighbours may have changed since it offered links last.
    pub(super) must_dial: bool,
    /// When it offered a link to whom.
    pub(super) dialled_us: BTreeMap<usize, u64>,
    /// Since when a relay carries which stream.
    pub(super) carrying_since_us: BTreeMap<StreamKey, u64>,
    /// By the number of the message.
    pub(super) arrivals: Vec<Option<Arrival>>,
    /// Deliveries in order to the application, for subscribers.
    pub(super) delivered: u64,
    /// Deliveries that did not come after all earlier ones of their chain.
    pub(super) misordered: u64,
    /// The last number that was delivered of each chain since it started.
    pub(super) last_delivered: BTreeMap<ChainKey, u64>,
    /// Runs of messages that it gave up.
    pub(super) gaps: u64,
    /// Numbers of the messages that the application could read.
    pub(super) read: BTreeSet<usize>,
    /// What was counted before it crashed last.
    pub(super) duplicates_before: u64,
    pub(super) graylisted_before: u64,
}

impl Node {
    pub(super) fn id(&self) -> NodeId {
        self.key.id()
    }

    /// Numbers of the messages that reached it.
    pub(super) fn got(&self) -> Vec<usize> {
        let arrivals = self.arrivals.iter().enumerate();
        arrivals.filter(|(_, arrival)| arrival.is_some()).map(|(number, _)| number).collect()
    }

    /// It starts, without memory of an earlier run.
    pub(super) fn begin(
        &mut self,
        number: usize,
        scenario: &Scenario,
        trackers: usize,
        now: &Now,
        rng: &mut StdRng,
    ) {
        self.overlay = overlay(number, self.role, &self.key, self.place.operator);
        let is_relay = self.role == Role::Relay;
        self.attendance = Attendance::new(trackers, TIMES, is_relay, now.monotonic_ms);
        self.seats = vec![None; trackers];
        self.names.clear();
        self.book = Book::new(verifier());
        let (publisher, stream) = (session(number).address(), scenario.stream_of(number));
        let place = (stream_name(stream, scenario).key(), publisher);
        let sealed = |role| self.role == role && scenario.is_private;
        self.keyring = sealed(Role::Publisher).then(|| {
            let drawn = (Vec::new(), GroupKey::new(rng.random()));
            Keyring::new(place, drawn, Some(Rotation::default()), now.monotonic_ms)
        });
        self.opener = sealed(Role::Subscriber).then(|| Opener::new(None));
        self.alive = true;
        self.incarnation += 1;
        self.must_dial = true;
        self.dialled_us.clear();
        self.last_delivered.clear();
        self.carrying_since_us.clear();
    }
}

fn node_key(number: usize) -> NodeKey {
    let mut bytes = [3; 32];
    bytes[..8].copy_from_slice(&(number as u64).to_be_bytes());
    NodeKey::from_bytes(&bytes)
}

/// All nodes of a scenario, in `regions` regions.
pub(super) fn populate(scenario: &Scenario, regions: usize, rng: &mut StdRng) -> Vec<Node> {
    let relays = scenario.relays();
    let mut attacks: Vec<Option<Attack>> = (0..relays)
        .map(|number| (number < scenario.malicious()).then(|| Attack::ALL[number % 4]))
        .collect();
    attacks.shuffle(rng);
    let mut malicious = 0;
    let mut nodes = Vec::new();
    for number in 0..scenario.nodes + scenario.publishers {
        let role = match number {
            _ if number < relays => Role::Relay,
            _ if number < scenario.nodes => Role::Subscriber,
            _ => Role::Publisher,
        };
        let attack = attacks.get(number).copied().flatten();
        malicious += usize::from(attack.is_some());
        let region = match role {
            Role::Publisher => number % regions,
            Role::Relay | Role::Subscriber => rng.random_range(0..regions),
        };
        // Region 0 means unknown to trackers.
        let region = u16::try_from(region + 1).unwrap_or_default();
        let place = place(number, malicious, role, attack, region);
        let key = node_key(number);
        nodes.push(newborn(number, role, key, (place, attack), scenario.messages));
    }
    nodes
}

/// A node that was never started.
fn newborn(
    number: usize,
    role: Role,
    key: NodeKey,
    (place, attack): (Place, Option<Attack>),
    messages: usize,
) -> Node {
    Node {
        overlay: overlay(number, role, &key, place.operator),
        attendance: Attendance::new(0, TIMES, role == Role::Relay, 0),
        seats: Vec::new(),
        names: BTreeMap::new(),
        book: Book::new(verifier()),
        keyring: None,
        opener: None,
        role,
        key,
        place,
        attack,
        alive: false,
        churned: false,
        incarnation: 0,
        must_dial: false,
        dialled_us: BTreeMap::new(),
        carrying_since_us: BTreeMap::new(),
        arrivals: vec![None; messages],
        delivered: 0,
        misordered: 0,
        last_delivered: BTreeMap::new(),
        gaps: 0,
        read: BTreeSet::new(),
        duplicates_before: 0,
        graylisted_before: 0,
    }
}

fn place(
    number: usize,
    malicious: usize,
    role: Role,
    attack: Option<Attack>,
    region: u16,
) -> Place {
    let small = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let (operator, block) = match attack {
        Some(Attack::Eclipse) => (2_000_000, 2_000_000 + small(malicious) % ECLIPSE_BLOCKS),
        Some(_) => {
            let operator = small(malicious / NODES_PER_ATTACKER);
            (1_000_000 + operator, 1_000_000 + operator)
        }
        None => (small(number / NODES_PER_OPERATOR), small(number)),
    };
    let operator = (role == Role::Relay).then_some(OperatorId(operator));
    Place { region, operator, block: Some(Block::numbered(block)) }
}

fn overlay(number: usize, role: Role, key: &NodeKey, operator_id: Option<OperatorId>) -> Overlay {
    let config = Config {
        id: key.id(),
        relay: role == Role::Relay,
        operator_id,
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    };
    let account = (role != Role::Relay).then(|| PayerConfig {
        payer: session(number).address(),
        reader: ReaderId(0),
        key: session(number),
        cadence: Cadence { messages: 100, interval_ms: 1_000, resend_ms: 1_000 },
        channel_limit: None,
    });
    Overlay::new(config, account)
}
