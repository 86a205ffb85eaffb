//! In which order kept messages go: as they came where room is short, by their own time where they are too old.
//!
//! Invariant: both orders hold the same places, each once, so what a publisher writes as its time decides when its own message is too
//! old and about no other one.

use std::collections::{BTreeMap, BTreeSet};

use crate::ChainKey;

/// Where a kept message lies.
type Place = (ChainKey, u64);

/// When a message was made, and which one to come it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Turn {
    timestamp_ms: u64,
    arrival: u64,
}

/// The places of the kept messages of a stream.
#[derive(Debug, Default)]
pub(crate) struct KeptOrder {
    arrived: BTreeMap<u64, (Place, Turn)>,
    dated: BTreeSet<Turn>,
    arrivals: u64,
}

impl KeptOrder {
    pub(crate) const fn new() -> Self {
        Self { arrived: BTreeMap::new(), dated: BTreeSet::new(), arrivals: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.arrived.len()
    }

    /// A message came; its turn ends it.
    pub(crate) fn begin(&mut self, place: Place, timestamp_ms: u64) -> Turn {
        let turn = Turn { timestamp_ms, arrival: self.arrivals };
        self.arrivals = self.arrivals.saturating_add(1);
        self.arrived.insert(turn.arrival, (place, turn));
        self.dated.insert(turn);
        turn
    }

    /// The message is kept no more.
    pub(crate) fn end(&mut self, turn: Turn) {
        self.arrived.remove(&turn.arrival);
        self.dated.remove(&turn);
    }

    /// Ends the turn of what came before all others.
    pub(crate) fn take_first(&mut self) -> Option<Place> {
        let (_, (place, turn)) = self.arrived.pop_first()?;
        self.dated.remove(&turn);
        Some(place)
    }

    /// Ends the turn of something that was made before `earliest_ms`.
    pub(crate) fn take_older_than(&mut self, earliest_ms: u64) -> Option<Place> {
        let oldest = *self.dated.first().filter(|turn| turn.timestamp_ms < earliest_ms)?;
        self.dated.remove(&oldest);
        self.arrived.remove(&oldest.arrival).map(|(place, _)| place)
    }
}
