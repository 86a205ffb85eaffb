//! A process's ed25519 key: its name in the network.
//!
//! Invariant: everything signed names its purpose first, so no signature can serve another.
//! Source: RFC 8032.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use tatum_primitives::{B256, NodeId};

/// A node's key.
#[derive(Clone)]
pub struct NodeKey(SigningKey);

impl NodeKey {
    /// The key with this seed.
    #[must_use]
    pub fn from_bytes(seed: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The public key, which is the node's id.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId(B256::from(self.0.verifying_key().to_bytes()))
    }

    /// Signs `parts` for `purpose`.
    #[must_use]
    pub fn sign(&self, purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
        self.0.sign(&preimage(purpose, parts)).to_bytes().to_vec()
    }

    /// The key itself, for what signs in a form of its own.
    #[must_use]
    pub const fn signing_key(&self) -> &SigningKey {
        &self.0
    }
}

impl std::fmt::Debug for NodeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NodeKey({})", self.id())
    }
}

/// Whether `node` signed `parts` for `purpose`.
#[must_use]
pub fn verify(node: NodeId, purpose: &str, parts: &[&[u8]], signature: &[u8]) -> bool {
    let Ok(key) = VerifyingKey::from_bytes(&node.0.0) else { return false };
    let Ok(signature) = Signature::from_slice(signature) else { return false };
    key.verify_strict(&preimage(purpose, parts), &signature).is_ok()
}

/// The purpose and the parts, each with its length, so that parts cannot flow into each other.
fn preimage(purpose: &str, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"tatum ".to_vec();
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_serves_one_purpose_and_one_text() {
        let key = NodeKey::from_bytes(&[1; 32]);
        let signature = key.sign("hello", &[b"ab", b"c"]);
        assert!(verify(key.id(), "hello", &[b"ab", b"c"], &signature));
        assert!(!verify(key.id(), "hello", &[b"a", b"bc"], &signature));
        assert!(!verify(key.id(), "signal", &[b"ab", b"c"], &signature));
        assert!(!verify(NodeKey::from_bytes(&[2; 32]).id(), "hello", &[b"ab", b"c"], &signature));
    }
}
