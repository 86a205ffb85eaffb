//! What a watcher has of a proposal, and what it keeps itself.
//!
//! Invariant: whatever is opened from here opens against the commitment that [`ListData::commitment`] or
//! [`EntryWords::top`] names; whether that is the proposal's is for the caller to compare.

use alloy_primitives::{B256, keccak256};
use tatum_merkle::{Error, Gap, ListCommitment, ListWords, Opening, SumTree, Word};
use tatum_primitives::OperatorId;
use tatum_receipt::SignedReceipt;

use crate::OldEntry;
use crate::rules::Around;

/// A list, perhaps without some of its leaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListData {
    words: ListWords,
    leaves: Vec<Option<Vec<u8>>>,
}

/// All words of the entries' tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryWords {
    /// The places first, `2^depth` of them.
    levels: Vec<Vec<Word>>,
}

/// A proposal's data, as far as somebody has it.
#[derive(Clone, Debug)]
pub struct ProposalData {
    /// The receipts.
    pub receipts: ListData,
    /// The edges.
    pub edges: ListData,
    /// The entries; none if nobody can show words that add up.
    pub entries: Option<EntryWords>,
}

/// What a watcher has whoever proposes.
#[derive(Clone, Debug)]
pub struct Kept {
    /// The distribution before.
    pub previous: SumTree,
    /// The assented list, if there was an assent.
    pub assented: Option<ListData>,
    /// All forced receipts.
    pub forced: Vec<SignedReceipt>,
}

impl ListData {
    /// The list of these leaves.
    ///
    /// # Errors
    ///
    /// [`Error::ListFull`].
    pub fn new(leaves: Vec<Vec<u8>>) -> Result<Self, Error> {
        let words = ListWords::of_leaves(&leaves)?;
        Ok(Self { words, leaves: leaves.into_iter().map(Some).collect() })
    }

    /// The list of these words, with the bytes of some leaves; bytes that are not their word's are not taken.
    ///
    /// # Errors
    ///
    /// [`Error::ListFull`].
    pub fn of_parts(words: Vec<B256>, leaves: Vec<Option<Vec<u8>>>) -> Result<Self, Error> {
        let leaves = leaves.into_iter().chain(std::iter::repeat(None));
        let own = |(leaf, word): (Option<Vec<u8>>, &B256)| leaf.filter(|l| keccak256(l) == *word);
        let leaves = leaves.zip(&words).map(own).collect();
        Ok(Self { words: ListWords::build(words)?, leaves })
    }

    /// The word at `index` of the level `height` above the leaves, if there is one.
    pub fn word(&self, height: usize, index: u32) -> Option<B256> {
        self.words.word(height, usize::try_from(index).ok()?)
    }

    /// Forgets a leaf: only its hash is known.
    pub fn withhold(&mut self, index: usize) {
        if let Some(leaf) = self.leaves.get_mut(index) {
            *leaf = None;
        }
    }

    /// What the list is committed to as.
    pub fn commitment(&self) -> ListCommitment {
        self.words.commitment()
    }

    /// Number of leaves.
    pub fn count(&self) -> u32 {
        self.commitment().count
    }

    /// A leaf's bytes, if they are known.
    pub fn leaf(&self, index: u32) -> Option<&[u8]> {
        self.leaves.get(usize::try_from(index).ok()?)?.as_deref()
    }

    /// The first leaf whose bytes are not known.
    pub fn first_withheld(&self) -> Option<u32> {
        let at = self.leaves.iter().position(Option::is_none)?;
        u32::try_from(at).ok()
    }

    /// A leaf with its path, if it is known.
    pub fn opening(&self, index: u32) -> Option<Opening> {
        Some(Opening { leaf: self.leaf(index)?.to_vec(), path: self.words.path(index).ok()? })
    }

    /// A leaf's hash with its path.
    pub(crate) fn source(&self, index: u32) -> Option<crate::Source> {
        let word = self.words.word(0, usize::try_from(index).ok()?)?;
        Some(crate::Source { word, path: self.words.path(index).ok()? })
    }

    /// Both neighbours of a place with their paths, if they are known.
    pub fn gap(&self, place: u32) -> Option<Gap> {
        let left = match place.checked_sub(1) {
            Some(index) => Some(self.opening(index)?),
            None => None,
        };
        let right = if place < self.count() { Some(self.opening(place)?) } else { None };
        (place <= self.count()).then_some(Gap { place, left, right })
    }

