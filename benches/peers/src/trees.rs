//! The tree of a million operators with all proofs, the next epoch's when one amount in a hundred changed, and rs_merkle's
//! plain tree of as many leaves with all proofs.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Instant;

use rs_merkle::{Hasher, MerkleTree};
use tatum_merkle::{Entry, SumTree};
use tatum_primitives::{Address, Nano, OperatorId, keccak256};

const OPERATORS: u32 = 1_000_000;
const RUNS: usize = 3;

/// Seconds of wall-clock time, the best of some runs.
pub(crate) struct Measured {
    /// Ours: the tree and all proofs.
    pub(crate) full_s: f64,
    /// The next tree, by the first one's time without proofs.
    pub(crate) incremental_ratio: f64,
    /// The peer's tree and all proofs.
    pub(crate) rs_merkle_s: f64,
}

pub(crate) fn measure() -> Measured {
    let entries = entries();
    let (mut build_s, mut proofs_s, mut next_s) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..RUNS {
        let fresh = entries.clone();
        let (tree, took) = timed(|| SumTree::build(fresh).expect("amounts are small"));
        build_s = build_s.min(took);
        proofs_s = proofs_s.min(timed(|| all_proofs(&tree)).1);
        next_s = next_s.min(next_tree(tree, &entries));
    }
    Measured {
        full_s: build_s + proofs_s,
        incremental_ratio: next_s / build_s,
        rs_merkle_s: rs_merkle(&entries),
    }
}

fn entries() -> Vec<Entry> {
    let entry = |id: u32| Entry {
        operator_id: OperatorId(id),
        payout: Address::left_padding_from(&id.to_be_bytes()),
        cumulative_nano: Nano(u64::from(id) * 1_000),
    };
    (0..OPERATORS).map(entry).collect()
}

fn all_proofs(tree: &SumTree) {
    let done = tree.try_for_each_proof(|entry, siblings| {
        black_box((entry, siblings));
        Ok::<(), Infallible>(())
    });
    done.unwrap_or_else(|never| match never {});
}

/// How long the next epoch's tree takes from this one.
fn next_tree(mut tree: SumTree, entries: &[Entry]) -> f64 {
    let mut next = entries.to_vec();
    // Spread as real earnings are: every hundredth place, moved by a hash-like step.
    for i in 0..OPERATORS / 100 {
        next[(i.wrapping_mul(2_654_435_761) % OPERATORS) as usize].cumulative_nano.0 += 1;
    }
    timed(|| tree.advance(&next).expect("amounts only grow")).1
}

#[derive(Clone)]
struct Keccak;

impl Hasher for Keccak {
    type Hash = [u8; 32];

    fn hash(data: &[u8]) -> [u8; 32] {
        keccak256(data).0
    }
}

fn rs_merkle(entries: &[Entry]) -> f64 {
    let words: Vec<Vec<u8>> = entries
        .iter()
        .map(|entry| {
            let id = entry.operator_id.0.to_be_bytes();
            let nano = entry.cumulative_nano.0.to_be_bytes();
            [id.as_slice(), entry.payout.as_slice(), nano.as_slice()].concat()
        })
        .collect();
    timed(|| {
        let leaves: Vec<[u8; 32]> = words.iter().map(|word| Keccak::hash(word)).collect();
        let tree = MerkleTree::<Keccak>::from_leaves(&leaves);
        black_box(tree.root());
        for at in 0..leaves.len() {
            black_box(tree.proof(&[at]).proof_hashes().len());
        }
    })
    .1
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let started = Instant::now();
    let done = work();
    (done, started.elapsed().as_secs_f64())
}
