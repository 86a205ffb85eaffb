//! One node: links and streams in, frames and decisions out.
//!
//! The caller feeds links, packets and time, then drains [`Overlay::poll`]. What needs the chain, a
//! disk, a tracker or the node's key leaves as an [`Output`] and comes back as a call
//! ([`Overlay::admit`], [`Overlay::acknowledge`], [`Overlay::send_receipt`], [`Overlay::leased`]).
//!
//! Invariant: a relay forwards a message only after its publisher's signature was checked, once,
//! and a client counts a message for exactly one neighbour: the one whose valid copy came first.

mod accounts;
mod awaited;
mod channels;
mod client;
mod dispatch;
mod guard;
mod lease;
mod links;
mod messages;
mod neighbours;
mod output;
mod peer;
mod permit;
mod quotas;
mod relay;
mod run;
mod search;
mod service;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tatum_channel::Price;
use tatum_primitives::{Address, Epoch, Nano, NodeId, OperatorId, ReaderId, StreamKey};
use tatum_receipt::{SessionKey, Verifier};

pub use client::Client;
pub use guard::Ceilings;
pub use output::{Counters, Output, PayerSummary, PeerSummary, StreamSummary};

use crate::channel_book::Offer;
use crate::count::Count;
use crate::credit;
use crate::frame::Frame;
use crate::ledger::Cadence;
use crate::message::Publishers;
use crate::order::Order;
use crate::outbox::Priority;
use crate::permissions::Access;
use crate::propagation::{Limits, Propagation};
use crate::repair::Repair;
use crate::score::Deed;
use crate::{ChainKey, Link, Now};
use guard::Guard;
use links::{LinkState, Links};
use peer::Writer;
use quotas::Quotas;
use search::Search;

/// How often neighbours tell each other what they have.
const HEARTBEAT_MS: u64 = 1_000;
/// Receipts and requests for service that a link may make in a second.
const MAX_REQUESTS: u32 = 256;
/// Streams that may pass between us and one neighbour.
const MAX_SHARED_STREAMS: usize = 4_096;
/// A stream that changed is announced in this many heartbeats, in case one is lost.
const ANNOUNCEMENTS: u8 = 3;

/// What this node is and what it may hold.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its ed25519 public key.
    pub id: NodeId,
    /// Whether it forwards messages.
    pub relay: bool,
    /// Digests of the deployment, whose messages and receipts alone count.
    pub verifier: Verifier,
    /// Random, of this process, and told to nobody: signatures are checked in batches by it.
    pub secret: [u8; 32],
    /// The operator it works for, if it relays.
    pub operator_id: Option<OperatorId>,
    /// What it keeps per stream.
    pub limits: Limits,
    /// How much it serves without receipts.
    pub credit: credit::Limits,
    /// What it bears of others.
    pub ceilings: Ceilings,
    /// A message is on time up to this age.
    pub latency_bound_ms: u64,
    /// At what price a relay takes payment channels; without one it takes none.
    pub offer: Option<Offer>,
    /// What a relay asks of those who pay from their stakes, in nano a GiB of quota; without an ask it declines nobody.
    pub ask_nano_per_gib: Option<Nano>,
}

/// Whom a client pays as, and with what.
#[derive(Debug, Clone)]
pub struct PayerConfig {
    /// Who pays.
    pub payer: Address,
    /// Which of the payer's processes this is.
    pub reader: ReaderId,
    /// Signs receipts and requests.
    pub key: SessionKey,
    /// When receipts are due.
    pub cadence: Cadence,
    /// What it pays at most where it has a channel with the relay's operator; without a limit it pays from its stake alone.
    pub channel_limit: Option<Price>,
}

#[derive(Debug)]
struct StreamState {
    propagation: Propagation,
    repair: Repair,
    order: Order,
    announcements: u8,
    subscribed: bool,
    published: bool,
    messages: u64,
    bytes: u64,
    /// Age of first copies, a moving mean over some eight of them.
    delay_ms: u64,
    /// Whether a relay serves us, and whether one accepts from us.
    reading: Search,
    writing: Search,
    access: Access,
    /// Since when; neighbours may hear of it later.
    access_since_ms: u64,
}

/// The whole overlay state of one process.
#[derive(Debug)]
pub struct Overlay {
    config: Config,
    client: Option<Client>,
    links: Links,
    by_node: BTreeMap<NodeId, Link>,
    streams: BTreeMap<StreamKey, StreamState>,
    assigned: BTreeMap<StreamKey, BTreeSet<NodeId>>,
    quotas: Quotas,
    guard: Guard,
    publishers: Publishers,
    /// Publishers whose link broke: what they were accepted, until they come back.
    parked: BTreeMap<(NodeId, StreamKey), Writer>,
    /// Bytes that all streams keep for neighbours.
    kept_bytes: usize,
    epoch: Epoch,
    outputs: VecDeque<Output>,
    counters: Counters,
    heartbeat_ms: u64,
}

impl Overlay {
    /// A node without links; `account` makes it a client that can subscribe and publish.
    #[must_use]
    pub fn new(config: Config, account: Option<PayerConfig>) -> Self {
        let quotas = Quotas::new(config.credit, config.offer, config.ask_nano_per_gib);
        let guard = Guard::new(&config.ceilings);
        let publishers = Publishers::new(config.verifier, config.secret);
        Self {
            client: account.map(Client::new),
            config,
            links: Links::default(),
            by_node: BTreeMap::new(),
            streams: BTreeMap::new(),
            assigned: BTreeMap::new(),
            quotas,
            guard,
            publishers,
            parked: BTreeMap::new(),
            kept_bytes: 0,
            epoch: Epoch::default(),
            outputs: VecDeque::new(),
            counters: Counters::default(),
            heartbeat_ms: 0,
        }
    }

