//! A published message: what the publisher signs, and how a hop checks it.
//!
//! Invariant: two messages with equal ids have equal fields (apart from the signature's bytes).
//! Source: EIP-712, in the domain of the deployment: a message of one is worth nothing in another.
//!
//! A publisher numbers the messages of a *chain* 0, 1, 2, … without holes, and each names the one
//! before it; so a receiver that holds one message knows exactly which it misses. A publisher that
//! restarts begins a chain with a new random number.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, StreamKey, keccak256};
use tatum_receipt::{Authors, SessionKey, Signature, SignatureError, SignedDigest, Verifier};

use crate::window::MAX_NUMBER;

/// The largest sealed payload of a message.
pub const MAX_CIPHERTEXT_BYTES: usize = 32 * 1024;

static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| {
    keccak256(
        "Message(bytes32 streamKey,address publisher,uint64 chain,uint64 sequence,\
         uint64 timestampMs,uint64 previousTimestampMs,bytes8 keyId,bytes ciphertext)",
    )
});

/// A place in a chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MessageRef {
    /// When the publisher made the message, milliseconds since 1970.
    pub timestamp_ms: u64,
    /// Its number in the chain.
    pub sequence: u64,
}

/// One publisher's run of messages in one stream partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ChainKey {
    /// Who publishes.
    pub publisher: Address,
    /// A random number the publisher drew when it started.
    pub chain: u64,
}

/// What travels from a publisher to its subscribers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The stream partition.
    pub stream_key: StreamKey,
    /// Publisher and chain.
    pub chain: ChainKey,
    /// Time and number.
    pub at: MessageRef,
    /// The message before it; `None` for number 0 only.
    pub previous: Option<MessageRef>,
    /// Names the group key that opens the payload.
    pub key_id: [u8; 8],
    /// The sealed payload.
    #[serde(with = "one_piece")]
    pub ciphertext: Vec<u8>,
    /// By the publisher, over [`Message::id`].
    #[serde(with = "signature_bytes")]
    pub signature: Signature,
}

/// Why a message is not forwarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessageError {
    /// The reference to the previous message contradicts the number.
    #[error("message {sequence} does not follow the message it refers to")]
    Reference {
        /// The message's number.
        sequence: u64,
    },
    /// The chain has ended before it.
    #[error("numbers end at {MAX_NUMBER}, this one is {got}")]
    Number {
        /// The message's number.
        got: u64,
    },
    /// It was made too long ago.
    #[error("the message was made {age_ms} ms ago, at most {limit_ms} ms are allowed")]
    Old {
        /// Its age by our clock.
        age_ms: u64,
        /// The largest allowed.
        limit_ms: u64,
    },
    /// It is dated ahead.
    #[error("the message is dated {by_ms} ms ahead, at most {limit_ms} ms are allowed")]
    Ahead {
        /// By so much of our clock.
        by_ms: u64,
        /// The most allowed.
        limit_ms: u64,
    },
    /// The payload is too large.
    #[error("the sealed payload has {got} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes given.
        got: usize,
        /// The largest allowed.
        limit: usize,
    },
    /// The signature is not canonical.
    #[error("the publisher's signature is refused")]
    Signature(#[from] SignatureError),
    /// Somebody else signed, or a field was changed.
    #[error("not signed by the publisher {publisher}")]
    Publisher {
        /// Who claims to have signed.
        publisher: Address,
    },
}

/// The deployment whose messages are checked, and the publishers whose messages were checked before.
#[derive(Debug)]
pub struct Publishers {
    verifier: Verifier,
    authors: Authors,
}

impl Publishers {
    /// Nobody is known. The secret is random and of this process.
    #[must_use]
    pub fn new(verifier: Verifier, secret: [u8; 32]) -> Self {
        Self { verifier, authors: Authors::new(secret) }
    }

