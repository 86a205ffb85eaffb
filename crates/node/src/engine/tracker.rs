//! What trackers say to an engine, and what the engine answers.
//!
//! Invariant: an assignment counts only under the tracker's own signature for this node, and a
//! tracker that comes back is told again all that it must know.

use std::collections::{BTreeMap, BTreeSet};

use tatum_overlay::Now;
use tatum_overlay::frame::Attach;
use tatum_primitives::{NodeId, Role, StreamKey};

use super::places::{Place, View};
use super::trackers::{Standing, TrackerNo};
use super::{Engine, Notice};
use crate::NodeError;
use crate::tracker_link::TrackerEvent;
use tatum_protocol::Stream;
use tatum_protocol::tracker::{Assignment, FromTracker, ToTracker};

/// A refused request is made again after this.
const REJOIN_MS: u64 = 3_000;
/// How often a relay offers itself to trackers that did not take it.
const OFFER_MS: u64 = 30_000;

impl Engine {
    pub(super) async fn tracker_event(
        &mut self,
        no: TrackerNo,
        event: TrackerEvent,
    ) -> Result<(), NodeError> {
        match event {
            TrackerEvent::Up { tracker, stun } => {
                let now = self.now();
                self.trackers.rose(no, tracker, &now);
                self.overlay.trackers_changed(true, &now);
                if let Some(stun) = stun {
                    self.links.find_address(stun);
                }
                self.tracker_rose(no);
            }
            TrackerEvent::Down => {
                let now = self.now();
                self.trackers.fell(no, &now);
                let any_up = self.trackers.any_up();
                self.overlay.trackers_changed(any_up, &now);
                self.tracker_fell(no);
            }
            // A slow owner misses this; it is told again with the next attempt.
            TrackerEvent::Unreachable { reason } => {
                let _ = self.notices.try_send(Notice::TrackerUnreachable { reason });
            }
            TrackerEvent::Text(text) => self.tracker_text(no, text).await?,
        }
        Ok(())
    }

    /// A tracker that knows nothing of us is told all that it must know.
    fn tracker_rose(&mut self, no: TrackerNo) {
        if let Some(name) = self.region.clone() {
            self.trackers.tell(no, ToTracker::Region { name });
        }
        self.review_all();
    }

    /// What a tracker knew of us is gone with the connection.
    fn tracker_fell(&mut self, no: TrackerNo) {
        for place in self.places.values_mut() {
            place.lost(no);
        }
        self.review_all();
    }

    async fn tracker_text(&mut self, no: TrackerNo, text: FromTracker) -> Result<(), NodeError> {
        let now = self.now();
        match text {
            FromTracker::Carry { stream } => self.recruited(no, stream).await?,
            FromTracker::Leased(lease) => self.overlay.leased(&lease, &now),
            FromTracker::Permissions(signed) => self.permissions(*signed).await?,
            FromTracker::Release { stream } => self.released(no, stream),
            FromTracker::Assign(assignment) => self.assigned(no, &assignment).await,
            FromTracker::Signal { from, signal } => {
                let (closed, reply) = self.links.signal(from, signal, &now).await;
                if let Some(link) = closed {
                    self.overlay.link_closed(link);
                }
                if let Some(signal) = reply {
                    self.trackers.tell(no, ToTracker::Signal { to: from, signal });
                }
            }
            FromTracker::Refused { reason } => {
                tracing::info!(reason, "a tracker refused a request");
                self.rejoin_ms = Some(now.monotonic_ms + REJOIN_MS);
                // A slow owner misses this; it is told again with the next attempt.
                let _ = self.notices.try_send(Notice::TrackerRefused { reason });
            }
            // A slow owner misses these; they are asked for again.
            FromTracker::KeyAsked { from, request } => {
                let _ = self.notices.try_send(Notice::KeyAsked((from, no), request));
            }
            FromTracker::KeyGiven { answer } => {
                let _ = self.notices.try_send(Notice::KeyGiven(answer));
            }
            FromTracker::Challenge { .. } | FromTracker::Welcome { .. } => {}
        }
        Ok(())
    }

    async fn recruited(&mut self, by: TrackerNo, named: Stream) -> Result<(), NodeError> {
        let stream = named.key();
        if !self.overlay.carry(stream) {
            tracing::warn!(%stream, "recruited beyond our capacity");
            self.trackers.tell(by, ToTracker::Leave { stream });
            return Ok(());
        }
        if self.place(stream).recruited(by) {
            tracing::info!(%stream, name = %named.id, "recruited to a stream");
        }
        if !self.names.contains_key(&stream) {
            self.permit(named).await?;
        }
        self.review(stream);
        Ok(())
    }

    fn released(&mut self, by: TrackerNo, stream: StreamKey) {
        let now = self.now();
        let (trackers, patience_ms) = (&self.trackers, self.trackers.times.patience_ms);
        let gone =
            |no| matches!(trackers.standing(no, &now), Standing::Down(ms) if ms >= patience_ms);
        let Some(place) = self.places.get_mut(&stream) else { return };
        if place.released(by, gone) {
            let neighbours = place.neighbours();
            self.overlay.assign(stream, neighbours, &now);
        } else {
            self.places.remove(&stream);
            self.names.remove(&stream);
            self.overlay.drop_stream(stream);
        }
    }

    async fn assigned(&mut self, by: TrackerNo, assignment: &Assignment) {
        let now = self.now();
        let tracker = self.trackers.id(by).unwrap_or_default();
        if !assignment.verify(tracker, self.key.id()) {
            tracing::warn!("an assignment with a wrong signature was ignored");
            return;
        }
        let nodes = assignment.neighbours.iter().map(|neighbour| neighbour.node).collect();
        let Some(place) = self.places.get_mut(&assignment.stream) else { return };
        if !place.assign(by, nodes) {
            return;
        }
        let nodes = place.neighbours();
        for neighbour in &assignment.neighbours {
            if let Some(link) = self.links.introduce(neighbour) {
                self.overlay.link_closed(link);
            }
        }
        self.overlay.assign(assignment.stream, nodes, &now);
        self.dial(&now).await;
    }

