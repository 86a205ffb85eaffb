//! `/v1/streams` of a tracker, which stream partitions it knows, and `/v1/streams/{stream}`: who is whose neighbour in one.
//!
//! Invariant: each pair stands once, the smaller id first; nothing of it is secret, since every neighbour is told. A list is in the
//! order of keys, and has [`MOST_LISTED`] at most.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use tatum_primitives::{NodeId, OperatorId, StreamId, StreamKey};

/// Stream partitions in one answer, at most.
pub const MOST_LISTED: usize = 500;

/// A stream partition's graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Graph {
    /// The stream partition.
    pub stream: StreamKey,
    /// Who takes part.
    pub nodes: Vec<Vertex>,
    /// Who is linked with whom.
    pub links: BTreeSet<(NodeId, NodeId)>,
    /// How long links take, by the word of the relays at their ends. Trackers of before tell none.
    #[serde(default)]
    pub round_trips: Vec<ToldRoundTrip>,
}

/// How long a relay's neighbour takes to answer, as the relay says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldRoundTrip {
    /// Who says so.
    pub by: NodeId,
    /// Who answers.
    pub to: NodeId,
    /// From question to answer, in microseconds.
    pub round_trip_us: u32,
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

/// Some of the stream partitions that a tracker knows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamList {
    /// Those after the key that was asked for, by key.
    pub streams: Vec<StreamEntry>,
    /// Ask on by `after` with this, if there are more.
    pub next: Option<StreamKey>,
}

/// A stream partition that somebody takes part in, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamEntry {
    /// Its key.
    pub stream: StreamKey,
    /// The stream.
    pub id: StreamId,
    /// The partition.
    pub partition: u16,
    /// Relays that carry it.
    pub relays: usize,
    /// Clients that take part in it.
    pub clients: usize,
    /// Of these, those that said under their signature that they publish.
    pub publishers: usize,
    /// What passes now, as the middle one of its relays says.
    pub bytes_per_second: u64,
}
