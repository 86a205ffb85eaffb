//! The shared vectors of trees and lists: remade here, compared with the checked-in files, and read back as a stranger would.
//!
//! Invariant: `tests/vectors/sum_trees.json` and `lists.json` are exactly what this code makes. After an intended
//! change run `UPDATE_VECTORS=1 cargo test --release -p tatum-merkle --test vectors` and look at the difference.
#![allow(missing_docs)]

mod vectors {
    pub(crate) mod lists;
    pub(crate) mod sum_trees;
}

use std::path::PathBuf;

use alloy_primitives::B256;
use tatum_merkle::{Entry, ListCommitment, Opening, Proof, RangeProof, Word};
use tatum_primitives::OperatorId;
use vectors::{lists, sum_trees};

fn path(name: &str) -> PathBuf {
    ["../../tests/vectors", name].iter().collect()
}

/// Compares the checked-in file with what was just made, or replaces it if asked to.
fn compare_or_update(name: &str, made: &impl serde::Serialize) {
    let made = format!("{}\n", serde_json::to_string_pretty(made).unwrap());
    if std::env::var_os("UPDATE_VECTORS").is_some() {
        // Renamed into place, so that a test that reads at the same time sees the old file or the new one.
        let beside = path(&format!(".{name}.new"));
        std::fs::write(&beside, &made).unwrap();
        std::fs::rename(&beside, path(name)).unwrap();
    }
    let kept = std::fs::read_to_string(path(name)).unwrap();
    assert!(kept == made, "tests/vectors/{name} differs from what the code makes");
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> T {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn entries(words: &[B256]) -> Vec<Entry> {
    words.iter().map(|word| Entry::decode(*word)).collect()
}

#[test]
fn the_files_are_what_the_code_makes() {
    compare_or_update("sum_trees.json", &sum_trees::make());
    compare_or_update("lists.json", &lists::make());
}

#[test]
fn valid_proofs_verify() {
    let file: sum_trees::File = read("sum_trees.json");
    for case in &file.proofs {
        let proof = Proof { siblings: case.proof.clone() };
        proof.verify(case.root, &Entry::decode(case.entry)).expect(&case.name);
    }
    for case in &file.missing {
        let proof = Proof { siblings: case.proof.clone() };
        proof.verify_word(case.root, OperatorId(case.operator_id), Word::ZERO).expect(&case.name);
    }
    for case in &file.ranges {
        let proof = RangeProof { boundary: case.boundary.clone(), depth: case.depth };
        proof.verify(case.root, &entries(&case.entries)).expect(&case.name);
    }
}

#[test]
fn invalid_proofs_are_refused_for_the_stated_reason() {
    let file: sum_trees::File = read("sum_trees.json");
    for case in &file.invalid_proofs {
        let refused = Proof { siblings: case.proof.clone() }
            .verify(case.root, &Entry::decode(case.entry))
            .expect_err(&case.name);
        assert_eq!(refused.reason(), case.reason, "{}", case.name);
    }
    for case in &file.invalid_ranges {
        let refused = RangeProof { boundary: case.boundary.clone(), depth: case.depth }
            .verify(case.root, &entries(&case.entries))
            .expect_err(&case.name);
        assert_eq!(refused.reason(), case.reason, "{}", case.name);
    }
}

#[test]
fn openings_of_lists_hold_and_changed_ones_are_refused_for_the_stated_reason() {
    let file: lists::File = read("lists.json");
    for list in &file.lists {
        let commitment = ListCommitment { top: list.top, count: list.n };
        assert_eq!(commitment.word(), list.word, "{}", list.name);
        assert_eq!(list.openings.len(), list.leaves.len(), "{}", list.name);
        for (opened, leaf) in list.openings.iter().zip(&list.leaves) {
            let opening = Opening { leaf: leaf.to_vec(), path: opened.path.clone() };
            commitment.open(opened.index, &opening).expect(&list.name);
        }
        for case in &list.refused {
            let commitment = ListCommitment { top: list.top, count: case.n };
            let opening = Opening { leaf: case.leaf.to_vec(), path: case.path.clone() };
            let refused = commitment.open(case.index, &opening).expect_err(&case.name);
            assert_eq!(refused.reason(), case.reason, "{}: {}", list.name, case.name);
        }
    }
}
