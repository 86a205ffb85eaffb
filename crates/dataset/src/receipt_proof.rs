//! One receipt with everything needed to show, offline, who signed what for whom and that it is in the epoch's dataset.
//!
//! Invariant: a proof has one spelling, and each of its bytes is bound by a check: a proof with one byte changed is refused
//! by the check that names it. What ties it to the world is the manifest's hash, which is on chain.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tatum_merkle::verify_receipt;
use tatum_primitives::Domain;
use tatum_receipt::{
    Acknowledgement, AcknowledgementError, DeliveryReceipt, Signature, SignatureError,
    SignedReceipt, Verifier,
};

use crate::Manifest;

/// A receipt's proof of inclusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReceiptProof {
    /// What the receipt is signed for.
    pub domain: Domain,
    /// What is stated.
    pub receipt: DeliveryReceipt,
    /// Who states it.
    pub signature: Signature,
    /// The node's word that it holds the receipt, if the prover has it.
    pub acknowledgement: Option<Acknowledgement>,
    /// The key that signed.
    pub signer: Address,
    /// The receipt's leaf in the receipts tree.
    pub leaf: B256,
    /// Sibling hashes, bottom level first.
    pub proof: Vec<B256>,
    /// The tree's root.
    pub receipts_root: B256,
    /// The hash that is committed on chain.
    pub manifest_hash: B256,
    /// The manifest that has it.
    pub manifest: Manifest,
}

/// What a good proof shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The key that signed.
    pub signer: Address,
    /// True if that is not the payer's own; the chain says whether it was authorised.
    pub delegated: bool,
    /// True if the node's acknowledgement is there; it is then good.
    pub acknowledged: bool,
}

/// The first check that a proof fails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReceiptProofError {
    /// Not JSON, or not of a receipt proof.
    #[error("format: {0}")]
    Format(String),
    /// JSON of a receipt proof in another spelling than the one that provers write.
    #[error("format: not in canonical form")]
    NotCanonical,
    /// The signature is not canonical, or nobody's.
    #[error("signature: {0}")]
    Signature(SignatureError),
    /// Signed by somebody else than the proof says, or the receipt, the signature or the domain was changed.
    #[error("signer: the signature is by {got}, not {expected}")]
    Signer {
        /// The stated signer.
        expected: Address,
        /// The signer of receipt and signature as they stand.
        got: Address,
    },
    /// The leaf is another receipt's.
    #[error("leaf: the receipt hashes to {got}, not {expected}")]
    Leaf {
        /// The stated leaf.
        expected: B256,
        /// The receipt's.
        got: B256,
    },
    /// The receipt is not in the tree.
    #[error("inclusion: {0}")]
    Inclusion(tatum_merkle::Error),
    /// The manifest has another hash.
    #[error("manifest: it hashes to {got}, not {expected}")]
    Manifest {
        /// The stated hash.
        expected: B256,
        /// The manifest's.
        got: B256,
    },
    /// The manifest is of another deployment, epoch or receipts tree.
    #[error("manifest: its {0} is not the proof's")]
    ManifestField(&'static str),
    /// The acknowledgement is of another receipt.
    #[error("acknowledgement: it is of another receipt")]
    AcknowledgedOther,
    /// The acknowledgement is not the node's.
    #[error("acknowledgement: {0}")]
    Acknowledgement(AcknowledgementError),
}

impl ReceiptProof {
    /// The proof's one spelling.
    ///
    /// # Errors
    ///
    /// [`ReceiptProofError::Format`]; not for any proof that this crate makes.
    pub fn encode(&self) -> Result<Vec<u8>, ReceiptProofError> {
        let json = serde_json::to_vec_pretty(self);
        let mut json = json.map_err(|error| ReceiptProofError::Format(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    /// The proof that is spelled `bytes`; still to be verified.
    ///
    /// # Errors
    ///
    /// [`ReceiptProofError::Format`] or [`ReceiptProofError::NotCanonical`].
    pub fn decode(bytes: &[u8]) -> Result<Self, ReceiptProofError> {
        let proof: Self = serde_json::from_slice(bytes)
            .map_err(|error| ReceiptProofError::Format(error.to_string()))?;
        if proof.encode()? == bytes { Ok(proof) } else { Err(ReceiptProofError::NotCanonical) }
    }

    /// Checks everything that can be checked offline.
    ///
    /// # Errors
    ///
    /// The first check that fails.
    pub fn verify(&self) -> Result<Shown, ReceiptProofError> {
        let signed = SignedReceipt { receipt: self.receipt.clone(), signature: self.signature };
        let verifier = Verifier::new(self.domain);
        self.verify_signature(&signed, &verifier)?;
        self.verify_inclusion(&signed)?;
        self.verify_manifest()?;
        if let Some(acknowledgement) = &self.acknowledgement {
            if acknowledgement.digest != verifier.digest(&self.receipt) {
                return Err(ReceiptProofError::AcknowledgedOther);
            }
            let node = self.receipt.node;
            acknowledgement.verify(node).map_err(ReceiptProofError::Acknowledgement)?;
        }
        Ok(Shown {
            signer: self.signer,
            delegated: self.signer != self.receipt.payer,
            acknowledged: self.acknowledgement.is_some(),
        })
    }

    fn verify_signature(
        &self,
        signed: &SignedReceipt,
        verifier: &Verifier,
    ) -> Result<(), ReceiptProofError> {
        let got = verifier.signer(signed).map_err(ReceiptProofError::Signature)?;
        let expected = self.signer;
        if got == expected { Ok(()) } else { Err(ReceiptProofError::Signer { expected, got }) }
    }

    fn verify_inclusion(&self, signed: &SignedReceipt) -> Result<(), ReceiptProofError> {
        let (expected, got) = (self.leaf, signed.leaf());
        if expected != got {
            return Err(ReceiptProofError::Leaf { expected, got });
        }
        let included = verify_receipt(self.receipts_root, self.leaf, &self.proof);
        included.map_err(ReceiptProofError::Inclusion)
    }

    fn verify_manifest(&self) -> Result<(), ReceiptProofError> {
        let got = self.manifest.hash();
        let got = got.map_err(|error| ReceiptProofError::Format(error.to_string()))?;
        let expected = self.manifest_hash;
        if got != expected {
            return Err(ReceiptProofError::Manifest { expected, got });
        }
        let parameters = &self.manifest.parameters;
        if parameters.domain() != self.domain {
            return Err(ReceiptProofError::ManifestField("domain"));
        }
        if parameters.epoch != self.receipt.epoch {
            return Err(ReceiptProofError::ManifestField("epoch"));
        }
        if self.manifest.results.receipts_root != self.receipts_root {
            return Err(ReceiptProofError::ManifestField("receipts root"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
