//! The sum tree's properties, over trees of every small size and over random ones.

use alloy_primitives::Address;
use proptest::prelude::*;

use super::*;
use crate::ListCommitment;

fn entry(id: u32, nano: u64) -> Entry {
    let payout = Address::left_padding_from(&id.wrapping_mul(7).to_be_bytes());
    Entry { operator_id: OperatorId(id), payout, cumulative_nano: Nano(nano) }
}

fn entries(amounts: &[u64]) -> Vec<Entry> {
    (0..).zip(amounts).map(|(id, nano)| entry(id, *nano)).collect()
}

fn tree(amounts: &[u64]) -> SumTree {
    SumTree::build(entries(amounts)).unwrap()
}

/// The definition, word by word: pad with zero words to a power of two, join in pairs, bind the depth.
fn root_by_definition(entries: &[Entry]) -> Word {
    let mut words: Vec<Word> = entries.iter().map(Word::leaf).collect();
    words.resize(entries.len().next_power_of_two(), Word::ZERO);
    let depth = words.len().ilog2() as usize;
    while words.len() > 1 {
        words = words.chunks(2).map(|pair| Word::join(pair[0], pair[1]).unwrap()).collect();
    }
    Word::root(words[0], depth).unwrap()
}

#[test]
fn trees_of_every_small_size_follow_the_definition_and_prove_every_entry() {
    for count in 0..=40u64 {
        let amounts: Vec<u64> = (0..count).map(|i| i * i).collect();
        let tree = tree(&amounts);
        assert_eq!(tree.root(), root_by_definition(tree.entries()), "{count} operators");
        assert_eq!(tree.total(), Nano(amounts.iter().sum()));
        for entry in tree.entries() {
            tree.proof(entry.operator_id).unwrap().verify(tree.root(), entry).unwrap();
        }
    }
}

#[test]
fn streamed_proofs_are_the_single_proofs() {
    for count in [0, 1, 2, 3, 5, 8, 13, 64, 100] {
        let tree = tree(&vec![3; count]);
        let mut seen = 0;
        tree.try_for_each_proof(|entry, siblings| {
            seen += 1;
            assert_eq!(tree.proof(entry.operator_id).unwrap().siblings, siblings);
            Ok::<(), ()>(())
        })
        .unwrap();
        assert_eq!(seen, count);
    }
}

#[test]
fn every_run_of_small_trees_is_proven_and_no_shorter_boundary_is() {
    for count in 1..=17u32 {
        let tree = tree(&vec![5; count as usize]);
        for (first, last) in (0..count).flat_map(|a| (a..count).map(move |b| (a, b))) {
            let (run, proof) = tree.range(OperatorId(first), OperatorId(last)).unwrap();
            proof.verify(tree.root(), run).unwrap();
            assert!(proof.boundary.len() <= 2 * tree.depth());
            let mut short = proof.clone();
            if short.boundary.pop().is_some() {
                assert_eq!(short.verify(tree.root(), run).unwrap_err().reason(), "boundary_length");
            }
        }
    }
}

#[test]
fn a_missing_place_is_proven_zero_and_can_never_be_claimed() {
    let tree = tree(&[1, 2, 3]);
    let siblings = vec![tree.word(0, 2), tree.word(1, 0)];
    let proof = Proof { siblings };
    proof.verify_word(tree.root(), OperatorId(3), Word::ZERO).unwrap();
    assert_eq!(proof.verify(tree.root(), &entry(3, 0)).unwrap_err().reason(), "root_mismatch");
}

#[test]
fn gaps_and_overflow_are_refused() {
    let gap = SumTree::build(vec![entry(0, 1), entry(2, 1)]).unwrap_err();
    assert_eq!(gap, Error::NotConsecutive { expected: OperatorId(1), got: OperatorId(2) });
    assert_eq!(SumTree::build(entries(&[u64::MAX, 1])), Err(Error::SumOverflow));
}

#[test]
fn a_refused_update_changes_nothing() {
    let before = tree(&[1, 2, 3]);
    let mut after = before.clone();
    let refusals =
        [vec![entry(1, 5), entry(1, 6)], vec![entry(0, 7), entry(4, 5)], vec![entry(0, u64::MAX)]];
    let reasons = ["changed_twice", "not_consecutive", "sum_overflow"];
    for (changes, reason) in refusals.iter().zip(reasons) {
        assert_eq!(after.update(changes).unwrap_err().reason(), reason);
        assert_eq!(after, before);
    }
    assert_eq!(after.advance(&entries(&[1, 2])), Err(Error::Shrunk { had: 3, got: 2 }));
}

#[test]
fn a_sum_trees_proof_opens_no_list() {
    let tree = tree(&[1, 2]);
    let leaf = Word::leaf(&tree.entries()[0]).0;
    let list = ListCommitment { top: tree.root().0, count: 2 };
    assert!(list.open_word(0, leaf, &[tree.word(0, 1).0]).is_err());
}

fn amounts() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0..u64::MAX / 200, 0..80)
}

proptest! {
    #[test]
    fn an_updated_tree_is_the_tree_built_anew(
        old in amounts(),
        changed in prop::collection::vec((any::<prop::sample::Index>(), 0..u64::MAX / 200), 0..20),
        new in prop::collection::vec(0..u64::MAX / 200, 0..40),
    ) {
        let mut next = old.clone();
        for (index, nano) in changed {
            if !next.is_empty() {
                let at = index.index(next.len());
                next[at] = nano;
            }
        }
        next.extend(new);
        let mut updated = tree(&old);
        updated.advance(&entries(&next)).unwrap();
        prop_assert_eq!(updated, tree(&next));
    }

    #[test]
    fn only_the_entry_itself_is_proven(
        amounts in prop::collection::vec(0..u64::MAX / 200, 1..80),
        at: prop::sample::Index,
        bit in 0usize..256,
    ) {
        let tree = tree(&amounts);
        let entry = tree.entries()[at.index(amounts.len())];
        let proof = tree.proof(entry.operator_id).unwrap();
        let mut changed = entry.encode();
        changed[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(proof.verify(tree.root(), &Entry::decode(changed)).is_err());
    }

    #[test]
    fn a_changed_boundary_proves_nothing(
        amounts in prop::collection::vec(0..u64::MAX / 200, 1..80),
        one: prop::sample::Index,
        other: prop::sample::Index,
        word: prop::sample::Index,
        bit in 0usize..256,
    ) {
        let tree = tree(&amounts);
        let ends = [one, other].map(|end| OperatorId(u32::try_from(end.index(amounts.len())).unwrap()));
        let (first, last) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        let (run, mut proof) = tree.range(first, last).unwrap();
        proof.verify(tree.root(), run).unwrap();
        let (left, right) = (tree.proof(first).unwrap(), tree.proof(last).unwrap());
        prop_assert_eq!(&RangeProof::between((first, &left), (last, &right)), &proof);
        if !proof.boundary.is_empty() {
            let at = word.index(proof.boundary.len());
            proof.boundary[at].0[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(proof.verify(tree.root(), run).is_err());
        }
    }

    #[test]
    fn the_root_promises_exactly_the_sum_of_all_amounts(amounts in amounts()) {
        prop_assert_eq!(tree(&amounts).root().sum(), Nano(amounts.iter().sum()));
    }
}
