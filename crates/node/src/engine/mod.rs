//! The one task that owns a node's overlay and feeds it: links, tracker, store, commands, time.
//!
//! Invariant: only this task touches the overlay, so its decisions have an order; slow work (disk)
//! is done by the store task and comes back as an event.

mod desk;
mod links;
mod store;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng;
use tatum_database::NodeStore;
use tatum_overlay::frame::Refusal;
use tatum_overlay::node::{Account, Config as OverlayConfig, PeerSummary, StreamSummary};
use tatum_overlay::{ChainKey, Message, Now, Output, Overlay};
use tatum_primitives::{B256, NodeId, OperatorId, Role, StreamKey};
use tatum_receipt::{Acknowledgement, Rejection, SignedReceipt, Step, Verifier};
use tatum_webrtc::{Endpoint, Event as LinkEvent};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::protocol::{FromTracker, RelayOffer, ToTracker};
use crate::relay::SharedFacts;
use crate::tracker_link::{TrackerEvent, TrackerLink};
use crate::{Clock, NodeError, NodeKey};
use desk::Desk;
use links::Links;
use store::{StoreJob, StoreReply};

const TICK: Duration = Duration::from_millis(25);
/// Events of one kind taken in one run, so that what they cause shares packets.
const RUN: usize = 256;
/// How often chain facts about neighbours are looked up again.
const REFRESH_MS: u64 = 1_000;

/// Everything an engine needs to start.
pub(crate) struct Setup {
    pub(crate) key: NodeKey,
    pub(crate) tracker: String,
    pub(crate) pinned_tracker: Option<NodeId>,
    pub(crate) endpoint: tatum_webrtc::Config,
    pub(crate) overlay: OverlayConfig,
    pub(crate) account: Option<Account>,
    pub(crate) relay: Option<RelayOffer>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) verifier: Verifier,
    pub(crate) facts: Option<SharedFacts>,
    pub(crate) grace_ms: u64,
    pub(crate) store: Option<NodeStore>,
}

/// What others ask of the engine.
pub(crate) enum Command {
    Carry(StreamKey),
    Subscribe(StreamKey),
    OpenPublisher(StreamKey),
    Publish(Box<Message>, B256),
    Status(oneshot::Sender<Status>),
    /// Ends service in an orderly way: receipts are made, exchanged and stored first.
    Finish(Duration, oneshot::Sender<Closing>),
}

/// How an orderly end went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Closing {
    /// Accounts whose last receipt nobody acknowledged.
    pub(crate) unsettled: usize,
}

/// What the engine tells its owner.
#[derive(Debug)]
pub(crate) enum Notice {
    Deliver(Box<Message>),
    Gap { stream: StreamKey, chain: ChainKey, first: u64, last: u64 },
    Accepted,
    Admitted { stream: StreamKey, role: Role },
    Refused { node: NodeId, role: Role, reason: Refusal },
    Settled,
}

/// A picture of the engine.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) counters: tatum_overlay::node::Counters,
    pub(crate) peers: Vec<PeerSummary>,
    pub(crate) streams: Vec<StreamSummary>,
    pub(crate) receipts: ReceiptCounts,
    pub(crate) tracker_up: bool,
    pub(crate) links: usize,
    pub(crate) dropped_packets: u64,
    pub(crate) operator_id: Option<OperatorId>,
}

/// What became of receipts since the start.
#[derive(Debug, Clone, Default, serde::Serialize)]
pub(crate) struct ReceiptCounts {
    pub(crate) accepted: u64,
    pub(crate) superseded: u64,
    pub(crate) duplicate: u64,
    /// By the code of the rejection.
    pub(crate) rejected: BTreeMap<String, u64>,
    pub(crate) signed: u64,
    pub(crate) settled: u64,
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
    desk: Option<Desk>,
    operator_id: Option<OperatorId>,
    tracker: mpsc::Sender<ToTracker>,
    tracker_id: Option<NodeId>,
    streams: BTreeSet<StreamKey>,
    recruited: BTreeSet<StreamKey>,
    store: Option<mpsc::Sender<StoreJob>>,
    notices: mpsc::Sender<Notice>,
    receipts: ReceiptCounts,
    refreshed_ms: u64,
    finishing: Option<Finishing>,
}

