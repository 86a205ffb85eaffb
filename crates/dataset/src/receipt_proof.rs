//! One receipt with everything needed to show, offline, who signed what for whom and that it is in the epoch's dataset.
//!
//! Invariant: a proof has one spelling, and each of its bytes is bound by a check: a proof with one byte changed is refused
//! by the check that names it. What ties it to the world is the manifest's hash, which is on chain.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tatum_merkle::Opening;
use tatum_primitives::Domain;
use tatum_receipt::{
    Acknowledgement, AcknowledgementError, DeliveryReceipt, Signature, SignatureError,
    SignedReceipt, Verifier,
};
use tatum_watcher::ReceiptLeaf;

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
    /// The hash of receipt and signature.
    pub leaf: B256,
    /// Where it stands in the list that the manifest names.
    pub place: Place,
    /// The hash that is committed on chain.
    pub manifest_hash: B256,
    /// The manifest that has it.
    pub manifest: Manifest,
}

/// A receipt's place in the list of receipts, with what its line adds to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The place.
    pub index: u64,
    /// Units of this receipt and those before it of the same payer and operator.
    #[serde(with = "decimal")]
    pub edge_units: u128,
    /// Units of this receipt and those before it of the same payer.
    #[serde(with = "decimal")]
    pub payer_units: u128,
    /// The receipt's place in the list that was assented to, or 2^32 − 1.
    pub source: u32,
    /// The words beside its way to the top, the lowest first.
    pub path: Vec<B256>,
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
    /// The receipt is not in the list.
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
    /// The manifest is of another deployment or epoch.
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
        self.verify_inclusion()?;
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

    /// Whether the receipt stands at its place in the list.
    pub(crate) fn verify_inclusion(&self) -> Result<(), ReceiptProofError> {
        let signed = SignedReceipt { receipt: self.receipt.clone(), signature: self.signature };
        let (expected, got) = (self.leaf, signed.leaf());
        if expected != got {
            return Err(ReceiptProofError::Leaf { expected, got });
        }
        let Place { index, edge_units, payer_units, source, path } = self.place.clone();
        let line = ReceiptLeaf { signed: signed.encode(), edge_units, payer_units, source };
        // No list is as long as that: a place beyond 32 bits is none.
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        let opened =
            self.manifest.results.receipts.open(index, &Opening { leaf: line.encode(), path });
        opened.map_err(ReceiptProofError::Inclusion)
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
        Ok(())
    }
}

/// Units as decimal text.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(units: &u128, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(units)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<u128, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
