//! All words of a list, for paths.
//!
//! Invariant: level 0 holds the leaves' hashes; each level above has half as many words, rounded up; the last has one.

use alloy_primitives::{B256, keccak256};

use super::{ListCommitment, pair};
use crate::Error;
use crate::parallel::hash_in_order;

/// Every word of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListWords {
    /// The leaves' words first.
    levels: Vec<Vec<B256>>,
    count: u32,
}

impl ListWords {
    /// The words over leaves with these hashes.
    ///
    /// # Errors
    ///
    /// [`Error::ListFull`] above 2^32 − 1 leaves.
    pub fn build(words: Vec<B256>) -> Result<Self, Error> {
        let count = u32::try_from(words.len()).map_err(|_| Error::ListFull)?;
        let mut levels = vec![words];
        while let Some(below) = levels.last().filter(|below| below.len() > 1) {
            levels.push(level_above(below));
        }
        Ok(Self { levels, count })
    }

    /// The words over these leaves.
    ///
    /// # Errors
    ///
    /// As for [`ListWords::build`].
    pub fn of_leaves<L: AsRef<[u8]>>(leaves: impl IntoIterator<Item = L>) -> Result<Self, Error> {
        Self::build(leaves.into_iter().map(keccak256).collect())
    }

    /// The commitment to the list.
    pub fn commitment(&self) -> ListCommitment {
        let top = self.levels.last().and_then(|level| level.first());
        ListCommitment { top: top.copied().unwrap_or(B256::ZERO), count: self.count }
    }

    /// The word at `index` of the level `height` above the leaves, if there is one.
    pub fn word(&self, height: usize, index: usize) -> Option<B256> {
        self.levels.get(height)?.get(index).copied()
    }

    /// The words beside the way of the leaf at `index`, the lowest first.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLeaf`].
    pub fn path(&self, index: u32) -> Result<Vec<B256>, Error> {
        let missing = Error::NoSuchLeaf { index, count: self.count };
        let place = usize::try_from(index).ok().filter(|_| index < self.count).ok_or(missing)?;
        let beside = |level: &Vec<B256>, at: usize| level.get(at ^ 1).copied();
        let places = std::iter::successors(Some(place), |at| Some(at >> 1));
        Ok(self.levels.iter().zip(places).filter_map(|(level, at)| beside(level, at)).collect())
    }
}

fn level_above(below: &[B256]) -> Vec<B256> {
    let (pairs, odd) = below.as_chunks::<2>();
    let pairs: Vec<_> = pairs.iter().map(pair).collect();
    let mut above = hash_in_order(&pairs);
    above.extend(odd);
    above
}