/// How long an ending publisher waits for relays that have not said yet what they accepted.
const LAST_WORDS_MS: u64 = 1_000;

struct Finishing {
    close_by_ms: u64,
    deadline_ms: u64,
    /// Since when nothing changed; `None` until accounts are closed.
    quiet_since_ms: Option<u64>,
    unreceipted: u64,
    reply: Option<oneshot::Sender<Closing>>,
}

impl Engine {
    /// Starts an engine on the current runtime.
    pub(crate) async fn start(
        setup: Setup,
        notices: mpsc::Sender<Notice>,
    ) -> Result<EngineHandle, NodeError> {
        let (endpoint, link_events) = Endpoint::bind(setup.endpoint).await?;
        let incarnation = rand::rng().random();
        let tracker_link = TrackerLink {
            url: setup.tracker,
            pinned: setup.pinned_tracker,
            key: setup.key.clone(),
            relay: setup.relay,
            incarnation,
        };
        let (tracker, texts) = mpsc::channel(1024);
        let (tracker_events_in, tracker_events) = mpsc::channel(256);
        tokio::spawn(tracker_link.keep(texts, tracker_events_in));
        let mut overlay = Overlay::new(setup.overlay, setup.account);
        let earliest = setup.clock.epoch().previous().unwrap_or_default();
        let (store, replies) = match setup.store {
            Some(store) => {
                for kept in store.since(earliest).await? {
                    overlay.adopt(&kept.signed, kept.acknowledgement.is_some());
                }
                let (jobs, replies) = store::spawn(store);
                (Some(jobs), Some(replies))
            }
            None => (None, None),
        };
        let desk = setup.facts.clone().filter(|_| setup.relay.is_some()).map(|facts| Desk {
            node: setup.key.id(),
            verifier: setup.verifier,
            facts,
            clock: Arc::clone(&setup.clock),
            grace_ms: setup.grace_ms,
        });
        let engine = Self {
            links: Links::new(endpoint, setup.key.clone(), setup.relay.is_some()),
            key: setup.key,
            overlay,
            clock: setup.clock,
            verifier: setup.verifier,
            facts: setup.facts,
            desk,
            operator_id: None,
            tracker,
            tracker_id: None,
            streams: BTreeSet::new(),
            recruited: BTreeSet::new(),
            store,
            notices,
            receipts: ReceiptCounts::default(),
            refreshed_ms: 0,
            finishing: None,
        };
        let (commands, queue) = mpsc::channel(1024);
        let task = tokio::spawn(engine.run(queue, link_events, tracker_events, replies));
        Ok(EngineHandle { commands, task })
    }

