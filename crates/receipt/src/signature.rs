//! The 65-byte secp256k1 signature `r ‖ s ‖ v`, in its one canonical form.
//!
//! Invariant: of the signatures (r, s) and (r, n − s), only the one with the lower `s` is accepted, as by OpenZeppelin's
//! `ECDSA`. Source: EIP-2 (low s), SEC 1 §4.1.6 (key recovery).

use std::fmt;
use std::str::FromStr;

use alloy_primitives::hex;
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256};

use crate::session_key::address_of;
use crate::{SessionKey, SignatureError};

/// Bytes of a signature.
pub const SIGNATURE_BYTES: usize = 65;

/// A signature as bytes; it becomes trustworthy by [`Signature::signer`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature(pub [u8; SIGNATURE_BYTES]);

/// The public key of an address, to check many signatures of one signer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey(PublicKey);

impl Signature {
    /// Signs a digest deterministically (RFC 6979).
    pub fn sign(key: &SessionKey, digest: B256) -> Self {
        let message = Message::from_digest(digest.0);
        let (recovery, compact) =
            secp256k1::SECP256K1.sign_ecdsa_recoverable(message, key.secret()).serialize_compact();
        let mut bytes = [0; SIGNATURE_BYTES];
        let [r_and_s @ .., v] = &mut bytes;
        r_and_s.copy_from_slice(&compact);
        // A signature with low s by a random nonce has no other recovery ids, but for one chance in 2^127.
        *v = if i32::from(recovery) == 0 { 27 } else { 28 };
        Self(bytes)
    }

    /// The address whose key signed `digest`, if the signature is canonical.
    ///
    /// Always by recovery: verifying with a known key is a sixth faster, but does not look at `v`, so two parties that
    /// know different keys could disagree about the same bytes.
    pub fn signer(&self, digest: B256) -> Result<Address, SignatureError> {
        self.key(digest).map(|key| address_of(&key))
    }

    /// The key that signed `digest`, if the signature is canonical.
    pub(crate) fn key(&self, digest: B256) -> Result<PublicKey, SignatureError> {
        let signature = self.parse()?;
        let key = secp256k1::SECP256K1.recover_ecdsa(Message::from_digest(digest.0), &signature);
        key.map_err(|_| SignatureError::NoKey)
    }

    /// Whether the signature has the canonical form, whoever it is by, if it is by anybody.
    pub(crate) fn check_form(&self) -> Result<(), SignatureError> {
        self.parse().map(drop)
    }

    /// The key of `address`, if it signed `digest`; `None` if somebody else did. Here `v` only says where to look first:
    /// both keys that give the signature are tried, so that the answer is the same as [`Signature::verify`]'s.
    pub fn key_of(
        &self,
        address: Address,
        digest: B256,
    ) -> Result<Option<KnownKey>, SignatureError> {
        let named = self.parse()?;
        let (first, compact) = named.serialize_compact();
        let second = if first == RecoveryId::Zero { RecoveryId::One } else { RecoveryId::Zero };
        let message = Message::from_digest(digest.0);
        for id in [first, second] {
            let signature = RecoverableSignature::from_compact(&compact, id);
            let key = signature.and_then(|s| secp256k1::SECP256K1.recover_ecdsa(message, &s));
            match key {
                Ok(key) if address_of(&key) == address => return Ok(Some(KnownKey(key))),
                Ok(_) => {}
                Err(_) => return Err(SignatureError::NoKey),
            }
        }
        Ok(None)
    }

    /// Whether `key` signed `digest`. Quicker than recovery, and blind to `v`: of use only where nothing depends on it.
    pub fn verify(&self, key: &KnownKey, digest: B256) -> Result<bool, SignatureError> {
        let signature = self.parse()?.to_standard();
        let message = Message::from_digest(digest.0);
        Ok(secp256k1::SECP256K1.verify_ecdsa(message, &signature, &key.0).is_ok())
    }

    fn parse(&self) -> Result<RecoverableSignature, SignatureError> {
        let [compact @ .., v] = &self.0;
        let recovery = match v {
            27 => RecoveryId::Zero,
            28 => RecoveryId::One,
            other => return Err(SignatureError::V(*other)),
        };
        let signature = RecoverableSignature::from_compact(compact, recovery)
            .map_err(|_| SignatureError::NoKey)?;
        let mut normalized = signature.to_standard();
        normalized.normalize_s();
        if normalized != signature.to_standard() {
            return Err(SignatureError::HighS);
        }
        Ok(signature)
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({self})")
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode_prefixed(self.0))
    }
}

impl FromStr for Signature {
    type Err = hex::FromHexError;

    fn from_str(s: &str) -> Result<Self, Self::Err> {
        hex::decode_to_array(s).map(Self)
    }
}

impl Serialize for Signature {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// n, the order of the group (SEC 2 §2.4.1).
    const ORDER: &str = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

    fn signed() -> (Signature, B256, Address) {
        let key = SessionKey::from_bytes(&[7; 32]).unwrap();
        let digest = B256::repeat_byte(3);
        (Signature::sign(&key, digest), digest, key.address())
    }

    #[test]
    fn signer_is_recovered() {
        let (signature, digest, address) = signed();
        assert_eq!(signature.signer(digest), Ok(address));
        assert_ne!(signature.signer(B256::ZERO), Ok(address));
    }

    #[test]
    fn the_mirror_image_is_refused() {
        let (mut signature, digest, _) = signed();
        let order: alloy_primitives::U256 = ORDER.parse().unwrap();
        let s = alloy_primitives::U256::from_be_slice(&signature.0[32..64]);
        signature.0[32..64].copy_from_slice(&(order - s).to_be_bytes::<32>());
        signature.0[64] = 55 - signature.0[64];
        assert_eq!(signature.signer(digest), Err(SignatureError::HighS));
    }

    #[test]
    fn only_27_and_28_are_v() {
        let (mut signature, digest, address) = signed();
        for v in [0, 1, 26, 29, 255] {
            signature.0[64] = v;
            assert_eq!(signature.signer(digest), Err(SignatureError::V(v)));
        }
        let (signature, ..) = signed();
        let mut flipped = signature;
        flipped.0[64] = 55 - flipped.0[64];
        assert_ne!(flipped.signer(digest), Ok(address));
    }

    #[test]
    fn with_a_known_key_the_answer_is_the_same_whatever_v_says() {
        let (signature, digest, address) = signed();
        let mut flipped = signature;
        flipped.0[64] = 55 - flipped.0[64];
        for signature in [signature, flipped] {
            let key = signature.key_of(address, digest).unwrap().unwrap();
            assert_eq!(signature.verify(&key, digest), Ok(true));
            assert_eq!(signature.verify(&key, B256::ZERO), Ok(false));
            assert_eq!(signature.key_of(Address::ZERO, digest), Ok(None));
        }
        let mut other = signature;
        other.0[64] = 29;
        let key = signature.key_of(address, digest).unwrap().unwrap();
        assert_eq!(other.verify(&key, digest), Err(SignatureError::V(29)));
        assert_eq!(other.key_of(address, digest), Err(SignatureError::V(29)));
    }

    #[test]
    fn zero_and_oversized_scalars_are_refused() {
        let digest = B256::repeat_byte(3);
        let mut zero = Signature([0; 65]);
        zero.0[64] = 27;
        assert_eq!(zero.signer(digest), Err(SignatureError::NoKey));
        let mut full = Signature([0xff; 65]);
        full.0[64] = 28;
        assert_eq!(full.signer(digest), Err(SignatureError::NoKey));
    }
}
