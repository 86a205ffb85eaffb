//! Subscribing: messages in order per publisher's chain, opened.
//!
//! Invariant: each message is handed over at most once; what could not be had is reported as a
//! [`Gap`], never skipped in silence.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use rand::RngCore;
use serde::Serialize;
use tatum_database::{NodeStore, Position};
use tatum_overlay::client::{Ask, Opened, Opener};
use tatum_overlay::exchange::KeyRequest;
use tatum_primitives::{Address, NodeId, Role, StreamKey};
use tatum_receipt::SessionKey;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::{Config, Keys, Stream, finish};
use crate::clock::later;
use crate::engine::{Command, EngineHandle, Notice};
use crate::{Clock, NodeError};

/// How often keys are asked for that messages wait for, at most.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// A message.
    Message(Delivered),
    /// Messages that nobody could give us.
    Gap(Gap),
    /// A message whose group key we do not have.
    Unreadable(Unreadable),
}

/// A decrypted message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Delivered {
    /// The stream's id.
    pub stream: String,
    /// Its partition.
    pub partition: u16,
    /// What both are called on the wire.
    #[serde(skip)]
    pub stream_key: StreamKey,
    /// Who published.
    pub publisher: Address,
    /// The publisher's chain.
    pub chain: u64,
    /// The message's number in it.
    pub sequence: u64,
    /// When it was published, milliseconds since 1970 by the publisher's clock.
    pub timestamp_ms: u64,
    /// What it says.
    pub payload: Vec<u8>,
}

impl Delivered {
    /// How far a subscriber is that has dealt with this message.
    #[must_use]
    pub fn position(&self) -> Position {
        Position {
            stream: self.stream_key,
            publisher: self.publisher,
            chain: self.chain,
            next: self.sequence.saturating_add(1),
        }
    }
}

/// Missing messages of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The stream's id.
    pub stream: String,
    /// Who published.
    pub publisher: Address,
    /// The publisher's chain.
    pub chain: u64,
    /// The first missing number.
    pub first: u64,
    /// The last missing number.
    pub last: u64,
}

/// A message under a group key that we do not have: nobody gave it to us in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Unreadable {
    /// The stream's id.
    pub stream: String,
    /// Who published.
    pub publisher: Address,
    /// The message's number.
    pub sequence: u64,
}

/// How subscribing went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct SubscribeStats {
    /// Messages handed over.
    pub messages: u64,
    /// Their payload bytes.
    pub bytes: u64,
    /// Messages reported as missing.
    pub missing: u64,
    /// Messages that could not be opened.
    pub unreadable: u64,
    /// Receipts that relays acknowledged.
    pub receipts_acknowledged: u64,
    /// Accounts whose last receipt nobody acknowledged.
    pub receipts_open: usize,
}

/// In whose name keys are asked for.
#[derive(Debug)]
struct Asker {
    node: NodeId,
    payer: Address,
    key: SessionKey,
    clock: Arc<dyn Clock>,
}

/// Receives one or more stream partitions.
#[derive(Debug)]
pub struct Subscriber {
    streams: BTreeMap<StreamKey, Stream>,
    opener: Opener,
    asker: Asker,
    store: Option<NodeStore>,
    engine: EngineHandle,
    notices: mpsc::Receiver<Notice>,
    early: VecDeque<Notice>,
    refusal: Option<String>,
    stats: SubscribeStats,
}

impl Subscriber {
    /// Connects, and waits until every stream is served by a relay.
    ///
    /// # Errors
    /// [`NodeError::Timeout`] with the last refusal if a stream is not.
    pub async fn connect(config: Config, streams: &[Stream]) -> Result<Self, NodeError> {
        let (sender, notices) = mpsc::channel(8192);
        let store = config.store().await?;
        let engine = config.start(store.clone(), sender).await?;
        let streams: BTreeMap<StreamKey, Stream> =
            streams.iter().map(|stream| (stream.key(), stream.clone())).collect();
        for stream in streams.values() {
            let mut positions = match store.as_ref().filter(|_| config.resume) {
                Some(store) => store.positions(stream.key()).await?,
                None => Vec::new(),
            };
            positions.extend(config.after.iter().filter(|at| at.stream == stream.key()));
            let subscribe = Command::Subscribe(stream.clone(), positions);
            let asked = engine.commands.send(subscribe).await;
            asked.map_err(|_| NodeError::Stopped)?;
        }
        let mut subscriber = Self {
            streams,
            opener: Opener::new(match &config.keys {
                Keys::Static(key) => Some(key.clone()),
                Keys::Exchanged(_) => None,
            }),
            asker: Asker {
                node: config.node_key.id(),
                payer: config.payer,
                key: config.key.clone(),
                clock: Arc::clone(&config.clock),
            },
            store,
            engine,
            notices,
            early: VecDeque::new(),
            refusal: None,
            stats: SubscribeStats::default(),
        };
        subscriber.served(config.connect_timeout).await?;
        Ok(subscriber)
    }

