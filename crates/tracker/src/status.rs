//! What a tracker shows of itself: how many there are of everything, its streams, and one stream's graph.
//!
//! Invariant: the size of a status does not depend on what strangers do, nor does that of one page of its streams. In a graph each
//! pair stands once, the smaller id first, and how long a link takes is told of links of the graph only, with who says so; nothing of it is
//! secret, since every neighbour is told.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

use tatum_overlay::Now;
use tatum_primitives::{NodeId, StreamKey};
use tatum_protocol::status::TrackerSummary;
use tatum_protocol::{Graph, MOST_LISTED, StreamEntry, StreamList, ToldRoundTrip, Vertex};

use crate::Tracker;
use crate::stream::StreamState;
use crate::topology::Topology;

impl Tracker {
    /// How many there are of everything.
    #[must_use]
    pub fn summary(&self, now: &Now) -> TrackerSummary {
        let relays = self.members.values().filter(|member| member.is_relay()).count();
        TrackerSummary {
            relays,
            clients: self.members.len().saturating_sub(relays),
            streams: self.streams.len(),
            permission_lists: self.permissions.len(),
            leases: self.lessor.len(),
            judged_operators: self.judged(now).len(),
            surveyed_epoch: self.findings.surveyed_epoch(),
        }
    }

    /// The streams that somebody takes part in, those after one key.
    #[must_use]
    pub fn streams_after(&self, after: Option<StreamKey>, now: &Now) -> StreamList {
        let from = after.map_or(Unbounded, Excluded);
        let mut rest = self.streams.range((from, Unbounded));
        let shown = rest.by_ref().take(MOST_LISTED).map(|(key, state)| entry(*key, state, now));
        let streams: Vec<StreamEntry> = shown.collect();
        let last = streams.last().map(|last| last.stream);
        StreamList { streams, next: last.filter(|_| rest.next().is_some()) }
    }

    /// Who is whose neighbour in a stream; nobody if nobody takes part.
    #[must_use]
    pub fn graph(&self, stream: StreamKey) -> Graph {
        let mut graph = graph(stream, self.streams.get(&stream).map(|stream| &stream.topology));
        let told = |by: NodeId, to: NodeId| {
            let round_trip_us = *self.members.get(&by)?.round_trips_us.get(&to)?;
            Some(ToldRoundTrip { by, to, round_trip_us })
        };
        let ends = graph.links.iter().flat_map(|(a, b)| [told(*a, *b), told(*b, *a)]);
        graph.round_trips = ends.flatten().collect();
        graph
    }
}

fn entry(stream: StreamKey, state: &StreamState, now: &Now) -> StreamEntry {
    StreamEntry {
        stream,
        id: state.name.id.clone(),
        partition: state.name.partition,
        relays: state.topology.relay_count(),
        clients: state.topology.client_count(),
        publishers: state.publishing_count(),
        bytes_per_second: state.load.passing(now.monotonic_ms),
    }
}

fn graph(stream: StreamKey, topology: Option<&Topology>) -> Graph {
    let mut graph =
        Graph { stream, nodes: Vec::new(), links: BTreeSet::new(), round_trips: Vec::new() };
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
