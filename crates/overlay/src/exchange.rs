//! How a subscriber gets a group key from the publisher that drew it.
//!
//! The subscriber signs a [`KeyRequest`] with a fresh X25519 key; the publisher wraps the group key
//! to that key ([`KeyGrant`]). Whoever carries the two learns neither. A grant needs no signature:
//! the key in it must have the name that the publisher signed in its message, and opens only what
//! the publisher sealed.
//!
//! Invariant: a grant opens only with the secret of the request that it answers, and only for the
//! stream, publisher and key id that the request named. Every grant has a fresh wrapping key, so
//! its nonce may be constant. Source: RFC 7748 (X25519), RFC 5869 (HKDF), NIST SP 800-38D (GCM); the
//! construction is that of ECIES.
//!
//! Not provided: secrecy of later keys once a subscriber's copy of the group key leaks; see
//! [`seal`](crate::seal).

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit, Nonce};
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use tatum_primitives::{Address, B256, NodeId, StreamKey, keccak256};
use tatum_receipt::{SessionKey, Signature, SignatureError};
use x25519_dalek::{PublicKey, StaticSecret};

use crate::seal::{GroupKey, KeyId};

/// Which key: of which publisher in which stream partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyName {
    /// The stream partition.
    pub stream: StreamKey,
    /// Who drew the key.
    pub publisher: Address,
    /// Its name in the publisher's messages.
    pub key_id: KeyId,
}

/// A subscriber's request for a group key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRequest {
    /// Which key.
    pub name: KeyName,
    /// On whose account the subscriber is served.
    pub payer: Address,
    /// A fresh X25519 public key.
    pub public: B256,
    /// When this was signed, milliseconds since 1970.
    pub signed_at_ms: u64,
    /// By the payer or a key that acts for it, over [`KeyRequest::digest`].
    pub signature: Signature,
}

/// A group key, wrapped to a request's X25519 key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyGrant {
    /// Which key.
    pub name: KeyName,
    /// The request's public key.
    pub requester: B256,
    /// The publisher's X25519 key, drawn for this grant.
    pub ephemeral: B256,
    /// The sealed key (32 bytes), its tag (16) and zeros.
    pub sealed: [B256; 2],
}

/// A publisher's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeyAnswer {
    /// The key.
    Granted(KeyGrant),
    /// No key.
    Refused {
        /// Which one was asked for.
        name: KeyName,
        /// Why not.
        reason: String,
    },
}

/// Why a grant gives no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// Somebody chose a public key with which every secret agrees.
    #[error("the X25519 key is of low order")]
    LowOrder,
    /// It was wrapped for another request, or changed.
    #[error("the grant does not open with this request's secret")]
    Wrapped,
    /// It holds another key than the one that was asked for.
    #[error("the grant holds another key than the one asked for")]
    OtherKey,
}

/// A subscriber's secret half of a request.
pub struct AskSecret(StaticSecret);

impl AskSecret {
    /// From 32 random bytes, used once.
    #[must_use]
    pub fn new(random: [u8; 32]) -> Self {
        Self(StaticSecret::from(random))
    }

    fn public(&self) -> B256 {
        B256::from(PublicKey::from(&self.0).to_bytes())
    }
}

impl std::fmt::Debug for AskSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AskSecret(…)")
    }
}

impl KeyRequest {
    /// Signs a request of the node `requester`.
    #[must_use]
    pub fn sign(
        name: KeyName,
        payer: Address,
        requester: NodeId,
        secret: &AskSecret,
        signed_at_ms: u64,
        key: &SessionKey,
    ) -> Self {
        let (public, signature) = (secret.public(), Signature([0; 65]));
        let mut request = Self { name, payer, public, signed_at_ms, signature };
        request.signature = Signature::sign(key, request.digest(requester));
        request
    }

    /// What is signed: the request and the node it comes from.
    #[must_use]
    pub fn digest(&self, requester: NodeId) -> B256 {
        let preimage = [
            b"\x19tatum key request v1".as_slice(),
            &self.name.bytes(),
            self.payer.as_slice(),
            self.public.as_slice(),
            &self.signed_at_ms.to_be_bytes(),
            requester.0.as_slice(),
        ];
        keccak256(preimage.concat())
    }

