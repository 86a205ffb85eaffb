//! What `/v1/streams/{stream}` shows: who is whose neighbour in a stream partition.
//!
//! Invariant: each pair stands once, the smaller id first; nothing of it is secret, since every neighbour is told.

use std::collections::BTreeSet;

use tatum_overlay::topology::Topology;
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::{Graph, Vertex};

/// The graph of a stream partition; empty if nobody takes part.
pub(super) fn graph(stream: StreamKey, topology: Option<&Topology>) -> Graph {
    let mut graph = Graph { stream, nodes: Vec::new(), links: BTreeSet::new() };
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
