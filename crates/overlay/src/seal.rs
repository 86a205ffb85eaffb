//! Payloads sealed with AES-256-GCM under a stream's group key, which relays never see.
//!
//! Each chain has its own AES key, derived from the group key, and what the message holds and its
//! number are the nonce. Invariant: no (key, nonce) pair seals two payloads, as chains are random
//! 64-bit numbers and numbers never repeat in a chain. Source: NIST SP 800-38D §8.2.1 (deterministic
//! nonces).
//!
//! A message may hold the next group key instead of a payload, so that who can read goes on without
//! asking. So a key that leaks opens nothing that was sealed before it was drawn, and all that
//! follows until a key is drawn that is not handed on in this way.
//!
//! Not provided: hiding a payload's length. Agreement on the first key is
//! [`exchange`](crate::exchange)'s.

use aes_gcm::aead::Aead;
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use tatum_primitives::{StreamKey, keccak256};

use crate::ChainKey;

/// Bytes that sealing adds.
pub const SEAL_OVERHEAD_BYTES: usize = 16;

/// The key that all publishers and subscribers of a stream share.
#[derive(Clone)]
pub struct GroupKey([u8; 32]);

/// The name of a group key in messages.
pub type KeyId = [u8; 8];

/// What a message holds.
#[derive(Debug)]
pub enum Content {
    /// What its publisher wanted to say.
    Payload(Vec<u8>),
    /// The group key of the messages that follow.
    NextKey(GroupKey),
}

/// A payload that this key does not open: another key, or changed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this group key does not open the payload")]
pub struct SealError;

impl GroupKey {
    /// A key with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret itself, for its keeper's disk.
    #[must_use]
    pub const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// A name for the key that says nothing about it.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = keccak256([b"tatum group key id".as_slice(), &self.0].concat());
        // A digest has more than so many bytes.
        digest.first_chunk().copied().unwrap_or_default()
    }

    /// Seals the payload of message `sequence` of `chain`.
    ///
    /// # Errors
    /// Only for payloads beyond AES-GCM's limit of 64 GiB.
    pub fn seal(
        &self,
        stream: StreamKey,
        chain: ChainKey,
        sequence: u64,
        payload: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let cipher = self.cipher(stream, chain);
        cipher.encrypt(&nonce(PAYLOAD, sequence), payload).map_err(|_| SealError)
    }

    /// Seals the next group key into message `sequence` of `chain`.
    ///
    /// # Errors
    /// Never; the type is that of [`GroupKey::seal`].
    pub fn seal_next(
        &self,
        stream: StreamKey,
        chain: ChainKey,
        sequence: u64,
        next: &Self,
    ) -> Result<Vec<u8>, SealError> {
        let cipher = self.cipher(stream, chain);
        cipher.encrypt(&nonce(NEXT_KEY, sequence), next.0.as_slice()).map_err(|_| SealError)
    }

    /// Opens what [`GroupKey::seal`] or [`GroupKey::seal_next`] made for the same place.
    ///
    /// # Errors
    /// [`SealError`] if the key, the place or the bytes differ.
    pub fn open(
        &self,
        stream: StreamKey,
        chain: ChainKey,
        sequence: u64,
        ciphertext: &[u8],
    ) -> Result<Content, SealError> {
        let cipher = self.cipher(stream, chain);
        if let Ok(payload) = cipher.decrypt(&nonce(PAYLOAD, sequence), ciphertext) {
            return Ok(Content::Payload(payload));
        }
        let key = cipher.decrypt(&nonce(NEXT_KEY, sequence), ciphertext).map_err(|_| SealError)?;
        key.try_into().map(|key| Content::NextKey(Self(key))).map_err(|_| SealError)
    }

    fn cipher(&self, stream: StreamKey, chain: ChainKey) -> Aes256Gcm {
        let preimage = [
            b"tatum chain key v1".as_slice(),
            &self.0,
            stream.0.as_slice(),
            chain.publisher.as_slice(),
            &chain.chain.to_be_bytes(),
        ]
        .concat();
        Aes256Gcm::new(&keccak256(preimage).0.into())
    }
}

impl std::fmt::Debug for GroupKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("GroupKey(…)")
    }
}

/// Kinds of content, the first four bytes of the nonce.
const PAYLOAD: u32 = 0;
const NEXT_KEY: u32 = 1;

fn nonce(kind: u32, sequence: u64) -> Nonce<aes_gcm::aead::consts::U12> {
    let mut bytes = [0; 12];
    let all = kind.to_be_bytes().into_iter().chain(sequence.to_be_bytes());
    for (place, byte) in bytes.iter_mut().zip(all) {
        *place = byte;
    }
    bytes.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::{Address, B256};

    const STREAM: StreamKey = StreamKey(B256::repeat_byte(1));
    const CHAIN: ChainKey = ChainKey { publisher: Address::repeat_byte(2), chain: 3 };

    #[test]
    fn only_the_same_key_and_place_open_a_payload() {
        let group = GroupKey::new([7; 32]);
        let sealed = group.seal(STREAM, CHAIN, 5, b"rain").unwrap();
        assert_eq!(sealed.len(), 4 + SEAL_OVERHEAD_BYTES);
        let Content::Payload(payload) = group.open(STREAM, CHAIN, 5, &sealed).unwrap() else {
            panic!("no payload");
        };
        assert_eq!(payload, b"rain");
        assert!(group.open(STREAM, CHAIN, 6, &sealed).is_err());
        assert!(group.open(STREAM, ChainKey { chain: 4, ..CHAIN }, 5, &sealed).is_err());
        assert!(GroupKey::new([8; 32]).open(STREAM, CHAIN, 5, &sealed).is_err());
        let mut changed = sealed;
        changed[0] ^= 1;
        assert!(group.open(STREAM, CHAIN, 5, &changed).is_err());
    }

    #[test]
    fn a_next_key_is_told_from_a_payload_of_the_same_bytes() {
        let (group, next) = (GroupKey::new([7; 32]), GroupKey::new([8; 32]));
        let sealed = group.seal_next(STREAM, CHAIN, 5, &next).unwrap();
        assert_ne!(sealed, group.seal(STREAM, CHAIN, 5, &[8; 32]).unwrap());
        match group.open(STREAM, CHAIN, 5, &sealed) {
            Ok(Content::NextKey(key)) => assert_eq!(key.id(), next.id()),
            other => panic!("{other:?}"),
        }
        assert!(next.open(STREAM, CHAIN, 5, &sealed).is_err());
        assert!(group.open(STREAM, CHAIN, 6, &sealed).is_err());
    }
}
