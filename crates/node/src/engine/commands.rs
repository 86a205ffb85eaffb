//! What owners ask of an engine and what it tells them.
//!
//! Invariant: a command never waits; whatever takes time is answered by a [`Notice`] or a reply.

use std::time::Duration;

use tatum_overlay::frame::Refusal;
use tatum_overlay::node::{PeerSummary, StreamSummary};
use tatum_overlay::{ChainKey, Message};
use tatum_primitives::{B256, NodeId, OperatorId, Role, StreamKey};
use tokio::sync::oneshot;

use super::{Engine, ReceiptCounts};

/// What others ask of the engine.
pub(crate) enum Command {
    Carry(StreamKey),
    Subscribe(StreamKey),
    OpenPublisher(StreamKey),
    Publish(Box<Message>, B256),
    Status(oneshot::Sender<Status>),
    /// Ends service in an orderly way: receipts are made, exchanged and stored first.
    Finish(Duration, oneshot::Sender<Closing>),
}

/// How an orderly end went.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Closing {
    /// Accounts whose last receipt nobody acknowledged.
    pub(crate) unsettled: usize,
}

/// What the engine tells its owner.
#[derive(Debug)]
pub(crate) enum Notice {
    Deliver(Box<Message>),
    Gap { stream: StreamKey, chain: ChainKey, first: u64, last: u64 },
    Accepted,
    Admitted { stream: StreamKey, role: Role },
    Refused { node: NodeId, role: Role, reason: Refusal },
    Settled,
    TrackerRefused { reason: String },
}

/// A picture of the engine.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) counters: tatum_overlay::node::Counters,
    pub(crate) peers: Vec<PeerSummary>,
    pub(crate) streams: Vec<StreamSummary>,
    pub(crate) receipts: ReceiptCounts,
    pub(crate) tracker_up: bool,
    pub(crate) links: usize,
    pub(crate) dropped_packets: u64,
    pub(crate) refused_datagrams: u64,
    pub(crate) operator_id: Option<OperatorId>,
}

impl Engine {
    pub(super) fn command(&mut self, command: Command) {
        match command {
            Command::Carry(stream) => {
                if self.overlay.carry(stream) {
                    self.take_part(stream);
                }
            }
            Command::Subscribe(stream) => {
                self.overlay.subscribe(stream);
                self.take_part(stream);
            }
            Command::OpenPublisher(stream) => {
                self.overlay.open_publisher(stream);
                self.published.insert(stream);
                self.take_part(stream);
            }
            Command::Publish(message, id) => {
                let now = self.now();
                self.overlay.publish(&message, id, &now);
            }
            // Whoever asked may have gone.
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Finish(patience, reply) => self.finish(patience, reply),
        }
    }

    fn take_part(&mut self, stream: StreamKey) {
        let new = self.streams.insert(stream) || self.published.contains(&stream);
        if new && self.tracker_id.is_some() {
            self.join_stream(stream);
        }
    }

    fn status(&self) -> Status {
        let now = self.now();
        Status {
            counters: self.overlay.counters().clone(),
            peers: self.overlay.peer_summaries(&now),
            streams: self.overlay.stream_summaries(),
            receipts: self.receipts.clone(),
            tracker_up: self.tracker_id.is_some(),
            links: self.links.open_links().len(),
            dropped_packets: self.links.dropped_packets(),
            refused_datagrams: self.links.refused_datagrams(),
            operator_id: self.operator_id,
        }
    }
}