    async fn served(&mut self, patience: Duration) -> Result<(), NodeError> {
        let deadline = later(Instant::now(), patience);
        let mut waiting: BTreeSet<StreamKey> = self.streams.keys().copied().collect();
        let mut detail = String::new();
        while !waiting.is_empty() {
            match timeout_at(deadline, self.notices.recv()).await {
                Ok(Some(Notice::Admitted { stream, role: Role::Subscriber })) => {
                    waiting.remove(&stream);
                }
                Ok(Some(Notice::Refused { node, reason, .. })) => {
                    detail = format!(" (node {node} said: {reason})");
                }
                Ok(Some(Notice::TrackerRefused { reason })) => {
                    detail = format!(" (the tracker said: {reason})");
                }
                Ok(Some(Notice::TrackerUnreachable { reason })) => {
                    detail = format!(" (the tracker at {reason})");
                }
                Ok(Some(other)) => self.early.push_back(other),
                Ok(None) => return Err(NodeError::Stopped),
                Err(_) => {
                    let seconds = patience.as_secs();
                    return Err(NodeError::Timeout { what: "no relay served us", seconds, detail });
                }
            }
        }
        Ok(())
    }

    /// The next message or gap; `None` once the engine has stopped. Can be cancelled.
    pub async fn next(&mut self) -> Option<Item> {
        loop {
            if let Some(opened) = self.opener.pop() {
                return Some(self.handed_over(opened));
            }
            let notice = match self.early.pop_front() {
                Some(notice) => notice,
                None if !self.opener.is_waiting() => self.notices.recv().await?,
                None => {
                    self.ask();
                    // Cancelled or not, a notice is either received or still there.
                    match timeout(LOOK_AGAIN, self.notices.recv()).await {
                        Ok(notice) => notice?,
                        Err(_) => continue,
                    }
                }
            };
            if let Some(item) = self.item(notice) {
                return Some(item);
            }
        }
    }

    /// Asks publishers for the keys that messages wait for, and gives up those that waited too long.
    fn ask(&mut self) {
        let now = self.asker.clock.now();
        self.opener.expire(now.monotonic_ms);
        let random = || {
            let mut random = [0; 32];
            rand::rng().fill_bytes(&mut random);
            random
        };
        let Asker { node, payer, key, .. } = &self.asker;
        for Ask { name, secret } in self.opener.due(now.monotonic_ms, random) {
            let request = KeyRequest::sign(name, *payer, *node, secret, now.wall_ms, key);
            // A full queue loses it; it is made again.
            let _ = self.engine.commands.try_send(Command::AskKey(Box::new(request)));
        }
    }

