//! What owners ask of an engine and what it tells them.
//!
//! Invariant: a command never waits; whatever takes time is answered by a [`Notice`] or a reply.

use std::time::Duration;

use tatum_database::Position;
use tatum_overlay::attendance::TrackerNo;
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::frame::Refusal;
use tatum_overlay::node::{PeerSummary, StreamSummary};
use tatum_overlay::permissions::Access;
use tatum_overlay::{ChainKey, Message};
use tatum_primitives::{NodeId, OperatorId, Role, StreamKey};
use tokio::sync::oneshot;

use super::Engine;
use crate::NodeError;
use tatum_protocol::Stream;
use tatum_protocol::status::{ReceiptCounts, TrackerConnection};
use tatum_protocol::tracker::ToTracker;

/// What others ask of the engine.
pub(crate) enum Command {
    Carry(Stream),
    /// And where to go on.
    Subscribe(Stream, Vec<Position>),
    OpenPublisher(Stream),
    Publish(Box<Message>),
    AskKey(Box<KeyRequest>),
    /// To whom, and through which tracker it asked.
    GiveKey((NodeId, TrackerNo), Box<KeyAnswer>),
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
    Gap {
        stream: StreamKey,
        chain: ChainKey,
        first: u64,
        last: u64,
    },
    /// A relay accepted the message of this number.
    Accepted {
        sequence: u64,
    },
    Admitted {
        stream: StreamKey,
        role: Role,
    },
    Refused {
        node: NodeId,
        role: Role,
        reason: Refusal,
    },
    Settled,
    /// No relay has served us for so long; we go on looking.
    Unserved {
        role: Role,
        seconds: u64,
    },
    TrackerRefused {
        reason: String,
    },
    TrackerUnreachable {
        reason: String,
    },
    /// A subscriber asks for a group key of ours, through a tracker.
    KeyAsked((NodeId, TrackerNo), Box<KeyRequest>),
    /// A publisher's answer to a request of ours.
    KeyGiven(Box<KeyAnswer>),
    /// What a stream's owner permits, at first and whenever it changes.
    Access {
        stream: StreamKey,
        access: Box<Access>,
    },
}

/// A picture of the engine.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub(crate) counters: tatum_overlay::node::Counters,
    pub(crate) peers: Vec<PeerSummary>,
    pub(crate) streams: Vec<StreamSummary>,
    pub(crate) receipts: ReceiptCounts,
    pub(crate) trackers: Vec<TrackerConnection>,
    pub(crate) links: usize,
    pub(crate) dropped_packets: u64,
    pub(crate) refused_datagrams: u64,
    pub(crate) operator_id: Option<OperatorId>,
}

impl Engine {
    pub(super) async fn command(&mut self, command: Command) -> Result<(), NodeError> {
        match command {
            Command::Carry(stream) => {
                let key = stream.key();
                if self.overlay.carry(key) {
                    self.permit(stream).await?;
                    self.take_part(key, false);
                }
            }
            Command::Subscribe(stream, positions) => {
                let (key, now) = (stream.key(), self.now());
                self.overlay.subscribe(key);
                for Position { publisher, chain, next, .. } in positions {
                    self.overlay.resume_chain(key, ChainKey { publisher, chain }, next, &now);
                }
                self.permit(stream).await?;
                self.take_part(key, false);
            }
            Command::OpenPublisher(stream) => {
                let key = stream.key();
                self.overlay.open_publisher(key);
                self.permit(stream).await?;
                self.take_part(key, true);
            }
            Command::Publish(message) => {
                let now = self.now();
                self.overlay.publish(&message, &now);
            }
            Command::AskKey(request) => {
                let stream = request.name.stream;
                self.tell_trackers_of(&stream, &ToTracker::AskKey(request));
            }
            Command::GiveKey((to, through), answer) => {
                self.trackers.tell(through, ToTracker::GiveKey { to, answer });
            }
            // Whoever asked may have gone.
            Command::Status(reply) => drop(reply.send(self.status())),
            Command::Finish(patience, reply) => self.finish(patience, reply),
        }
        Ok(())
    }

    fn take_part(&mut self, stream: StreamKey, publishes: bool) {
        let (ranking, now) = (self.trackers.ranked(stream.0), self.now());
        self.attendance.take_part(stream, ranking, publishes, now.monotonic_ms);
    }

    fn status(&self) -> Status {
        let now = self.now();
        Status {
            counters: self.overlay.counters().clone(),
            peers: self.overlay.peer_summaries(&now),
            streams: self.overlay.stream_summaries(),
            receipts: self.receipts.clone(),
            trackers: self.trackers.summaries(),
            links: self.links.open_links().len(),
            dropped_packets: self.links.dropped_packets(),
            refused_datagrams: self.links.refused_datagrams(),
            operator_id: self.operator_id,
        }
    }
}
