//! Whom a tracker gives a node as neighbours.
//!
//! Invariant: the tracker signs it for the node and the time, so it can be held up to it later.

use serde::{Deserialize, Serialize};
use tatum_primitives::{NodeId, StreamKey};

use crate::{NodeKey, verify};

/// The neighbours that a tracker gives a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// In which stream partition.
    pub stream: StreamKey,
    /// All of them.
    pub neighbours: Vec<Neighbour>,
    /// When, milliseconds since 1970.
    pub issued_ms: u64,
    /// The tracker's, over the node and all of the above.
    #[serde(with = "crate::hex")]
    pub signature: Vec<u8>,
}

/// One neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// Its id.
    pub node: NodeId,
    /// Whether it relays.
    pub relay: bool,
    /// Changes when it restarts; then the old link is dead.
    #[serde(with = "tatum_primitives::decimal")]
    pub incarnation: u64,
}

impl Assignment {
    /// Signs the neighbours of `node`.
    #[must_use]
    pub fn sign(
        tracker: &NodeKey,
        node: NodeId,
        stream: StreamKey,
        neighbours: Vec<Neighbour>,
        issued_ms: u64,
    ) -> Self {
        let mut assignment = Self { stream, neighbours, issued_ms, signature: Vec::new() };
        assignment.signature = tracker.sign("assignment", &[&assignment.signed_bytes(node)]);
        assignment
    }

    /// Whether `tracker` signed it for `node`.
    #[must_use]
    pub fn verify(&self, tracker: NodeId, node: NodeId) -> bool {
        verify(tracker, "assignment", &[&self.signed_bytes(node)], &self.signature)
    }

    fn signed_bytes(&self, node: NodeId) -> Vec<u8> {
        let mut bytes = [node.0.as_slice(), self.stream.0.as_slice()].concat();
        bytes.extend(self.issued_ms.to_be_bytes());
        for neighbour in &self.neighbours {
            bytes.extend(neighbour.node.0);
            bytes.push(u8::from(neighbour.relay));
            bytes.extend(neighbour.incarnation.to_be_bytes());
        }
        bytes
    }
}
