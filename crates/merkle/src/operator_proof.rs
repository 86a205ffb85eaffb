//! An operator's earnings with their proof, for somebody who holds nothing but the root on chain.
//!
//! Invariant: epoch and manifest stand beside the proof, for whoever looks for the root on chain; the root binds the rest.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, Nano, OperatorId};

use crate::{Entry, Error, Proof, SumTree, Word};

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
    #[serde(with = "tatum_primitives::decimal::nano")]
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
    /// [`Error::NoSuchOperator`] if there is no such operator.
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
    pub fn verify(&self) -> Result<(), Error> {
        let entry = Entry {
            operator_id: self.operator_id,
            payout: self.payout,
            cumulative_nano: self.cumulative_nano,
        };
        if entry.encode() != self.entry {
            let (expected, got) = (self.entry, entry.encode());
            return Err(Error::RootMismatch { expected, got });
        }
        self.proof.verify(self.root, &entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> SumTree {
        let entry = |number: u32| Entry {
            operator_id: OperatorId(number),
            payout: Address::repeat_byte(7),
            cumulative_nano: Nano(1_000),
        };
        SumTree::build((0..3).map(entry).collect()).unwrap()
    }

    #[test]
    fn earnings_are_proven_to_the_trees_root_in_one_spelling() {
        let tree = tree();
        let mut proof = OperatorProof::new(&tree, Epoch(5), B256::ZERO, OperatorId(1)).unwrap();
        assert_eq!(proof.root, tree.root());
        proof.verify().unwrap();
        let json = serde_json::to_string(&proof).unwrap();
        assert_eq!(serde_json::from_str::<OperatorProof>(&json).unwrap(), proof);
        proof.cumulative_nano.0 += 1;
        assert!(proof.verify().is_err());
        assert!(OperatorProof::new(&tree, Epoch(5), B256::ZERO, OperatorId(3)).is_err());
    }
}
