//! The proof that a run of neighbouring operators' entries stands in a sum tree: the words just outside the run.
//!
//! Going up from the leaves, the run's words at a level are joined in pairs. Only its two ends can miss a partner: the left
//! end if its place is odd, the right end if its place is even. Those partners are the boundary, bottom level first, left
//! before right. So a run of any length takes at most `2 · depth` words.
//!
//! Invariant: as for a single proof, and every entry of the run is at its own place; no word of the boundary is left over.

use serde::{Deserialize, Serialize};
use tatum_primitives::OperatorId;

use crate::{Entry, Error, MAX_DEPTH, Proof, Word};

/// The boundary of a run of neighbours, and the depth of its tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeProof {
    /// Sibling words left and right of the run, bottom level first, left before right.
    pub boundary: Vec<Word>,
    /// The tree's depth.
    pub depth: usize,
}

impl RangeProof {
    /// The boundary of the run from one operator to another, out of the two's own proofs: nobody needs the whole tree for it.
    /// Whether it holds is for [`RangeProof::verify`] to say.
    #[must_use]
    pub fn between(first: (OperatorId, &Proof), last: (OperatorId, &Proof)) -> Self {
        let mut places = Places::new(first.0.0, last.0.0);
        let mut boundary = Vec::new();
        for (left, right) in first.1.siblings.iter().zip(&last.1.siblings) {
            boundary.extend(places.left_sibling().map(|_| *left));
            boundary.extend(places.right_sibling().map(|_| *right));
            places = places.above();
        }
        Self { boundary, depth: first.1.siblings.len() }
    }

    /// Whether `entries` (neighbours, in order of id, without gaps) stand in the tree with this root.
    ///
    /// # Errors
    ///
    /// Any reason to reject the claim; one wrong entry rejects the whole run.
    pub fn verify(&self, root: Word, entries: &[Entry]) -> Result<(), Error> {
        let places = Places::of(entries, self.depth)?;
        let expected = places.boundary_len(self.depth);
        if expected != self.boundary.len() {
            return Err(Error::BoundaryLength { expected, got: self.boundary.len() });
        }
        let mut boundary = self.boundary.iter().copied();
        let mut run: Vec<Word> = entries.iter().map(Word::leaf).collect();
        let mut places = places;
        for _ in 0..self.depth {
            let left = places.left_sibling().and_then(|_| boundary.next());
            let right = places.right_sibling().and_then(|_| boundary.next());
            run = join_pairs(left.into_iter().chain(run).chain(right))?;
            places = places.above();
        }
        let top = run.first().copied().unwrap_or_default();
        let got = Word::root(top, self.depth)?;
        if got == root { Ok(()) } else { Err(Error::RootMismatch { expected: root.0, got: got.0 }) }
    }
}

/// Joins words two by two; the run and its siblings at a level are always even in number.
fn join_pairs(words: impl Iterator<Item = Word>) -> Result<Vec<Word>, Error> {
    let mut words = words;
    let mut above = Vec::with_capacity(words.size_hint().0 / 2);
    while let (Some(left), Some(right)) = (words.next(), words.next()) {
        above.push(Word::join(left, right)?);
    }
    Ok(above)
}

/// The places of a run's ends at one level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Places {
    first: u64,
    last: u64,
}

impl Places {
    /// Of leaves `first ..= last`.
    pub(crate) const fn new(first: u32, last: u32) -> Self {
        Self { first: first as u64, last: last as u64 }
    }

    fn of(entries: &[Entry], depth: usize) -> Result<Self, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep { got: depth });
        }
        let [first, rest @ ..] = entries else { return Err(Error::EmptyRange) };
        let mut last = first.operator_id;
        for entry in rest {
            let expected = OperatorId(last.0.wrapping_add(1));
            if entry.operator_id != expected || expected.0 == 0 {
                return Err(Error::NotConsecutive { expected, got: entry.operator_id });
            }
            last = expected;
        }
        if (0..depth).fold(u64::from(last.0), |place, _| place >> 1) != 0 {
            return Err(Error::IdOutsideTree { id: last, depth });
        }
        Ok(Self::new(first.operator_id.0, last.0))
    }

    /// The place left of the run, if the run's left end has its partner there.
    pub(crate) fn left_sibling(self) -> Option<u64> {
        (self.first & 1 == 1).then_some(self.first ^ 1)
    }

    /// The place right of the run, if the run's right end has its partner there.
    pub(crate) fn right_sibling(self) -> Option<u64> {
        (self.last & 1 == 0).then_some(self.last ^ 1)
    }

    /// The places one level up.
    pub(crate) const fn above(self) -> Self {
        Self { first: self.first >> 1, last: self.last >> 1 }
    }

    fn boundary_len(self, depth: usize) -> usize {
        let levels = std::iter::successors(Some(self), |places| Some(places.above())).take(depth);
        levels
            .map(|l| {
                l.left_sibling().iter().count().saturating_add(l.right_sibling().iter().count())
            })
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_over_the_end_of_the_ids_is_refused() {
        let entries =
            [u32::MAX, 0].map(|id| Entry { operator_id: OperatorId(id), ..Entry::default() });
        let proof = RangeProof { boundary: vec![], depth: 32 };
        assert_eq!(proof.verify(Word::ZERO, &entries).unwrap_err().reason(), "not_consecutive");
    }

    #[test]
    fn an_empty_range_and_a_deep_one_are_refused() {
        let deep = RangeProof { boundary: vec![], depth: 33 };
        assert_eq!(deep.verify(Word::ZERO, &[]), Err(Error::TooDeep { got: 33 }));
        assert_eq!(RangeProof::default().verify(Word::ZERO, &[]), Err(Error::EmptyRange));
    }
}
