//! Publishing: seals, signs, sends, and waits for relays to accept.
//!
//! Invariant: at most [`PublishWindow::MESSAGES`] messages are on their way; a message counts as accepted once a
//! relay said so, and a publisher ends only after all were (or its patience is over). Messages that
//! hand on a group key are numbered, accepted and receipted like others, but not counted as published.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::Rng;
use serde::Serialize;
use tatum_overlay::attendance::TrackerNo;
use tatum_overlay::client::PublishWindow;
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::permissions::Access;
use tatum_overlay::seal::KeyId;
use tatum_overlay::{ChainKey, Message, MessageRef};
use tatum_primitives::{NodeId, Role, StreamKey, millis};
use tatum_receipt::{Signature, Verifier};
use tokio::io::{AsyncRead, BufReader};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::acceptance::{Acceptance, Awaited};
use super::input::{InputLine, InputLines, MAX_PAYLOAD_BYTES, Pace, fits};
use super::key_file::KeptKeyring;
use super::progress::Progress;
use super::{Config, Stream, finish};
use crate::clock::later;
use crate::engine::{Command, EngineHandle, Notice};
use crate::facts::SharedFacts;
use crate::{Clock, GroupKey, NodeError};

/// How long a publisher that is done stays for readers that still need its keys, from the last message that a relay
/// accepted or the last request on: one that is not answered is made again within this time.
const LINGER: Duration = Duration::from_secs(3);
/// How publishing went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishStats {
    /// Messages published.
    pub published: u64,
    /// Their sealed bytes.
    pub bytes: u64,
    /// Those that at least one relay accepted.
    pub accepted: u64,
    /// Requests for group keys that were granted. Each reader makes one for each key that it cannot learn from messages.
    pub keys_given: u64,
    /// Requests for group keys that were refused, or could not be answered.
    pub keys_refused: u64,
    /// Inputs that no message can hold.
    pub skipped: u64,
    /// Receipts that relays acknowledged.
    pub receipts_acknowledged: u64,
    /// Accounts whose last receipt nobody acknowledged.
    pub receipts_open: usize,
    /// Milliseconds from the first message to the last acceptance.
    pub elapsed_ms: u64,
    /// Why a relay did not accept from us at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
}

/// Publishes to one stream partition.
#[derive(Debug)]
pub struct Publisher {
    verifier: Verifier,
    config: Config,
    stream: StreamKey,
    chain: ChainKey,
    engine: EngineHandle,
    progress: watch::Receiver<Progress>,
    awaited: Awaited,
    keyring: SharedKeyring,
    previous: Option<MessageRef>,
    /// Messages sent, with those that hand on a key.
    window: PublishWindow,
    handed_on: u64,
    skipped: u64,
    started: Option<Instant>,
}

/// The keys, shared with whoever answers requests for them.
#[derive(Debug, Clone)]
struct SharedKeyring(Arc<Mutex<KeptKeyring>>);

impl SharedKeyring {
    fn lock(&self) -> MutexGuard<'_, KeptKeyring> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Publisher {
    /// Connects, and waits until a relay accepts from us.
    ///
    /// # Errors
    /// [`NodeError::Timeout`] with the last refusal if no relay does.
    pub async fn connect(config: Config, stream: &Stream) -> Result<Self, NodeError> {
        let (notices, queue) = mpsc::channel(4096);
        let publisher = config.key.address();
        let (folder, now_ms) = (config.data_dir.as_deref(), config.clock.now().monotonic_ms);
        let place = (stream.key(), publisher);
        let keyring = KeptKeyring::open(&config.keys, place, folder, now_ms)?;
        let keyring = SharedKeyring(Arc::new(Mutex::new(keyring)));
        let engine = config.start(config.store().await?, notices).await?;
        let opened = engine.commands.send(Command::OpenPublisher(stream.clone())).await;
        let stream = stream.key();
        opened.map_err(|_| NodeError::Stopped)?;
        let (sender, mut progress) = watch::channel(Progress::default());
        let answers = Answers {
            keyring: keyring.clone(),
            facts: config.facts.clone(),
            clock: Arc::clone(&config.clock),
            commands: engine.commands.downgrade(),
        };
        let awaited = Awaited::default();
        tokio::spawn(follow(queue, sender, awaited.clone(), answers));
        let patience = config.connect_timeout;
        let admitted = timeout(patience, progress.wait_for(|progress| progress.admitted)).await;
        match admitted.map(|admitted| admitted.map(|_| ())) {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(NodeError::Stopped),
            Err(_) => {
                let refusal = progress.borrow().refusal.clone();
                let detail = refusal.map(|refusal| format!(" ({refusal})")).unwrap_or_default();
                let seconds = patience.as_secs();
                return Err(NodeError::Timeout {
                    what: "no relay accepted from us",
                    seconds,
                    detail,
                });
            }
        }
        let chain = ChainKey { publisher, chain: rand::rng().random() };
        Ok(Self {
            verifier: Verifier::new(config.domain),
            config,
            stream,
            chain,
            engine,
            progress,
            awaited,
            keyring,
            previous: None,
            window: PublishWindow::default(),
            handed_on: 0,
            skipped: 0,
            started: None,
        })
    }

