//! A list with a fixed order, committed to as its top word and its number of leaves.
//!
//! ```text
//! word(0, k)     = keccak256(leaf k)
//! word(h + 1, k) = keccak256(word(h, 2k) ‖ word(h, 2k + 1)), or word(h, 2k) where there is no right neighbour
//! ```
//!
//! Invariant: the count fixes the shape, so a place has one path length, a top has one list, and an inner word is no leaf
//! at any place. Nothing is padded. `tests/vectors/lists.json` holds the contracts to the same. Source: "The two lists" in
//! `docs/architecture.md`.
//!
//! ```
//! use tatum_merkle::{ListWords, Opening};
//!
//! let leaves = ["bread", "wine", "salt"];
//! let words = ListWords::of_leaves(leaves.iter().map(|leaf| leaf.as_bytes()))?;
//! let wine = Opening { leaf: b"wine".to_vec(), path: words.path(1)? };
//! words.commitment().open(1, &wine)?;
//! assert!(words.commitment().open(2, &wine).is_err());
//! # Ok::<_, tatum_merkle::Error>(())
//! ```

mod builder;
mod words;

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};

use crate::Error;
pub use builder::ListBuilder;
pub use words::ListWords;

/// What stands for a whole list on chain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListCommitment {
    /// The word above all leaves; zero without any.
    pub top: B256,
    /// Number of leaves.
    pub count: u32,
}

/// A leaf with the words beside its way to the top, the lowest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The leaf's bytes.
    #[serde(with = "alloy_primitives::hex::serde")]
    pub leaf: Vec<u8>,
    /// The words beside its way.
    pub path: Vec<B256>,
}

/// Two neighbours of a list, or one of its ends: what stands before and behind the place `place`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gap {
    /// The place of the right neighbour; the count at the end of the list.
    pub place: u32,
    /// The leaf at `place − 1`; absent at the beginning and only there.
    pub left: Option<Opening>,
    /// The leaf at `place`; absent at the end and only there.
    pub right: Option<Opening>,
}

impl ListCommitment {
    /// What a proposer may commit to: no leaves and the zero top go together.
    pub fn is_well_formed(&self) -> bool {
        (self.count == 0) == (self.top == B256::ZERO)
    }

    /// `keccak256(top ‖ uint32(count))`: the list in one word.
    pub fn word(&self) -> B256 {
        let mut preimage = [0; 36];
        let (top, count) = preimage.split_at_mut(32);
        top.copy_from_slice(self.top.as_slice());
        count.copy_from_slice(&self.count.to_be_bytes());
        keccak256(preimage)
    }

    /// Whether the opened leaf stands at `index`.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchLeaf`], [`Error::PathLength`] or [`Error::TopMismatch`].
    pub fn open(&self, index: u32, opening: &Opening) -> Result<(), Error> {
        self.open_word(index, keccak256(&opening.leaf), &opening.path)
    }

    /// As [`ListCommitment::open`], for whoever knows the leaf's hash alone.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn open_word(&self, index: u32, word: B256, path: &[B256]) -> Result<(), Error> {
        let sides = sides(index, self.count)?;
        let expected = sides.clone().count();
        if path.len() != expected {
            return Err(Error::PathLength { expected, got: path.len() });
        }
        let got = sides.zip(path).fold(word, |word, (side, beside)| match side {
            Side::Left => parent(*beside, word),
            Side::Right => parent(word, *beside),
        });
        if got == self.top { Ok(()) } else { Err(Error::TopMismatch { expected: self.top, got }) }
    }

    /// Whether the opened leaves are those around the gap's place.
    ///
    /// # Errors
    ///
    /// [`Error::GapEnds`] if a leaf is missing or too many, or as for [`ListCommitment::open`].
    pub fn gap(&self, gap: &Gap) -> Result<(), Error> {
        let (place, count) = (gap.place, self.count);
        if place > count {
            return Err(Error::NoSuchLeaf { index: place, count });
        }
        let before = place.checked_sub(1);
        if before.is_some() != gap.left.is_some() || (place < count) != gap.right.is_some() {
            return Err(Error::GapEnds { place, count });
        }
        if let (Some(index), Some(left)) = (before, &gap.left) {
            self.open(index, left)?;
        }
        gap.right.as_ref().map_or(Ok(()), |right| self.open(place, right))
    }
}

/// Where the word beside the way stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// The sides of the words beside the way of the leaf at `index`, the lowest first. A level on which the way is last and has
/// nobody beside it is left out.
fn sides(index: u32, count: u32) -> Result<impl Iterator<Item = Side> + Clone, Error> {
    let last = count.checked_sub(1).filter(|last| index <= *last);
    let last = last.ok_or(Error::NoSuchLeaf { index, count })?;
    let levels = (0..u32::BITS).map(move |height| (index >> height, last >> height));
    let below_top = levels.take_while(|(_, last)| *last > 0);
    Ok(below_top.filter_map(|(at, last)| match at & 1 {
        1 => Some(Side::Left),
        _ => (at < last).then_some(Side::Right),
    }))
}

fn parent(left: B256, right: B256) -> B256 {
    keccak256(pair(&[left, right]))
}

/// What the word above two neighbours is the hash of.
fn pair([left, right]: &[B256; 2]) -> [u8; 64] {
    let mut pair = [0; 64];
    pair.copy_from_slice([left.0, right.0].as_flattened());
    pair
}

#[cfg(test)]
mod tests;