    /// Who signed the request.
    ///
    /// # Errors
    /// If the signature is not canonical.
    pub fn signer(&self, requester: NodeId) -> Result<Address, SignatureError> {
        self.signature.signer(self.digest(requester))
    }

    /// Wraps `key` for whoever made the request; `random` is drawn for this grant and used once.
    ///
    /// # Errors
    /// [`ExchangeError::LowOrder`] if the request's key is none.
    pub fn grant(&self, key: &GroupKey, random: [u8; 32]) -> Result<KeyGrant, ExchangeError> {
        let ephemeral = AskSecret::new(random);
        let (requester, public) = (self.public, ephemeral.public());
        let wrap = Wrap::agree(&ephemeral, requester, (self.name, requester, public))?;
        let sealed = wrap.seal(key)?;
        Ok(KeyGrant { name: self.name, requester, ephemeral: public, sealed })
    }
}

impl KeyGrant {
    /// Opens a grant with the secret of the request that it answers.
    ///
    /// # Errors
    /// [`ExchangeError`] says what is wrong with it.
    pub fn open(&self, secret: &AskSecret) -> Result<GroupKey, ExchangeError> {
        let bound = (self.name, secret.public(), self.ephemeral);
        let key = Wrap::agree(secret, self.ephemeral, bound)?.open(&self.sealed)?;
        if key.id() == self.name.key_id { Ok(key) } else { Err(ExchangeError::OtherKey) }
    }
}

impl KeyAnswer {
    /// Which key it is about.
    #[must_use]
    pub const fn name(&self) -> &KeyName {
        match self {
            Self::Granted(grant) => &grant.name,
            Self::Refused { name, .. } => name,
        }
    }
}

impl KeyName {
    fn bytes(&self) -> Vec<u8> {
        [self.stream.0.as_slice(), self.publisher.as_slice(), &self.key_id].concat()
    }
}

/// The key that wraps one group key, and what it is bound to.
struct Wrap {
    cipher: Aes256Gcm,
    bound: Vec<u8>,
}

/// Each wrapping key seals once.
const NONCE: [u8; 12] = [0; 12];

impl Wrap {
    fn agree(
        ours: &AskSecret,
        theirs: B256,
        (name, requester, ephemeral): (KeyName, B256, B256),
    ) -> Result<Self, ExchangeError> {
        let shared = ours.0.diffie_hellman(&PublicKey::from(theirs.0));
        if !shared.was_contributory() {
            return Err(ExchangeError::LowOrder);
        }
        let bound = [
            b"tatum group key wrap v1".as_slice(),
            &name.bytes(),
            requester.as_slice(),
            ephemeral.as_slice(),
        ]
        .concat();
        let mut key = [0; 32];
        Hkdf::<Sha256>::new(None, shared.as_bytes())
            .expand(&bound, &mut key)
            .map_err(|_| ExchangeError::Wrapped)?;
        Ok(Self { cipher: Aes256Gcm::new(&key.into()), bound })
    }

    fn seal(&self, key: &GroupKey) -> Result<[B256; 2], ExchangeError> {
        let payload = Payload { msg: key.bytes(), aad: &self.bound };
        let sealed = self.cipher.encrypt(&Nonce::from(NONCE), payload);
        let mut words = [B256::ZERO; 2];
        let sealed = sealed.map_err(|_| ExchangeError::Wrapped)?;
        for (word, bytes) in words.iter_mut().zip(sealed.chunks(32)) {
            for (place, byte) in word.0.iter_mut().zip(bytes) {
                *place = *byte;
            }
        }
        Ok(words)
    }

