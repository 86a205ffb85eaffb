//! The connections to all trackers: who is up, who is responsible, and what is said to whom.
//!
//! Invariant: a tracker is told something only while it is up, and after it rose it is told all again
//! that it must know.

use tatum_overlay::Now;
use tatum_overlay::limit::{Bucket, Rate};
use tatum_primitives::{B256, NodeId, millis};
use tokio::sync::mpsc;

use super::places::Times;
use crate::tracker_link::{TrackerEvent, TrackerLink};
use crate::trackers::{self, Trackers as Configured};
use tatum_protocol::status::TrackerConnection;
use tatum_protocol::tracker::ToTracker;

/// Streams that a tracker is asked for: about half of what it bears of one node, in all that it is told.
const ASKING: Rate = Rate { per_second: 50, burst: 500 };

/// A tracker's place in the configured list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrackerNo(pub(super) usize);

/// Events, and which tracker they come from.
pub(super) type TrackerEvents = mpsc::Receiver<(TrackerNo, TrackerEvent)>;

pub(super) struct Trackers {
    each: Vec<Tracker>,
    pub(super) times: Times,
}

struct Tracker {
    url: String,
    texts: mpsc::Sender<ToTracker>,
    /// Its key: as configured, or what it said last.
    id: Option<NodeId>,
    up: bool,
    /// Since when.
    since_ms: u64,
    /// How many streams it may be asked for now.
    asking: Bucket,
}

/// How it stands with a tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is up for so long.
    Up(u64),
    /// It is gone for so long.
    Down(u64),
}

impl Trackers {
    /// Connects to all of them, on the current runtime. `link` says as whom.
    pub(super) fn start(
        configured: &Configured,
        now: &Now,
        link: impl Fn(&trackers::TrackerAddress) -> TrackerLink,
    ) -> (Self, TrackerEvents) {
        let (events_in, events) = mpsc::channel(256);
        let connect = |(place, address): (usize, &trackers::TrackerAddress)| {
            let (texts, queue) = mpsc::channel(1024);
            tokio::spawn(link(address).keep(TrackerNo(place), queue, events_in.clone()));
            let (url, id) = (address.http_url(), address.key());
            let (since_ms, asking) = (now.monotonic_ms, Bucket::full(ASKING, now.monotonic_ms));
            Tracker { url, texts, id, up: false, since_ms, asking }
        };
        let each = configured.list().iter().enumerate().map(connect).collect();
        let handover = configured.handover;
        let times = Times {
            patience_ms: millis(handover.patience),
            return_ms: millis(handover.return_after),
            linger_ms: millis(handover.linger),
        };
        (Self { each, times }, events)
    }

    /// A tracker welcomed us.
    pub(super) fn rose(&mut self, no: TrackerNo, id: NodeId, now: &Now) {
        if let Some(tracker) = self.each.get_mut(no.0) {
            (tracker.id, tracker.up, tracker.since_ms) = (Some(id), true, now.monotonic_ms);
        }
    }

    /// A tracker is gone.
    pub(super) fn fell(&mut self, no: TrackerNo, now: &Now) {
        if let Some(tracker) = self.each.get_mut(no.0) {
            (tracker.up, tracker.since_ms) = (false, now.monotonic_ms);
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

    pub(super) fn standing(&self, no: TrackerNo, now: &Now) -> Standing {
        let Some(tracker) = self.each.get(no.0) else { return Standing::Down(u64::MAX) };
        let for_ms = now.monotonic_ms.saturating_sub(tracker.since_ms);
        if tracker.up { Standing::Up(for_ms) } else { Standing::Down(for_ms) }
    }

    pub(super) fn summaries(&self) -> Vec<TrackerConnection> {
        let summary = |of: &Tracker| TrackerConnection {
            url: of.url.clone(),
            tracker: of.id,
            connected: of.up,
        };
        self.each.iter().map(summary).collect()
    }

    /// All of them, the one that is responsible for `key` first.
    pub(super) fn ranked(&self, key: B256) -> Vec<TrackerNo> {
        let ids = self.each.iter().map(|tracker| tracker.id);
        trackers::ranked(ids, key).into_iter().map(TrackerNo).collect()
    }

    /// Whether a tracker may be asked for a stream now, or it would take us for a flood.
    pub(super) fn may_ask(&mut self, no: TrackerNo, now: &Now) -> bool {
        let tracker = self.each.get_mut(no.0);
        tracker.is_some_and(|tracker| tracker.asking.take(ASKING, 1, now.monotonic_ms))
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
