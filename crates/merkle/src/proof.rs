//! The proof that one operator's entry stands in a sum tree.
//!
//! Invariant: exactly one entry per operator and root verifies, because the proof's length is bound by the root and the
//! id's bits fix the path. Proven by `lopsided_tree_has_two_places_without_the_depth` and the shared vectors.

use serde::{Deserialize, Serialize};
use tatum_primitives::OperatorId;

use crate::{Entry, Error, MAX_DEPTH, Word};

/// The words beside an entry's path, from the leaf upwards; bit `k` of the operator id says whether word `k` stands left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Proof {
    /// Sibling words, bottom level first.
    pub siblings: Vec<Word>,
}

impl Proof {
    /// Whether `entry` stands in the tree with this root.
    ///
    /// # Errors
    ///
    /// [`Error::IdOutsideTree`], [`Error::TooDeep`], [`Error::SumOverflow`] or [`Error::RootMismatch`]: reject the claim.
    pub fn verify(&self, root: Word, entry: &Entry) -> Result<(), Error> {
        self.verify_word(root, entry.operator_id, Word::leaf(entry))
    }

    /// Whether `leaf` is the word at place `id`: an operator's, or [`Word::ZERO`] where there is none. Challenges compare
    /// two trees at one place with this; claims must start from an entry.
    ///
    /// # Errors
    ///
    /// As for [`Proof::verify`].
    pub fn verify_word(&self, root: Word, id: OperatorId, leaf: Word) -> Result<(), Error> {
        let depth = self.siblings.len();
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { got: depth });
        }
        let mut path = u64::from(id.0);
        let mut word = leaf;
        for sibling in &self.siblings {
            let stands_left = path & 1 == 1;
            word =
                if stands_left { Word::join(*sibling, word) } else { Word::join(word, *sibling) }?;
            path >>= 1;
        }
        if path != 0 {
            return Err(Error::IdOutsideTree { id, depth });
        }
        let got = Word::root(word, depth)?;
        if got == root { Ok(()) } else { Err(Error::RootMismatch { expected: root.0, got: got.0 }) }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::Address;
    use tatum_primitives::Nano;

    use super::*;

    fn entry(id: u32, nano: u64) -> Entry {
        Entry {
            operator_id: OperatorId(id),
            payout: Address::repeat_byte(1),
            cumulative_nano: Nano(nano),
        }
    }

    /// The walk that a proof takes, without the last step that binds the depth.
    fn top_of(entry: &Entry, siblings: &[Word]) -> Word {
        siblings.iter().enumerate().fold(Word::leaf(entry), |word, (level, sibling)| {
            let stands_left = entry.operator_id.0 >> level & 1 == 1;
            let (left, right) = if stands_left { (*sibling, word) } else { (word, *sibling) };
            Word::join(left, right).unwrap()
        })
    }

    /// A proposer who joins `leaf(1)` on the right at depth 1, and another subtree that holds operator 1 as well on the left,
    /// gets one top word under which operator 1 can be paid 70 or 5, whichever comes first.
    #[test]
    fn lopsided_tree_has_two_places_without_the_depth() {
        let shallow = entry(1, 70);
        let deep = entry(1, 5);
        let beside_deep = Word::leaf(&entry(0, 9));
        let left = Word::join(beside_deep, Word::leaf(&deep)).unwrap();
        let top = Word::join(left, Word::leaf(&shallow)).unwrap();

        let shallow_proof = Proof { siblings: vec![left] };
        let deep_proof = Proof { siblings: vec![beside_deep, Word::leaf(&shallow)] };
        assert_eq!(top_of(&shallow, &shallow_proof.siblings), top);
        assert_eq!(top_of(&deep, &deep_proof.siblings), top);

        for depth in 0..=MAX_DEPTH {
            let root = Word::root(top, depth).unwrap();
            let places = [
                shallow_proof.verify(root, &shallow).is_ok(),
                deep_proof.verify(root, &deep).is_ok(),
            ];
            assert_eq!(places, [depth == 1, depth == 2]);
        }
    }

    #[test]
    fn an_id_beyond_the_proof_is_refused_even_if_its_low_bits_fit() {
        let root = Word::root(Word::leaf(&entry(4, 1)), 0).unwrap();
        let refused = Proof::default().verify(root, &entry(4, 1));
        assert_eq!(refused, Err(Error::IdOutsideTree { id: OperatorId(4), depth: 0 }));
    }

    #[test]
    fn a_proof_longer_than_ids_is_refused() {
        let proof = Proof { siblings: vec![Word::ZERO; 33] };
        assert_eq!(proof.verify(Word::ZERO, &entry(0, 1)), Err(Error::TooDeep { got: 33 }));
    }
}
