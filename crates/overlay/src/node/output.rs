//! What a node asks of its caller, and what it can show of itself.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, Role, StreamKey};
use tatum_receipt::{Acknowledgement, SignedReceipt, Witnessed};

use crate::frame::{Attach, Farewell, Refusal};
use crate::lease::{Claim, Evidence};
use crate::{ChainKey, Link, Message, Priority};

/// One thing for the caller to do or to know.
#[derive(Debug)]
pub enum Output {
    /// Send a frame.
    Send {
        /// To whom.
        link: Link,
        /// The encoded frame.
        frame: Bytes,
        /// What may leave before it, and what it may leave before.
        priority: Priority,
    },
    /// A subscribed message, in order within its chain.
    Deliver(Box<Message>),
    /// Messages of a subscribed stream that nobody could give us.
    Gap {
        /// The stream partition.
        stream: StreamKey,
        /// Publisher and chain.
        chain: ChainKey,
        /// The first missing number.
        first: u64,
        /// The last missing number.
        last: u64,
    },
    /// A published message was accepted by a first relay.
    Accepted {
        /// The stream partition.
        stream: StreamKey,
        /// Its number.
        sequence: u64,
    },
    /// A client asks for service: check the chain, then `admit` or `refuse`.
    AttachAsked {
        /// Where.
        link: Link,
        /// What.
        attach: Attach,
        /// Who signed the request.
        signer: Address,
    },
    /// Somebody is served whose quota is not known: look it up, and call `set_quota`.
    QuotaWanted {
        /// Who pays.
        payer: Address,
        /// In which epoch.
        epoch: Epoch,
    },
    /// Tell the payer's tracker, and call `leased` with its answer.
    LeaseWanted {
        /// What we hold, have used and want.
        claim: Claim,
        /// Shows that a client of the payer asked us.
        evidence: Box<Evidence>,
    },
    /// A client offers a receipt: check and store it, then `acknowledge` or `reject`.
    ReceiptOffered {
        /// Where.
        link: Link,
        /// What should be a receipt and what lies beside it.
        bytes: Vec<u8>,
    },
    /// We signed a receipt: store it, then `send_receipt`.
    ReceiptSigned(Box<Witnessed>),
    /// A node acknowledged the newest receipt of an account; store both.
    ReceiptSettled {
        /// The receipt.
        receipt: Box<SignedReceipt>,
        /// The node's word.
        acknowledgement: Acknowledgement,
    },
    /// A node rejected a receipt of ours.
    ReceiptRejected {
        /// The node.
        node: NodeId,
        /// Digest of the receipt.
        digest: B256,
        /// Its reason.
        reason: String,
    },
    /// A relay serves us, or accepts from us.
    Admitted {
        /// The relay.
        node: NodeId,
        /// The stream partition.
        stream: StreamKey,
        /// What it does.
        role: Role,
    },
    /// A relay does not serve us, or stopped.
    Refused {
        /// The relay.
        node: NodeId,
        /// The stream partition.
        stream: StreamKey,
        /// What it does not do.
        role: Role,
        /// Why.
        reason: Refusal,
    },
    /// No relay does in a stream what we want of one: look for others, and tell the owner. It is said again
    /// for as long as it lasts.
    Unserved {
        /// The stream partition.
        stream: StreamKey,
        /// What nobody does for us.
        role: Role,
        /// For how long.
        for_ms: u64,
    },
    /// Close the link once what was sent has left, and take no new one before the time is up.
    Disconnect {
        /// Which link.
        link: Link,
        /// Who is at its end.
        node: NodeId,
        /// Why.
        reason: Farewell,
        /// How long the node must stay away.
        retry_after_ms: u64,
    },
    /// A neighbour sent us away; ask it again after this time.
    Dismissed {
        /// Which link.
        link: Link,
        /// Who is at its end.
        node: NodeId,
        /// Its reason.
        reason: Farewell,
        /// How long it does not want to hear of us.
        retry_after_ms: u64,
    },
    /// A neighbour is of no use any more: ask the tracker for another one.
    Distrusted {
        /// Who.
        node: NodeId,
    },
    /// A neighbour broke the protocol; close the link.
    Misbehaved {
        /// Which link.
        link: Link,
        /// What it did.
        reason: String,
    },
}

/// Counts since the start.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Valid first copies.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Copies sent to neighbours.
    pub forwarded: u64,
    /// Later copies.
    pub duplicates: u64,
    /// Messages with a wrong signature or form.
    pub invalid: u64,
    /// Messages of streams we do not carry, or from links that may not send them.
    pub unwanted: u64,
    /// Messages of publishers that the stream's owner does not permit.
    pub unpermitted: u64,
    /// Messages whose time is too far from ours.
    pub untimely: u64,
    /// Packets or frames that are none.
    pub malformed: u64,
    /// Messages asked for again.
    pub wanted: u64,
    /// Messages that nobody could give us.
    pub lost: u64,
    /// Receipts and requests beyond what a link may make in a second.
    pub put_off: u64,
    /// Times service stopped for want of receipts.
    pub credit_stops: u64,
    /// Times service was refused because a payer's quota was used up.
    pub quota_stops: u64,
    /// Times service was refused because a payer's stake paid less than the relay asks, or nothing yet.
    pub price_stops: u64,
    /// Claims for parts of payers' quotas that were made to trackers.
    pub claims: u64,
    /// Claims that trackers answered.
    pub leases: u64,
    /// Packets and messages beyond what a node, a block, a stream or a payer may send.
    pub over_rate: u64,
    /// Copies that were not sent because the neighbour had called them off.
    pub called_off: u64,
    /// Nodes that were put on the graylist.
    pub graylisted: u64,
    /// Receipts for more than was delivered.
    pub overclaimed: u64,
}

/// A neighbour, for status pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerSummary {
    /// Its id.
    pub node: NodeId,
    /// Whether it says it relays.
    pub relay: bool,
    /// Its operator, if known.
    pub operator_id: Option<OperatorId>,
    /// Points of its conduct; see [`score`](crate::score).
    pub points: i64,
    /// Streams that pass between us.
    pub streams: usize,
    /// Payers it is served for.
    pub payers: Vec<PayerSummary>,
}

/// A payer's account, for status pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerSummary {
    /// Who pays.
    pub payer: Address,
    /// For which stream partition.
    pub stream: StreamKey,
    /// For what.
    pub role: Role,
    /// Bytes without a receipt.
    pub unreceipted_bytes: u64,
    /// Whether service stopped.
    pub stopped: bool,
}

/// A stream, for status pages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSummary {
    /// The stream partition.
    pub stream: StreamKey,
    /// Neighbours assigned by the tracker.
    pub assigned: usize,
    /// First copies.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// How old first copies are when they come, a moving mean; as right as the two clocks.
    pub delay_ms: u64,
}