    /// Checks the form and signature of each message, all signatures together; gives the ids, in order.
    ///
    /// # Errors
    /// [`MessageError`] says which rule a message breaks.
    pub fn verify_all(&mut self, messages: &[&Message]) -> Vec<Result<B256, MessageError>> {
        let checked = messages.iter().map(|message| message.signed_digest(&self.verifier));
        let checked: Vec<Result<SignedDigest, MessageError>> = checked.collect();
        let signed: Vec<SignedDigest> = checked.iter().flatten().copied().collect();
        let mut answers = self.authors.check_all(&signed).into_iter();
        let verdict = |signed: Result<SignedDigest, MessageError>| {
            let SignedDigest { author: publisher, digest, .. } = signed?;
            let is_signed = answers.next().unwrap_or(Err(SignatureError::NoKey))?;
            if is_signed { Ok(digest) } else { Err(MessageError::Publisher { publisher }) }
        };
        checked.into_iter().map(verdict).collect()
    }
}

impl Message {
    /// The message's id: the EIP-712 digest that its publisher signs for a deployment.
    #[must_use]
    pub fn id(&self, verifier: &Verifier) -> B256 {
        let words = [
            TYPE_HASH.0,
            self.stream_key.0.0,
            self.chain.publisher.into_word().0,
            word(self.chain.chain),
            word(self.at.sequence),
            word(self.at.timestamp_ms),
            // The previous number follows from the number; its time does not.
            word(self.previous.map_or(0, |previous| previous.timestamp_ms)),
            B256::right_padding_from(&self.key_id).0,
            keccak256(&self.ciphertext).0,
        ];
        verifier.digest_of(keccak256(words.as_flattened()))
    }

    /// Signs the fields with the publisher's key.
    #[must_use]
    pub fn signed(mut self, key: &SessionKey, verifier: &Verifier) -> Self {
        self.signature = Signature::sign(key, self.id(verifier));
        self
    }

    /// Checks that the time is near `now_ms`: at most `old_ms` before and `ahead_ms` after. That costs no signature's check.
    ///
    /// # Errors
    /// [`MessageError::Old`] or [`MessageError::Ahead`].
    pub const fn check_time(
        &self,
        now_ms: u64,
        old_ms: u64,
        ahead_ms: u64,
    ) -> Result<(), MessageError> {
        let apart_ms = now_ms.abs_diff(self.at.timestamp_ms);
        if self.at.timestamp_ms <= now_ms && apart_ms > old_ms {
            return Err(MessageError::Old { age_ms: apart_ms, limit_ms: old_ms });
        }
        if self.at.timestamp_ms > now_ms && apart_ms > ahead_ms {
            return Err(MessageError::Ahead { by_ms: apart_ms, limit_ms: ahead_ms });
        }
        Ok(())
    }

    /// Checks form and signature; gives the id.
    ///
    /// # Errors
    /// [`MessageError`] says which rule is broken.
    pub fn verify(&self, publishers: &mut Publishers) -> Result<B256, MessageError> {
        let missing = Err(MessageError::Signature(SignatureError::NoKey));
        publishers.verify_all(&[self]).pop().unwrap_or(missing)
    }

    /// Checks all but the signature; gives what it is to be checked with.
    fn signed_digest(&self, verifier: &Verifier) -> Result<SignedDigest, MessageError> {
        if self.at.sequence > MAX_NUMBER {
            return Err(MessageError::Number { got: self.at.sequence });
        }
        let expected = self.at.sequence.checked_sub(1);
        let in_order = self.previous.is_none_or(|p| p.timestamp_ms <= self.at.timestamp_ms);
        if self.previous.map(|previous| previous.sequence) != expected || !in_order {
            return Err(MessageError::Reference { sequence: self.at.sequence });
        }
        if self.ciphertext.len() > MAX_CIPHERTEXT_BYTES {
            return Err(MessageError::TooLarge {
                got: self.ciphertext.len(),
                limit: MAX_CIPHERTEXT_BYTES,
            });
        }
        let (author, signature) = (self.chain.publisher, self.signature);
        Ok(SignedDigest { author, digest: self.id(verifier), signature })
    }

    /// The bytes that receipts count: the sealed payload's.
    #[must_use]
    pub const fn payload_bytes(&self) -> u64 {
        self.ciphertext.len() as u64
    }
}

