//! Who takes part where at a moment, as the trackers that are up have it on their books.
//!
//! Invariant: what is on the books of a tracker that is down counts for nothing.

/// All streams at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// When, counted from the first message.
    pub at_ms: u64,
    /// Each stream partition.
    pub streams: Vec<StreamSurvey>,
    /// The most that the trackers together have leased of any payer's quota.
    pub most_leased_bytes: u64,
}

/// A stream partition at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamSurvey {
    /// How many clients take part at each tracker, the one first that the stream ranks first; none at one that is down.
    pub clients_at: Vec<usize>,
    /// Relays that carry it, at any tracker.
    pub relays: usize,
    /// The fewest relays that any of its subscribers has, once over all trackers.
    pub fewest_relays_of_client: usize,
    /// The fewest relays that any of its relays has.
    pub fewest_relays_of_relay: usize,
}