    /// The place of a stream that we take part in from now on.
    pub(super) fn place(&mut self, stream: StreamKey) -> &mut Place {
        let ranking = || Place::new(self.trackers.ranked(stream.0));
        self.places.entry(stream).or_insert_with(ranking)
    }

    /// Sees to it that every stream is joined where it should be.
    pub(super) fn review_all(&mut self) {
        let streams: Vec<StreamKey> = self.places.keys().copied().collect();
        for stream in streams {
            self.review(stream);
        }
    }

    pub(super) fn review(&mut self, stream: StreamKey) {
        let now = self.now();
        let Some(place) = self.places.get_mut(&stream) else { return };
        let changes = place.review(&View {
            standing: &|no| self.trackers.standing(no, &now),
            times: self.trackers.times,
            relay: self.links.is_relay(),
            now_ms: now.monotonic_ms,
        });
        let mut join = changes.join;
        join.retain(|no| {
            let may_ask = self.trackers.may_ask(*no, &now);
            if !may_ask {
                place.put_off(*no);
            }
            may_ask
        });
        let (own, neighbours) = (place.own, place.neighbours());
        for no in join {
            self.join_stream(no, stream, own);
        }
        for no in changes.leave {
            self.trackers.tell(no, ToTracker::Leave { stream });
        }
        if changes.neighbours {
            self.overlay.assign(stream, neighbours, &now);
        }
    }

    /// Asks a tracker for neighbours: as a client on the payer's account, as a relay that was recruited
    /// by offering to be its recruit too.
    fn join_stream(&self, no: TrackerNo, stream: StreamKey, own: bool) {
        let (Some(tracker), Some(name)) = (self.trackers.id(no), self.names.get(&stream)) else {
            return;
        };
        if !own {
            return self.trackers.tell(no, ToTracker::Offer { stream: name.clone() });
        }
        let account = self.account.as_ref().map(|account| {
            let ends = (self.key.id(), tracker);
            let publishes = self.published.contains(&stream);
            let role = if publishes { Role::Publisher } else { Role::Subscriber };
            let what = (stream, role);
            let at_ms = self.now().wall_ms;
            Box::new(Attach::sign(what, (account.payer, account.reader), ends, at_ms, &account.key))
        });
        self.trackers.tell(no, ToTracker::Join { stream: name.clone(), account });
    }

    /// Asks again for streams that a tracker gave us nobody for, since a stake may count by now; and a
    /// relay offers itself again where somebody may need it now.
    pub(super) fn rejoin(&mut self, now: &Now) {
        if self.rejoin_ms.take_if(|due_ms| now.monotonic_ms >= *due_ms).is_some() {
            for place in self.places.values_mut().filter(|place| place.own) {
                place.ask_again();
            }
        }
        if self.links.is_relay() && now.monotonic_ms >= self.offered_ms + OFFER_MS {
            self.offered_ms = now.monotonic_ms;
            for place in self.places.values_mut() {
                place.offer_again();
            }
        }
    }

    /// Tells trackers how much passes, so that they recruit relays as demand grows.
    pub(super) fn report_load(&mut self, now: &Now) {
        const EVERY_MS: u64 = 5_000;
        let elapsed_ms = now.monotonic_ms.saturating_sub(self.reported_ms);
        if !self.links.is_relay() || elapsed_ms < EVERY_MS {
            return;
        }
        self.reported_ms = now.monotonic_ms;
        for summary in self.overlay.stream_summaries() {
            let (stream, bytes) = (summary.stream, summary.bytes);
            let before = self.reported_bytes.insert(stream, bytes).unwrap_or_default();
            let more = bytes.saturating_sub(before);
            if more > 0 {
                let bytes_per_second = more.saturating_mul(1_000) / elapsed_ms.max(1);
                self.tell_trackers_of(&stream, &ToTracker::Load { stream, bytes_per_second });
            }
        }
        let overlay = &self.overlay;
        let carried: BTreeSet<StreamKey> =
            overlay.stream_summaries().into_iter().map(|summary| summary.stream).collect();
        self.reported_bytes.retain(|stream, _| carried.contains(stream));
    }

    /// Offers links to neighbours that a tracker can introduce us to.
    pub(super) async fn dial(&mut self, now: &Now) {
        let routes: BTreeMap<NodeId, TrackerNo> =
            self.places.values().flat_map(Place::routes).collect();
        let wanted = routes.keys().copied().collect();
        for (to, signal) in self.links.dial(&wanted, now).await {
            if let Some(no) = routes.get(&to) {
                self.trackers.tell(*no, ToTracker::Signal { to, signal });
            }
        }
    }

    /// Asks whoever gave us a neighbour for another in its place.
    pub(super) fn avoid(&self, node: NodeId) {
        let routes = self.places.values().flat_map(Place::routes);
        let givers: BTreeSet<TrackerNo> =
            routes.filter(|(given, _)| *given == node).map(|(_, no)| no).collect();
        for no in givers {
            self.trackers.tell(no, ToTracker::Avoid { node });
        }
    }

    /// Says something to every tracker where we take part in a stream.
    pub(super) fn tell_trackers_of(&self, stream: &StreamKey, text: &ToTracker) {
        for no in self.places.get(stream).into_iter().flat_map(Place::joined) {
            self.trackers.tell(no, text.clone());
        }
    }
}
