//! What the services say of themselves: `/health`, `/ready` and `/status`.
//!
//! Invariant: who serves a status and who reads it use the same type, so a counter that is renamed stops one of them from
//! compiling; no key and no payload appears.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tatum_overlay::node::{Counters, PeerSummary, StreamSummary};
use tatum_primitives::{Epoch, Nano, NodeId, OperatorId, StreamKey};

/// `/health` of every service: it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// How it is.
    pub status: Healthy,
    /// Of a node: whether a tracker is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracker: Option<bool>,
}

/// The one thing that a service which answers can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Healthy {
    /// It is well.
    Ok,
}

impl Health {
    /// A service that is well.
    #[must_use]
    pub const fn ok() -> Self {
        Self { status: Healthy::Ok, tracker: None }
    }
}

/// `/ready` of an aggregator: whether it can take receipts and close epochs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AggregatorReadiness {
    /// All of the below.
    pub ready: bool,
    /// The database answers.
    pub database: bool,
    /// The chain answered a short while ago.
    pub chain: bool,
}

/// `/ready` of an auditor: whether it sees what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditorReadiness {
    /// The chain answers, or an audit is under way.
    pub ready: bool,
    /// The same.
    pub chain: bool,
    /// An audit, which is bounded, is under way.
    pub auditing: bool,
}

/// `/status` of a node.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Its id.
    pub node: NodeId,
    /// Its operator, if it has one.
    pub operator_id: Option<OperatorId>,
    /// What it asks of those who pay from their stakes, in nano a GiB of quota; left away by one that asks nothing.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "tatum_primitives::decimal::optional_nano"
    )]
    pub ask_nano_per_gib: Option<Nano>,
    /// Whether any tracker is connected.
    pub tracker_connected: bool,
    /// The deployment's trackers.
    pub trackers: Vec<TrackerConnection>,
    /// What became of messages since its start.
    pub messages: Counters,
    /// Packets that full queues refused.
    pub dropped_packets: u64,
    /// Datagrams of no link.
    pub refused_datagrams: u64,
    /// The stream partitions that it carries.
    pub streams: Vec<StreamSummary>,
    /// Its neighbours.
    pub peers: Vec<PeerSummary>,
    /// Its receipts.
    pub receipts: NodeReceipts,
}

/// How a node stands with a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerConnection {
    /// Where it is.
    pub url: String,
    /// Its key, if it is known.
    pub tracker: Option<NodeId>,
    /// Whether it is connected.
    pub connected: bool,
    /// How far its clock was ahead of this machine's when it welcomed us, in milliseconds; behind, if negative.
    pub clock_ahead_ms: Option<i64>,
    /// How often another process with this node's key took its place there since the start.
    pub key_used_elsewhere: u64,
}

/// A node's receipts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReceipts {
    /// What became of those it was offered or signed since its start.
    pub taken: ReceiptCounts,
    /// How many are on disk.
    pub kept: u64,
    /// How many of those wait to be handed in.
    pub waiting_for_aggregator: u64,
    /// How many of those the aggregator rejected.
    pub rejected_by_aggregator: u64,
    /// Those that the aggregator answered for since the node's start.
    pub handed_in: u64,
    /// Rejections of the aggregator since the node's start.
    pub rejections: u64,
    /// Requests to the aggregator that failed since the node's start.
    pub hand_in_failures: u64,
}

/// What became of receipts since a node's start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptCounts {
    /// The newest of their key.
    pub accepted: u64,
    /// Older than one that is kept.
    pub superseded: u64,
    /// Kept already.
    pub duplicate: u64,
    /// Rejected, by the rejection's code.
    pub rejected: BTreeMap<String, u64>,
    /// Signed here, as a client.
    pub signed: u64,
    /// Of those, the ones that a node acknowledged.
    pub settled: u64,
}

/// `/status` of a tracker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerStatus {
    /// Its key.
    pub tracker: NodeId,
    /// Whom it knows.
    pub summary: TrackerSummary,
    /// The operators that get no new streams, the first by id of those that the summary counts.
    pub judged: Vec<JudgedOperator>,
}

/// Whom a tracker knows, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackerSummary {
    /// Connected relays.
    pub relays: usize,
    /// Connected clients.
    pub clients: usize,
    /// Streams with a permission list.
    pub permission_lists: usize,
    /// Parts of quotas that relays hold.
    pub leases: usize,
    /// Stream partitions that somebody takes part in. Who does is told stream by stream, so that this has one size.
    pub streams: usize,
    /// Operators that get no new streams, because they served badly.
    pub judged_operators: usize,
    /// The newest epoch whose service it knows.
    pub surveyed_epoch: Option<Epoch>,
}

/// An operator that gets no new streams, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JudgedOperator {
    /// The operator.
    pub operator_id: OperatorId,
    /// The epoch whose receipts say so.
    pub epoch: Epoch,
    /// The stream that it served worst.
    pub stream: StreamKey,
    /// How complete its service was there, in parts per million.
    pub completeness_ppm: u64,
}