    fn item(&mut self, notice: Notice) -> Option<Item> {
        match notice {
            Notice::Deliver(message) => {
                self.opener.take(*message, self.asker.clock.now().monotonic_ms);
                None
            }
            Notice::KeyGiven(answer) => {
                let now_ms = self.asker.clock.now().monotonic_ms;
                if let Err(reason) = self.opener.answer(&answer, now_ms) {
                    let publisher = answer.name().publisher;
                    tracing::warn!(%publisher, reason, "a publisher gave us no group key");
                }
                None
            }
            Notice::Access { stream, access } => {
                let (payer, key) = (&self.asker.payer, &self.asker.key);
                // Before the owner's list is here a stream is its owner's alone: what was said then is not what is so now.
                if self.is_outdated(stream) {
                    return None;
                }
                if !access.may_subscribe(payer, &key.address()) {
                    tracing::warn!(%stream, "the stream's owner does not permit us to subscribe");
                }
                None
            }
            Notice::Gap { stream, chain, first, last } => {
                let count = last.saturating_sub(first).saturating_add(1);
                self.stats.missing = self.stats.missing.saturating_add(count);
                let stream = self.streams.get(&stream)?.id.to_string();
                let (publisher, chain) = (chain.publisher, chain.chain);
                Some(Item::Gap(Gap { stream, publisher, chain, first, last }))
            }
            Notice::Refused { node, reason, .. } => {
                self.refusal = Some(format!("node {node} said: {reason}"));
                None
            }
            Notice::Admitted { .. } => {
                self.refusal = None;
                None
            }
            Notice::Settled => {
                let acknowledged = &mut self.stats.receipts_acknowledged;
                *acknowledged = acknowledged.saturating_add(1);
                None
            }
            Notice::Unserved { seconds, .. } => {
                let reason = format!("no relay has served us for {seconds} s; still looking");
                self.refusal.get_or_insert(reason);
                None
            }
            // Only publishers are told these, or whoever waits for the first relay.
            Notice::Accepted { .. }
            | Notice::KeyAsked(..)
            | Notice::TrackerRefused { .. }
            | Notice::TrackerUnreachable { .. } => None,
        }
    }

    /// Whether it is known already who may take part in the stream now.
    fn is_outdated(&self, stream: StreamKey) -> bool {
        let newer =
            |notice: &Notice| matches!(notice, Notice::Access { stream: of, .. } if *of == stream);
        self.early.iter().any(newer)
    }

    fn handed_over(&mut self, opened: Opened) -> Item {
        let (Opened::Payload(message, _) | Opened::Unreadable(message)) = &opened;
        let key = message.stream_key;
        let known = self.streams.get(&key);
        let (stream, partition) =
            known.map(|stream| (stream.id.to_string(), stream.partition)).unwrap_or_default();
        let (publisher, chain) = (message.chain.publisher, message.chain.chain);
        let (sequence, timestamp_ms) = (message.at.sequence, message.at.timestamp_ms);
        match opened {
            Opened::Payload(_, payload) => {
                self.stats.messages = self.stats.messages.saturating_add(1);
                self.stats.bytes = self.stats.bytes.saturating_add(payload.len() as u64);
                Item::Message(Delivered {
                    stream,
                    partition,
                    stream_key: key,
                    publisher,
                    chain,
                    sequence,
                    timestamp_ms,
                    payload,
                })
            }
            Opened::Unreadable(_) => {
                self.stats.unreadable = self.stats.unreadable.saturating_add(1);
                Item::Unreadable(Unreadable { stream, publisher, sequence })
            }
        }
    }

    /// Writes down how far the messages were dealt with, so that a later run with the same folder goes on there; without a folder
    /// nothing is kept. What is handed over and not kept comes again.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub async fn keep(&self, positions: &[Position]) -> Result<(), NodeError> {
        if let Some(store) = self.store.as_ref().filter(|_| !positions.is_empty()) {
            store.keep_positions(positions, self.asker.clock.wall_ms()).await?;
        }
        Ok(())
    }

    /// Why a relay stopped serving us, if any said so since one last admitted us; as of the last
    /// [`Subscriber::next`].
    #[must_use]
    pub fn refusal(&self) -> Option<&str> {
        self.refusal.as_deref()
    }

    /// What was handed over so far.
    #[must_use]
    pub const fn stats(&self) -> SubscribeStats {
        self.stats
    }

    /// Hands out closing receipts and ends; what still arrives is not handed over any more.
    pub async fn finish(self, patience: Duration) -> SubscribeStats {
        let Self { engine, mut notices, mut stats, .. } = self;
        let draining = tokio::spawn(async move {
            let mut settled = 0_u64;
            while let Some(notice) = notices.recv().await {
                settled = settled.saturating_add(u64::from(matches!(notice, Notice::Settled)));
            }
            settled
        });
        let closing = finish(engine, patience).await;
        let drained = draining.await.unwrap_or_default();
        stats.receipts_acknowledged = stats.receipts_acknowledged.saturating_add(drained);
        stats.receipts_open = closing.unsettled;
        stats
    }
}
