//! A node's ed25519 signature over a receipt's digest: "I hold this receipt, on disk".
//!
//! Invariant: small-order keys never verify (`verify_strict`), so no node can disown or share an acknowledgement.
//! Source: RFC 8032.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use tatum_primitives::{B256, NodeId};

const CONTEXT: &[u8] = b"tatum receipt acknowledgement v1";

/// A node's word that it keeps the receipt with this digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    /// The EIP-712 digest of the receipt.
    pub digest: B256,
    /// ed25519 over the context and the digest: R, then s.
    pub signature: [B256; 2],
}

/// Why an acknowledgement is worth nothing.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not an acknowledgement by this node")]
pub struct AcknowledgementError;

impl Acknowledgement {
    /// Signs for `digest`, that of a receipt on disk: [`Verifier::acknowledge`](crate::Verifier::acknowledge) sees to it.
    pub(crate) fn sign(node: &SigningKey, digest: B256) -> Self {
        let signature = node.sign(&preimage(digest));
        Self {
            digest,
            signature: [B256::from(signature.r_bytes()), B256::from(signature.s_bytes())],
        }
    }

    /// Checks that `node` signed.
    pub fn verify(&self, node: NodeId) -> Result<(), AcknowledgementError> {
        let key = VerifyingKey::from_bytes(&node.0.0).map_err(|_| AcknowledgementError)?;
        let signature = Signature::from_components(self.signature[0].0, self.signature[1].0);
        key.verify_strict(&preimage(self.digest), &signature).map_err(|_| AcknowledgementError)
    }
}

fn preimage(digest: B256) -> Vec<u8> {
    [CONTEXT, digest.as_slice()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_node_and_the_digest_verify() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let node = NodeId(B256::from(key.verifying_key().to_bytes()));
        let acknowledgement = Acknowledgement::sign(&key, B256::repeat_byte(1));
        assert_eq!(acknowledgement.verify(node), Ok(()));
        let other = Acknowledgement { digest: B256::ZERO, ..acknowledgement };
        assert_eq!(other.verify(node), Err(AcknowledgementError));
        assert!(acknowledgement.verify(NodeId(B256::ZERO)).is_err());
    }
}