    /// Publishes one message; waits while too many are on their way.
    ///
    /// # Errors
    /// [`NodeError::TooLarge`] for a payload that no message can hold, [`NodeError::NotPermitted`] if
    /// the stream's owner withdrew its permission.
    pub async fn publish(&mut self, payload: &[u8]) -> Result<(), NodeError> {
        self.make_room(payload).await?;
        self.send(Sealed::Payload(payload)).await
    }

    /// The same, for whoever wants a relay's word about this very message. If this is cancelled, nothing was published.
    ///
    /// # Errors
    /// As [`Publisher::publish`].
    pub async fn publish_awaited(&mut self, payload: &[u8]) -> Result<Acceptance, NodeError> {
        self.make_room(payload).await?;
        let sequence = self.window.messages();
        let acceptance = Acceptance {
            publisher: self.chain.publisher,
            chain: self.chain.chain,
            sequence,
            told: self.awaited.wait(sequence),
            progress: self.progress.clone(),
        };
        self.send(Sealed::Payload(payload)).await?;
        Ok(acceptance)
    }

    /// Waits until a payload may be sent, and hands a new key on before if it is time.
    async fn make_room(&mut self, payload: &[u8]) -> Result<(), NodeError> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(NodeError::TooLarge { got: payload.len(), limit: MAX_PAYLOAD_BYTES });
        }
        let now_ms = self.config.clock.now().monotonic_ms;
        let rotated = self.keyring.lock().rotate(now_ms)?;
        if let Some((old, next)) = rotated {
            self.room().await?;
            self.send(Sealed::NextKey(old, next)).await?;
            self.handed_on = self.handed_on.saturating_add(1);
        }
        self.room().await?;
        self.started.get_or_insert_with(Instant::now);
        Ok(())
    }

    /// Why a relay did not accept from us, or stopped, if any said so since one last admitted us.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.progress.borrow().refusal.clone()
    }

    /// Messages that at least one relay accepted so far, with those that hand on a key.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.progress.borrow().accepted
    }

    /// Waits while too many are on their way, or for as long as the owner lets us publish.
    async fn room(&mut self) -> Result<(), NodeError> {
        let (window, keyring) = (&self.window, self.keyring.clone());
        let room = |progress: &Progress| {
            window.has_room(progress.accepted) || !keyring.lock().ring.may_publish()
        };
        self.progress.wait_for(room).await.map_err(|_| NodeError::Stopped)?;
        if self.keyring.lock().ring.may_publish() {
            return Ok(());
        }
        Err(NodeError::NotPermitted { stream: self.stream, publisher: self.chain.publisher })
    }

    async fn send(&mut self, what: Sealed<'_>) -> Result<(), NodeError> {
        // First the place in the queue: what is sealed after a list came is sealed under its key.
        let slot = self.engine.commands.reserve().await.map_err(|_| NodeError::Stopped)?;
        let sequence = self.window.messages();
        // A clock that was set back must not break the chain's order.
        let before_ms = self.previous.map_or(0, |previous| previous.timestamp_ms);
        let timestamp_ms = self.config.clock.wall_ms().max(before_ms);
        let (key_id, ciphertext) = self.seal(&what)?;
        let message = Message {
            stream_key: self.stream,
            chain: self.chain,
            at: MessageRef { timestamp_ms, sequence },
            previous: self.previous,
            key_id,
            ciphertext,
            signature: Signature([0; 65]),
        };
        let message = message.signed(&self.config.key, &self.verifier);
        self.window.published(message.payload_bytes());
        self.previous = Some(message.at);
        slot.send(Command::Publish(Box::new(message)));
        Ok(())
    }

    fn seal(&self, what: &Sealed<'_>) -> Result<(KeyId, Vec<u8>), NodeError> {
        let (stream, chain, sequence) = (self.stream, self.chain, self.window.messages());
        let mut keyring = self.keyring.lock();
        let current = keyring.ring.current();
        let (key_id, sealed, got) = match what {
            Sealed::Payload(payload) => {
                let sealed = current.seal(stream, chain, sequence, payload);
                (current.id(), sealed, payload.len())
            }
            // Not the current key: since the rotation an owner may have left somebody out.
            Sealed::NextKey(old, next) => {
                (old.id(), old.seal_next(stream, chain, sequence, next), 32)
            }
        };
        keyring.ring.count();
        let limit = MAX_PAYLOAD_BYTES;
        Ok((key_id, sealed.map_err(|_| NodeError::TooLarge { got, limit })?))
    }

    /// Publishes what `read` makes of each line of `input` until it ends or `shutdown` comes; at most `per_second` of them,
    /// if given. A line that cannot be sent is named by its number, and the rest goes on.
    ///
    /// # Errors
    /// If the input cannot be read, or the owner withdrew its permission.
    pub async fn publish_lines(
        &mut self,
        input: impl AsyncRead + Unpin,
        mut read: impl FnMut(&[u8]) -> Result<Vec<u8>, String>,
        per_second: Option<f64>,
        shutdown: impl Future<Output = ()>,
    ) -> Result<(), NodeError> {
        let mut shutdown = std::pin::pin!(shutdown);
        let mut lines = InputLines::new(BufReader::new(input));
        let mut pace = Pace::new(per_second);
        loop {
            let line = tokio::select! {
                line = lines.next() => line?,
                () = &mut shutdown => return Ok(()),
            };
            let payload = match line {
                None => return Ok(()),
                Some(InputLine::Whole(line)) => read(line).and_then(fits),
                Some(InputLine::TooLong) => Err(format!(
                    "it is longer than any message, which holds {MAX_PAYLOAD_BYTES} bytes"
                )),
            };
            let payload = match payload {
                Ok(payload) => payload,
                Err(reason) => {
                    self.skipped = self.skipped.saturating_add(1);
                    tracing::error!(line = lines.number, reason, "a line was not sent");
                    continue;
                }
            };
            tokio::select! {
                published = self.publish(&payload) => published?,
                () = &mut shutdown => return Ok(()),
            }
            if let Some(next) = pace.next() {
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = &mut shutdown => return Ok(()),
                }
            }
        }
    }

    /// Stays until readers that got the last messages have had time to ask for their keys. Who is given one by other means
    /// asks for none.
    async fn linger(&mut self, deadline: Instant) {
        if self.window.messages() == 0 || !self.keyring.lock().ring.is_exchanged() {
            return;
        }
        loop {
            let last = self.progress.borrow_and_update().last;
            let Some(until) = last.map(|last| later(last, LINGER).min(deadline)) else { return };
            tokio::select! {
                () = sleep_until(until) => return,
                changed = self.progress.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Waits until every message was accepted and the closing receipts were acknowledged, but no
    /// longer than `patience`.
    pub async fn finish(mut self, patience: Duration) -> PublishStats {
        let deadline = later(Instant::now(), patience);
        let sent = self.window.messages();
        let all = self.progress.wait_for(|progress| progress.accepted >= sent);
        // Running out of patience shows in the counts.
        drop(tokio::time::timeout_at(deadline, all).await);
        self.linger(deadline).await;
        let elapsed = self.started.map(|started| started.elapsed()).unwrap_or_default();
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_secs(1));
        let closing = finish(self.engine, left).await;
        // The last notices are counted when their sender is gone.
        while self.progress.changed().await.is_ok() {}
        let progress = self.progress.borrow().clone();
        PublishStats {
            published: sent.saturating_sub(self.handed_on),
            bytes: self.window.bytes(),
            accepted: progress.accepted.saturating_sub(self.handed_on),
            keys_given: progress.keys_given,
            keys_refused: progress.keys_refused,
            skipped: self.skipped,
            receipts_acknowledged: progress.settled,
            receipts_open: closing.unsettled,
            elapsed_ms: millis(elapsed),
            refusal: progress.refusal.clone().filter(|_| progress.accepted < sent),
        }
    }
}

/// What is sealed into a message.
enum Sealed<'a> {
    Payload(&'a [u8]),
    /// Under the first, the second.
    NextKey(GroupKey, GroupKey),
}

/// Who follows the owner's permissions and answers requests for keys.
struct Answers {
    keyring: SharedKeyring,
    facts: Option<SharedFacts>,
    clock: Arc<dyn Clock>,
    /// Weak, so that the engine ends with its owner.
    commands: mpsc::WeakSender<Command>,
}

impl Answers {
    fn permit(&self, access: Access) {
        self.keyring.lock().permit(access, self.clock.now().monotonic_ms);
    }

    /// Whether the key was given.
    fn answer(&self, (from, through): (NodeId, TrackerNo), request: &KeyRequest) -> bool {
        let facts = self.facts.as_ref();
        let answer = self.keyring.lock().answer(from, request, facts, &*self.clock);
        let (Some(answer), Some(commands)) = (answer, self.commands.upgrade()) else {
            return false;
        };
        let is_granted = matches!(answer, KeyAnswer::Granted(_));
        // Waiting here could block the engine that waits for us; who gets no answer asks again.
        let given = commands.try_send(Command::GiveKey((from, through), Box::new(answer)));
        is_granted && given.is_ok()
    }
}

/// Turns notices into progress, so that the engine never waits for the publisher's owner.
async fn follow(
    mut notices: mpsc::Receiver<Notice>,
    progress: watch::Sender<Progress>,
    awaited: Awaited,
    answers: Answers,
) {
    while let Some(first) = notices.recv().await {
        let rest = std::iter::from_fn(|| notices.try_recv().ok());
        let notices: Vec<Notice> = std::iter::once(first).chain(rest).collect();
        progress.send_modify(|progress| {
            for notice in notices {
                match notice {
                    Notice::Accepted { sequence } => {
                        awaited.accepted(sequence);
                        progress.accepted = progress.accepted.saturating_add(1);
                        progress.last = Some(Instant::now());
                    }
                    Notice::Admitted { role: Role::Publisher, .. } => {
                        progress.admitted = true;
                        progress.refusal = None;
                    }
                    Notice::Refused { node, role: Role::Publisher, reason } => {
                        progress.refusal = Some(format!("node {node} said: {reason}"));
                    }
                    Notice::TrackerRefused { reason } => {
                        progress.refusal = Some(format!("the tracker said: {reason}"));
                    }
                    Notice::TrackerUnreachable { reason } => {
                        progress.refusal = Some(format!("the tracker at {reason}"));
                    }
                    Notice::Unserved { role: Role::Publisher, seconds } => {
                        let reason = || {
                            format!("no relay has accepted from us for {seconds} s; still looking")
                        };
                        progress.refusal.get_or_insert_with(reason);
                    }
                    Notice::Settled => progress.settled = progress.settled.saturating_add(1),
                    Notice::Access { access, .. } => answers.permit(*access),
                    Notice::KeyAsked(from, request) => {
                        let is_given = answers.answer(from, &request);
                        let counter = if is_given {
                            &mut progress.keys_given
                        } else {
                            &mut progress.keys_refused
                        };
                        *counter = counter.saturating_add(1);
                        progress.last = Some(Instant::now());
                    }
                    // A publisher subscribes to nothing.
                    Notice::Deliver(_)
                    | Notice::Gap { .. }
                    | Notice::KeyGiven(_)
                    | Notice::Admitted { role: Role::Subscriber | Role::Storage, .. }
                    | Notice::Refused { role: Role::Subscriber | Role::Storage, .. }
                    | Notice::Unserved { role: Role::Subscriber | Role::Storage, .. } => {}
                }
            }
        });
    }
    awaited.end();
}
