//! A publisher's chain so far.
//!
//! Invariant: each message names the one before.

use tatum_overlay::{ChainKey, MessageRef};
use tatum_primitives::StreamKey;

use super::Scenario;
use super::deployment::{session, stream_name};

/// A publisher's chain so far.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) node: usize,
    pub(super) stream: StreamKey,
    pub(super) key: ChainKey,
    pub(super) last: Option<MessageRef>,
}

impl Chain {
    pub(super) fn new(node: usize, scenario: &Scenario) -> Self {
        let key = ChainKey { publisher: session(node).address(), chain: 1 };
        let stream = stream_name(scenario.stream_of(node), scenario).key();
        Self { node, stream, key, last: None }
    }
}
