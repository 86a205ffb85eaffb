//! A word of the sum tree: 24 bytes of keccak, then an 8-byte sum.
//!
//! ```text
//! leaf  = keccak256(entry)[0:24] ‖ cumulative nano              32-byte preimage
//! inner = keccak256(left ‖ right)[0:24] ‖ left.sum + right.sum   64-byte preimage
//! root  = keccak256(top ‖ uint8(depth))[0:24] ‖ top.sum          33-byte preimage
//! ```
//!
//! Invariant: a sum never wraps, so a word's sum is exactly what stands below it; the three preimages differ in length, so
//! no word is read as another kind. Source: "Merkle sum tree" in `docs/architecture.md`.

use std::fmt;
use std::sync::LazyLock;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use tatum_primitives::Nano;

use crate::{Entry, Error};

/// Levels above the leaves that 32-bit operator ids can fill.
pub const MAX_DEPTH: usize = 32;

/// Bytes of a word that are hash.
const HASH_BYTES: usize = 24;

/// A word of the sum tree: hash (24 bytes) ‖ sum (8 bytes, big-endian).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Word(pub B256);

impl Word {
    /// A missing leaf. No entry hashes to it, so no proof can claim it.
    pub const ZERO: Self = Self(B256::ZERO);

    /// The word of an operator's entry.
    pub fn leaf(entry: &Entry) -> Self {
        Self::assemble(keccak256(entry.encode()), entry.cumulative_nano)
    }

    /// The word above two words.
    ///
    /// # Errors
    ///
    /// [`Error::SumOverflow`] if 64 bits do not hold the sum.
    pub fn join(left: Self, right: Self) -> Result<Self, Error> {
        let sum = left.sum().checked_add(right.sum()).ok_or(Error::SumOverflow)?;
        let mut pair = [0; 64];
        let (first, second) = pair.split_at_mut(32);
        first.copy_from_slice(left.0.as_slice());
        second.copy_from_slice(right.0.as_slice());
        Ok(Self::assemble(keccak256(pair), sum))
    }

    /// The root over `top`, which binds the depth: without it, a lopsided tree could hold one operator at two depths.
    ///
    /// # Errors
    ///
    /// [`Error::TooDeep`] above [`MAX_DEPTH`].
    pub fn root(top: Self, depth: usize) -> Result<Self, Error> {
        let byte = u8::try_from(depth).ok().filter(|_| depth <= MAX_DEPTH);
        let byte = byte.ok_or(Error::TooDeep { got: depth })?;
        let mut preimage = [byte; 33];
        preimage.iter_mut().zip(top.0).for_each(|(to, from)| *to = from);
        Ok(Self::assemble(keccak256(preimage), top.sum()))
    }

    /// The sum of everything below.
    pub fn sum(&self) -> Nano {
        let [.., s0, s1, s2, s3, s4, s5, s6, s7] = self.0.0;
        Nano(u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]))
    }

    /// The word over `2^level` missing leaves.
    pub(crate) fn empty(level: usize) -> Self {
        static EMPTY: LazyLock<Vec<Word>> = LazyLock::new(|| {
            let above = |below: &Word| Word::join(*below, *below).ok();
            std::iter::successors(Some(Word::ZERO), above)
                .take(MAX_DEPTH.saturating_add(1))
                .collect()
        });
        EMPTY.get(level).copied().unwrap_or_default()
    }

    fn assemble(digest: B256, sum: Nano) -> Self {
        let mut bytes = digest.0;
        let (_, tail) = bytes.split_at_mut(HASH_BYTES);
        tail.copy_from_slice(&sum.0.to_be_bytes());
        Self(B256::from(bytes))
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl From<B256> for Word {
    fn from(word: B256) -> Self {
        Self(word)
    }
}

impl From<Word> for B256 {
    fn from(word: Word) -> Self {
        word.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_sum(sum: u64) -> Word {
        Word::assemble(B256::repeat_byte(7), Nano(sum))
    }

    #[test]
    fn sums_add_up_and_never_wrap() {
        let joined = Word::join(with_sum(u64::MAX - 1), with_sum(1)).unwrap();
        assert_eq!(joined.sum(), Nano(u64::MAX));
        assert_eq!(Word::join(with_sum(u64::MAX), with_sum(1)), Err(Error::SumOverflow));
    }

    #[test]
    fn an_inner_word_is_the_truncated_hash_of_the_pair_and_the_sum() {
        let (left, right) = (with_sum(3), with_sum(4));
        let digest = keccak256([left.0.0, right.0.0].concat());
        let word = Word::join(left, right).unwrap();
        assert_eq!(word.0[..24], digest[..24]);
        assert_eq!(word.0[24..], 7u64.to_be_bytes());
    }

    #[test]
    fn the_root_binds_the_depth() {
        let top = with_sum(3);
        let digest = keccak256([top.0.as_slice(), &[5]].concat());
        let root = Word::root(top, 5).unwrap();
        assert_eq!(root.0[..24], digest[..24]);
        assert_eq!(root.sum(), Nano(3));
        assert_ne!(root, Word::root(top, 6).unwrap());
        assert_eq!(Word::root(top, 33), Err(Error::TooDeep { got: 33 }));
    }

    #[test]
    fn empty_subtrees_are_joined_zero_words() {
        assert_eq!(Word::empty(0), Word::ZERO);
        let one = Word::join(Word::ZERO, Word::ZERO).unwrap();
        assert_eq!(Word::empty(2), Word::join(one, one).unwrap());
    }
}
