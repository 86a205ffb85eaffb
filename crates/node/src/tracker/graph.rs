//! What `/v1/streams/{stream}` shows: who is whose neighbour in a stream partition.
//!
//! Invariant: each pair stands once, the smaller id first; nothing of it is secret, since every neighbour is told.

use std::collections::BTreeSet;

use serde::Serialize;
use tatum_overlay::topology::Topology;
use tatum_primitives::{NodeId, OperatorId, StreamKey};

/// A stream partition's graph.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Graph {
    stream: StreamKey,
    nodes: Vec<Vertex>,
    links: BTreeSet<(NodeId, NodeId)>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Vertex {
    node: NodeId,
    relay: bool,
    operator_id: Option<OperatorId>,
}

impl Graph {
    /// The graph of a stream partition; empty if nobody takes part.
    pub(super) fn new(stream: StreamKey, topology: Option<&Topology>) -> Self {
        let mut graph = Self { stream, nodes: Vec::new(), links: BTreeSet::new() };
        let Some(topology) = topology else { return graph };
        let relays: BTreeSet<NodeId> = topology.relays().collect();
        let mut nodes = relays.clone();
        for relay in &relays {
            for neighbour in topology.neighbours(relay) {
                nodes.insert(neighbour);
                graph.links.insert((neighbour.min(*relay), neighbour.max(*relay)));
            }
        }
        let vertex = |node: NodeId| Vertex {
            node,
            relay: relays.contains(&node),
            operator_id: topology.place(&node).and_then(|place| place.operator),
        };
        graph.nodes = nodes.into_iter().map(vertex).collect();
        graph
    }
}
