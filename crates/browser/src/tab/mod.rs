//! One client in one tab: what it is told goes to its overlay, and what the overlay decides becomes what the page is to do.
//!
//! Invariant: every input is followed by all that it causes, in the overlay's order, and packets leave last, so frames that were
//! caused together share them.

mod finishing;
mod links;
mod outputs;
mod publishing;
mod reading;
#[cfg(test)]
mod tests;
mod trackers;

use std::collections::BTreeMap;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tatum_overlay::attendance::Attendance;
use tatum_overlay::client::Opener;
use tatum_overlay::credit;
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::permissions::Book;
use tatum_overlay::propagation::Limits;
use tatum_overlay::seal::GroupKey;
use tatum_overlay::{Link, Now, Overlay};
use tatum_primitives::{ReaderId, StreamKey};
use tatum_protocol::{NodeKey, Stream};
use tatum_receipt::{SessionKey, Verifier};

use crate::clock::Clock;
use crate::{Input, Moment, Output, Terms};
use finishing::Finishing;
use links::Links;
use publishing::Publishing;
use trackers::Trackers;

/// A message is on time up to this age.
const LATENCY_BOUND_MS: u64 = 2_000;
/// The overlay is ticked no more often.
const TICK_MS: u64 = 20;
/// How often links are looked after.
const LOOK_MS: u64 = 1_000;
/// Bytes received that are looked at together, about: what follows must not wait for too many signatures to be checked.
const RUN_BYTES: usize = 24 * 1024;

/// What was counted for the user.
#[derive(Debug, Default)]
struct Counts {
    messages: u64,
    signed: u64,
    settled: u64,
    rejected: u64,
}

/// A client.
#[derive(Debug)]
pub struct Tab {
    key: NodeKey,
    account: PayerConfig,
    verifier: Verifier,
    group_key: Option<GroupKey>,
    random: StdRng,
    clock: Clock,
    overlay: Overlay,
    attendance: Attendance,
    trackers: Trackers,
    links: Links,
    book: Book,
    names: BTreeMap<StreamKey, Stream>,
    opener: Opener,
    publishing: BTreeMap<StreamKey, Publishing>,
    /// Packets that were told and not looked at yet, by link; those of a link in order.
    arrived: Vec<(u64, Vec<Bytes>)>,
    arrived_bytes: usize,
    ticked_ms: u64,
    looked_ms: u64,
    asked_ms: u64,
    counts: Counts,
    finishing: Finishing,
    outputs: Vec<Output>,
}

impl Tab {
    /// Opens a client; it begins with its first tick.
    ///
    /// # Errors
    /// Says what is wrong with the terms.
    pub fn open(terms: &Terms, moment: Moment) -> Result<Self, String> {
        terms.check()?;
        let mut random = StdRng::from_seed(terms.seed.0);
        let key = NodeKey::from_bytes(&random.random());
        let session = SessionKey::from_bytes(&terms.key.0).map_err(|error| error.to_string())?;
        let verifier = Verifier::new(terms.domain);
        let account = PayerConfig {
            payer: terms.payer,
            reader: ReaderId(random.random()),
            key: session,
            cadence: Cadence::default(),
            channel_limit: None,
        };
        let config = Config {
            id: key.id(),
            relay: false,
            verifier,
            secret: random.random(),
            operator_id: None,
            limits: Limits { history: terms.history, ..Limits::default() },
            credit: credit::Limits::default(),
            ceilings: Ceilings::default(),
            latency_bound_ms: LATENCY_BOUND_MS,
            offer: None,
            ask_nano_per_gib: None,
        };
        let group_key = terms.group_key.map(|key| GroupKey::new(key.0));
        let trackers = Trackers::new(&terms.trackers, random.random());
        let count = terms.trackers.len();
        Ok(Self {
            overlay: Overlay::new(config, Some(account.clone())),
            attendance: Attendance::new(count, Terms::TIMES, false, moment.monotonic_ms),
            trackers,
            links: Links::default(),
            book: Book::new(verifier),
            names: BTreeMap::new(),
            opener: Opener::new(group_key.clone()),
            publishing: BTreeMap::new(),
            clock: Clock::new(terms.schedule, moment),
            key,
            account,
            verifier,
            group_key,
            random,
            arrived: Vec::new(),
            arrived_bytes: 0,
            ticked_ms: 0,
            looked_ms: 0,
            asked_ms: 0,
            counts: Counts::default(),
            finishing: Finishing::default(),
            outputs: Vec::new(),
        })
    }