fn word(value: u64) -> [u8; 32] {
    B256::left_padding_from(&value.to_be_bytes()).0
}

/// Bytes that are copied as one piece. Encoded they look as if they were written one by one, which takes much longer.
mod one_piece {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(value: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        <&[u8]>::deserialize(from).map(<[u8]>::to_vec)
    }
}

/// Signatures as 65 plain bytes.
pub(crate) mod signature_bytes {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use tatum_receipt::Signature;

    pub(crate) fn serialize<S: Serializer>(value: &Signature, to: S) -> Result<S::Ok, S::Error> {
        let [rs @ .., v] = value.0;
        let (r, s) = rs.split_at(32);
        let half = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).unwrap_or_default();
        (half(r), half(s), v).serialize(to)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Signature, D::Error> {
        let (r, s, v) = <([u8; 32], [u8; 32], u8)>::deserialize(from)?;
        let mut bytes = [v; 65];
        for (place, byte) in bytes.iter_mut().zip(r.into_iter().chain(s)) {
            *place = byte;
        }
        Ok(Signature(bytes))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;
    use tatum_primitives::{Domain, StreamId};

    pub(crate) fn verifier() -> Verifier {
        Verifier::new(Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(1) })
    }

    pub(crate) fn publishers() -> Publishers {
        Publishers::new(verifier(), [6; 32])
    }

    pub(crate) fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    pub(crate) fn message(publisher: &SessionKey, sequence: u64) -> Message {
        let at = MessageRef { timestamp_ms: 1_000 + sequence, sequence };
        let before = |sequence| MessageRef { timestamp_ms: 1_000 + sequence, sequence };
        Message {
            stream_key: StreamId::new("test/stream").unwrap().key(0),
            chain: ChainKey { publisher: publisher.address(), chain: 9 },
            at,
            previous: sequence.checked_sub(1).map(before),
            key_id: [3; 8],
            ciphertext: vec![u8::try_from(sequence % 251).unwrap(); 40],
            signature: Signature([0; 65]),
        }
        .signed(publisher, &verifier())
    }

    #[test]
    fn a_message_is_worth_nothing_in_another_deployment() {
        let elsewhere = Domain { chain_id: 1, stake_pool: Address::repeat_byte(1) };
        let other = Domain { chain_id: 31_337, stake_pool: Address::repeat_byte(2) };
        for domain in [elsewhere, other] {
            let mut there = Publishers::new(Verifier::new(domain), [6; 32]);
            assert!(message(&key(1), 0).verify(&mut there).is_err());
        }
    }

    #[test]
    fn a_signed_message_verifies() {
        assert!(message(&key(1), 0).verify(&mut publishers()).is_ok());
        assert!(message(&key(1), 7).verify(&mut publishers()).is_ok());
    }

    #[test]
    fn every_changed_field_breaks_the_signature() {
        let good = message(&key(1), 7);
        let changes: [fn(&mut Message); 8] = [
            |m| m.stream_key.0.0[0] ^= 1,
            |m| m.chain.publisher.0[0] ^= 1,
            |m| m.chain.chain ^= 1,
            |m| m.at.timestamp_ms += 1,
            |m| m.previous = Some(MessageRef { timestamp_ms: 5, sequence: 6 }),
            |m| m.key_id[0] ^= 1,
            |m| m.ciphertext[0] ^= 1,
            |m| m.signature.0[3] ^= 1,
        ];
        let mut knowing = publishers();
        good.verify(&mut knowing).unwrap();
        for (number, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(bad.verify(&mut publishers()).is_err(), "change {number}");
            assert!(bad.verify(&mut knowing).is_err(), "change {number}");
        }
    }

    /// Or a hop could change it, and the batches of the hops behind it would fail.
    #[test]
    fn a_changed_v_is_refused_whether_the_publisher_is_known_or_not() {
        let good = message(&key(1), 7);
        let mut knowing = publishers();
        good.verify(&mut knowing).unwrap();
        let mut changed = good.clone();
        for v in [55 - good.signature.0[64], 29, 0] {
            changed.signature.0[64] = v;
            assert!(changed.verify(&mut publishers()).is_err());
            assert!(changed.verify(&mut knowing).is_err());
        }
        assert_eq!(good.verify(&mut knowing), Ok(good.id(&verifier())));
    }

