//! What is simulated.
//!
//! Invariant: shares are in thousandths, so that a scenario is exact and comparable.

use tatum_tracker::topology::Shape;

/// A network and what happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scenario {
    /// Relays and subscribers together.
    pub nodes: usize,
    /// How many thousandths of the nodes are subscribers that do not relay.
    pub subscribers_permille: u32,
    /// Everything random follows from this.
    pub seed: u64,
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
    /// How the tracker shapes the graph.
    pub shape: Shape,
    /// Whether the tracker knows no regions, so that the graph is random.
    pub random_graph: bool,
    /// How long the network may settle after the last message.
    pub settle_ms: u64,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            nodes: 544,
            subscribers_permille: 250,
            seed: 1,
            messages: 64,
            publishers: 16,
            payload_bytes: 200,
            interval_ms: 100,
            loss_permille: 0,
            churn_permille: 0,
            malicious_permille: 0,
            shape: Shape::default(),
            random_graph: false,
            settle_ms: 5_000,
        }
    }
}

impl Scenario {
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
}
