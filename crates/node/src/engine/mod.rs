//! The one task that owns a node's overlay and feeds it: links, tracker, store, commands, time.
//!
//! Invariant: only this task touches the overlay, so its decisions have an order; slow work (disk)
//! is done by the store task and comes back as an event.

mod asks;
mod channels;
mod commands;
mod finishing;
mod leases;
mod links;
mod outputs;
mod permit;
mod receipt_checker;
mod receipts;
mod store;
mod tracker;
mod trackers;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rand::Rng;
use tatum_database::NodeStore;
use tatum_overlay::attendance::Attendance;
use tatum_overlay::node::{Config as OverlayConfig, PayerConfig};
use tatum_overlay::permissions::Book;
use tatum_overlay::{Block, Now, Overlay};
use tatum_primitives::{Bps, NodeId, OperatorId, StreamKey};
use tatum_receipt::{StoredReceipt, Verifier, Witnessed};
use tatum_webrtc::{CloseReason, Endpoint, Event as LinkEvent, LinkId};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::facts::SharedFacts;
use crate::permissions::read_book;
use crate::tracker_link::TrackerLink;
use crate::trackers::Trackers as Configured;
use crate::{Clock, NodeError, NodeKey};
pub(crate) use commands::{Closing, Command, Notice, Status};
use finishing::Finishing;
use links::Links;
use receipt_checker::ReceiptChecker;
use store::StoreJob;
use tatum_protocol::Stream;
use tatum_protocol::status::ReceiptCounts;
use tatum_protocol::tracker::RelayOffer;
use trackers::{TrackerEvents, Trackers};

const TICK: Duration = Duration::from_millis(25);
/// Events of one kind taken in one run, so that what they cause shares packets.
const RUN: usize = 256;
/// Bytes received in one run, about: what is passed on must not wait for too many signatures to be checked.
const RUN_BYTES: usize = 24 * 1024;
/// How often chain facts about neighbours are looked up again.
const REFRESH_MS: u64 = 1_000;

/// Everything an engine needs to start.
pub(crate) struct Setup {
    pub(crate) key: NodeKey,
    pub(crate) trackers: Configured,
    pub(crate) endpoint: tatum_webrtc::Config,
    pub(crate) overlay: OverlayConfig,
    pub(crate) account: Option<PayerConfig>,
    pub(crate) relay: Option<RelayOffer>,
    pub(crate) region: Option<String>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) facts: Option<SharedFacts>,
    pub(crate) grace_ms: u64,
    /// How much of each channel's deposit a relay counts on.
    pub(crate) channel_part: Bps,
    pub(crate) store: Option<NodeStore>,
    #[cfg(feature = "adversary")]
    pub(crate) drops: Option<crate::adversary::Drops>,
}

/// The handle to a running engine.
#[derive(Debug)]
pub(crate) struct EngineHandle {
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) task: JoinHandle<()>,
}

pub(crate) struct Engine {
    key: NodeKey,
    overlay: Overlay,
    links: Links,
    clock: Arc<dyn Clock>,
    verifier: Verifier,
    facts: Option<SharedFacts>,
    receipt_checker: Option<ReceiptChecker>,
    operator_id: Option<OperatorId>,
    channel_part: Bps,
    trackers: Trackers,
    /// At which trackers we take part in which stream.
    attendance: Attendance,
    /// By what name each stream is known, and so whose it is.
    names: BTreeMap<StreamKey, Stream>,
    book: Book,
    store: Option<mpsc::Sender<StoreJob>>,
    notices: mpsc::Sender<Notice>,
    receipts: ReceiptCounts,
    refreshed_ms: u64,
    /// On whose account a client asks.
    account: Option<PayerConfig>,
    region: Option<String>,
    finishing: Option<Finishing>,
    #[cfg(feature = "adversary")]
    drops: Option<crate::adversary::Drops>,
}

/// The packets of a run, by link; those of a link in order.
#[derive(Debug, Default)]
struct Arrived(Vec<(LinkId, Vec<Bytes>)>);

