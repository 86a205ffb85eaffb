//! Publishing: seals, signs, sends, and says what relays accepted.
//!
//! Invariant: at most [`PublishWindow::MESSAGES`] messages of a stream are on their way. Messages that hand on a group key are
//! numbered, accepted and receipted like others.

use rand::Rng;
use tatum_overlay::attendance::TrackerNo;
use tatum_overlay::client::{Asked, Keyring, PublishWindow, Rotation};
use tatum_overlay::exchange::KeyRequest;
use tatum_overlay::message::MAX_CIPHERTEXT_BYTES;
use tatum_overlay::permissions::Access;
use tatum_overlay::seal::{GroupKey, KeyId, SEAL_OVERHEAD_BYTES, SealError};
use tatum_overlay::{ChainKey, Message, MessageRef};
use tatum_primitives::{Address, NodeId, StreamKey};
use tatum_protocol::Stream;
use tatum_protocol::tracker::ToTracker;
use tatum_receipt::Signature;

use super::Tab;
use crate::{Code, Output};

/// The largest payload of one message.
const MAX_PAYLOAD_BYTES: usize = MAX_CIPHERTEXT_BYTES - SEAL_OVERHEAD_BYTES;

/// Our chain in one stream partition.
#[derive(Debug)]
pub(super) struct Publishing {
    chain: ChainKey,
    previous: Option<MessageRef>,
    window: PublishWindow,
    accepted: u64,
    keyring: Keyring,
}

/// What is sealed into a message.
enum Sealed<'a> {
    Payload(&'a [u8]),
    /// Under the first, the second.
    NextKey(GroupKey, GroupKey),
}

impl Publishing {
    pub(super) fn permit(&mut self, access: Access, now_ms: u64, random: [u8; 32]) {
        // What the ring drew is in use at once: a tab has no disk that should hold it.
        let _ = self.keyring.permit(access, now_ms, random);
    }

    fn room(&self, payload: &[u8]) -> Result<(), (Code, String)> {
        if payload.len() > MAX_PAYLOAD_BYTES {
            let reason = format!("{} bytes; a message holds {MAX_PAYLOAD_BYTES}", payload.len());
            return Err((Code::TooLarge, reason));
        }
        if !self.keyring.may_publish() {
            let reason = "the stream's owner does not permit this key to publish".to_owned();
            return Err((Code::NotPermitted, reason));
        }
        if !self.window.has_room(self.accepted) {
            let waiting = self.window.messages().saturating_sub(self.accepted);
            return Err((Code::WindowFull, format!("{waiting} messages wait for a relay's word")));
        }
        Ok(())
    }

    fn seal(
        &mut self,
        stream: StreamKey,
        what: &Sealed<'_>,
    ) -> Result<(KeyId, Vec<u8>), SealError> {
        let (chain, sequence) = (self.chain, self.window.messages());
        let current = self.keyring.current();
        let (key_id, sealed) = match what {
            Sealed::Payload(payload) => {
                (current.id(), current.seal(stream, chain, sequence, payload))
            }
            // Not the current key: since the rotation an owner may have left somebody out.
            Sealed::NextKey(old, next) => (old.id(), old.seal_next(stream, chain, sequence, next)),
        };
        self.keyring.count();
        Ok((key_id, sealed?))
    }
}

impl Tab {
    pub(super) fn open_publisher(&mut self, stream: Stream) {
        let (key, id) = (stream.key(), stream.id.clone());
        let now_ms = self.now().monotonic_ms;
        self.publishing.entry(key).or_insert_with(|| {
            let fixed = self.group_key.clone();
            let rotation = fixed.is_none().then(Rotation::default);
            let current = fixed.unwrap_or_else(|| GroupKey::new(self.random.random()));
            let publisher = self.account.key.address();
            let ring = (key, publisher);
            Publishing {
                chain: ChainKey { publisher, chain: self.random.random() },
                previous: None,
                window: PublishWindow::default(),
                accepted: 0,
                keyring: Keyring::new(ring, (Vec::new(), current), rotation, now_ms),
            }
        });
        self.overlay.open_publisher(key);
        self.names.insert(key, stream);
        self.permit(key, &id);
        self.take_part(key, true);
    }

    pub(super) fn publish(&mut self, stream: &Stream, ticket: u32, payload: &[u8]) {
        let published = self.try_publish(stream.key(), payload);
        self.outputs.push(match published {
            Ok(sequence) => Output::Published { ticket, sequence },
            Err((code, reason)) => Output::Unpublished { ticket, code, reason },
        });
    }

    fn try_publish(&mut self, key: StreamKey, payload: &[u8]) -> Result<u64, (Code, String)> {
        if self.finishing.has_begun() {
            return Err((Code::Ending, "the client is ending".to_owned()));
        }
        let (now, random) = (self.now(), self.random.random());
        let Some(publishing) = self.publishing.get_mut(&key) else {
            return Err((Code::NotOpen, "the stream was not opened for publishing".to_owned()));
        };
        publishing.room(payload)?;
        if let Some(held) = publishing.keyring.due(now.monotonic_ms, random) {
            let (old, next) = publishing.keyring.rotate(held, now.monotonic_ms);
            self.send(key, &Sealed::NextKey(old, next))?;
        }
        self.send(key, &Sealed::Payload(payload))
    }

    fn send(&mut self, key: StreamKey, what: &Sealed<'_>) -> Result<u64, (Code, String)> {
        let now = self.now();
        let Some(publishing) = self.publishing.get_mut(&key) else {
            return Err((Code::NotOpen, "the stream was not opened for publishing".to_owned()));
        };
        let too_large = |_| (Code::TooLarge, "no message holds this".to_owned());
        let (key_id, ciphertext) = publishing.seal(key, what).map_err(too_large)?;
        let sequence = publishing.window.messages();
        // A clock that was set back must not break the chain's order.
        let before_ms = publishing.previous.map_or(0, |previous| previous.timestamp_ms);
        let message = Message {
            stream_key: key,
            chain: publishing.chain,
            at: MessageRef { timestamp_ms: now.wall_ms.max(before_ms), sequence },
            previous: publishing.previous,
            key_id,
            ciphertext,
            signature: Signature([0; 65]),
        };
        let message = message.signed(&self.account.key, &self.verifier);
        publishing.window.published(message.payload_bytes());
        publishing.previous = Some(message.at);
        self.overlay.publish(&message, &now);
        Ok(sequence)
    }

    pub(super) fn accepted(&mut self, stream: StreamKey, sequence: u64) {
        if let Some(publishing) = self.publishing.get_mut(&stream) {
            publishing.accepted = publishing.accepted.saturating_add(1);
        }
        self.of_stream(stream, |stream| Output::Accepted { stream, sequence });
    }

    /// A subscriber asks for a key of ours. A tab does not follow the chain, so it knows a session key for nobody but itself.
    pub(super) fn key_asked(&mut self, (from, no): (NodeId, TrackerNo), request: &KeyRequest) {
        let (now, random) = (self.now(), self.random.random());
        let at = Asked { wall_ms: now.wall_ms, monotonic_ms: now.monotonic_ms };
        let acts_for = |_: Address, _: Address| false;
        let Some(publishing) = self.publishing.get_mut(&request.name.stream) else { return };
        if let Some(answer) = publishing.keyring.answer(from, request, acts_for, at, random) {
            self.say(no, &ToTracker::GiveKey { to: from, answer: Box::new(answer) });
        }
    }
}
