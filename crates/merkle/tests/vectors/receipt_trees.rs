//! Makes `receipt_trees.json`: plain sorted-pair trees of 0 to 9 and 100 leaves, with proofs.

use alloy_primitives::{B256, keccak256};
use serde::{Deserialize, Serialize};
use tatum_merkle::ReceiptsTree;

#[derive(Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) trees: Vec<Tree>,
    pub(crate) proofs: Vec<ProofCase>,
    pub(crate) invalid_proofs: Vec<ProofCase>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) root: B256,
    pub(crate) leaves: Vec<B256>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ProofCase {
    pub(crate) name: String,
    pub(crate) root: B256,
    pub(crate) leaf: B256,
    pub(crate) proof: Vec<B256>,
}

const SIZES: [u32; 11] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 100];

fn leaves(count: u32) -> Vec<B256> {
    (0..count).map(|i| keccak256(format!("receipt {i}"))).collect()
}

pub(crate) fn make() -> File {
    let tree = |count: u32| Tree {
        name: format!("{count} receipts"),
        root: ReceiptsTree::build(&leaves(count)).root(),
        leaves: leaves(count),
    };
    File {
        trees: SIZES.into_iter().map(tree).collect(),
        proofs: SIZES.into_iter().flat_map(proofs).collect(),
        invalid_proofs: invalid(),
    }
}

fn proofs(count: u32) -> Vec<ProofCase> {
    let leaves = leaves(count);
    let tree = ReceiptsTree::build(&leaves);
    let case = |index: usize| ProofCase {
        name: format!("receipt {index} of {count}"),
        root: tree.root(),
        leaf: leaves[index],
        proof: tree.proof(index).unwrap(),
    };
    (0..leaves.len()).filter(|index| count < 10 || index % 33 == 0).map(case).collect()
}

fn invalid() -> Vec<ProofCase> {
    let good = &proofs(7)[4];
    let case = |name: &str, change: &dyn Fn(&mut ProofCase)| {
        let mut changed = good.clone();
        changed.name = name.into();
        change(&mut changed);
        changed
    };
    vec![
        case("another receipt", &|c| c.leaf = keccak256("receipt 7")),
        case("a node changed", &|c| c.proof[1][0] ^= 1),
        case("a node short", &|c| c.proof.truncate(2)),
        case("a node long", &|c| c.proof.push(B256::ZERO)),
        case("the empty tree's root", &|c| c.root = B256::ZERO),
    ]
}
