//! What is simulated.
//!
//! Invariant: shares are in thousandths, so that a scenario is exact and comparable.

use tatum_tracker::Shape;

use super::Drops;

/// A tracker that is killed, and comes back without memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Outage {
    /// Which of them: the one that is responsible for the first stream, the next in its order, …
    pub rank: usize,
    /// When, counted from the first message.
    pub from_ms: u64,
    /// For how long.
    pub for_ms: u64,
}

/// A network and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Relays and subscribers together.
    pub nodes: usize,
    /// How many thousandths of the nodes are subscribers that do not relay.
    pub subscribers_permille: u32,
    /// Everything random follows from this.
    pub seed: u64,
    /// Stream partitions; subscribers and publishers are dealt out to them in turn.
    pub streams: usize,
    /// Trackers, each responsible for some of the streams.
    pub trackers: usize,
    /// Relays that a tracker recruits for a stream, at least; more as its demand grows.
    pub relays_per_stream: usize,
    /// Streams that a relay offers to carry.
    pub relay_capacity: u32,
    /// A tracker that is killed.
    pub outage: Option<Outage>,
    /// What each client's stake allows it, in payload bytes.
    pub quota_bytes: u64,
    /// Whether streams have owners that say whom they permit, and payloads are sealed under keys that publishers give to
    /// subscribers. Halfway the owners leave every tenth subscriber out.
    pub is_private: bool,
    /// Messages published, one after the other by all publishers in turn.
    pub messages: usize,
    /// Publishers, in different regions.
    pub publishers: usize,
    /// Payload bytes of a message.
    pub payload_bytes: usize,
    /// Time between two messages.
    pub interval_ms: u64,
    /// Thousandths of frames that are lost on every link.
    pub loss_permille: u32,
    /// Thousandths of nodes that crash while messages are published, and come back 3 s later.
    pub churn_permille: u32,
    /// Thousandths of relays that are malicious: by turns they drop, delay, spam and try to eclipse.
    pub malicious_permille: u32,
    /// An operator that drops a part of one stream's messages.
    pub drops: Option<Drops>,
    /// How trackers shape the graph.
    pub shape: Shape,
    /// Whether trackers know no regions, so that the graph is random.
    pub random_graph: bool,
    /// How long the network may settle after the last message.
    pub settle_ms: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            nodes: 544,
            subscribers_permille: 900,
            seed: 1,
            streams: 1,
            trackers: 1,
            relays_per_stream: 4,
            relay_capacity: 64,
            outage: None,
            quota_bytes: 1 << 40,
            is_private: false,
            messages: 64,
            publishers: 16,
            payload_bytes: 200,
            interval_ms: 100,
            loss_permille: 0,
            churn_permille: 0,
            malicious_permille: 0,
            drops: None,
            shape: Shape::default(),
            random_graph: false,
            settle_ms: 5_000,
        }
    }
}

impl Scenario {
    /// One in which every relay carries every stream, however few clients it has: how messages spread over many relays.
    #[must_use]
    pub fn of_relays() -> Self {
        Self { subscribers_permille: 250, relays_per_stream: usize::MAX, ..Self::default() }
    }

    /// How many nodes are subscribers.
    #[must_use]
    pub const fn subscribers(&self) -> usize {
        self.nodes * self.subscribers_permille as usize / 1_000
    }

    /// How many nodes are relays.
    #[must_use]
    pub const fn relays(&self) -> usize {
        self.nodes - self.subscribers()
    }

    /// How many relays are malicious.
    #[must_use]
    pub const fn malicious(&self) -> usize {
        self.relays() * self.malicious_permille as usize / 1_000
    }

    /// The stream that the client with this number takes part in.
    pub(super) const fn stream_of(&self, number: usize) -> usize {
        number % self.streams
    }

    /// Whether a client is one of those whom owners leave out.
    pub(super) const fn is_left_out(&self, number: usize) -> bool {
        self.is_private && number < self.nodes && number.is_multiple_of(10)
    }

    /// When the last message is published, counted from the first.
    pub(super) const fn length_ms(&self) -> u64 {
        self.messages as u64 * self.interval_ms
    }
}
