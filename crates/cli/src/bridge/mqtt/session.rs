//! One connection of a client that was let in.
//!
//! Invariant: a message of QoS 1 is acknowledged once a relay has accepted it, and in the order in which such messages came. What
//! waits for answers is bounded: beyond that nothing more is read.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use mqute_codec::protocol::QoS;
use mqute_codec::protocol::v5::ReasonCode;
use tatum_node::client::MAX_PAYLOAD_BYTES;
use tatum_protocol::{Problem, ProblemKind};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::changes::{Change, code_of, subscribed, unpublished};
use super::message::{Message, Version};
use super::numbers::{MOST_AWAITED, Numbers};
use super::outgoing::Outgoing;
use super::packet::{Broken, Incoming};
use super::packets::Packets;
use super::publishing::{Job, Word};
use super::reading::{Delivery, Ended, Read, Subscriptions};
use super::seats::Seat;
use super::topic;
use super::writer::{Unsent, Writer};
use crate::bridge::accept::too_large;
use crate::bridge::message::{name_of_read, readable};
use crate::bridge::{Bridge, Lifetime};

/// Changes of subscriptions that wait.
const MOST_CHANGES: usize = 16;

/// How a connection ends.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client has said goodbye.
    Left,
    /// It has gone, or wants its will to be published.
    Gone,
    /// We end it, and say why.
    Refused(ReasonCode, String),
}

impl End {
    fn refused<T>(code: ReasonCode, why: &str) -> Result<T, Self> {
        Err(Self::Refused(code, why.to_owned()))
    }
}

impl From<Unsent> for End {
    fn from(_: Unsent) -> Self {
        Self::Gone
    }
}

/// A client that was let in.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) bridge: Arc<Bridge>,
    pub(super) version: Version,
    pub(super) packets: Packets<OwnedReadHalf>,
    pub(super) writer: Writer<OwnedWriteHalf>,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) words: mpsc::Receiver<Word>,
    /// Jobs without their word.
    pub(super) awaited: usize,
    pub(super) changes: FuturesOrdered<BoxFuture<'static, Change>>,
    pub(super) subscriptions: Subscriptions,
    /// Numbers of messages that the client has not acknowledged.
    pub(super) numbers: Numbers,
    /// How long the client may be silent.
    pub(super) silence: Option<Duration>,
    pub(super) heard: Instant,
    pub(super) seat: Seat,
}

/// What happens next.
#[derive(Debug)]
enum Event {
    Came(Result<Incoming, Broken>),
    Told(Word),
    Changed(Change),
    Read(Read),
    Silent,
    TakenOver,
    Ending,
}

impl Session {
    /// Serves the client until one of us ends it; how it ended.
    pub(super) async fn run(&mut self, lifetime: &mut Lifetime) -> End {
        let end = loop {
            let event = self.event(lifetime).await;
            if let Err(end) = self.handle(event).await {
                break end;
            }
        };
        if let End::Refused(code, why) = &end {
            let (code, why) = (*code, Some(why.clone()));
            self.writer.end(Outgoing::Disconnect { code, why }).await;
        }
        end
    }

    async fn event(&mut self, lifetime: &mut Lifetime) -> Event {
        let may_read = self.awaited < MOST_AWAITED && self.changes.len() < MOST_CHANGES;
        if !may_read {
            // Its silence is ours.
            self.heard = Instant::now();
        }
        let silent = self.silence.and_then(|silence| self.heard.checked_add(silence));
        let may_come = self.numbers.has_room();
        let next = async {
            tokio::select! {
                came = self.packets.next(self.version), if may_read => Event::Came(came),
                Some(word) = self.words.recv() => Event::Told(word),
                Some(change) = self.changes.next() => Event::Changed(change),
                read = self.subscriptions.next(may_come) => Event::Read(read),
                () = until(silent) => Event::Silent,
                () = self.seat.taken_over() => Event::TakenOver,
            }
        };
        // The bridge's end ends its subscriptions too: it is the reason, whichever is seen first.
        tokio::select! {
            biased;
            () = lifetime.ended() => Event::Ending,
            event = next => event,
        }
    }

    async fn handle(&mut self, event: Event) -> Result<(), End> {
        match event {
            Event::Came(Ok(packet)) => {
                self.heard = Instant::now();
                self.came(packet).await
            }
            Event::Came(Err(Broken::Gone)) => Err(End::Gone),
            Event::Came(Err(Broken::Refused(code))) => {
                End::refused(code, "the bridge cannot take this packet")
            }
            Event::Told(word) => self.told(word).await,
            Event::Changed(change) => self.changed(change).await,
            Event::Read(Read::Delivered(delivery)) => self.deliver(delivery).await,
            Event::Read(Read::Ended(Ended { was_cut_off: true })) => {
                let why = "it does not read as fast as messages come";
                End::refused(ReasonCode::QuotaExceeded, why)
            }
            Event::Read(Read::Ended(Ended { was_cut_off: false })) => {
                End::refused(ReasonCode::UnspecifiedError, "a subscription has ended")
            }
            Event::Silent => End::refused(ReasonCode::KeepAliveTimeout, "nothing came in time"),
            Event::TakenOver => {
                End::refused(ReasonCode::SessionTakenOver, "another client has this name")
            }
            Event::Ending => End::refused(ReasonCode::ServerShuttingDown, "the bridge is ending"),
        }
    }

