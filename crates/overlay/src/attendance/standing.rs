//! How it stands with each tracker, and how much it may be asked now.
//!
//! Invariant: no tracker is asked for more streams in a second than it bears of one node.

use crate::limit::{Bucket, Rate};

/// Streams that a tracker is asked for: about half of what it bears of one node, in all that it is told.
const ASKING: Rate = Rate { per_second: 50, burst: 500 };

/// A tracker's place in the configured list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TrackerNo(pub usize);

/// When a stream changes its tracker.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// A tracker that is gone for longer is replaced by the next one.
    pub patience_ms: u64,
    /// A tracker that is back gets its streams after this.
    pub return_ms: u64,
    /// Neighbours that the tracker before assigned are kept for so long after the next one assigned some.
    pub linger_ms: u64,
}

/// How it stands with a tracker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is up for so long.
    Up(u64),
    /// It is gone for so long.
    Down(u64),
}

#[derive(Debug)]
struct Tracker {
    up: bool,
    /// Since when.
    since_ms: u64,
    /// How many streams it may be asked for now.
    asking: Bucket,
}

/// All trackers of the deployment, by number.
#[derive(Debug)]
pub(super) struct Standings(Vec<Tracker>);

impl Standings {
    /// None is up yet.
    pub(super) fn new(trackers: usize, now_ms: u64) -> Self {
        let tracker =
            || Tracker { up: false, since_ms: now_ms, asking: Bucket::full(ASKING, now_ms) };
        Self((0..trackers).map(|_| tracker()).collect())
    }

    /// A tracker came up or went down.
    pub(super) fn set(&mut self, no: TrackerNo, up: bool, now_ms: u64) {
        if let Some(tracker) = self.0.get_mut(no.0) {
            (tracker.up, tracker.since_ms) = (up, now_ms);
        }
    }

    pub(super) fn of(&self, no: TrackerNo, now_ms: u64) -> Standing {
        let Some(tracker) = self.0.get(no.0) else { return Standing::Down(u64::MAX) };
        let for_ms = now_ms.saturating_sub(tracker.since_ms);
        if tracker.up { Standing::Up(for_ms) } else { Standing::Down(for_ms) }
    }

    /// Whether a tracker may be asked for a stream now, or it would take us for a flood.
    pub(super) fn may_ask(&mut self, no: TrackerNo, now_ms: u64) -> bool {
        self.0.get_mut(no.0).is_some_and(|tracker| tracker.asking.take(ASKING, 1, now_ms))
    }
}
