//! What the tracker says to an engine, and what the engine answers.
//!
//! Invariant: an assignment counts only under the tracker's own signature for this node, and a
//! tracker that comes back is told again all that it must know.

use super::Engine;
use crate::protocol::{FromTracker, ToTracker};
use crate::tracker_link::TrackerEvent;
use tatum_overlay::Now;

impl Engine {
    pub(super) async fn tracker_event(&mut self, event: TrackerEvent) {
        match event {
            TrackerEvent::Up { tracker } => {
                self.tracker_id = Some(tracker);
                for stream in self.streams.clone() {
                    self.tell_tracker(ToTracker::Join { stream });
                }
                // A recruit is a relay's duty to the tracker that recruited it; a new one decides
                // anew.
            }
            TrackerEvent::Down => self.tracker_id = None,
            TrackerEvent::Text(text) => self.tracker_text(text).await,
        }
    }

    async fn tracker_text(&mut self, text: FromTracker) {
        let now = self.now();
        match text {
            FromTracker::Carry { stream } => {
                if self.overlay.carry(stream) {
                    tracing::info!(%stream, "recruited to a stream");
                    self.recruited.insert(stream);
                } else {
                    tracing::warn!(%stream, "recruited beyond our capacity");
                    self.tell_tracker(ToTracker::Leave { stream });
                }
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

    pub(super) async fn dial(&mut self, now: &Now) {
        if self.tracker_id.is_none() {
            return;
        }
        let wanted = self.overlay.wanted();
        for (to, signal) in self.links.dial(&wanted, now).await {
            self.tell_tracker(ToTracker::Signal { to, signal });
        }
    }

    pub(super) fn tell_tracker(&self, text: ToTracker) {
        // A full queue means that the tracker is gone; everything is said again when it is back.
        let _ = self.tracker.try_send(text);
    }
}
