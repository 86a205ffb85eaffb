//! An operator's earnings with their proof, for somebody who holds nothing but the root on chain.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tatum_merkle::{Entry, Error as ProofError, Proof, SumTree, Word};
use tatum_primitives::{Epoch, Nano, OperatorId};

use crate::Error;
use crate::manifest::decimal;

/// What `Distributor.claim` takes, spelled out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorProof {
    /// The epoch of the distribution.
    pub epoch: Epoch,
    /// The distribution's root.
    pub root: Word,
    /// The dataset's manifest.
    pub manifest_hash: B256,
    /// The operator.
    pub operator_id: OperatorId,
    /// Where it is paid.
    pub payout: Address,
    /// Everything it has earned.
    #[serde(with = "decimal")]
    pub cumulative_nano: Nano,
    /// The three packed: the first argument of `claim`.
    pub entry: B256,
    /// The second argument of `claim`.
    pub proof: Proof,
}

impl OperatorProof {
    /// The proof of an operator's entry.
    ///
    /// # Errors
    ///
    /// [`Error::Tree`] if there is no such operator.
    pub fn new(
        tree: &SumTree,
        epoch: Epoch,
        manifest_hash: B256,
        operator_id: OperatorId,
    ) -> Result<Self, Error> {
        let entry = tree.entry(operator_id)?;
        Ok(Self {
            epoch,
            root: tree.root(),
            manifest_hash,
            operator_id,
            payout: entry.payout,
            cumulative_nano: entry.cumulative_nano,
            entry: entry.encode(),
            proof: tree.proof(operator_id)?,
        })
    }

    /// Checks the proof against its own root; the caller compares the root with the chain.
    ///
    /// # Errors
    ///
    /// Why it does not hold.
    pub fn verify(&self) -> Result<(), ProofError> {
        let entry = Entry {
            operator_id: self.operator_id,
            payout: self.payout,
            cumulative_nano: self.cumulative_nano,
        };
        if entry.encode() != self.entry {
            let (expected, got) = (Word(self.entry), Word(entry.encode()));
            return Err(ProofError::RootMismatch { expected, got });
        }
        self.proof.verify(self.root, &entry)
    }
}