    /// Both neighbours of a place, if they are known.
    pub(crate) fn around(&self, place: u32) -> Option<Around<'_>> {
        let left = match place.checked_sub(1) {
            Some(index) => Some(self.leaf(index)?),
            None => None,
        };
        let right = if place < self.count() { Some(self.leaf(place)?) } else { None };
        Some(Around { left, right })
    }

    /// Whether the leaves' first `key` bytes ascend strictly, and all are known.
    pub(crate) fn ascends(&self, key: usize) -> bool {
        let keys = self.leaves.iter().map(|leaf| leaf.as_deref().and_then(|leaf| leaf.get(..key)));
        let keys: Option<Vec<&[u8]>> = keys.collect();
        keys.is_some_and(|keys| keys.is_sorted_by(|one, next| one < next))
    }

    /// The first place whose left neighbour may be at `x` or before it and whose right one behind it, in a list that ascends.
    pub(crate) fn place_of(&self, x: &[u8]) -> u32 {
        let first = |leaf: &Option<Vec<u8>>| {
            leaf.as_deref().and_then(|leaf| leaf.get(..x.len())) <= Some(x)
        };
        u32::try_from(self.leaves.partition_point(first)).unwrap_or(u32::MAX)
    }
}

impl EntryWords {
    /// The tree over the words at the first places; the rest of the `2^depth` are missing.
    ///
    /// # Errors
    ///
    /// [`Error::TooManyEntries`] or [`Error::SumOverflow`].
    pub fn build(mut leaves: Vec<Word>, depth: usize) -> Result<Self, Error> {
        let got = leaves.len();
        let places = u32::try_from(depth).ok().and_then(|depth| 1usize.checked_shl(depth));
        let places = places.filter(|places| got <= *places).ok_or(Error::TooManyEntries { got })?;
        leaves.resize(places, Word::ZERO);
        let mut levels = vec![leaves];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            let (pairs, _) = below.as_chunks::<2>();
            let above = pairs.iter().map(|[left, right]| Word::join(*left, *right));
            levels.push(above.collect::<Result<_, _>>()?);
        }
        Ok(Self { levels })
    }

    /// The word over all places.
    pub fn top(&self) -> Word {
        self.levels.last().and_then(|level| level.first()).copied().unwrap_or_default()
    }

    /// The word at `index` of the level `height` above the places, if there is one.
    pub fn word(&self, height: usize, index: u32) -> Option<Word> {
        self.levels.get(height)?.get(usize::try_from(index).ok()?).copied()
    }

    /// The words at the places.
    pub fn words(&self) -> &[Word] {
        self.levels.first().map_or(&[], Vec::as_slice)
    }

    /// The words beside the way of a place, the lowest first.
    pub fn siblings(&self, place: usize) -> Vec<Word> {
        let places = std::iter::successors(Some(place), |at| Some(at >> 1));
        let beside = |(level, at): (&Vec<Word>, usize)| level.get(at ^ 1).copied();
        self.levels.iter().zip(places).filter_map(beside).collect()
    }
}

impl Kept {
    /// What the distribution before has at an operator's place, as a disproof shows it.
    pub(crate) fn old_entry(&self, id: OperatorId) -> OldEntry {
        let depth = self.previous.depth();
        let beyond = u32::try_from(depth).ok().and_then(|depth| id.0.checked_shr(depth));
        if self.previous.is_empty() || beyond.unwrap_or(0) != 0 {
            return OldEntry::default();
        }
        let places = std::iter::successors(Some(u64::from(id.0)), |place| Some(place >> 1));
        let beside = places.take(depth).enumerate();
        OldEntry {
            word: self.previous.word(0, id.0.into()),
            siblings: beside.map(|(height, at)| self.previous.word(height, at ^ 1)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_their_words_are_not_taken() {
        let whole = ListData::new(vec![vec![1], vec![2], vec![3]]).unwrap();
        let words = (0..3).map(|at| whole.word(0, at).unwrap()).collect();
        let parts = ListData::of_parts(words, vec![Some(vec![1]), Some(vec![9])]).unwrap();
        assert_eq!(parts.commitment(), whole.commitment());
        assert_eq!(
            (parts.leaf(0), parts.leaf(1), parts.leaf(2)),
            (Some([1].as_slice()), None, None)
        );
        assert_eq!((parts.first_withheld(), parts.word(2, 0)), (Some(1), whole.word(2, 0)));
    }
}