    async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut link_events: mpsc::Receiver<LinkEvent>,
        mut tracker_events: mpsc::Receiver<TrackerEvent>,
        mut replies: Option<store::Replies>,
    ) {
        let mut ticks = tokio::time::interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                command = commands.recv() => {
                    let Some(command) = command else { return };
                    self.command(command);
                    for _ in 1..RUN {
                        let Ok(command) = commands.try_recv() else { break };
                        self.command(command);
                    }
                }
                event = link_events.recv() => {
                    let Some(event) = event else { return };
                    self.link_event(event);
                    for _ in 1..RUN {
                        let Ok(event) = link_events.try_recv() else { break };
                        self.link_event(event);
                    }
                }
                event = tracker_events.recv() => {
                    if let Some(event) = event {
                        self.tracker_event(event).await;
                    }
                }
                reply = store::next(&mut replies) => self.store_reply(reply),
                _ = ticks.tick() => self.tick().await,
            }
            if self.pump().await.is_err() {
                return;
            }
            if self.finished() {
                return;
            }
        }
    }

    fn now(&self) -> Now {
        self.clock.now()
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Carry(stream) => {
                self.overlay.carry(stream);
                self.take_part(stream);
            }
            Command::Subscribe(stream) => {
                self.overlay.subscribe(stream);
                self.take_part(stream);
            }
            Command::OpenPublisher(stream) => {
                self.overlay.open_publisher(stream);
                self.take_part(stream);
            }
            Command::Publish(message, id) => {
                let now = self.now();
                self.overlay.publish(&message, id, &now);
            }
            // Whoever asked may have gone.
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Finish(patience, reply) => self.finish(patience, reply),
        }
    }

    fn take_part(&mut self, stream: StreamKey) {
        if self.streams.insert(stream) && self.tracker_id.is_some() {
            self.tell_tracker(ToTracker::Join { stream });
        }
    }

    fn tell_tracker(&self, text: ToTracker) {
        // A full queue means that the tracker is gone; everything is said again when it is back.
        let _ = self.tracker.try_send(text);
    }

    fn link_event(&mut self, event: LinkEvent) {
        let now = self.now();
        match event {
            LinkEvent::Connected { link } => {
                if let Some(node) = self.links.opened(link) {
                    let operator = self.operator_of(node, &now);
                    self.overlay.link_opened(links::overlay_link(link), node, operator, &now);
                    tracing::info!(%node, %link, "linked with a neighbour");
                }
            }
            LinkEvent::Received { link, data } => {
                self.overlay.packet(links::overlay_link(link), &data, &now);
            }
            LinkEvent::Closed { link, reason } => {
                self.overlay.link_closed(links::overlay_link(link));
                if let Some(node) = self.links.closed(link, &now) {
                    tracing::info!(%node, %link, %reason, "a link ended");
                }
            }
        }
    }

    fn operator_of(&self, node: NodeId, now: &Now) -> Option<OperatorId> {
        self.facts.as_ref().and_then(|facts| facts.operator_of_node(node, now.epoch))
    }

    async fn tracker_event(&mut self, event: TrackerEvent) {
        match event {
            TrackerEvent::Up { tracker } => {
                self.tracker_id = Some(tracker);
                for stream in self.streams.clone() {
                    self.tell_tracker(ToTracker::Join { stream });
                }
                // A recruit is a relay's duty to the tracker that recruited it; a new one decides anew.
            }
            TrackerEvent::Down => self.tracker_id = None,
            TrackerEvent::Text(text) => self.tracker_text(text).await,
        }
    }

    async fn tracker_text(&mut self, text: FromTracker) {
        let now = self.now();
        match text {
            FromTracker::Carry { stream } => {
                tracing::info!(%stream, "recruited to a stream");
                self.recruited.insert(stream);
                self.overlay.carry(stream);
            }
            FromTracker::Release { stream } => {
                self.recruited.remove(&stream);
                if !self.streams.contains(&stream) {
                    self.overlay.drop_stream(stream);
                }
            }
            FromTracker::Assign(assignment) => {
                let tracker = self.tracker_id.unwrap_or_default();
                if !assignment.verify(tracker, self.key.id()) {
                    tracing::warn!("an assignment with a wrong signature was ignored");
                    return;
                }
                for neighbour in &assignment.neighbours {
                    if let Some(link) = self.links.introduce(neighbour) {
                        self.overlay.link_closed(link);
                    }
                }
                let nodes = assignment.neighbours.iter().map(|neighbour| neighbour.node).collect();
                self.overlay.assign(assignment.stream, nodes, &now);
                self.dial(&now).await;
            }
            FromTracker::Signal { from, signal } => {
                let (closed, reply) = self.links.signal(from, signal, &now).await;
                if let Some(link) = closed {
                    self.overlay.link_closed(link);
                }
                if let Some(signal) = reply {
                    self.tell_tracker(ToTracker::Signal { to: from, signal });
                }
            }
            FromTracker::Refused { reason } => {
                tracing::debug!(reason, "the tracker refused a request");
            }
            FromTracker::Challenge { .. } | FromTracker::Welcome { .. } => {}
        }
    }

    async fn dial(&mut self, now: &Now) {
        if self.tracker_id.is_none() {
            return;
        }
        let wanted = self.overlay.wanted();
        for (to, signal) in self.links.dial(&wanted, now).await {
            self.tell_tracker(ToTracker::Signal { to, signal });
        }
    }

    async fn tick(&mut self) {
        let now = self.now();
        self.overlay.tick(&now);
        if now.monotonic_ms >= self.refreshed_ms + REFRESH_MS {
            self.refreshed_ms = now.monotonic_ms;
            self.refresh(&now);
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

    /// Carries out what the overlay decided, then sends all packets.
    async fn pump(&mut self) -> Result<(), NodeError> {
        while let Some(output) = self.overlay.poll() {
            match output {
                Output::Send { link, frame, urgent } => self.links.pack(link, &frame, urgent),
                Output::Deliver(message) => self.notice(Notice::Deliver(message)).await?,
                Output::Gap { stream, chain, first, last } => {
                    self.notice(Notice::Gap { stream, chain, first, last }).await?;
                }
                Output::Accepted { .. } => self.notice(Notice::Accepted).await?,
                Output::AttachAsked { link, attach, signer } => {
                    self.attach_asked(link, attach, signer).await;
                }
                Output::ReceiptOffered { link, bytes } => self.receipt_offered(link, &bytes).await,
                Output::ReceiptSigned(signed) => self.receipt_signed(signed).await,
                Output::ReceiptSettled { receipt, acknowledgement } => {
                    self.receipts.settled += 1;
                    self.store_job(StoreJob::Acknowledged(receipt, acknowledgement)).await;
                    self.notice(Notice::Settled).await?;
                }
                Output::ReceiptRejected { node, digest, reason } => {
                    tracing::warn!(%node, %digest, reason, "a node refused our receipt");
                }
                Output::Admitted { node, stream, role } => {
                    tracing::info!(%node, %stream, ?role, "a relay serves us");
                    self.notice(Notice::Admitted { stream, role }).await?;
                }
                Output::Refused { node, stream, role, reason } => {
                    tracing::info!(%node, %stream, ?role, %reason, "a relay does not serve us");
                    self.notice(Notice::Refused { node, role, reason }).await?;
                }
                Output::Misbehaved { link, reason } => {
                    tracing::warn!(
                        ?link,
                        reason,
                        "a neighbour broke the protocol; closing the link"
                    );
                    self.links.close(link);
                }
                other => tracing::debug!(?other, "an output of an unknown kind"),
            }
        }
        self.links.flush();
        Ok(())
    }

    async fn notice(&self, notice: Notice) -> Result<(), NodeError> {
        // A slow owner slows the engine, and through its links the senders.
        self.notices.send(notice).await.map_err(|_| NodeError::Stopped)
    }

    async fn attach_asked(
        &mut self,
        link: tatum_overlay::Link,
        attach: tatum_overlay::frame::Attach,
        signer: tatum_primitives::Address,
    ) {
        let now = self.now();
        let Some(facts) = &self.facts else { return };
        let refusal = if !facts.is_authorized(attach.payer, signer, now.epoch) {
            Some(Refusal::NotAuthorized)
        } else if facts.quota_bytes(attach.payer, now.epoch).is_none() {
            Some(Refusal::NoStake)
        } else {
            None
        };
        match refusal {
            Some(reason) => self.overlay.refuse(link, attach.stream, attach.role, reason),
            None if self.store.is_none() => self.overlay.admit(link, &attach, &[], &now),
            None => {
                let earliest = now.epoch.previous().unwrap_or_default();
                self.store_job(StoreJob::Newest(link, attach, earliest)).await;
            }
        }
    }

    /// Checks a receipt; what passes is stored before anything else happens.
    async fn receipt_offered(&mut self, link: tatum_overlay::Link, bytes: &[u8]) {
        let Some(desk) = &self.desk else { return };
        match desk.check(bytes) {
            Ok(signed) => self.store_job(StoreJob::Offered(link, Box::new(signed))).await,
            Err((digest, rejection)) => self.reject(link, digest, &rejection),
        }
    }

    fn reject(&mut self, link: tatum_overlay::Link, digest: B256, rejection: &Rejection) {
        *self.receipts.rejected.entry(rejection.code().to_owned()).or_default() += 1;
        tracing::warn!(%digest, code = rejection.code(), reason = %rejection, "refused a receipt");
        self.overlay.reject(link, digest, format!("{}: {rejection}", rejection.code()));
    }

    async fn receipt_signed(&mut self, signed: Box<SignedReceipt>) {
        self.receipts.signed += 1;
        if self.store.is_some() {
            self.store_job(StoreJob::Signed(signed)).await;
        } else {
            let now = self.now();
            self.overlay.send_receipt(&signed, &now);
        }
    }

    async fn store_job(&self, job: StoreJob) {
        if let Some(store) = &self.store
            && store.send(job).await.is_err()
        {
            tracing::error!("the receipt store has stopped");
        }
    }

    fn store_reply(&mut self, reply: StoreReply) {
        let now = self.now();
        match reply {
            StoreReply::Newest(link, attach, newest) => {
                self.overlay.admit(link, &attach, &newest, &now);
            }
            StoreReply::Offered(link, signed, outcome) => match outcome {
                Ok(step) => {
                    match step {
                        Step::Advance => self.receipts.accepted += 1,
                        Step::Superseded => self.receipts.superseded += 1,
                        Step::Duplicate => self.receipts.duplicate += 1,
                    }
                    let digest = self.verifier.digest(&signed.receipt);
                    let word = Acknowledgement::sign(self.key.signing_key(), digest);
                    self.overlay.acknowledge(link, &signed, word, &now);
                }
                Err(rejection) => {
                    let digest = self.verifier.digest(&signed.receipt);
                    self.reject(link, digest, &rejection);
                }
            },
            StoreReply::Signed(signed) => self.overlay.send_receipt(&signed, &now),
        }
    }

    fn finish(&mut self, patience: Duration, reply: oneshot::Sender<Closing>) {
        let now = self.now();
        let patience_ms = u64::try_from(patience.as_millis()).unwrap_or(u64::MAX);
        self.finishing = Some(Finishing {
            close_by_ms: now.monotonic_ms.saturating_add(patience_ms.min(LAST_WORDS_MS)),
            deadline_ms: now.monotonic_ms.saturating_add(patience_ms),
            quiet_since_ms: None,
            unreceipted: 0,
            reply: Some(reply),
        });
    }

    /// Whether an orderly end is complete: relays said what they accepted, our receipts are
    /// settled, and clients had time for theirs.
    fn finished(&mut self) -> bool {
        const QUIET_MS: u64 = 600;
        let now = self.now();
        let unsettled = self.overlay.unsettled();
        let unreceipted = self.overlay.unreceipted_bytes(&now);
        let in_flight = self.overlay.in_flight();
        let Some(finishing) = &mut self.finishing else { return false };
        let Some(quiet_since_ms) = &mut finishing.quiet_since_ms else {
            if in_flight == 0 || now.monotonic_ms >= finishing.close_by_ms {
                finishing.quiet_since_ms = Some(now.monotonic_ms);
                self.overlay.end_service();
                self.overlay.leave_all();
                self.overlay.close_accounts(&now);
            }
            return false;
        };
        if unsettled > 0 || unreceipted != finishing.unreceipted {
            finishing.unreceipted = unreceipted;
            *quiet_since_ms = now.monotonic_ms;
        }
        let quiet = now.monotonic_ms >= *quiet_since_ms + QUIET_MS || unreceipted == 0;
        let done = (unsettled == 0 && quiet) || now.monotonic_ms >= finishing.deadline_ms;
        if done && let Some(reply) = finishing.reply.take() {
            // Whoever asked may have gone.
            let _ = reply.send(Closing { unsettled });
        }
        done
    }

    fn status(&self) -> Status {
        let now = self.now();
        Status {
            counters: self.overlay.counters().clone(),
            peers: self.overlay.peer_summaries(&now),
            streams: self.overlay.stream_summaries(),
            receipts: self.receipts.clone(),
            tracker_up: self.tracker_id.is_some(),
            links: self.links.open_links().len(),
            dropped_packets: self.links.dropped_packets(),
            operator_id: self.operator_id,
        }
    }
}