    /// The next thing for the caller to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Counts since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Begins to carry a stream as a relay; false if it carries all that it can, whatever a tracker
    /// thinks of its capacity.
    #[must_use]
    pub fn carry(&mut self, stream: StreamKey) -> bool {
        let room = self.streams.len() < self.config.ceilings.streams;
        if room || self.streams.contains_key(&stream) {
            self.stream(stream);
            return true;
        }
        false
    }

    /// Begins to receive a stream as a client.
    pub fn subscribe(&mut self, stream: StreamKey) {
        self.stream(stream).subscribed = true;
    }

    /// Goes on with a chain of a stream from `next` on; what is missing from there is a gap.
    pub fn resume_chain(&mut self, stream: StreamKey, chain: ChainKey, next: u64, now: &Now) {
        let state = self.stream(stream);
        state.propagation.resume(chain, next, now.monotonic_ms);
        state.order.begin(chain);
    }

    /// Begins to publish to a stream as a client.
    pub fn open_publisher(&mut self, stream: StreamKey) {
        self.stream(stream).published = true;
    }

    /// A link to `node` opened. `operator` is whom the chain says the node works for; on a client
    /// `None` lets the node speak for itself.
    pub fn link_opened(
        &mut self,
        link: Link,
        node: NodeId,
        operator: Option<OperatorId>,
        now: &Now,
    ) {
        self.epoch = now.epoch;
        if !self.welcome(link, node, now) {
            return;
        }
        self.by_node.insert(node, link);
        self.links.open(link, LinkState::new(node, operator));
        self.guard.scores.linked(node);
        let hello = Frame::Hello { relay: self.config.relay, operator_id: self.config.operator_id };
        self.send(link, &hello);
        if let Some(offer) = self.config.offer {
            self.send(link, &Frame::Offer(offer.price));
        }
        let streams: Vec<StreamKey> = self
            .assigned
            .iter()
            .filter(|(_, nodes)| nodes.contains(&node))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in streams {
            self.greet(link, stream, now);
        }
    }

    /// A link is gone.
    pub fn link_closed(&mut self, link: Link) {
        let Some(state) = self.links.close(link) else { return };
        if self.by_node.get(&state.node) == Some(&link) {
            self.by_node.remove(&state.node);
        }
        self.guard.scores.unlinked(state.node);
        for (stream, peer) in state.peers.into_iter() {
            if let Some(reader) = peer.subscriber {
                self.release(&reader);
            }
            if let Some(writer) = peer.publisher {
                self.park(state.node, stream, writer);
            }
        }
    }

    /// Time passed. Call it every 20 to 50 ms.
    pub fn tick(&mut self, now: &Now) {
        self.epoch = now.epoch;
        self.repair(now);
        self.flush_accepted();
        self.lease_tick(now);
        if now.monotonic_ms.saturating_sub(self.heartbeat_ms) >= HEARTBEAT_MS {
            self.heartbeat_ms = now.monotonic_ms;
            self.announce();
            self.note_serving(now);
            self.resume_served(now);
            self.quotas.forget_before(now.epoch.previous().unwrap_or(now.epoch), now);
            self.choose_payments(now);
            self.expire(now);
            self.judge(now);
            self.note_unserved(now);
            self.links.values_mut().for_each(LinkState::next_second);
        }
        self.client_tick(now);
    }

    /// Drops what is too old to be handed on.
    fn expire(&mut self, now: &Now) {
        for stream in self.streams.values_mut() {
            let before = stream.propagation.kept_bytes();
            stream.propagation.expire(now.wall_ms);
            let freed = before.saturating_sub(stream.propagation.kept_bytes());
            self.kept_bytes = self.kept_bytes.saturating_sub(freed);
        }
    }

    fn stream(&mut self, key: StreamKey) -> &mut StreamState {
        let limits = self.config.limits;
        self.streams.entry(key).or_insert_with(|| StreamState {
            propagation: Propagation::new(limits),
            repair: Repair::default(),
            order: Order::default(),
            announcements: 0,
            subscribed: false,
            published: false,
            messages: 0,
            delay_ms: 0,
            bytes: 0,
            reading: Search::default(),
            writing: Search::default(),
            access: Access::open(),
            access_since_ms: 0,
        })
    }

    fn on_hello(&mut self, link: Link, relay: bool, operator_id: Option<OperatorId>) {
        if let Some(state) = self.links.get_mut(&link) {
            state.greeted = true;
            state.relay = relay;
            if self.client.is_some() {
                state.operator = state.operator.or(operator_id);
            }
        }
    }

    fn send(&mut self, link: Link, frame: &Frame) {
        let priority = match frame {
            Frame::Receipt(_)
            | Frame::Acknowledged(_)
            | Frame::Rejected { .. }
            | Frame::Accepted { .. } => Priority::Account,
            Frame::Message(_) => Priority::Live,
            Frame::Hello { .. }
            | Frame::Join { .. }
            | Frame::Attach(_)
            | Frame::Leave { .. }
            | Frame::Admitted { .. }
            | Frame::Refused { .. }
            | Frame::Have { .. }
            | Frame::Want { .. }
            | Frame::Duplicates { .. }
            | Frame::DontWant { .. }
            | Frame::Offer(_)
            | Frame::PayBy { .. }
            | Frame::Goodbye { .. } => Priority::Control,
        };
        self.outputs.push_back(Output::Send { link, frame: frame.encode(), priority });
    }

    fn misbehaved(&mut self, link: Link, reason: String, now: &Now) {
        self.counters.malformed.count(1);
        self.note(link, Deed::Invalid);
        self.sentence(link, now);
        self.outputs.push_back(Output::Misbehaved { link, reason });
    }
}
