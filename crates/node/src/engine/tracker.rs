//! What trackers say to an engine, and what the engine answers.
//!
//! Invariant: an assignment counts only under the tracker's own signature for this node, and a
//! tracker that comes back is told again all that it must know.

use tatum_overlay::attendance::{Step, TrackerNo};
use tatum_overlay::frame::Attach;
use tatum_overlay::{Now, correction_ms};
use tatum_primitives::{Role, StreamKey};

use super::{Engine, Notice};
use crate::NodeError;
use crate::tracker_link::{TrackerEvent, Welcomed};
use tatum_protocol::Stream;
use tatum_protocol::tracker::{Assignment, FromTracker, ToTracker};

impl Engine {
    /// Corrects our clock by what the trackers say of theirs: whoever is wrong by seconds would find everything late, and
    /// relays would not be paid for it.
    fn set_clock(&self) {
        let Some(ahead_ms) = self.trackers.clock_ahead_ms() else { return };
        let Some(by_ms) = correction_ms(ahead_ms) else {
            tracing::error!(
                ahead_ms,
                "the trackers' clocks and this machine's are too far apart; set it, by NTP say"
            );
            return self.clock.correct(0);
        };
        if by_ms != 0 {
            tracing::warn!(
                ahead_ms,
                "the trackers' clocks are ahead of this machine's by so much, or behind it if negative; theirs are gone by. Set this \
                 machine's clock, by NTP say"
            );
        }
        self.clock.correct(by_ms);
    }

    pub(super) async fn tracker_event(
        &mut self,
        no: TrackerNo,
        event: TrackerEvent,
    ) -> Result<(), NodeError> {
        match event {
            TrackerEvent::Up(Welcomed { tracker, stun, clock_ahead_ms }) => {
                self.trackers.rose(no, tracker, clock_ahead_ms);
                self.set_clock();
                let now = self.now();
                self.overlay.trackers_changed(true, &now);
                if let Some(stun) = stun {
                    self.links.find_address(stun);
                }
                if let Some(name) = self.region.clone() {
                    self.trackers.tell(no, ToTracker::Region { name });
                }
                self.attendance.rose(no, now.monotonic_ms);
            }
            TrackerEvent::KeyInUse => self.trackers.pushed_out(no),
            TrackerEvent::Down => {
                let now = self.now();
                self.trackers.fell(no);
                let any_up = self.trackers.any_up();
                self.overlay.trackers_changed(any_up, &now);
                self.attendance.fell(no, now.monotonic_ms);
            }
            // A slow owner misses this; it is told again with the next attempt.
            TrackerEvent::Unreachable { reason } => {
                let _ = self.notices.try_send(Notice::TrackerUnreachable { reason });
            }
            TrackerEvent::Text(text) => self.tracker_text(no, text).await?,
        }
        Ok(())
    }

    async fn tracker_text(&mut self, no: TrackerNo, text: FromTracker) -> Result<(), NodeError> {
        let now = self.now();
        match text {
            FromTracker::Carry { stream } => self.recruited(no, stream).await?,
            FromTracker::Leased(lease) => self.overlay.leased(&lease, &now),
            FromTracker::Permissions(signed) => self.permissions(*signed).await?,
            FromTracker::Release { stream } => {
                self.attendance.released(no, stream, now.monotonic_ms);
            }
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
                self.attendance.refused(now.monotonic_ms);
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
            FromTracker::Challenge { .. } | FromTracker::Welcome { .. } | FromTracker::KeyInUse => {
            }
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
        let (ranking, now) = (self.trackers.ranked(stream.0), self.now());
        if !self.names.contains_key(&stream) {
            self.permit(named.clone()).await?;
        }
        if self.attendance.recruited(by, stream, ranking, now.monotonic_ms) {
            tracing::info!(%stream, name = %named.id, "recruited to a stream");
        }
        Ok(())
    }

    async fn assigned(&mut self, by: TrackerNo, assignment: &Assignment) {
        let now = self.now();
        let tracker = self.trackers.id(by).unwrap_or_default();
        if !assignment.verify(tracker, self.key.id()) {
            tracing::warn!("an assignment with a wrong signature was ignored");
            return;
        }
        let nodes = assignment.neighbours.iter().map(|neighbour| neighbour.node).collect();
        if !self.attendance.assigned(by, assignment.stream, nodes) {
            return;
        }
        for neighbour in &assignment.neighbours {
            if let Some(link) = self.links.introduce(neighbour) {
                self.overlay.link_closed(link);
            }
        }
        self.dial(&now).await;
    }

    /// Carries out what the attendance decided.
    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Join { to, stream, publishes } => self.join_stream(to, stream, publishes),
            Step::Offer { to, stream } => {
                if let Some(name) = self.names.get(&stream) {
                    self.trackers.tell(to, ToTracker::Offer { stream: name.clone() });
                }
            }
            Step::Leave { to, stream } => self.trackers.tell(to, ToTracker::Leave { stream }),
            Step::Load { to, stream, bytes_per_second } => {
                self.trackers.tell(to, ToTracker::Load { stream, bytes_per_second });
            }
            Step::Avoid { to, node } => self.trackers.tell(to, ToTracker::Avoid { node }),
            Step::Neighbours { stream, nodes } => {
                let now = self.now();
                self.overlay.assign(stream, nodes, &now);
            }
            Step::Drop { stream } => {
                self.names.remove(&stream);
                self.overlay.drop_stream(stream);
            }
        }
    }

    /// Asks a tracker for neighbours, a client on the payer's account.
    fn join_stream(&self, no: TrackerNo, stream: StreamKey, publishes: bool) {
        let (Some(tracker), Some(name)) = (self.trackers.id(no), self.names.get(&stream)) else {
            return;
        };
        let account = self.account.as_ref().map(|account| {
            let ends = (self.key.id(), tracker);
            let role = if publishes { Role::Publisher } else { Role::Subscriber };
            let at_ms = self.now().wall_ms;
            let payer = (account.payer, account.reader);
            Box::new(Attach::sign((stream, role), payer, ends, at_ms, &account.key))
        });
        self.trackers.tell(no, ToTracker::Join { stream: name.clone(), account });
    }

    /// Offers links to neighbours that a tracker can introduce us to.
    pub(super) async fn dial(&mut self, now: &Now) {
        let routes = self.attendance.routes();
        let wanted = routes.keys().copied().collect();
        for (to, signal) in self.links.dial(&wanted, now).await {
            if let Some(no) = routes.get(&to) {
                self.trackers.tell(*no, ToTracker::Signal { to, signal });
            }
        }
    }

    /// Tells trackers how long links take, where that is due.
    pub(super) fn tell_round_trips(&mut self, now: &Now) {
        let measured = self.links.round_trips_us();
        for (no, links) in self.attendance.round_trips_due(&measured, now.monotonic_ms) {
            self.trackers.tell(no, ToTracker::RoundTrips { links });
        }
    }

    /// Says something to every tracker where we take part in a stream.
    pub(super) fn tell_trackers_of(&self, stream: &StreamKey, text: &ToTracker) {
        for no in self.attendance.trackers_of(stream) {
            self.trackers.tell(no, text.clone());
        }
    }
}