    /// Tells what happened, and takes what is to be done about it.
    pub fn tell(&mut self, input: Input, body: &[u8], moment: Moment) -> Vec<Output> {
        self.clock.set(moment);
        if let Input::Packet { link } = input {
            self.packet(link, body);
        } else {
            // What came before counts before.
            self.look_at_packets();
            self.input(input, body);
        }
        self.tick();
        self.pump();
        std::mem::take(&mut self.outputs)
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn input(&mut self, input: Input, body: &[u8]) {
        let now = self.now();
        match input {
            Input::Subscribe { stream } => self.subscribe(stream),
            Input::OpenPublisher { stream } => self.open_publisher(stream),
            Input::Publish { stream, ticket } => self.publish(&stream, ticket, body),
            Input::SocketOpened { no } => self.trackers.opened(no, &now),
            Input::SocketText { no } => self.socket_text(no, body),
            Input::SocketClosed { no, reason } => self.socket_closed(no, reason),
            Input::Described { link } => self.described(link, body),
            Input::LinkOpened { link } => {
                if let Some(node) = self.links.opened(link) {
                    self.overlay.link_opened(Link(link), node, None, &now);
                }
            }
            Input::LinkClosed { link } => {
                self.overlay.link_closed(Link(link));
                self.links.closed(link, &now);
            }
            Input::Unsent { link } => {
                self.overlay.unsent(Link(link), &Bytes::copy_from_slice(body), &now);
            }
            Input::Status => self.status(),
            Input::Finish { patience_ms } => self.finishing.begin(patience_ms, &now),
            // Packets are taken before; a tick follows every input.
            Input::Packet { .. } | Input::Tick => {}
        }
    }

    fn packet(&mut self, link: u64, body: &[u8]) {
        self.arrived_bytes = self.arrived_bytes.saturating_add(body.len());
        let packet = Bytes::copy_from_slice(body);
        match self.arrived.iter_mut().find(|(of, _)| *of == link) {
            Some((_, packets)) => packets.push(packet),
            None => self.arrived.push((link, vec![packet])),
        }
        if self.arrived_bytes >= RUN_BYTES {
            self.look_at_packets();
        }
    }

    fn look_at_packets(&mut self) {
        let now = self.now();
        self.arrived_bytes = 0;
        for (link, packets) in std::mem::take(&mut self.arrived) {
            self.overlay.packets(Link(link), &packets, &now);
        }
    }

    /// Does what is due. A page that is not in view calls rarely, so whatever it tells is taken for a tick too.
    fn tick(&mut self) {
        let now = self.now();
        if now.monotonic_ms.saturating_sub(self.ticked_ms) < TICK_MS {
            return;
        }
        self.ticked_ms = now.monotonic_ms;
        self.overlay.tick(&now);
        self.trackers.tick(&now, &mut self.outputs);
        self.ask_for_keys(&now);
        if now.monotonic_ms.saturating_sub(self.looked_ms) >= LOOK_MS {
            self.looked_ms = now.monotonic_ms;
            self.attendance.tick(std::iter::empty(), now.monotonic_ms);
            let overlay = &self.overlay;
            let idle = self.links.idle(&now, |node| overlay.is_in_use(node));
            self.end_links(idle);
            self.dial();
        }
        self.finish();
    }

    fn end_links(&mut self, links: impl IntoIterator<Item = u64>) {
        for link in links {
            self.overlay.link_closed(Link(link));
            self.outputs.push(Output::Close { link });
        }
    }

    fn status(&mut self) {
        self.outputs.push(Output::Status {
            node: self.key.id(),
            links: self.links.open_count(),
            trackers: self.trackers.up_count(),
            messages: self.counts.messages,
            unaccepted: self.overlay.unaccepted(),
            receipts_signed: self.counts.signed,
            receipts_settled: self.counts.settled,
            receipts_rejected: self.counts.rejected,
            unsettled: self.overlay.unsettled(),
        });
    }
}
