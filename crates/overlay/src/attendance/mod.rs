//! At which trackers a node takes part in which stream, and which relays they gave it there.
//!
//! The caller says which trackers are up, what they said, and what time it is, then drains
//! [`Attendance::poll`]: what is to be said to trackers, and whom the overlay has as neighbours.
//!
//! Invariant: a tracker is asked only while it is up; after it rose it is told all again that it must
//! know. A stream's neighbours go only after others have come.

mod load;
mod place;
mod round_trips;
mod standing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tatum_primitives::{NodeId, StreamKey};

use load::Load;
use place::{Place, View};
use round_trips::RoundTrips;
pub use round_trips::{LONGEST_ROUND_TRIP_US, RoundTrip, bounded};
use standing::{Standing, Standings};
pub use standing::{Times, TrackerNo};

/// A refused request is made again after this.
const REJOIN_MS: u64 = 3_000;
/// How often a relay offers itself to trackers that did not take it.
const OFFER_MS: u64 = 30_000;

/// One thing for the caller to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Ask a tracker for neighbours in a stream that we take part in of our own accord.
    Join {
        /// Whom.
        to: TrackerNo,
        /// Where.
        stream: StreamKey,
        /// Whether we publish there.
        publishes: bool,
    },
    /// Offer ourselves to a tracker for a stream that another recruited us to.
    Offer {
        /// To whom.
        to: TrackerNo,
        /// For what.
        stream: StreamKey,
    },
    /// Tell a tracker that we take part there no more.
    Leave {
        /// Whom.
        to: TrackerNo,
        /// Where.
        stream: StreamKey,
    },
    /// Tell a tracker how much passes, so that it recruits relays as demand grows.
    Load {
        /// Whom.
        to: TrackerNo,
        /// Where.
        stream: StreamKey,
        /// How much.
        bytes_per_second: u64,
    },
    /// Ask a tracker for another neighbour in the place of one that it gave us.
    Avoid {
        /// Whom.
        to: TrackerNo,
        /// In whose place.
        node: NodeId,
    },
    /// A stream's neighbours are these now.
    Neighbours {
        /// The stream.
        stream: StreamKey,
        /// All of them.
        nodes: BTreeSet<NodeId>,
    },
    /// Nobody needs us in a stream any more.
    Drop {
        /// The stream.
        stream: StreamKey,
    },
}

/// Where a node takes part.
#[derive(Debug)]
pub struct Attendance {
    relay: bool,
    times: Times,
    standings: Standings,
    places: BTreeMap<StreamKey, Place>,
    publishes: BTreeSet<StreamKey>,
    load: Load,
    round_trips: RoundTrips,
    /// When to ask the trackers again after one refused.
    rejoin_ms: Option<u64>,
    /// When we offered ourselves again to trackers that had not taken us.
    offered_ms: u64,
    steps: VecDeque<Step>,
}

impl Attendance {
    /// A node that takes part nowhere, in a deployment with so many trackers.
    #[must_use]
    pub fn new(trackers: usize, times: Times, relay: bool, now_ms: u64) -> Self {
        Self {
            relay,
            times,
            standings: Standings::new(trackers, now_ms),
            places: BTreeMap::new(),
            publishes: BTreeSet::new(),
            load: Load::default(),
            round_trips: RoundTrips::default(),
            rejoin_ms: None,
            offered_ms: now_ms,
            steps: VecDeque::new(),
        }
    }

    /// The next thing for the caller to do.
    pub fn poll(&mut self) -> Option<Step> {
        self.steps.pop_front()
    }

    /// A tracker welcomed us. It knows nothing of us and is told all that it must know.
    pub fn rose(&mut self, no: TrackerNo, now_ms: u64) {
        self.standings.set(no, true, now_ms);
        self.review_all(now_ms);
    }

    /// A tracker is gone. What it knew of us is gone with the connection.
    pub fn fell(&mut self, no: TrackerNo, now_ms: u64) {
        self.standings.set(no, false, now_ms);
        for place in self.places.values_mut() {
            place.lost(no);
        }
        self.review_all(now_ms);
    }

    /// We take part in a stream of our own accord. `ranking` are all trackers, the responsible one first.
    pub fn take_part(
        &mut self,
        stream: StreamKey,
        ranking: Vec<TrackerNo>,
        publishes: bool,
        now_ms: u64,
    ) {
        let place = self.places.entry(stream).or_insert_with(|| Place::new(ranking));
        place.own = true;
        if publishes {
            self.publishes.insert(stream);
        }
        if self.publishes.contains(&stream) {
            place.ask_anew();
        }
        self.review(stream, now_ms);
    }

    /// A tracker recruited us to a stream. Gives whether nobody had before.
    pub fn recruited(
        &mut self,
        by: TrackerNo,
        stream: StreamKey,
        ranking: Vec<TrackerNo>,
        now_ms: u64,
    ) -> bool {
        let place = self.places.entry(stream).or_insert_with(|| Place::new(ranking));
        let first = place.recruited(by);
        self.review(stream, now_ms);
        first
    }

