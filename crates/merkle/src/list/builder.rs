//! The commitment over a stream of leaves.
//!
//! Invariant: memory is one word for each level of the list so far, whatever its length.

use alloy_primitives::{B256, keccak256};
use tatum_simd::keccak256_all;

use super::{ListCommitment, pair, parent};
use crate::{Error, map_in_order};

/// Leaves that one thread hashes at a time, with the words above them: a millisecond of work. A power of two, so that blocks meet.
const BLOCK: u32 = 1 << 10;

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
        self.count = self.count.checked_add(1).ok_or(Error::ListFull)?;
        self.push_subtree(0, keccak256(leaf));
        Ok(())
    }

    /// Adds the leaves of these in order, as if pushed one by one; they and the words above them are hashed on all cores.
    ///
    /// # Errors
    ///
    /// As for [`ListBuilder::push`]; those before the end of the last whole block that fitted are then in the list.
    pub fn push_all<T: Sync, L: AsRef<[u8]>>(
        &mut self,
        items: &[T],
        leaf: impl Fn(&T) -> L + Sync,
    ) -> Result<(), Error> {
        // Up to a multiple of a block first: only behind one can whole blocks be appended.
        let missing = self.count.wrapping_neg() & BLOCK.wrapping_sub(1);
        let missing = usize::try_from(missing).unwrap_or(usize::MAX).min(items.len());
        let (first, rest) = items.split_at(missing);
        let of = |items: &&[T]| {
            let leaves: Vec<L> = items.iter().map(&leaf).collect();
            let count = u32::try_from(leaves.len()).map_err(|_| Error::ListFull)?;
            let mut block = Self { peaks: Vec::new(), count };
            block.push_subtrees(0, &keccak256_all(&leaves));
            Ok(block)
        };
        first.iter().try_for_each(|item| self.push(leaf(item).as_ref()))?;
        let blocks: Vec<&[T]> = rest.chunks(usize::try_from(BLOCK).unwrap_or(1)).collect();
        map_in_order(&blocks, 1, of)?.iter().try_for_each(|block| self.append(block))
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

    /// Adds neighbours, a level at a time, so that pairs are hashed together.
    fn push_subtrees(&mut self, height: u32, words: &[B256]) {
        // The last peak may be as high, and wait for its right neighbour.
        let waits = self.peaks.last().is_some_and(|(of, _)| *of == height);
        let (first, rest) = words.split_at_checked(usize::from(waits)).unwrap_or((words, &[]));
        first.iter().for_each(|word| self.push_subtree(height, *word));
        let (pairs, odd) = rest.as_chunks::<2>();
        if !pairs.is_empty() {
            let pairs: Vec<_> = pairs.iter().map(pair).collect();
            self.push_subtrees(height.saturating_add(1), &keccak256_all(&pairs));
        }
        odd.iter().for_each(|word| self.push_subtree(height, *word));
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
        assert_eq!(full.clone().push_all(&["one more"], |leaf| *leaf), Err(Error::ListFull));
        assert_eq!(full.count(), u32::MAX);
    }
}
