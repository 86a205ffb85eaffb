//! A tracker's process: the production mind under a key of its own.
//!
//! Invariant: a process that starts anew remembers nothing and draws its randomness from another seed.

use tatum_primitives::NodeId;
use tatum_protocol::NodeKey;
use tatum_tracker::{Config, Connection, Tracker};

use super::Scenario;
use super::deployment::verifier;

/// One run of a connection, as both ends know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seat {
    pub(super) run: u64,
    pub(super) connection: Connection,
}

/// A tracker's process.
#[derive(Debug)]
pub(super) struct Host {
    key: NodeKey,
    config: Config,
    pub(super) tracker: Tracker,
    pub(super) is_up: bool,
    /// How often it was started.
    pub(super) run: u64,
}

impl Host {
    pub(super) fn new(number: usize, scenario: &Scenario) -> Self {
        let mut seed = [5; 32];
        seed[..8].copy_from_slice(&(number as u64).to_be_bytes());
        let key = NodeKey::from_bytes(&seed);
        let mut config = Config::new(key.clone());
        config.shape = scenario.shape;
        config.relays_per_stream = scenario.relays_per_stream;
        config.linger_ms = 10_000;
        config.follows_chain = true;
        config.verifier = Some(verifier());
        let tracker = Tracker::new(config.clone(), seed);
        Self { key, config, tracker, is_up: true, run: 1 }
    }

    pub(super) fn id(&self) -> NodeId {
        self.key.id()
    }

    /// It starts anew, without memory.
    pub(super) fn restart(&mut self) {
        self.run += 1;
        self.is_up = true;
        let mut seed = [6; 32];
        seed[..8].copy_from_slice(&self.run.to_be_bytes());
        self.tracker = Tracker::new(self.config.clone(), seed);
    }
}