    #[test]
    fn a_run_is_answered_message_by_message() {
        let publisher = key(1);
        let mut run: Vec<Message> = (0..12).map(|number| message(&publisher, number)).collect();
        run[3].signature.0[20] ^= 1;
        run[5].previous = None;
        run[8].ciphertext[0] ^= 1;
        run.push(message(&key(2), 0));
        let run: Vec<&Message> = run.iter().collect();
        let alone: Vec<_> = run.iter().map(|message| message.verify(&mut publishers())).collect();
        assert_eq!(alone.iter().filter(|verdict| verdict.is_err()).count(), 3);
        let mut knowing = publishers();
        assert_eq!(knowing.verify_all(&run), alone);
        assert_eq!(knowing.verify_all(&run), alone);
    }

    #[test]
    fn a_message_must_follow_the_one_it_names() {
        let publisher = key(1);
        let mut first = message(&publisher, 1);
        first.previous = None;
        let sequence = 1;
        assert_eq!(
            first.signed(&publisher, &verifier()).verify(&mut publishers()),
            Err(MessageError::Reference { sequence })
        );
        let mut later = message(&publisher, 5);
        later.previous = Some(MessageRef { timestamp_ms: 999, sequence: 3 });
        assert!(later.signed(&publisher, &verifier()).verify(&mut publishers()).is_err());
    }

    #[test]
    fn a_chain_ends_at_the_last_number() {
        let publisher = key(1);
        let at = |sequence| MessageRef { timestamp_ms: 5, sequence };
        let numbered = |sequence: u64| Message {
            at: at(sequence),
            previous: Some(at(sequence - 1)),
            ..message(&publisher, 0)
        };
        let verified =
            |sequence| numbered(sequence).signed(&publisher, &verifier()).verify(&mut publishers());
        assert!(verified(MAX_NUMBER).is_ok());
        for got in [MAX_NUMBER + 1, u64::MAX] {
            assert_eq!(verified(got), Err(MessageError::Number { got }));
        }
    }

    proptest! {
        #[test]
        fn a_time_is_taken_within_its_bounds_and_nowhere_else(
            (now_ms, timestamp_ms) in (any::<u64>(), any::<u64>()),
            near in prop::option::of(0_u64..400),
            (old_ms, ahead_ms) in (0_u64..200, 0_u64..200),
        ) {
            let timestamp_ms = near.map_or(timestamp_ms, |by| now_ms.saturating_sub(200).saturating_add(by));
            let mut message = message(&key(1), 0);
            message.at.timestamp_ms = timestamp_ms;
            let (made, now) = (i128::from(timestamp_ms), i128::from(now_ms));
            let expected = match now - made {
                age if age > i128::from(old_ms) => "old",
                age if -age > i128::from(ahead_ms) => "ahead",
                _ => "taken",
            };
            let got = match message.check_time(now_ms, old_ms, ahead_ms) {
                Err(MessageError::Old { age_ms, .. }) => {
                    prop_assert_eq!(i128::from(age_ms), now - made);
                    "old"
                }
                Err(MessageError::Ahead { by_ms, .. }) => {
                    prop_assert_eq!(i128::from(by_ms), made - now);
                    "ahead"
                }
                Err(_) => "otherwise refused",
                Ok(()) => "taken",
            };
            prop_assert_eq!(got, expected);
        }
    }

    #[test]
    fn an_oversized_payload_is_refused() {
        let publisher = key(1);
        let mut large = message(&publisher, 0);
        large.ciphertext = vec![0; MAX_CIPHERTEXT_BYTES + 1];
        assert!(matches!(
            large.signed(&publisher, &verifier()).verify(&mut publishers()),
            Err(MessageError::TooLarge { .. })
        ));
    }
}
