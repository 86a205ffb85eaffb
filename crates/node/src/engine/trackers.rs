//! The connections to all trackers: who is up, who is responsible, and what is said to whom.
//!
//! Invariant: a tracker is told something only while it is up.

use tatum_overlay::attendance::{Times, TrackerNo};
use tatum_overlay::middle_ms;
use tatum_primitives::{B256, NodeId, millis};
use tokio::sync::mpsc;

use crate::tracker_link::{TrackerEvent, TrackerLink};
use crate::trackers::{Handover, TrackerAddress, Trackers as Configured};
use tatum_protocol::status::TrackerConnection;
use tatum_protocol::tracker::ToTracker;
use tatum_tracker::rendezvous::ranked_by_keys;

/// Events, and which tracker they come from.
pub(super) type TrackerEvents = mpsc::Receiver<(TrackerNo, TrackerEvent)>;

pub(super) struct Trackers {
    each: Vec<Tracker>,
}

struct Tracker {
    url: String,
    texts: mpsc::Sender<ToTracker>,
    /// Its key: as configured, or what it said last.
    id: Option<NodeId>,
    up: bool,
    /// How far its clock was ahead of the machine's.
    clock_ahead_ms: Option<i64>,
    /// How often another process with our key took our place.
    pushed_out: u64,
}

impl Trackers {
    /// Connects to all of them, on the current runtime. `link` says as whom.
    pub(super) fn start(
        configured: &Configured,
        link: impl Fn(&TrackerAddress) -> TrackerLink,
    ) -> (Self, TrackerEvents) {
        let (events_in, events) = mpsc::channel(256);
        let connect = |(place, address): (usize, &TrackerAddress)| {
            let (texts, queue) = mpsc::channel(1024);
            tokio::spawn(link(address).keep(TrackerNo(place), queue, events_in.clone()));
            let (url, id) = (address.http_url(), address.key());
            Tracker { url, texts, id, up: false, clock_ahead_ms: None, pushed_out: 0 }
        };
        let each = configured.list().iter().enumerate().map(connect).collect();
        (Self { each }, events)
    }

    /// A tracker welcomed us.
    pub(super) fn rose(&mut self, no: TrackerNo, id: NodeId, clock_ahead_ms: i64) {
        if let Some(tracker) = self.each.get_mut(no.0) {
            (tracker.id, tracker.up) = (Some(id), true);
            tracker.clock_ahead_ms = Some(clock_ahead_ms);
        }
    }

    /// How far the trackers' clocks are ahead of the machine's: the median of those that ever welcomed us, so that less than
    /// half of them cannot say what they like.
    pub(super) fn clock_ahead_ms(&self) -> Option<i64> {
        middle_ms(self.each.iter().filter_map(|of| of.clock_ahead_ms))
    }

    /// A tracker is gone.
    pub(super) fn fell(&mut self, no: TrackerNo) {
        if let Some(tracker) = self.each.get_mut(no.0) {
            tracker.up = false;
        }
    }

    /// Another process with our key took our place at a tracker.
    pub(super) fn pushed_out(&mut self, no: TrackerNo) {
        if let Some(tracker) = self.each.get_mut(no.0) {
            tracker.pushed_out = tracker.pushed_out.saturating_add(1);
        }
    }

    /// The key of a tracker that is up.
    pub(super) fn id(&self, no: TrackerNo) -> Option<NodeId> {
        self.each.get(no.0).filter(|tracker| tracker.up)?.id
    }

    pub(super) fn is_up(&self, no: TrackerNo) -> bool {
        self.each.get(no.0).is_some_and(|tracker| tracker.up)
    }

    pub(super) fn any_up(&self) -> bool {
        self.each.iter().any(|tracker| tracker.up)
    }

    pub(super) fn summaries(&self) -> Vec<TrackerConnection> {
        let summary = |of: &Tracker| TrackerConnection {
            url: of.url.clone(),
            tracker: of.id,
            connected: of.up,
            clock_ahead_ms: of.clock_ahead_ms,
            key_used_elsewhere: of.pushed_out,
        };
        self.each.iter().map(summary).collect()
    }

    /// All of them, the one that is responsible for `key` first.
    pub(super) fn ranked(&self, key: B256) -> Vec<TrackerNo> {
        let ids = self.each.iter().map(|tracker| tracker.id);
        ranked_by_keys(ids, key).into_iter().map(TrackerNo).collect()
    }

    /// The first of those responsible for `key` that is up.
    pub(super) fn for_key(&self, key: B256) -> Option<TrackerNo> {
        self.ranked(key).into_iter().find(|no| self.is_up(*no))
    }

    /// Says something to a tracker that is up.
    pub(super) fn tell(&self, no: TrackerNo, text: ToTracker) {
        if let Some(tracker) = self.each.get(no.0).filter(|tracker| tracker.up) {
            // A full queue means that the tracker is going; all is said again when it is back.
            let _ = tracker.texts.try_send(text);
        }
    }

    /// Says something to the first that is up of those responsible for `key`; gives which.
    pub(super) fn tell_for(&self, key: B256, text: ToTracker) -> Option<TrackerNo> {
        let no = self.for_key(key)?;
        self.tell(no, text);
        Some(no)
    }
}

/// When a stream changes its tracker, as the attendance reckons it.
pub(super) fn times(handover: &Handover) -> Times {
    Times {
        patience_ms: millis(handover.patience),
        return_ms: millis(handover.return_after),
        linger_ms: millis(handover.linger),
    }
}
