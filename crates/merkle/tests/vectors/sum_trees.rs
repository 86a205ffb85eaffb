//! Makes `sum_trees.json`: trees of 1, 2, 3, 5, 8 and 1000 operators, proofs that hold and proofs that do not.

use alloy_primitives::{Address, B256, keccak256};
use serde::{Deserialize, Serialize};
use tatum_merkle::{Entry, SumTree, Word};
use tatum_primitives::{Nano, OperatorId};

#[derive(Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) trees: Vec<Tree>,
    pub(crate) proofs: Vec<ProofCase>,
    pub(crate) missing: Vec<MissingCase>,
    pub(crate) ranges: Vec<RangeCase>,
    pub(crate) invalid_proofs: Vec<InvalidProof>,
    pub(crate) invalid_ranges: Vec<InvalidRange>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Tree {
    pub(crate) name: String,
    pub(crate) operators: usize,
    pub(crate) depth: usize,
    pub(crate) total_nano: String,
    pub(crate) top: Word,
    pub(crate) root: Word,
    pub(crate) entries: Vec<B256>,
    /// Every level padded to a power of two, bottom level first: `2^(depth + 1) - 1` words.
    pub(crate) words: Vec<Word>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ProofCase {
    pub(crate) name: String,
    pub(crate) root: Word,
    pub(crate) operator_id: u32,
    pub(crate) payout: Address,
    pub(crate) cumulative_nano: String,
    pub(crate) entry: B256,
    pub(crate) proof: Vec<Word>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct MissingCase {
    pub(crate) name: String,
    pub(crate) root: Word,
    pub(crate) operator_id: u32,
    pub(crate) proof: Vec<Word>,
}

#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct RangeCase {
    pub(crate) name: String,
    pub(crate) root: Word,
    pub(crate) depth: usize,
    pub(crate) entries: Vec<B256>,
    pub(crate) boundary: Vec<Word>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct InvalidProof {
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) root: Word,
    pub(crate) entry: B256,
    pub(crate) proof: Vec<Word>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct InvalidRange {
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) root: Word,
    pub(crate) depth: usize,
    pub(crate) entries: Vec<B256>,
    pub(crate) boundary: Vec<Word>,
}

const SIZES: [u32; 6] = [1, 2, 3, 5, 8, 1000];

/// Operator 4 has earned nothing yet; all others have earned up to 1e15 nano.
fn entry(id: u32) -> Entry {
    let digest = keccak256(format!("operator {id}"));
    let mut amount = [0; 8];
    amount.copy_from_slice(&digest[..8]);
    let nano = if id == 4 { 0 } else { u64::from_be_bytes(amount) % 1_000_000_000_000_000 };
    Entry {
        operator_id: OperatorId(id),
        payout: Address::from_word(keccak256(format!("payout {id}"))),
        cumulative_nano: Nano(nano),
    }
}

fn tree(operators: u32) -> SumTree {
    SumTree::build((0..operators).map(entry).collect()).unwrap()
}

pub(crate) fn make() -> File {
    let trees: Vec<SumTree> = SIZES.into_iter().map(tree).collect();
    File {
        trees: trees.iter().map(describe).collect(),
        proofs: trees.iter().flat_map(proofs).collect(),
        missing: trees.iter().flat_map(missing).collect(),
        ranges: trees.iter().flat_map(ranges).collect(),
        invalid_proofs: invalid_proofs(&tree(8), &tree(3)),
        invalid_ranges: invalid_ranges(&tree(8)),
    }
}

fn describe(tree: &SumTree) -> Tree {
    let level = |height: usize| (0..1u64 << (tree.depth() - height)).map(move |at| (height, at));
    let places = (0..=tree.depth()).flat_map(level);
    Tree {
        name: format!("{} operators", tree.len()),
        operators: tree.len(),
        depth: tree.depth(),
        total_nano: tree.total().0.to_string(),
        top: tree.top(),
        root: tree.root(),
        entries: tree.entries().iter().map(Entry::encode).collect(),
        words: places.map(|(height, at)| tree.word(height, at)).collect(),
    }
}

fn proofs(tree: &SumTree) -> Vec<ProofCase> {
    let sample = |entry: &&Entry| {
        tree.len() <= 8 || [0, 1, 2, 499, 511, 512, 767, 998, 999].contains(&entry.operator_id.0)
    };
    tree.entries().iter().filter(sample).map(|entry| proof(tree, entry.operator_id)).collect()
}

fn proof(tree: &SumTree, id: OperatorId) -> ProofCase {
    let entry = tree.entry(id).unwrap();
    ProofCase {
        name: format!("operator {id} of {}", tree.len()),
        root: tree.root(),
        operator_id: id.0,
        payout: entry.payout,
        cumulative_nano: entry.cumulative_nano.0.to_string(),
        entry: entry.encode(),
        proof: tree.proof(id).unwrap().siblings,
    }
}

fn missing(tree: &SumTree) -> Vec<MissingCase> {
    let places = tree.len() as u64..1 << tree.depth();
    let siblings = |place: u64| (0..tree.depth()).map(move |k| tree.word(k, (place >> k) ^ 1));
    let case = |place: u64| MissingCase {
        name: format!("missing operator {place} of {}", tree.len()),
        root: tree.root(),
        operator_id: u32::try_from(place).unwrap(),
        proof: siblings(place).collect(),
    };
    places.take(3).map(case).collect()
}

fn ranges(tree: &SumTree) -> Vec<RangeCase> {
    let last = u32::try_from(tree.len()).unwrap() - 1;
    let ends: Vec<(u32, u32)> = if tree.len() <= 8 {
        (0..=last).flat_map(|a| (a..=last).map(move |b| (a, b))).collect()
    } else {
        vec![(0, 0), (0, 999), (1, 50), (100, 149), (500, 530), (511, 512), (990, 999), (999, 999)]
    };
    ends.into_iter().map(|(first, last)| range(tree, first, last)).collect()
}

fn range(tree: &SumTree, first: u32, last: u32) -> RangeCase {
    let (entries, proof) = tree.range(OperatorId(first), OperatorId(last)).unwrap();
    RangeCase {
        name: format!("operators {first} to {last} of {}", tree.len()),
        root: tree.root(),
        depth: proof.depth,
        entries: entries.iter().map(Entry::encode).collect(),
        boundary: proof.boundary,
    }
}

/// `word` with the least bit of one byte turned.
fn turn(word: B256, byte: usize) -> B256 {
    let mut word = word;
    word[byte] ^= 1;
    word
}

fn invalid_proofs(eight: &SumTree, three: &SumTree) -> Vec<InvalidProof> {
    let good = proof(eight, OperatorId(5));
    let low = proof(eight, OperatorId(1));
    let case = |name: &str, reason: &str, root: Word, entry: B256, proof: &[Word]| InvalidProof {
        name: name.into(),
        reason: reason.into(),
        root,
        entry,
        proof: proof.to_vec(),
    };
    let mismatch = |name: &str, entry: B256, proof: &[Word]| {
        case(name, "root_mismatch", good.root, entry, proof)
    };
    let with_word = |at: usize, word: B256| {
        let mut proof = good.proof.clone();
        proof[at] = Word(word);
        proof
    };
    let mut huge = good.proof[1].0;
    huge[24..].fill(0xff);
    let sibling = good.proof[1].0;
    let longer = [good.proof.as_slice(), &[Word::ZERO]].concat();
    let absent = Entry { operator_id: OperatorId(3), ..Entry::default() };
    let absent_proof = [three.word(0, 2), three.word(1, 0)];
    let (lopsided_root, lopsided_entry, lopsided_proof) = lopsided();
    vec![
        mismatch("one nano more", turn(good.entry, 31), &good.proof),
        mismatch("another payout address", turn(good.entry, 10), &good.proof),
        mismatch("a neighbour's id", turn(good.entry, 3), &good.proof),
        mismatch("a sibling's hash changed", good.entry, &with_word(1, turn(sibling, 0))),
        mismatch("a sibling's sum changed", good.entry, &with_word(1, turn(sibling, 31))),
        mismatch("a word short", low.entry, &low.proof[..2]),
        mismatch("a word long", good.entry, &longer),
        mismatch("no proof", entry(0).encode(), &[]),
        case("another tree's root", "root_mismatch", three.root(), good.entry, &good.proof),
        case("the top word as root", "root_mismatch", eight.top(), good.entry, &good.proof),
        case("a missing leaf", "root_mismatch", three.root(), absent.encode(), &absent_proof),
        case(
            "an operator at a second depth of a lopsided tree",
            "root_mismatch",
            lopsided_root,
            lopsided_entry,
            &lopsided_proof,
        ),
        case(
            "an id with a higher bit",
            "id_outside_tree",
            good.root,
            turn(good.entry, 2),
            &good.proof,
        ),
        case(
            "an id too high for a short proof",
            "id_outside_tree",
            good.root,
            good.entry,
            &good.proof[..2],
        ),
        case("a sum over 64 bits", "sum_overflow", good.root, good.entry, &with_word(1, huge)),
        case("33 words", "too_deep", good.root, good.entry, &[Word::ZERO; 33]),
    ]
}

/// Operator 1 at depth 2 as it should be, and once more at depth 1: root, the second entry and its proof.
fn lopsided() -> (Word, B256, [Word; 1]) {
    let second = Entry { cumulative_nano: Nano(70_000_000_000), ..entry(1) };
    let left = Word::join(Word::leaf(&entry(0)), Word::leaf(&entry(1))).unwrap();
    let top = Word::join(left, Word::leaf(&second)).unwrap();
    (Word::root(top, 2).unwrap(), second.encode(), [left])
}

fn invalid_ranges(eight: &SumTree) -> Vec<InvalidRange> {
    let good = range(eight, 1, 4);
    let case = |name: &str, reason: &str, change: &dyn Fn(&mut RangeCase)| {
        let mut changed = good.clone();
        change(&mut changed);
        let RangeCase { root, depth, entries, boundary, .. } = changed;
        InvalidRange { name: name.into(), reason: reason.into(), root, depth, entries, boundary }
    };
    vec![
        case("one nano more", "root_mismatch", &|r| r.entries[2] = turn(r.entries[2], 31)),
        case("another payout address", "root_mismatch", &|r| r.entries[0] = turn(r.entries[0], 10)),
        case("a boundary word changed", "root_mismatch", &|r| {
            r.boundary[0].0 = turn(r.boundary[0].0, 0);
        }),
        case("a boundary sum changed", "root_mismatch", &|r| {
            r.boundary[1].0 = turn(r.boundary[1].0, 31);
        }),
        case("left and right exchanged", "root_mismatch", &|r| r.boundary.swap(0, 1)),
        case("the top word as root", "root_mismatch", &|r| r.root = eight.top()),
        case("an entry left out", "not_consecutive", &|r| {
            r.entries.remove(1);
        }),
        case("an entry twice", "not_consecutive", &|r| r.entries.insert(1, r.entries[1])),
        case("two entries exchanged", "not_consecutive", &|r| r.entries.swap(1, 2)),
        case("no entries", "empty_range", &|r| r.entries.clear()),
        case("a boundary word short", "boundary_length", &|r| r.boundary.truncate(2)),
        case("a boundary word long", "boundary_length", &|r| r.boundary.push(Word::ZERO)),
        case("a level too many", "boundary_length", &|r| r.depth += 1),
        case("a level too few for the ids", "id_outside_tree", &|r| r.depth = 2),
        case("a run past the last place", "id_outside_tree", &|r| {
            r.entries = (6..9).map(|id| entry(id).encode()).collect();
        }),
        case("a sum over 64 bits", "sum_overflow", &|r| r.boundary[0].0[24..].fill(0xff)),
        case("33 levels", "too_deep", &|r| r.depth = 33),
    ]
}
