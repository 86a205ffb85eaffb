//! What a tracker says to a node.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::lease::Lease;
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{B256, NodeId, StreamKey};

use super::{Assignment, Signal};
use crate::Stream;

/// What a tracker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromTracker {
    /// First: to be signed.
    Challenge {
        /// A fresh random value.
        nonce: B256,
        /// The tracker's own key.
        tracker: NodeId,
        /// The protocol's version.
        version: u32,
    },
    /// The hello was accepted.
    Welcome {
        /// Where its STUN service listens.
        stun: Option<SocketAddr>,
        /// The tracker's clock, milliseconds since 1970.
        at_ms: u64,
    },
    /// The request was refused; after a hello the connection is closed.
    Refused {
        /// Why.
        reason: String,
    },
    /// Another process said hello with the node's key and has its place now; this connection ends.
    KeyInUse,
    /// The node shall carry a stream partition.
    Carry {
        /// Which one, by its name.
        stream: Stream,
    },
    /// What a relay holds of a payer's quota from now on.
    Leased(Lease),
    /// What the owner of a stream that the node takes part in permits.
    Permissions(Box<SignedPermissions>),
    /// The node need not carry it any more.
    Release {
        /// Which one.
        stream: StreamKey,
    },
    /// The neighbours of a stream partition, all of them.
    Assign(Assignment),
    /// From another node.
    Signal {
        /// From whom.
        from: NodeId,
        /// What.
        signal: Signal,
    },
    /// A subscriber needs a group key that the node drew.
    KeyAsked {
        /// From whom.
        from: NodeId,
        /// What.
        request: Box<KeyRequest>,
    },
    /// A publisher's answer to the node's request.
    KeyGiven {
        /// What.
        answer: Box<KeyAnswer>,
    },
}
