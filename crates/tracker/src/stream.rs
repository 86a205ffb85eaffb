//! One stream partition: who takes part, who publishes, how much passes.
//!
//! Invariant: it exists only while somebody who counts takes part.

use std::collections::{BTreeMap, BTreeSet};

use tatum_primitives::{Address, NodeId};
use tatum_protocol::Stream;

use crate::demand::Load;
use crate::topology::{Shape, Topology};

/// Nodes that may publish with one key; a further one is asked for no keys.
const MAX_NODES_OF_PUBLISHER: usize = 16;

/// What a tracker keeps of a stream partition.
#[derive(Debug)]
pub(crate) struct StreamState {
    pub(crate) name: Stream,
    pub(crate) topology: Topology,
    /// Which clients said, under their signature, that they publish with a key.
    publishers: BTreeMap<Address, BTreeSet<NodeId>>,
    pub(crate) load: Load,
    /// Since when it has no clients.
    idle_since_ms: Option<u64>,
}

impl StreamState {
    pub(crate) fn new(name: Stream, shape: Shape) -> Self {
        Self {
            name,
            topology: Topology::new(shape),
            publishers: BTreeMap::new(),
            load: Load::default(),
            idle_since_ms: None,
        }
    }

    /// Nobody takes part any more.
    pub(crate) fn is_deserted(&self) -> bool {
        self.topology.relay_count() == 0 && self.topology.client_count() == 0
    }

    pub(crate) fn note_idle(&mut self, now_ms: u64) {
        if self.topology.client_count() > 0 {
            self.idle_since_ms = None;
        } else {
            self.idle_since_ms.get_or_insert(now_ms);
        }
    }

    /// Whether it has had no clients for so long.
    pub(crate) fn is_idle(&self, for_ms: u64, now_ms: u64) -> bool {
        self.idle_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= for_ms)
    }

    /// A client publishes with a key.
    pub(crate) fn publishes(&mut self, publisher: Address, node: NodeId) {
        let nodes = self.publishers.entry(publisher).or_default();
        if nodes.len() < MAX_NODES_OF_PUBLISHER {
            nodes.insert(node);
        }
    }

    /// A node is gone.
    pub(crate) fn forget(&mut self, node: &NodeId) {
        self.load.forget(node);
        self.publishers.retain(|_, nodes| {
            nodes.remove(node);
            !nodes.is_empty()
        });
    }

    /// How many clients publish.
    pub(crate) fn publishing_count(&self) -> usize {
        let nodes: BTreeSet<&NodeId> = self.publishers.values().flatten().collect();
        nodes.len()
    }

    /// The clients that publish with a key.
    pub(crate) fn nodes_of(&self, publisher: &Address) -> impl Iterator<Item = NodeId> {
        self.publishers.get(publisher).into_iter().flatten().copied()
    }
}
