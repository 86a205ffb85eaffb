//! What a node says to a tracker.

use serde::{Deserialize, Serialize};
use tatum_overlay::attendance::RoundTrip;
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence};
use tatum_primitives::{NodeId, StreamKey};

use super::Signal;
use crate::Stream;

/// What a relay offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayOffer {
    /// Streams it can be recruited to.
    pub capacity: u32,
}

/// What a node says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToTracker {
    /// Who it is, in answer to the challenge.
    Hello {
        /// Its id.
        node: NodeId,
        /// Whether it relays, and then how many streams it can carry.
        relay: Option<RelayOffer>,
        /// A random number drawn when the process started.
        #[serde(with = "tatum_primitives::decimal")]
        incarnation: u64,
        /// Over challenge, tracker, role and incarnation.
        #[serde(with = "crate::hex")]
        signature: Vec<u8>,
    },
    /// It wants to take part in a stream partition.
    Join {
        /// Which one, by its name.
        stream: Stream,
        /// On whose account, signed for this tracker. A tracker that follows the chain recruits
        /// relays only for clients with a payer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<Box<Attach>>,
    },
    /// A relay carries a stream that another tracker recruited it for, or this one before it restarted:
    /// it may count it as its own recruit.
    Offer {
        /// Which one, by its name.
        stream: Stream,
    },
    /// The region it says it is in; what the tracker knows of its address goes before it.
    Region {
        /// The region's name.
        name: String,
    },
    /// It wants another neighbour in the place of this one, which behaved badly.
    Avoid {
        /// Whom.
        node: NodeId,
    },
    /// How much passes on a stream that it relays.
    Load {
        /// Which one.
        stream: StreamKey,
        /// Payload bytes of first copies.
        #[serde(with = "tatum_primitives::decimal")]
        bytes_per_second: u64,
    },
    /// How long a relay's neighbours take to answer it, of those that this tracker gave it. A newer text replaces it.
    RoundTrips {
        /// Each of them, once.
        links: Vec<RoundTrip>,
    },
    /// A relay's part of a payer's quota: what it holds, has used and wants.
    Lease {
        /// How much.
        claim: Claim,
        /// Shows that a client of the payer asked it for service.
        evidence: Box<Evidence>,
    },
    /// It does not any more.
    Leave {
        /// Which one.
        stream: StreamKey,
    },
    /// To be passed on to another node.
    Signal {
        /// To whom.
        to: NodeId,
        /// What.
        signal: Signal,
    },
    /// A subscriber needs a group key: to be passed on to the publisher that drew it.
    AskKey(Box<KeyRequest>),
    /// A publisher's answer, to be passed on to who asked.
    GiveKey {
        /// To whom.
        to: NodeId,
        /// What.
        answer: Box<KeyAnswer>,
    },
}
