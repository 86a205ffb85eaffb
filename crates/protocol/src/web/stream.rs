//! Streams: those that the deployment's trackers know, and who carries one of them for whom.
//!
//! Invariant: whatever is told is a tracker's or a relay's own word, of the time that stands beside it; whose a node is, the chain's.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, NodeId, OperatorId, StreamId, StreamKey};
use utoipa::ToSchema;

use super::AsOf;
use crate::schema::{AddressText, DecimalText, WordText};

/// A stream partition in numbers, as a tracker has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamShown {
    /// What it is called on the wire and in receipts.
    #[schema(value_type = WordText)]
    pub stream: StreamKey,
    /// The stream's name.
    #[schema(value_type = String, example = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266/weather")]
    pub id: StreamId,
    /// The partition.
    pub partition: u16,
    /// Whose it is by its name; nobody's, if that does not begin with an address.
    #[schema(value_type = Option<AddressText>)]
    pub owner: Option<Address>,
    /// Relays that carry it.
    pub relays: usize,
    /// Clients that take part in it.
    pub clients: usize,
    /// Of these, those that said under their signature that they publish.
    pub publishers: usize,
    /// Payload bytes a second, as the middle one of its relays says.
    #[serde(with = "tatum_primitives::decimal")]
    #[schema(value_type = DecimalText)]
    pub bytes_per_s: u64,
}

/// Streams that trackers know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Streams {
    /// The newest block.
    pub as_of: AsOf,
    /// When the trackers were asked, in seconds since 1970; nothing while none has been.
    pub asked_at_s: Option<u64>,
    /// How many did not answer then: streams that only they know are not told.
    pub silent: usize,
    /// Whether all was told that those knew which answered.
    pub is_complete: bool,
    /// Some stream partitions, by key.
    pub streams: Vec<StreamShown>,
    /// Ask on by `after` with this, if there are more.
    #[schema(value_type = Option<WordText>)]
    pub next: Option<StreamKey>,
}

/// A node that takes part in a stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamNode {
    /// Its id.
    #[schema(value_type = WordText)]
    pub node: NodeId,
    /// Whether it relays the stream; otherwise it is a client.
    pub is_relay: bool,
    /// Whose node it is, as the chain has it.
    #[schema(value_type = Option<u32>)]
    pub operator: Option<OperatorId>,
    /// How old messages are when their first copy comes to it, a moving mean by its own word and as right as two clocks; of relays that this
    /// service was told to ask and that answered.
    pub delay_ms: Option<u64>,
    /// Messages of the stream that came to it since its start; of the same relays.
    #[serde(with = "tatum_primitives::decimal::optional")]
    #[schema(value_type = Option<DecimalText>)]
    pub messages: Option<u64>,
}

/// Two nodes that are neighbours in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamLink {
    /// The smaller id.
    #[schema(value_type = WordText)]
    pub a: NodeId,
    /// The other.
    #[schema(value_type = WordText)]
    pub b: NodeId,
    /// How long the other took to answer the smaller, from question to answer in microseconds, by the word of the smaller; of relays only.
    pub round_trip_by_a_us: Option<u32>,
    /// How long the smaller took to answer the other, by the word of the other; of relays only.
    pub round_trip_by_b_us: Option<u32>,
}

/// A stream partition, and who carries it for whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamStatus {
    /// The newest block, by which nodes are operators'.
    pub as_of: AsOf,
    /// When its tracker was asked for its graph, in seconds since 1970.
    pub asked_at_s: u64,
    /// When the relays were asked that this service was told to ask; nothing while none has been.
    pub relays_asked_at_s: Option<u64>,
    /// In numbers, of when trackers were asked for all streams.
    #[serde(flatten)]
    pub shown: StreamShown,
    /// Whether the graph is cut to what an answer holds.
    pub is_cut: bool,
    /// Who takes part.
    pub nodes: Vec<StreamNode>,
    /// Who is linked with whom.
    pub links: Vec<StreamLink>,
}
