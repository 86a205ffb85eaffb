//! What a tracker is.
//!
//! Invariant: whatever bounds a tracker is named here or beside the map that it bounds; nothing a node says raises it.

use tatum_protocol::NodeKey;
use tatum_receipt::Verifier;

use crate::{Regions, Shape};

/// What a tracker is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its key; nodes may pin the id.
    pub key: NodeKey,
    /// How graphs are shaped.
    pub shape: Shape,
    /// Relays that are recruited for a stream with clients, at least; more as its demand grows.
    pub relays_per_stream: usize,
    /// How long relays keep a stream without clients.
    pub linger_ms: u64,
    /// Which region an address is in.
    pub regions: Regions,
    /// Whether it knows whose stake counts. Then clients take part on a payer's account only.
    pub follows_chain: bool,
    /// The deployment that permission lists are signed for; without it none is taken.
    pub verifier: Option<Verifier>,
}

impl Config {
    /// A tracker with the usual shape that follows no chain.
    #[must_use]
    pub fn new(key: NodeKey) -> Self {
        Self {
            key,
            shape: Shape::default(),
            relays_per_stream: 4,
            linger_ms: 60_000,
            regions: Regions::default(),
            follows_chain: false,
            verifier: None,
        }
    }
}
