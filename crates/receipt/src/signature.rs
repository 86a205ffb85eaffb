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
    /// Always by recovery, or by batches that mean the same: verifying with a known key does not look at `v`, so two parties
    /// that know different keys could disagree about the same bytes.
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