impl Arrived {
    fn add(&mut self, link: LinkId, packet: Bytes) {
        match self.0.iter_mut().find(|(of, _)| *of == link) {
            Some((_, packets)) => packets.push(packet),
            None => self.0.push((link, vec![packet])),
        }
    }
}

impl Engine {
    /// Starts an engine on the current runtime.
    pub(crate) async fn start(
        setup: Setup,
        notices: mpsc::Sender<Notice>,
    ) -> Result<EngineHandle, NodeError> {
        let (endpoint, link_events) = Endpoint::bind(setup.endpoint).await?;
        let incarnation = rand::rng().random();
        let now = setup.clock.now();
        let (trackers, tracker_events) = Trackers::start(&setup.trackers, |address| TrackerLink {
            address: address.clone(),
            key: setup.key.clone(),
            relay: setup.relay,
            incarnation,
            clock: Arc::clone(&setup.clock),
        });
        let attendance = Attendance::new(
            setup.trackers.list().len(),
            trackers::times(&setup.trackers.handover),
            setup.relay.is_some(),
            now.monotonic_ms,
        );
        let verifier = setup.overlay.verifier;
        let mut overlay = Overlay::new(setup.overlay, setup.account.clone());
        let earliest = setup.clock.epoch().previous().unwrap_or_default();
        let mut book = Book::new(verifier);
        let (store, replies) = match setup.store {
            Some(store) => {
                book = read_book(verifier, &store.permissions().await?);
                let kept = store.since(earliest).await?;
                if setup.relay.is_some() {
                    let held: Vec<_> =
                        kept.iter().map(|kept| kept.stored.receipt().clone()).collect();
                    overlay.restarted(setup.clock.epoch(), &held);
                }
                let lanes = store.lanes().await?;
                overlay.resume_channels(lanes.iter().map(StoredReceipt::receipt));
                lanes.iter().for_each(|lane| overlay.adopt_lane(lane.receipt()));
                for kept in kept {
                    let signed = kept.stored.into_signed();
                    // Lines that do not fit were never written; without them it goes on all the same.
                    let held = Witnessed::new(signed.clone(), kept.contents);
                    let held = held.unwrap_or_else(|_| signed.into());
                    overlay.adopt(&held, kept.acknowledgement.is_some());
                }
                let (jobs, replies) = store::spawn(store);
                (Some(jobs), Some(replies))
            }
            None => (None, None),
        };
        let receipt_checker =
            setup.facts.clone().filter(|_| setup.relay.is_some()).map(|facts| ReceiptChecker {
                node: setup.key.id(),
                verifier,
                facts,
                clock: Arc::clone(&setup.clock),
                grace_ms: setup.grace_ms,
            });
        let engine = Self {
            links: Links::new(endpoint, setup.key.clone(), setup.relay.is_some()),
            key: setup.key,
            overlay,
            clock: setup.clock,
            verifier,
            facts: setup.facts,
            receipt_checker,
            operator_id: None,
            channel_part: setup.channel_part,
            trackers,
            attendance,
            names: BTreeMap::new(),
            book,
            store,
            notices,
            receipts: ReceiptCounts::default(),
            refreshed_ms: 0,
            account: setup.account,
            region: setup.region,
            finishing: None,
            #[cfg(feature = "adversary")]
            drops: setup.drops,
        };
        let (commands, queue) = mpsc::channel(1024);
        let task = tokio::spawn(engine.run(queue, link_events, tracker_events, replies));
        Ok(EngineHandle { commands, task })
    }

    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut link_events: mpsc::Receiver<LinkEvent>,
        mut tracker_events: TrackerEvents,
        mut replies: Option<store::Replies>,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some(command) = command else { return };
                    if self.commands(command, &mut commands).await.is_err() {
                        return;
                    }
                }
                event = link_events.recv() => {
                    let Some(event) = event else { return };
                    self.link_events(event, &mut link_events);
                }
                event = tracker_events.recv() => {
                    if let Some((no, event)) = event
                        && self.tracker_event(no, event).await.is_err()
                    {
                        return;
                    }
                }
                reply = store::next(&mut replies) => self.store_reply(reply),
                _ = ticks.tick() => self.tick().await,
            }
            if self.pump().await.is_err() {
                return;
            }
            if self.finished() {
                // What others may serve shall not go down with us.
                let now = self.now();
                self.overlay.end_leases(&now);
                // The owner may have gone.
                let _ = self.pump().await;
                return;
            }
        }
    }

    async fn commands(
        &mut self,
        first: Command,
        more: &mut mpsc::Receiver<Command>,
    ) -> Result<(), NodeError> {
        self.command(first).await?;
        for _ in 1..RUN {
            let Ok(command) = more.try_recv() else { break };
            self.command(command).await?;
        }
        Ok(())
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    /// Takes the events that are there, up to a run of them: what each link brought is handed over together.
    fn link_events(&mut self, first: LinkEvent, more: &mut mpsc::Receiver<LinkEvent>) {
        let now = self.now();
        let (mut arrived, mut received) = (Arrived::default(), 0_usize);
        let mut next = Some(first);
        for _ in 0..RUN {
            let Some(event) = next else { break };
            match event {
                LinkEvent::Received { link, data } => {
                    received = received.saturating_add(data.len());
                    arrived.add(link, data);
                }
                LinkEvent::Connected { link, remote } => {
                    self.arrived(&mut arrived, &now);
                    self.connected(link, remote, &now);
                }
                LinkEvent::Closed { link, reason } => {
                    // What it said before its end counts.
                    self.arrived(&mut arrived, &now);
                    self.closed(link, &reason, &now);
                }
            }
            if received >= RUN_BYTES {
                break;
            }
            next = more.try_recv().ok();
        }
        self.arrived(&mut arrived, &now);
    }

    fn arrived(&mut self, arrived: &mut Arrived, now: &Now) {
        for (link, packets) in arrived.0.drain(..) {
            self.overlay.packets(links::overlay_link(link), &packets, now);
        }
    }

    fn connected(&mut self, link: LinkId, remote: Option<SocketAddr>, now: &Now) {
        let Some(node) = self.links.opened(link) else { return };
        let operator = self.operator_of(node, now);
        operator.into_iter().for_each(|operator| self.know_channel_with(operator));
        let block = remote.and_then(|remote| Block::of(remote.ip()));
        self.overlay.link_opened(links::overlay_link(link), node, operator, now);
        self.overlay.set_link_block(links::overlay_link(link), block);
        tracing::info!(%node, %link, "linked with a neighbour");
    }

    fn closed(&mut self, link: LinkId, reason: &CloseReason, now: &Now) {
        self.overlay.link_closed(links::overlay_link(link));
        if let Some(node) = self.links.closed(link, now) {
            tracing::info!(%node, %link, %reason, "a link ended");
        }
    }

    fn operator_of(&self, node: NodeId, now: &Now) -> Option<OperatorId> {
        self.facts.as_ref().and_then(|facts| facts.operator_of_node(node, now.epoch))
    }

    async fn tick(&mut self) {
        let now = self.now();
        self.overlay.tick(&now);
        if now.monotonic_ms.saturating_sub(self.refreshed_ms) >= REFRESH_MS {
            self.refreshed_ms = now.monotonic_ms;
            self.refresh(&now);
            self.refresh_quotas(&now);
            self.refresh_prices(&now);
            self.refresh_channels(&now);
            let streams = self.overlay.stream_summaries();
            let passed = streams.into_iter().map(|summary| (summary.stream, summary.bytes));
            self.attendance.tick(passed, now.monotonic_ms);
            self.tell_round_trips(&now);
            self.dial(&now).await;
            let overlay = &self.overlay;
            for link in self.links.idle(&now, |node| overlay.is_in_use(node)) {
                self.overlay.link_closed(link);
            }
        }
    }

    /// Looks up again what the chain says of us and of neighbours; registration may come late.
    fn refresh(&mut self, now: &Now) {
        let Some(facts) = &self.facts else { return };
        if self.links.is_relay() {
            self.operator_id = facts.operator_of_node(self.key.id(), now.epoch);
            self.overlay.set_operator(self.operator_id);
        }
        for (link, node) in self.links.open_links() {
            let operator = facts.operator_of_node(node, now.epoch);
            self.overlay.set_link_operator(link, operator);
        }
    }
}
