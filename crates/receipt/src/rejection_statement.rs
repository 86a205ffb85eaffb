//! An aggregator's signed word that it rejected something, and why: what a submitter can hold against it.
//!
//! Invariant: one statement has one signature (ed25519 is deterministic) and no other bytes verify under it. The signed
//! bytes are the context, the chain's id (8 bytes, big-endian), the stake pool's address (20), the rejection's id (32), the
//! time in milliseconds since 1970 (8) and the reason's code in ASCII. Source: RFC 8032.

use alloy_primitives::keccak256;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use tatum_primitives::{B256, Domain};

const CONTEXT: &[u8] = b"tatum rejection v1";

/// Names the rejection of `bytes` for the reason called `code`: `keccak256(code ‖ 0 ‖ bytes)`.
pub fn rejection_id(code: &str, bytes: &[u8]) -> B256 {
    keccak256([code.as_bytes(), &[0], bytes].concat())
}

/// "I rejected this, for this reason, at this time."
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RejectionStatement {
    /// What was rejected: [`rejection_id`].
    pub id: B256,
    /// The reason's code.
    pub code: String,
    /// When it was last rejected, milliseconds since 1970.
    pub at_ms: u64,
    /// The aggregator's ed25519 key.
    pub signer: B256,
    /// ed25519: R, then s.
    pub signature: [B256; 2],
}

/// Why a statement is worth nothing.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a statement of this signer for this deployment")]
pub struct RejectionStatementError;

impl RejectionStatement {
    /// Signs for a rejection that took place.
    pub fn sign(key: &SigningKey, domain: Domain, id: B256, code: &str, at_ms: u64) -> Self {
        let signature = key.sign(&preimage(domain, id, code, at_ms));
        Self {
            id,
            code: code.to_owned(),
            at_ms,
            signer: B256::from(key.verifying_key().to_bytes()),
            signature: [B256::from(signature.r_bytes()), B256::from(signature.s_bytes())],
        }
    }

    /// Checks that `signer` signed just this, for this deployment.
    pub fn verify(&self, domain: Domain) -> Result<(), RejectionStatementError> {
        let wrong = |_| RejectionStatementError;
        let key = VerifyingKey::from_bytes(&self.signer.0).map_err(wrong)?;
        let signature = Signature::from_components(self.signature[0].0, self.signature[1].0);
        let signed = preimage(domain, self.id, &self.code, self.at_ms);
        key.verify_strict(&signed, &signature).map_err(wrong)
    }
}

fn preimage(domain: Domain, id: B256, code: &str, at_ms: u64) -> Vec<u8> {
    let Domain { chain_id, stake_pool } = domain;
    [
        CONTEXT,
        &chain_id.to_be_bytes(),
        stake_pool.as_slice(),
        id.as_slice(),
        &at_ms.to_be_bytes(),
        code.as_bytes(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;

    use super::*;

    const DOMAIN: Domain = Domain { chain_id: 31337, stake_pool: Address::repeat_byte(7) };

    #[test]
    fn a_statement_with_anything_changed_does_not_verify() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let id = rejection_id("no_stake", b"receipt");
        let statement = RejectionStatement::sign(&key, DOMAIN, id, "no_stake", 17);
        assert_eq!(statement.verify(DOMAIN), Ok(()));
        let other_key = SigningKey::from_bytes(&[6; 32]);
        let changed = [
            RejectionStatement { id: B256::ZERO, ..statement.clone() },
            RejectionStatement { code: "no_stak".to_owned(), ..statement.clone() },
            RejectionStatement { at_ms: 18, ..statement.clone() },
            RejectionStatement {
                signer: B256::from(other_key.verifying_key().to_bytes()),
                ..statement.clone()
            },
            // A small-order key would verify anything.
            RejectionStatement { signer: B256::ZERO, ..statement.clone() },
        ];
        for changed in changed {
            assert_eq!(changed.verify(DOMAIN), Err(RejectionStatementError), "{changed:?}");
        }
        assert!(statement.verify(Domain { chain_id: 1, ..DOMAIN }).is_err());
        assert_ne!(id, rejection_id("no_stake", b"receip"));
    }
}
