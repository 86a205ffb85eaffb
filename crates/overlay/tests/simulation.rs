//! Many nodes in one thread: a seeded network with latency, lost frames and restarts of links.
//!
//! Asserts that every message reaches every subscriber once and in order, and that the receipts'
//! totals equal the deliveries.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::LazyLock;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tatum_overlay::credit;
use tatum_overlay::frame::{Attach, Packer, Refusal};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::message::{ChainKey, Message, MessageRef};
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{Link, Now, Output, Overlay, Priority};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamId, StreamKey,
};
use tatum_receipt::{
    ReceiptKey, SessionKey, Signature, SignedReceipt, StoredReceipt, Verifier, Witnessed,
};
use tatum_tracker::{Place, Shape, Topology};

const EPOCH_MS: u64 = 4_000;
const START_MS: u64 = 1_700_000_000_000;

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn stream() -> StreamKey {
    StreamId::new("sim/ulation").unwrap().key(0)
}

fn node_key(number: usize) -> SigningKey {
    SigningKey::from_bytes(&[u8::try_from(number + 1).unwrap(); 32])
}

static NODE_IDS: LazyLock<Vec<NodeId>> = LazyLock::new(|| {
    let id = |number| NodeId(B256::from(node_key(number).verifying_key().to_bytes()));
    (0..64).map(id).collect()
});

fn node_id(number: usize) -> NodeId {
    NODE_IDS[number]
}

fn session(number: usize) -> SessionKey {
    let mut bytes = [9; 32];
    bytes[24..].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    SessionKey::from_bytes(&bytes).unwrap()
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    at_ms: u64,
    number: u64,
    from: usize,
    to: usize,
    packet: Vec<u8>,
}

struct World {
    nodes: Vec<Overlay>,
    relays: usize,
    links: BTreeSet<(usize, usize)>,
    in_air: BinaryHeap<Reverse<Flight>>,
    last_arrival: BTreeMap<(usize, usize), u64>,
    rng: StdRng,
    loss: f64,
    now_ms: u64,
    flights: u64,
    delivered: Vec<Vec<(ChainKey, u64)>>,
    gaps: usize,
    accepted: u64,
    refused: Vec<Refusal>,
    held: BTreeMap<ReceiptKey, SignedReceipt>,
    mute_receipts: bool,
    kept_back: Vec<(usize, Witnessed)>,
}

impl World {
    fn new(relays: usize, clients: usize, seed: u64, loss: f64, credit: credit::Limits) -> Self {
        let nodes = (0..relays + clients)
            .map(|number| {
                let relay = number < relays;
                let config = Config {
                    id: node_id(number),
                    relay,
                    operator_id: relay.then(|| OperatorId(u32::try_from(number).unwrap())),
                    verifier: verifier(),
                    limits: Limits::default(),
                    credit,
                    ceilings: Ceilings::default(),
                    latency_bound_ms: 2_000,
                    secret: [6; 32],
                    offer: None,
                    ask_nano_per_gib: None,
                };
                let cadence = Cadence { messages: 50, interval_ms: 500, resend_ms: 700 };
                let account = PayerConfig {
                    payer: session(number).address(),
                    reader: ReaderId(u32::try_from(number).unwrap()),
                    key: session(number),
                    cadence,
                    channel_limit: None,
                };
                Overlay::new(config, (!relay).then_some(account))
            })
            .collect::<Vec<_>>();
        let delivered = vec![Vec::new(); nodes.len()];
        Self {
            nodes,
            relays,
            links: BTreeSet::new(),
            in_air: BinaryHeap::new(),
            last_arrival: BTreeMap::new(),
            rng: StdRng::seed_from_u64(seed),
            loss,
            now_ms: 0,
            flights: 0,
            delivered,
            gaps: 0,
            accepted: 0,
            refused: Vec::new(),
            held: BTreeMap::new(),
            mute_receipts: false,
            kept_back: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        Now {
            // No tracker is up, for so long that relays go by the whole quotas.
            monotonic_ms: 10_000 + self.now_ms,
            wall_ms: START_MS + self.now_ms,
            epoch: Epoch(self.now_ms / EPOCH_MS),
        }
    }

    fn connect(&mut self, topology: &Topology) {
        let now = self.now();
        for number in 0..self.nodes.len() {
            let neighbours = topology.neighbours(&node_id(number));
            self.nodes[number].assign(stream(), neighbours, &now);
        }
        for a in 0..self.nodes.len() {
            for b in 0..a {
                if topology.neighbours(&node_id(a)).contains(&node_id(b)) {
                    self.open(a, b);
                }
            }
        }
    }

    fn open(&mut self, a: usize, b: usize) {
        let now = self.now();
        for (one, other) in [(a, b), (b, a)] {
            let operator = (other < self.relays).then(|| OperatorId(u32::try_from(other).unwrap()));
            self.nodes[one].link_opened(Link(other as u64), node_id(other), operator, &now);
            self.links.insert((one, other));
        }
    }

    fn close(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            self.nodes[one].link_closed(Link(other as u64));
            self.links.remove(&(one, other));
        }
    }

