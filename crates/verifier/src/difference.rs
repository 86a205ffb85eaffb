//! In what a proof differs from one that holds.
//!
//! Invariant: two proofs without a difference are equal, so whoever changed something is told.

use serde::Serialize;
use tatum_merkle::OperatorProof;

/// A place where two proofs differ.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum Difference {
    /// A field outside the tree's words.
    Field {
        /// Its name in the proof.
        name: &'static str,
    },
    /// The word beside the path.
    Level {
        /// Steps above the leaf, from 1.
        level: u32,
    },
    /// The proof's length.
    Length {
        /// Words in the proof that holds.
        expected: usize,
        /// Words in this one.
        got: usize,
    },
}

impl Difference {
    /// All of them, from the leaf upwards.
    #[must_use]
    pub fn between(reference: &OperatorProof, proof: &OperatorProof) -> Vec<Self> {
        let fields = [
            ("operator_id", reference.operator_id == proof.operator_id),
            ("payout", reference.payout == proof.payout),
            ("cumulative_nano", reference.cumulative_nano == proof.cumulative_nano),
            ("entry", reference.entry == proof.entry),
            ("root", reference.root == proof.root),
            ("epoch", reference.epoch == proof.epoch),
            ("manifest_hash", reference.manifest_hash == proof.manifest_hash),
        ];
        let mut found: Vec<Self> = fields
            .into_iter()
            .filter(|(_, same)| !same)
            .map(|(name, _)| Self::Field { name })
            .collect();
        let (expected, got) = (&reference.proof.siblings, &proof.proof.siblings);
        let levels = (1..).zip(expected.iter().zip(got));
        found.extend(
            levels
                .filter(|(_, (expected, got))| expected != got)
                .map(|(level, _)| Self::Level { level }),
        );
        if expected.len() != got.len() {
            found.push(Self::Length { expected: expected.len(), got: got.len() });
        }
        found
    }
}