    async fn came(&mut self, packet: Incoming) -> Result<(), End> {
        match packet {
            Incoming::Publish(message, id) => self.publish(message, id),
            Incoming::PubAck(id) => {
                self.numbers.release(id);
                Ok(())
            }
            Incoming::Subscribe { is_numbered: true, .. } => {
                let why = "subscriptions have no numbers";
                End::refused(ReasonCode::SubscriptionIdentifiersNotSupported, why)
            }
            Incoming::Subscribe { id, filters, is_numbered: false } => {
                self.changes.push_back(Box::pin(subscribed(Arc::clone(&self.bridge), id, filters)));
                Ok(())
            }
            Incoming::Unsubscribe { id, topics } => {
                // It takes effect after what was asked for before.
                self.changes
                    .push_back(Box::pin(async move { Change::Unsubscribed { id, topics } }));
                Ok(())
            }
            Incoming::Ping => Ok(self.writer.send(Outgoing::Pong).await?),
            Incoming::Disconnect { with_will: false } => Err(End::Left),
            Incoming::Disconnect { with_will: true } => Err(End::Gone),
            Incoming::Connect(_) | Incoming::Unexpected => {
                End::refused(ReasonCode::ProtocolError, "the bridge does not expect this packet")
            }
        }
    }

    fn publish(&mut self, message: Message, id: Option<u16>) -> Result<(), End> {
        if message.qos == QoS::ExactlyOnce {
            return End::refused(ReasonCode::QosNotSupported, "publish with QoS 0 or 1");
        }
        // A client of the older version cannot know; its message is published, and not retained.
        if message.is_retained && self.version == Version::V5 {
            return End::refused(ReasonCode::RetainNotSupported, "no message is retained");
        }
        if message.payload.len() > MAX_PAYLOAD_BYTES {
            return End::refused(ReasonCode::PacketTooLarge, &too_large());
        }
        self.hand_over(message, id).map_err(|_| End::Gone)
    }

    /// Has a message published.
    pub(super) fn hand_over(&mut self, message: Message, id: Option<u16>) -> Result<(), Problem> {
        let stream =
            topic::stream(&message.topic).map_err(|why| Problem::new(ProblemKind::BadRequest, why));
        let job = Job { stream, payload: message.payload, id };
        let ended = |_| Problem::new(ProblemKind::Busy, "the bridge is ending");
        // There is room: as many wait as may be awaited, and a will.
        self.jobs.try_send(job).map_err(ended)?;
        self.awaited = self.awaited.saturating_add(1);
        Ok(())
    }

    async fn told(&mut self, word: Word) -> Result<(), End> {
        self.awaited = self.awaited.saturating_sub(1);
        let Some(id) = word.id else { return Ok(()) };
        let (code, why) = match word.told {
            Ok(()) => (ReasonCode::Success, None),
            // The older version has no other word for a refusal than the end.
            Err(problem) if self.version == Version::V4 => {
                tracing::warn!(reason = problem.detail, "an MQTT message was not accepted");
                return Err(End::Gone);
            }
            Err(problem) => (unpublished(&problem), Some(problem.detail)),
        };
        Ok(self.writer.send(Outgoing::PubAck { id, code, why }).await?)
    }

    async fn changed(&mut self, change: Change) -> Result<(), End> {
        let answer = match change {
            Change::Subscribed { id, wanted } => {
                let (mut codes, mut first) = (Vec::with_capacity(wanted.len()), None);
                for (topic, qos, read) in wanted {
                    codes.push(match read {
                        Ok(items) => {
                            let granted =
                                if qos == QoS::AtMostOnce { qos } else { QoS::AtLeastOnce };
                            self.subscriptions.begin(topic, granted, items);
                            code_of(granted)
                        }
                        Err((code, why)) => {
                            tracing::warn!(topic, reason = why, "an MQTT subscription was refused");
                            first.get_or_insert(why);
                            code
                        }
                    });
                }
                Outgoing::SubAck { id, codes, why: first }
            }
            Change::Unsubscribed { id, topics } => {
                let codes = topics.iter().map(|topic| match self.subscriptions.end(topic) {
                    true => ReasonCode::Success,
                    false => ReasonCode::NoSubscriptionExisted,
                });
                Outgoing::UnsubAck { id, codes: codes.collect() }
            }
        };
        Ok(self.writer.send(answer).await?)
    }

    async fn deliver(&mut self, delivery: Delivery) -> Result<(), End> {
        let Delivery { topic, qos, item } = delivery;
        let Some(message) = readable(&item) else { return Ok(()) };
        let id = (qos != QoS::AtMostOnce).then(|| self.numbers.take());
        let packet = Outgoing::Publish {
            topic: topic.to_string(),
            payload: message.payload.clone().into(),
            id,
            name: name_of_read(message),
        };
        match self.writer.send(packet).await {
            Ok(()) => Ok(()),
            Err(Unsent::Gone) => Err(End::Gone),
            Err(Unsent::TooLarge) => {
                let bytes = message.payload.len();
                tracing::warn!(bytes, "an MQTT client misses a message: it takes none so large");
                id.into_iter().for_each(|id| self.numbers.release(id));
                Ok(())
            }
        }
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}
