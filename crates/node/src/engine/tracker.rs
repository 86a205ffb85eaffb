//! What the tracker says to an engine, and what the engine answers.
//!
//! Invariant: an assignment counts only under the tracker's own signature for this node, and a
//! tracker that comes back is told again all that it must know.

use super::{Engine, Notice};
use crate::NodeError;
use crate::protocol::{FromTracker, ToTracker};
use crate::tracker_link::TrackerEvent;
use std::collections::BTreeSet;
use tatum_overlay::Now;
use tatum_overlay::frame::Attach;
use tatum_primitives::{Role, StreamKey};

/// A refused request is made again after this.
const REJOIN_MS: u64 = 3_000;

impl Engine {
    pub(super) async fn tracker_event(&mut self, event: TrackerEvent) -> Result<(), NodeError> {
        match event {
            TrackerEvent::Up { tracker, stun } => {
                self.tracker_id = Some(tracker);
                if let Some(stun) = stun {
                    self.links.find_address(stun);
                }
                if let Some(name) = self.region.clone() {
                    self.tell_tracker(ToTracker::Region { name });
                }
                for stream in self.streams.clone() {
                    self.join_stream(stream);
                }
                // A recruit is a relay's duty to the tracker that recruited it; a new one decides
                // anew.
            }
            TrackerEvent::Down => self.tracker_id = None,
            TrackerEvent::Text(text) => self.tracker_text(text).await?,
        }
        Ok(())
    }

    async fn tracker_text(&mut self, text: FromTracker) -> Result<(), NodeError> {
        let now = self.now();
        match text {
            FromTracker::Carry { stream: named } => {
                let stream = named.key();
                if self.overlay.carry(stream) {
                    tracing::info!(%stream, name = %named.id, "recruited to a stream");
                    self.recruited.insert(stream);
                    self.permit(named).await?;
                } else {
                    tracing::warn!(%stream, "recruited beyond our capacity");
                    self.tell_tracker(ToTracker::Leave { stream });
                }
            }
            FromTracker::Permissions(signed) => self.permissions(*signed).await?,
            FromTracker::Release { stream } => {
                self.recruited.remove(&stream);
                if !self.streams.contains(&stream) {
                    self.names.remove(&stream);
                    self.overlay.drop_stream(stream);
                }
            }
            FromTracker::Assign(assignment) => {
                let tracker = self.tracker_id.unwrap_or_default();
                if !assignment.verify(tracker, self.key.id()) {
                    tracing::warn!("an assignment with a wrong signature was ignored");
                    return Ok(());
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
                tracing::info!(reason, "the tracker refused a request");
                self.rejoin_ms = Some(now.monotonic_ms + REJOIN_MS);
                // A slow owner misses this; it is told again with the next attempt.
                let _ = self.notices.try_send(Notice::TrackerRefused { reason });
            }
            // A slow owner misses these; they are asked for again.
            FromTracker::KeyAsked { from, request } => {
                let _ = self.notices.try_send(Notice::KeyAsked(from, request));
            }
            FromTracker::KeyGiven { answer } => {
                let _ = self.notices.try_send(Notice::KeyGiven(answer));
            }
            FromTracker::Challenge { .. } | FromTracker::Welcome { .. } => {}
        }
        Ok(())
    }

    /// Asks the tracker for neighbours, as a client on the payer's account.
    pub(super) fn join_stream(&self, stream: StreamKey) {
        let (Some(tracker), Some(name)) = (self.tracker_id, self.names.get(&stream)) else {
            return;
        };
        let account = self.account.as_ref().map(|account| {
            let ends = (self.key.id(), tracker);
            let publishes = self.published.contains(&stream);
            let role = if publishes { Role::Publisher } else { Role::Subscriber };
            let what = (stream, role);
            let at_ms = self.now().wall_ms;
            Box::new(Attach::sign(what, account.payer, ends, at_ms, &account.key))
        });
        self.tell_tracker(ToTracker::Join { stream: name.clone(), account });
    }

    /// Asks again for streams that the tracker gave us nobody for: a stake may count by now.
    pub(super) fn rejoin(&mut self, now: &Now) {
        if self.rejoin_ms.take_if(|due_ms| now.monotonic_ms >= *due_ms).is_none() {
            return;
        }
        let summaries = self.overlay.stream_summaries().into_iter();
        for summary in summaries.filter(|summary| summary.assigned == 0) {
            if self.streams.contains(&summary.stream) {
                self.join_stream(summary.stream);
            }
        }
    }

    /// Tells the tracker how much passes, so that it recruits relays as demand grows.
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
                self.tell_tracker(ToTracker::Load { stream, bytes_per_second });
            }
        }
        let overlay = &self.overlay;
        let carried: BTreeSet<StreamKey> =
            overlay.stream_summaries().into_iter().map(|summary| summary.stream).collect();
        self.reported_bytes.retain(|stream, _| carried.contains(stream));
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