    /// A tracker needs us in a stream no more.
    pub fn released(&mut self, by: TrackerNo, stream: StreamKey, now_ms: u64) {
        let (standings, patience_ms) = (&self.standings, self.times.patience_ms);
        let gone = |no| matches!(standings.of(no, now_ms), Standing::Down(ms) if ms >= patience_ms);
        let Some(place) = self.places.get_mut(&stream) else { return };
        if place.released(by, gone) {
            let nodes = place.neighbours();
            self.steps.push_back(Step::Neighbours { stream, nodes });
        } else {
            self.places.remove(&stream);
            self.steps.push_back(Step::Drop { stream });
        }
    }

    /// A tracker named our neighbours. Gives whether it may: we asked it, or it recruited us.
    pub fn assigned(&mut self, by: TrackerNo, stream: StreamKey, nodes: BTreeSet<NodeId>) -> bool {
        let Some(place) = self.places.get_mut(&stream) else { return false };
        if !place.assign(by, nodes) {
            return false;
        }
        let nodes = place.neighbours();
        self.steps.push_back(Step::Neighbours { stream, nodes });
        true
    }

    /// A tracker refused a request: it is made again in a while, since a stake may count by then.
    pub fn refused(&mut self, now_ms: u64) {
        self.rejoin_ms = Some(now_ms.saturating_add(REJOIN_MS));
    }

    /// Time passed. Call it about once a second, with what passed since the start in each stream that is
    /// carried.
    pub fn tick(&mut self, passed: impl IntoIterator<Item = (StreamKey, u64)>, now_ms: u64) {
        if self.relay {
            self.report_load(passed, now_ms);
        }
        self.rejoin(now_ms);
        self.review_all(now_ms);
    }

    /// A neighbour is of no use any more: whoever gave it is asked for another.
    pub fn avoid(&mut self, node: NodeId) {
        let routes = self.places.values().flat_map(Place::routes);
        let givers: BTreeSet<TrackerNo> =
            routes.filter(|(given, _)| *given == node).map(|(_, no)| no).collect();
        self.steps.extend(givers.into_iter().map(|to| Step::Avoid { to, node }));
    }

    /// No neighbour serves us in a stream: its tracker is asked anew.
    pub fn unserved(&mut self, stream: StreamKey, now_ms: u64) {
        if let Some(place) = self.places.get_mut(&stream).filter(|place| place.own) {
            place.ask_anew();
            self.review(stream, now_ms);
        }
    }

    /// Neighbours, and who may introduce us to them.
    #[must_use]
    pub fn routes(&self) -> BTreeMap<NodeId, TrackerNo> {
        self.places.values().flat_map(Place::routes).collect()
    }

    /// Of how long open links take, what each tracker is to be told now; nothing by a client, whose relays tell it.
    pub fn round_trips_due(
        &mut self,
        measured: &BTreeMap<NodeId, u32>,
        now_ms: u64,
    ) -> BTreeMap<TrackerNo, Vec<RoundTrip>> {
        if !self.relay {
            return BTreeMap::new();
        }
        let given = self.places.values().flat_map(Place::routes);
        self.round_trips.due(measured, given, now_ms)
    }

    /// Who knows that we take part in a stream.
    pub fn trackers_of(&self, stream: &StreamKey) -> impl Iterator<Item = TrackerNo> {
        self.places.get(stream).into_iter().flat_map(Place::joined)
    }

    fn report_load(&mut self, passed: impl IntoIterator<Item = (StreamKey, u64)>, now_ms: u64) {
        for (stream, bytes_per_second) in self.load.due(passed, now_ms) {
            let told: Vec<TrackerNo> = self.trackers_of(&stream).collect();
            let told = told.into_iter().map(|to| Step::Load { to, stream, bytes_per_second });
            self.steps.extend(told);
        }
    }

    /// Asks again for streams that a tracker gave us nobody for; and a relay offers itself again where
    /// somebody may need it now.
    fn rejoin(&mut self, now_ms: u64) {
        if self.rejoin_ms.take_if(|due_ms| now_ms >= *due_ms).is_some() {
            for place in self.places.values_mut().filter(|place| place.own) {
                place.ask_again();
            }
        }
        if self.relay && now_ms >= self.offered_ms.saturating_add(OFFER_MS) {
            self.offered_ms = now_ms;
            for place in self.places.values_mut() {
                place.offer_again();
            }
        }
    }

    /// Sees to it that every stream is joined where it should be.
    fn review_all(&mut self, now_ms: u64) {
        let streams: Vec<StreamKey> = self.places.keys().copied().collect();
        for stream in streams {
            self.review(stream, now_ms);
        }
    }

    fn review(&mut self, stream: StreamKey, now_ms: u64) {
        let Some(place) = self.places.get_mut(&stream) else { return };
        let changes = place.review(&View {
            standing: &|no| self.standings.of(no, now_ms),
            times: self.times,
            relay: self.relay,
            now_ms,
        });
        let publishes = self.publishes.contains(&stream);
        // Who has other neighbours asks before it leaves, so the order of these steps is theirs to count on.
        for to in changes.join {
            if !self.standings.may_ask(to, now_ms) {
                place.put_off(to);
            } else if place.own {
                self.steps.push_back(Step::Join { to, stream, publishes });
            } else {
                self.steps.push_back(Step::Offer { to, stream });
            }
        }
        self.steps.extend(changes.leave.into_iter().map(|to| Step::Leave { to, stream }));
        if changes.neighbours {
            let nodes = place.neighbours();
            self.steps.push_back(Step::Neighbours { stream, nodes });
        }
    }
}

#[cfg(test)]
mod tests;