    fn open(&self, words: &[B256; 2]) -> Result<GroupKey, ExchangeError> {
        // 32 bytes of key, 16 of tag; the rest is padding and must be empty.
        let bytes = words.concat();
        let (sealed, padding) = bytes.split_at(48);
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ExchangeError::Wrapped);
        }
        let payload = Payload { msg: sealed, aad: &self.bound };
        let key = self.cipher.decrypt(&Nonce::from(NONCE), payload);
        let key = key.ok().and_then(|key| <[u8; 32]>::try_from(key).ok());
        key.map(GroupKey::new).ok_or(ExchangeError::Wrapped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NODE: NodeId = NodeId(B256::repeat_byte(4));

    fn group() -> GroupKey {
        GroupKey::new([9; 32])
    }

    fn name() -> KeyName {
        let (stream, publisher) = (StreamKey(B256::repeat_byte(1)), Address::repeat_byte(2));
        KeyName { stream, publisher, key_id: group().id() }
    }

    fn session() -> SessionKey {
        SessionKey::from_bytes(&[3; 32]).unwrap()
    }

    fn request(secret: &AskSecret) -> KeyRequest {
        KeyRequest::sign(name(), Address::repeat_byte(5), NODE, secret, 77, &session())
    }

    #[test]
    fn only_the_requester_opens_a_grant_and_only_for_what_it_asked() {
        let secret = AskSecret::new([6; 32]);
        let grant = request(&secret).grant(&group(), [7; 32]).unwrap();
        assert_eq!(grant.open(&secret).unwrap().bytes(), group().bytes());
        let other = AskSecret::new([8; 32]);
        assert_eq!(grant.open(&other).unwrap_err(), ExchangeError::Wrapped);
        let changes: [fn(&mut KeyGrant); 6] = [
            |grant| grant.name.stream.0.0[0] ^= 1,
            |grant| grant.name.publisher.0[0] ^= 1,
            |grant| grant.name.key_id[0] ^= 1,
            |grant| grant.ephemeral.0[0] ^= 1,
            |grant| grant.sealed[0].0[0] ^= 1,
            |grant| grant.sealed[1].0[31] ^= 1,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut bad = grant.clone();
            change(&mut bad);
            assert!(bad.open(&secret).is_err(), "change {number}");
        }
    }

    #[test]
    fn a_key_of_another_name_is_refused() {
        let secret = AskSecret::new([6; 32]);
        let grant = request(&secret).grant(&GroupKey::new([1; 32]), [7; 32]).unwrap();
        assert_eq!(grant.open(&secret).unwrap_err(), ExchangeError::OtherKey);
    }

    #[test]
    fn keys_of_low_order_are_refused() {
        let secret = AskSecret::new([6; 32]);
        let mut asked = request(&secret);
        asked.public = B256::ZERO;
        assert_eq!(asked.grant(&group(), [7; 32]).unwrap_err(), ExchangeError::LowOrder);
        let mut grant = request(&secret).grant(&group(), [7; 32]).unwrap();
        grant.ephemeral = B256::with_last_byte(0);
        assert_eq!(grant.open(&secret).unwrap_err(), ExchangeError::LowOrder);
    }

    #[test]
    fn a_request_is_bound_to_its_node_and_every_field() {
        let good = request(&AskSecret::new([6; 32]));
        assert_eq!(good.signer(NODE), Ok(session().address()));
        assert_ne!(good.signer(NodeId(B256::ZERO)), Ok(session().address()));
        let changes: [fn(&mut KeyRequest); 5] = [
            |request| request.name.key_id[7] ^= 1,
            |request| request.name.publisher.0[0] ^= 1,
            |request| request.payer.0[0] ^= 1,
            |request| request.public.0[0] ^= 1,
            |request| request.signed_at_ms += 1,
        ];
        for (number, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert_ne!(bad.signer(NODE), Ok(session().address()), "change {number}");
        }
        let text = serde_json::to_string(&good).unwrap();
        assert_eq!(serde_json::from_str::<KeyRequest>(&text).unwrap(), good);
    }

    proptest! {
        #[test]
        fn every_key_survives_its_wrapping(
            key in any::<[u8; 32]>(),
            ask in any::<[u8; 32]>(),
            random in any::<[u8; 32]>(),
        ) {
            let (secret, group) = (AskSecret::new(ask), GroupKey::new(key));
            let name = KeyName { key_id: group.id(), ..name() };
            let asked = KeyRequest::sign(name, Address::ZERO, NODE, &secret, 1, &session());
            let grant = asked.grant(&group, random).unwrap();
            let opened = grant.open(&secret).unwrap();
            prop_assert_eq!(opened.bytes(), &key);
            prop_assert!(!grant.sealed.concat().windows(32).any(|window| window == key));
        }
    }
}
