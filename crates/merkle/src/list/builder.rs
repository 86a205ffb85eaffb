//! The commitment over a stream of leaves.
//!
//! Invariant: memory is one word for each level of the list so far, whatever its length.

use alloy_primitives::{B256, keccak256};

use super::{ListCommitment, parent};
use crate::Error;

/// The commitment over leaves that come one by one.
#[derive(Clone, Debug, Default)]
pub struct ListBuilder {
    /// Words of full subtrees with their heights, the largest first.
    peaks: Vec<(u32, B256)>,
    count: u32,
}

impl ListBuilder {
    /// Adds the next leaf.
    ///
    /// # Errors
    ///
    /// [`Error::ListFull`] at 2^32 − 1 leaves.
    pub fn push(&mut self, leaf: &[u8]) -> Result<(), Error> {
        self.push_word(keccak256(leaf))
    }

    /// Adds the next leaf by its hash, worked out elsewhere.
    ///
    /// # Errors
    ///
    /// As for [`ListBuilder::push`].
    pub fn push_word(&mut self, word: B256) -> Result<(), Error> {
        self.count = self.count.checked_add(1).ok_or(Error::ListFull)?;
        self.push_subtree(0, word);
        Ok(())
    }

    /// Adds the leaves of `next` behind these, as if pushed one by one, so that parts can be hashed on several cores.
    ///
    /// # Errors
    ///
    /// [`Error::ListFull`], or [`Error::PartsDoNotMeet`] unless the leaves so far are a multiple of the largest full subtree
    /// in `next`; the list is then as before.
    pub fn append(&mut self, next: &Self) -> Result<(), Error> {
        let smallest = self.peaks.last().map_or(u32::MAX, |(height, _)| *height);
        let largest = next.peaks.first().map_or(0, |(height, _)| *height);
        if smallest < largest {
            return Err(Error::PartsDoNotMeet { before: self.count, next: next.count });
        }
        self.count = self.count.checked_add(next.count).ok_or(Error::ListFull)?;
        next.peaks.iter().for_each(|(height, word)| self.push_subtree(*height, *word));
        Ok(())
    }

    fn push_subtree(&mut self, height: u32, word: B256) {
        let (mut height, mut word) = (height, word);
        while let Some((_, left)) = self.peaks.pop_if(|(of, _)| *of == height) {
            word = parent(left, word);
            height = height.saturating_add(1);
        }
        self.peaks.push((height, word));
    }

    /// Leaves so far.
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// The commitment to all leaves so far. The last peak goes up unchanged until it meets the one before it.
    pub fn commitment(&self) -> ListCommitment {
        let words = self.peaks.iter().rev().map(|(_, word)| *word);
        let top = words.reduce(|right, left| parent(left, right)).unwrap_or(B256::ZERO);
        ListCommitment { top, count: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_ends_at_32_bits() {
        let full = ListBuilder { peaks: vec![(20, B256::ZERO)], count: u32::MAX };
        let mut one = ListBuilder::default();
        one.push(b"one more").unwrap();
        assert_eq!(full.clone().push(b"one more"), Err(Error::ListFull));
        assert_eq!(full.clone().append(&one), Err(Error::ListFull));
        assert_eq!(full.count(), u32::MAX);
    }
}
