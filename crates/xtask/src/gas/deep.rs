//! A list of 16 million lines of which eight are real.

use tatum_merkle::{ListCommitment, ListWords};
use tatum_primitives::{B256, keccak256};

/// How many lines the list is said to have.
pub(super) const LINES: u32 = 16_000_001;
/// The levels of so many.
const HEIGHT: usize = 24;

/// Lines under as many words as a long list has above them.
pub(super) struct Deep {
    words: ListWords,
    levels: usize,
    siblings: Vec<B256>,
}

impl Deep {
    /// Of `lines`, whose number is a power of two.
    pub(super) fn new(lines: &[Vec<u8>]) -> anyhow::Result<Self> {
        let levels = usize::try_from(lines.len().ilog2())?;
        let siblings = (levels..HEIGHT).map(|level| keccak256([u8::try_from(level).unwrap_or(0)]));
        Ok(Self { words: ListWords::of_leaves(lines)?, levels, siblings: siblings.collect() })
    }

    /// The list as a draft commits to it.
    pub(super) fn commitment(&self) -> ListCommitment {
        let join = |top: B256, sibling: &B256| keccak256([top.0, sibling.0].concat());
        ListCommitment { top: self.siblings.iter().fold(self.real_top(), join), count: LINES }
    }

    /// The word above the real lines.
    pub(super) fn real_top(&self) -> B256 {
        self.words.commitment().top
    }

    /// The words of the real lines.
    pub(super) fn real_words(&self) -> Vec<B256> {
        (0..1 << self.levels).filter_map(|index| self.words.word(0, index)).collect()
    }

    /// What a line is joined with on its way up.
    pub(super) fn path(&self, index: u32) -> anyhow::Result<Vec<B256>> {
        Ok([self.words.path(index)?.as_slice(), self.path_above()].concat())
    }

    /// What the word above the real lines is joined with.
    pub(super) fn path_above(&self) -> &[B256] {
        &self.siblings
    }
}
