//! A secp256k1 key that signs receipts: a payer's own, or one the payer authorised on chain.
//!
//! Invariant: the secret never appears in `Debug` output.

use std::fmt;

use secp256k1::{PublicKey, SecretKey};
use tatum_primitives::{Address, B256, keccak256};

/// A key that can sign receipts and messages.
#[derive(Clone)]
pub struct SessionKey {
    secret: SecretKey,
    address: Address,
}

/// Bytes that are no secp256k1 secret key.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a secp256k1 secret key: 32 bytes, not zero and below the group order")]
pub struct SessionKeyError;

impl SessionKey {
    /// The key with this secret scalar (big-endian).
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, SessionKeyError> {
        let secret = SecretKey::from_byte_array(*bytes).map_err(|_| SessionKeyError)?;
        let address = address_of(&secret.public_key(secp256k1::SECP256K1));
        Ok(Self { secret, address })
    }

    /// The Ethereum address of the key.
    pub fn address(&self) -> Address {
        self.address
    }

    /// The secret scalar, big-endian; for keystores.
    pub fn to_bytes(&self) -> B256 {
        B256::from(self.secret.secret_bytes())
    }

    pub(crate) fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({})", self.address)
    }
}

/// The Ethereum address of a public key: the last 20 bytes of the keccak of its 64 coordinate bytes.
pub fn address_of(key: &PublicKey) -> Address {
    let [_, coordinates @ ..] = key.serialize_uncompressed();
    Address::from_word(keccak256(coordinates))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::{address, b256};

    #[test]
    fn address_is_the_one_every_wallet_shows() {
        // The first account of the well-known test mnemonic "test test … junk".
        let secret = b256!("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
        let key = SessionKey::from_bytes(&secret.0).unwrap();
        assert_eq!(key.address(), address!("0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"));
        assert!(!format!("{key:?}").contains("ac0974"));
    }

    #[test]
    fn zero_is_no_key() {
        assert_eq!(SessionKey::from_bytes(&[0; 32]).unwrap_err(), SessionKeyError);
    }
}
