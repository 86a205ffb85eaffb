//! What a tab asks of its page, and tells it.
//!
//! Invariant: bytes lie beside the text. Numbers that a stranger draws are decimal text: JavaScript rounds them otherwise.

use bytes::Bytes;
use serde::Serialize;
use tatum_primitives::{Address, Epoch, NodeId, Role, decimal};
use tatum_protocol::Stream;

/// Why something was not done, for programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Code {
    /// No message holds such a payload.
    TooLarge,
    /// The stream's owner does not permit it.
    NotPermitted,
    /// Too many messages wait for a relay's word.
    WindowFull,
    /// The stream was not opened for publishing.
    NotOpen,
    /// The client is ending.
    Ending,
}

/// One thing for the page to do or to know; "body" are the bytes beside it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Output {
    /// Open a socket to a tracker.
    Connect {
        /// Which tracker.
        no: usize,
        /// Where.
        url: String,
    },
    /// Say something to a tracker.
    Say {
        /// Which tracker.
        no: usize,
        /// What.
        text: String,
    },
    /// Close the socket to a tracker.
    Disconnect {
        /// Which tracker.
        no: usize,
    },
    /// Begin a link with a session description of ours.
    Offer {
        /// Which link.
        link: u64,
        /// A STUN service to ask for our address.
        stun: Option<String>,
        /// The tracker that runs it: on all of its addresses means on the one that we reach.
        no: usize,
    },
    /// The other end's session description.
    Answer {
        /// Which link.
        link: u64,
        /// What.
        description: String,
    },
    /// Send the body over a link.
    Send {
        /// Which link.
        link: u64,
        /// Whether it may only use half of the queue.
        repair: bool,
        /// The body.
        #[serde(skip)]
        packet: Bytes,
    },
    /// Close a link once what waits for it was sent.
    Close {
        /// Which link.
        link: u64,
    },
    /// The body is a message of a stream, in order within its chain.
    Message {
        /// Where.
        stream: Stream,
        /// Who published.
        publisher: Address,
        /// The publisher's chain.
        #[serde(with = "decimal")]
        chain: u64,
        /// The message's number in it.
        #[serde(with = "decimal")]
        sequence: u64,
        /// When, milliseconds since 1970 by the publisher's clock.
        #[serde(with = "decimal")]
        timestamp_ms: u64,
        /// The body.
        #[serde(skip)]
        payload: Vec<u8>,
    },
    /// Messages that nobody could give us.
    Gap {
        /// Where.
        stream: Stream,
        /// Who published.
        publisher: Address,
        /// The publisher's chain.
        #[serde(with = "decimal")]
        chain: u64,
        /// The first.
        #[serde(with = "decimal")]
        first: u64,
        /// The last.
        #[serde(with = "decimal")]
        last: u64,
    },
    /// A message whose group key nobody gave us in time.
    Unreadable {
        /// Where.
        stream: Stream,
        /// Who published.
        publisher: Address,
        /// The publisher's chain.
        #[serde(with = "decimal")]
        chain: u64,
        /// The message's number in it.
        #[serde(with = "decimal")]
        sequence: u64,
    },
    /// A message was signed and is on its way.
    Published {
        /// Of which request.
        ticket: u32,
        /// Its number in our chain.
        sequence: u64,
    },
    /// A message was not published.
    Unpublished {
        /// Of which request.
        ticket: u32,
        /// Why, for programs.
        code: Code,
        /// Why, for people.
        reason: String,
    },
    /// A relay accepted a message of ours.
    Accepted {
        /// Where.
        stream: Stream,
        /// Its number in our chain.
        sequence: u64,
    },
    /// A relay serves us, or accepts from us.
    Admitted {
        /// Where.
        stream: Stream,
        /// What it does.
        role: Role,
        /// Which relay.
        node: NodeId,
    },
    /// A relay does not, or does not any more.
    Refused {
        /// Where.
        stream: Stream,
        /// What it does not do.
        role: Role,
        /// Which relay.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// No relay has for so long; we go on looking.
    Unserved {
        /// Where.
        stream: Stream,
        /// What nobody does.
        role: Role,
        /// For how long.
        for_ms: u64,
    },
    /// A relay acknowledged a receipt of ours.
    Settled {
        /// For what.
        stream: Stream,
        /// Which relay.
        node: NodeId,
        /// What it did.
        role: Role,
        /// In which epoch.
        epoch: Epoch,
        /// Messages so far in the epoch.
        #[serde(with = "decimal")]
        messages: u64,
        /// Payload bytes so far in the epoch.
        #[serde(with = "decimal")]
        bytes: u64,
        /// Of these, the bytes that are paid.
        #[serde(with = "decimal")]
        bytes_on_time: u64,
    },
    /// A relay rejected a receipt of ours.
    Rejected {
        /// Which relay.
        node: NodeId,
        /// Why.
        reason: String,
    },
    /// How it stands with a tracker.
    Tracker {
        /// Which one.
        no: usize,
        /// Whether it knows us now.
        up: bool,
        /// Why not.
        reason: Option<String>,
    },
    /// A tracker refused a request; it is made again.
    TrackerRefused {
        /// Which one.
        no: usize,
        /// Why.
        reason: String,
    },
    /// Something that people may want to read.
    Note {
        /// What.
        text: String,
    },
    /// How things are.
    Status {
        /// Our name in the network.
        node: NodeId,
        /// Open links.
        links: usize,
        /// Trackers that know us.
        trackers: usize,
        /// Messages handed over.
        messages: u64,
        /// Messages of ours that no relay accepted yet.
        unaccepted: usize,
        /// Receipts that we signed.
        receipts_signed: u64,
        /// Those that a relay acknowledged.
        receipts_settled: u64,
        /// Those that a relay rejected.
        receipts_rejected: u64,
        /// Accounts whose newest state is not receipted or not acknowledged.
        unsettled: usize,
    },
    /// It has ended.
    Finished {
        /// Accounts whose last receipt nobody acknowledged.
        unsettled: usize,
    },
    /// The page told something that makes no sense: a mistake in the page.
    Fault {
        /// What is wrong with it.
        reason: String,
    },
}

impl Output {
    fn body(&self) -> &[u8] {
        if let Self::Send { packet, .. } = self {
            packet
        } else if let Self::Message { payload, .. } = self {
            payload
        } else {
            &[]
        }
    }
}

/// All of them as bytes: of each the lengths of text and body, four bytes each with the lowest first, then both.
#[must_use]
pub fn encode(outputs: &[Output]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for output in outputs {
        // Names, numbers and texts have a text.
        let text = serde_json::to_vec(output).unwrap_or_default();
        let body = output.body();
        for part in [text.len(), body.len()] {
            bytes.extend(u32::try_from(part).unwrap_or_default().to_le_bytes());
        }
        bytes.extend_from_slice(&text);
        bytes.extend_from_slice(body);
    }
    bytes
}
