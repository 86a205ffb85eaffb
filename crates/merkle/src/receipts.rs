//! The tree over an epoch's receipts: plain keccak256, sorted pairs, an odd node moves up unchanged.
//!
//! Invariant: OpenZeppelin's `MerkleProof` verifies the proofs against the root. A leaf is the hash of 278 bytes and an
//! inner node that of 64, so neither is read as the other. Source: "Receipts" in `docs/architecture.md`.
//!
//! [`ReceiptsRoot`] makes the root in one pass and a few hundred bytes; [`ReceiptsTree`] keeps all nodes for proofs.

use alloy_primitives::{B256, keccak256};
use rs_merkle::{Hasher, PartialTree};

use crate::Error;

/// keccak256 with the smaller node first, as OpenZeppelin hashes pairs.
#[derive(Clone, Debug)]
struct SortedPairs;

impl Hasher for SortedPairs {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        keccak256(data).0
    }

    fn concat_and_hash(left: &[u8; 32], right: Option<&[u8; 32]>) -> [u8; 32] {
        right.map_or(*left, |right| parent(B256::from(*left), B256::from(*right)).0)
    }
}

fn parent(one: B256, other: B256) -> B256 {
    let mut pair = [0; 64];
    let (first, second) = pair.split_at_mut(32);
    first.copy_from_slice(one.min(other).as_slice());
    second.copy_from_slice(one.max(other).as_slice());
    keccak256(pair)
}

/// All nodes of the tree over an epoch's receipts, for proofs.
#[derive(Clone)]
pub struct ReceiptsTree(PartialTree<SortedPairs>);

impl ReceiptsTree {
    /// The tree over leaves in canonical order.
    pub fn build(leaves: &[B256]) -> Self {
        let leaves: Vec<[u8; 32]> = leaves.iter().map(|leaf| leaf.0).collect();
        // Building fails only on gaps between leaves, and these are all leaves from the first to the last.
        Self(PartialTree::from_leaves(&leaves).unwrap_or_default())
    }

    /// The root; zero if the epoch had no receipts.
    pub fn root(&self) -> B256 {
        self.0.root().map_or(B256::ZERO, |root| B256::from(*root))
    }

    /// The proof of the leaf at `index`, bottom level first; `None` if there is no such leaf.
    pub fn proof(&self, index: usize) -> Option<Vec<B256>> {
        self.0.layers().first()?.get(index)?;
        let mut place = index;
        let mut siblings = Vec::new();
        for layer in self.0.layers() {
            if let Some((_, sibling)) = layer.get(place ^ 1) {
                siblings.push(B256::from(*sibling));
            }
            place >>= 1;
        }
        Some(siblings)
    }
}

impl std::fmt::Debug for ReceiptsTree {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReceiptsTree").field("root", &self.root()).finish_non_exhaustive()
    }
}

/// Whether `leaf` is among the receipts with this root.
///
/// # Errors
///
/// [`Error::ReceiptsRootMismatch`].
pub fn verify_receipt(root: B256, leaf: B256, proof: &[B256]) -> Result<(), Error> {
    let got = proof.iter().fold(leaf, |node, sibling| parent(node, *sibling));
    if got == root { Ok(()) } else { Err(Error::ReceiptsRootMismatch { expected: root, got }) }
}

/// The root over a stream of leaves: one node per level of the tree built so far.
#[derive(Clone, Debug, Default)]
pub struct ReceiptsRoot {
    /// Roots of full subtrees with their heights, the largest first.
    peaks: Vec<(u32, B256)>,
}

impl ReceiptsRoot {
    /// Adds the next leaf in canonical order.
    pub fn push(&mut self, leaf: B256) {
        self.push_subtree(0, leaf);
    }

    /// Adds the leaves of `next` behind these, as if pushed one by one, so that parts can be hashed on several cores.
    /// Returns false and does nothing unless the leaves so far are a multiple of the largest full subtree in `next`.
    #[must_use]
    pub fn append(&mut self, next: &Self) -> bool {
        let smallest = self.peaks.last().map_or(u32::MAX, |(height, _)| *height);
        let largest = next.peaks.first().map_or(0, |(height, _)| *height);
        if smallest < largest {
            return false;
        }
        next.peaks.iter().for_each(|(height, node)| self.push_subtree(*height, *node));
        true
    }

    fn push_subtree(&mut self, height: u32, node: B256) {
        let (mut height, mut node) = (height, node);
        while let Some((_, left)) = self.peaks.pop_if(|(of, _)| *of == height) {
            node = parent(left, node);
            height = height.saturating_add(1);
        }
        self.peaks.push((height, node));
    }

    /// The root over all leaves so far; zero if there are none.
    pub fn root(&self) -> B256 {
        let nodes = self.peaks.iter().rev().map(|(_, node)| *node);
        nodes.reduce(|right, left| parent(left, right)).unwrap_or(B256::ZERO)
    }
}

impl Extend<B256> for ReceiptsRoot {
    fn extend<I: IntoIterator<Item = B256>>(&mut self, leaves: I) {
        leaves.into_iter().for_each(|leaf| self.push(leaf));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(count: u32) -> Vec<B256> {
        (0..count).map(|i| keccak256(i.to_be_bytes())).collect()
    }

    #[test]
    fn every_receipt_of_trees_of_every_size_is_proven() {
        for count in 0..70 {
            let leaves = leaves(count);
            let tree = ReceiptsTree::build(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                verify_receipt(tree.root(), *leaf, &tree.proof(index).unwrap()).unwrap();
            }
            assert_eq!(tree.proof(leaves.len()), None);
        }
    }

    #[test]
    fn the_streamed_root_is_the_trees_root() {
        for count in (0..70).chain([127, 128, 129, 1000]) {
            let leaves = leaves(count);
            let mut streamed = ReceiptsRoot::default();
            streamed.extend(leaves.iter().copied());
            assert_eq!(streamed.root(), ReceiptsTree::build(&leaves).root(), "{count} leaves");
        }
    }

    #[test]
    fn parts_of_a_power_of_two_append_to_the_whole_and_others_are_refused() {
        let root_of = |leaves: &[B256]| {
            let mut root = ReceiptsRoot::default();
            root.extend(leaves.iter().copied());
            root
        };
        for count in 0..70 {
            let leaves = leaves(count);
            let mut whole = ReceiptsRoot::default();
            for part in leaves.chunks(16) {
                assert!(whole.append(&root_of(part)));
            }
            assert_eq!(whole.root(), root_of(&leaves).root(), "{count} leaves");
        }
        let mut three = root_of(&leaves(3));
        assert!(!three.append(&root_of(&leaves(2))));
        assert_eq!(three.root(), root_of(&leaves(3)).root());
    }

    #[test]
    fn a_receipt_that_is_not_there_is_not_proven() {
        let leaves = leaves(5);
        let tree = ReceiptsTree::build(&leaves);
        let proof = tree.proof(2).unwrap();
        assert!(verify_receipt(tree.root(), leaves[3], &proof).is_err());
        assert!(verify_receipt(tree.root(), leaves[2], &proof[1..]).is_err());
        assert!(verify_receipt(B256::ZERO, leaves[2], &proof).is_err());
    }

    #[test]
    fn no_receipts_have_the_zero_root() {
        assert_eq!(ReceiptsTree::build(&[]).root(), B256::ZERO);
        assert_eq!(ReceiptsRoot::default().root(), B256::ZERO);
    }
}
