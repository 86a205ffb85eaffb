//! What a page tells a tab.
//!
//! Invariant: bytes lie beside the text, never in it, so no payload is copied through JSON.

use serde::Deserialize;
use tatum_protocol::Stream;

/// What a page tells a tab; "body" are the bytes beside it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Input {
    /// The user wants a stream partition's messages.
    Subscribe {
        /// Which one.
        stream: Stream,
    },
    /// The user wants to publish to one.
    OpenPublisher {
        /// Which one.
        stream: Stream,
    },
    /// The user publishes the body.
    Publish {
        /// Where.
        stream: Stream,
        /// What the answer is to name.
        ticket: u32,
    },
    /// The socket to a tracker opened.
    SocketOpened {
        /// Which tracker.
        no: usize,
    },
    /// A tracker said the body.
    SocketText {
        /// Which tracker.
        no: usize,
    },
    /// The socket to a tracker is gone, or did not come about.
    SocketClosed {
        /// Which tracker.
        no: usize,
        /// What the browser says of it.
        reason: String,
    },
    /// The body is the session description of a link that was asked for.
    Described {
        /// Which link.
        link: u64,
    },
    /// A link opened.
    LinkOpened {
        /// Which link.
        link: u64,
    },
    /// The body came over a link. It is looked at with the next input that is no packet, or when there is much.
    Packet {
        /// Which link.
        link: u64,
    },
    /// The body did not fit into a link's queue.
    Unsent {
        /// Which link.
        link: u64,
    },
    /// A link is gone, or did not come about.
    LinkClosed {
        /// Which link.
        link: u64,
    },
    /// Time passed.
    Tick,
    /// The user asks how things are.
    Status,
    /// The user ends it: closing receipts are signed and handed out first.
    Finish {
        /// For at most so long.
        patience_ms: u64,
    },
}