    fn run(&mut self, until_ms: u64) {
        while self.now_ms < until_ms {
            self.now_ms += 5;
            while self.in_air.peek().is_some_and(|flight| flight.0.at_ms <= self.now_ms) {
                let Reverse(flight) = self.in_air.pop().unwrap();
                if self.links.contains(&(flight.to, flight.from)) {
                    let now = self.now();
                    let packet = Bytes::from(flight.packet);
                    self.nodes[flight.to].packet(Link(flight.from as u64), &packet, &now);
                }
            }
            for number in 0..self.nodes.len() {
                if self.now_ms.is_multiple_of(25) {
                    let now = self.now();
                    self.nodes[number].tick(&now);
                }
                self.drain(number);
            }
        }
    }

    fn drain(&mut self, number: usize) {
        let now = self.now();
        while let Some(output) = self.nodes[number].poll() {
            match output {
                Output::Send { link, frame, priority } => {
                    let urgent = priority <= Priority::Control;
                    self.fly(number, usize::try_from(link.0).unwrap(), &frame, urgent);
                }
                Output::Deliver(message) => {
                    self.delivered[number].push((message.chain, message.at.sequence));
                }
                Output::Gap { .. } => self.gaps += 1,
                Output::Accepted { .. } => self.accepted += 1,
                Output::AttachAsked { link, attach, signer } => {
                    assert_eq!(signer, attach.payer);
                    let newest = self.held_for(number, &attach);
                    self.nodes[number].admit(link, &attach, &newest, u64::MAX, &now);
                }
                Output::QuotaWanted { payer, epoch } => {
                    self.nodes[number].set_quota(payer, epoch, u64::MAX, &now);
                }
                Output::ReceiptOffered { link, bytes } => self.store(number, link, &bytes),
                Output::ReceiptSigned(signed) => {
                    if self.mute_receipts {
                        self.kept_back.push((number, *signed));
                    } else {
                        self.nodes[number].send_receipt(&signed, &now);
                    }
                }
                Output::Refused { reason, .. } => self.refused.push(reason),
                Output::ReceiptSettled { .. }
                | Output::Admitted { .. }
                | Output::Unserved { .. } => {}
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn held_for(&self, relay: usize, attach: &Attach) -> Vec<StoredReceipt> {
        let wanted = |(key, _): &(&ReceiptKey, &SignedReceipt)| {
            key.node == node_id(relay) && key.payer == attach.payer && key.role == attach.role
        };
        self.held.iter().filter(wanted).map(|(_, signed)| StoredReceipt::written(signed)).collect()
    }

    fn store(&mut self, relay: usize, link: Link, bytes: &[u8]) {
        let now = self.now();
        let signed = Witnessed::decode(bytes).unwrap().signed;
        let held = self.held.get(&signed.receipt.key());
        if tatum_receipt::step(held, &signed) == tatum_receipt::Step::Advance {
            self.held.insert(signed.receipt.key(), signed.clone());
        }
        let stored = StoredReceipt::written(&signed);
        let word = verifier().acknowledge(&node_key(relay), &stored);
        self.nodes[relay].acknowledge(link, &stored, word, &now);
    }

    fn fly(&mut self, from: usize, to: usize, frame: &Bytes, urgent: bool) {
        if !urgent && self.rng.random_bool(self.loss) {
            return;
        }
        let mut packer = Packer::default();
        packer.push(frame);
        let packet = packer.finish().unwrap().to_vec();
        let arrival = self.now_ms + self.rng.random_range(5..60);
        // A data channel keeps its order.
        let last = self.last_arrival.entry((from, to)).or_default();
        *last = arrival.max(*last);
        self.flights += 1;
        let number = self.flights;
        self.in_air.push(Reverse(Flight { at_ms: *last, number, from, to, packet }));
    }

    fn publish(&mut self, number: usize, count: u64) {
        let publisher = session(number);
        let chain = ChainKey { publisher: publisher.address(), chain: 77 };
        let mut previous = None;
        for sequence in 0..count {
            self.run(self.now_ms + 5);
            let at = MessageRef { timestamp_ms: START_MS + self.now_ms, sequence };
            let message = Message {
                stream_key: stream(),
                chain,
                at,
                previous,
                key_id: [0; 8],
                ciphertext: vec![1; 100],
                signature: Signature([0; 65]),
            }
            .signed(&publisher, &verifier());
            previous = Some(at);
            let now = self.now();
            self.nodes[number].publish(&message, &now);
            self.drain(number);
        }
    }
}

/// Relays 0.., then one publisher, then subscribers.
fn world(relays: usize, subscribers: usize, seed: u64, loss: f64, limit: credit::Limits) -> World {
    let mut world = World::new(relays, subscribers + 1, seed, loss, limit);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut topology = Topology::new(Shape::default());
    for number in 0..relays {
        assert!(world.nodes[number].carry(stream()));
        topology.join_relay(node_id(number), Place::default(), &mut rng);
    }
    for number in relays..world.nodes.len() {
        if number == relays {
            world.nodes[number].open_publisher(stream());
        } else {
            world.nodes[number].subscribe(stream());
        }
        topology.join_client(node_id(number), Place::default(), false, &mut rng);
    }
    world.connect(&topology);
    world.run(500);
    world
}

fn assert_complete(world: &World, count: u64) {
    for number in world.relays + 1..world.nodes.len() {
        let numbers: Vec<u64> = world.delivered[number].iter().map(|(_, number)| *number).collect();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "subscriber {number}");
    }
    assert_eq!(world.gaps, 0);
    assert_eq!(world.accepted, count);
}

fn receipted(world: &World, role: Role) -> u64 {
    let of_role = world.held.values().filter(|signed| signed.receipt.role == role);
    of_role.map(|signed| signed.receipt.messages).sum()
}

#[test]
fn every_message_arrives_once_and_in_order_and_receipts_add_up() {
    for seed in 0..3 {
        let mut world = world(12, 5, seed, 0.0, credit::Limits::default());
        world.publish(12, 300);
        world.run(world.now_ms + 6_000);
        assert_complete(&world, 300);
        // Each subscriber credits each message to one relay; the publisher has two relays.
        assert_eq!(receipted(&world, Role::Subscriber), 5 * 300, "seed {seed}");
        assert_eq!(receipted(&world, Role::Publisher), 2 * 300, "seed {seed}");
    }
}

#[test]
fn lost_messages_are_repaired() {
    for seed in 10..13 {
        let mut world = world(12, 5, seed, 0.05, credit::Limits::default());
        world.publish(12, 300);
        world.run(world.now_ms + 8_000);
        assert_complete(&world, 300);
        assert_eq!(receipted(&world, Role::Subscriber), 5 * 300, "seed {seed}");
    }
}

#[test]
fn links_that_break_cost_no_message() {
    let mut world = world(8, 4, 5, 0.02, credit::Limits::default());
    for round in 0..6 {
        let links: Vec<(usize, usize)> = world
            .links
            .iter()
            .copied()
            .filter(|(a, b)| a < b && (a + b + round) % 3 == 0)
            .collect();
        for (a, b) in &links {
            world.close(*a, *b);
        }
        if round == 0 {
            world.publish(8, 200);
        } else {
            world.run(world.now_ms + 300);
        }
        for (a, b) in &links {
            world.open(*a, *b);
        }
        world.run(world.now_ms + 500);
    }
    world.run(world.now_ms + 8_000);
    assert_complete(&world, 200);
}

#[test]
fn service_without_receipts_ends_and_resumes_with_them() {
    let tight = credit::Limits {
        bytes: 5_000,
        duplicate_bytes: 0,
        duplicate_factor: 0,
        ..credit::Limits::default()
    };
    let mut world = world(2, 1, 1, 0.0, tight);
    world.mute_receipts = true;
    world.publish(2, 150);
    world.run(world.now_ms + 300);
    assert!(world.refused.iter().any(|reason| matches!(reason, Refusal::Credit { .. })));
    let stopped_at = world.delivered[3].len();
    assert!(stopped_at < 150, "delivered {stopped_at} without a receipt");
    world.mute_receipts = false;
    let now = world.now();
    for (number, signed) in std::mem::take(&mut world.kept_back) {
        world.nodes[number].send_receipt(&signed, &now);
    }
    world.run(world.now_ms + 20_000);
    assert!(world.delivered[3].len() > stopped_at);
}
