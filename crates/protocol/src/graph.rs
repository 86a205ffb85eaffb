//! `/v1/streams/{stream}` of a tracker: who is whose neighbour in a stream partition.
//!
//! Invariant: each pair stands once, the smaller id first; nothing of it is secret, since every neighbour is told.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tatum_primitives::{NodeId, OperatorId, StreamKey};

/// A stream partition's graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The stream partition.
    pub stream: StreamKey,
    /// Who takes part.
    pub nodes: Vec<Vertex>,
    /// Who is linked with whom.
    pub links: BTreeSet<(NodeId, NodeId)>,
}

/// A node in a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vertex {
    /// Its id.
    pub node: NodeId,
    /// Whether it relays.
    pub relay: bool,
    /// Its operator, if it has one.
    pub operator_id: Option<OperatorId>,
}
