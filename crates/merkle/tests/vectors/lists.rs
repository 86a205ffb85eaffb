//! Makes `lists.json`: lists around powers of two with openings that hold and openings that do not.

use alloy_primitives::{B256, Bytes, keccak256};
use serde::{Deserialize, Serialize};
use tatum_merkle::{ListWords, Opening};

#[derive(Serialize, Deserialize)]
pub(crate) struct File {
    pub(crate) lists: Vec<List>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) name: String,
    pub(crate) leaves: Vec<Bytes>,
    pub(crate) n: u32,
    pub(crate) top: B256,
    /// `keccak256(top ‖ uint32(n))`.
    pub(crate) word: B256,
    pub(crate) openings: Vec<Opened>,
    pub(crate) refused: Vec<Refused>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) index: u32,
    pub(crate) path: Vec<B256>,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct Refused {
    pub(crate) name: String,
    pub(crate) reason: String,
    pub(crate) n: u32,
    pub(crate) index: u32,
    pub(crate) leaf: Bytes,
    pub(crate) path: Vec<B256>,
}

const SIZES: [u32; 13] = [0, 1, 2, 3, 5, 7, 8, 9, 15, 16, 17, 32, 33];

fn leaf(index: u32) -> Bytes {
    [keccak256(format!("leaf {index}")).to_vec(), index.to_be_bytes().to_vec()].concat().into()
}

pub(crate) fn make() -> File {
    File { lists: SIZES.into_iter().map(list).collect() }
}

fn list(count: u32) -> List {
    let leaves: Vec<Bytes> = (0..count).map(leaf).collect();
    let words = ListWords::of_leaves(&leaves).unwrap();
    let opened = |index| Opened { index, path: words.path(index).unwrap() };
    List {
        name: format!("{count} leaves"),
        leaves,
        n: count,
        top: words.commitment().top,
        word: words.commitment().word(),
        openings: (0..count).map(opened).collect(),
        refused: refused(&words),
    }
}

/// One opening that holds, and what is changed about it.
struct Cases<'a> {
    words: &'a ListWords,
    index: u32,
    made: Vec<Refused>,
}

impl Cases<'_> {
    fn add(&mut self, name: &str, change: impl FnOnce(&mut Refused)) {
        let mut case = Refused {
            name: name.into(),
            reason: String::new(),
            n: self.words.commitment().count,
            index: self.index,
            leaf: leaf(self.index),
            path: self.words.path(self.index).unwrap_or_default(),
        };
        change(&mut case);
        let mut list = self.words.commitment();
        list.count = case.n;
        let opening = Opening { leaf: case.leaf.to_vec(), path: case.path.clone() };
        case.reason = list.open(case.index, &opening).expect_err(name).reason().into();
        self.made.push(case);
    }
}

fn refused(words: &ListWords) -> Vec<Refused> {
    let count = words.commitment().count;
    let mut cases = Cases { words, index: count / 2, made: Vec::new() };
    cases.add("a place behind the last", |case| case.index = case.n);
    cases.add("the last place that 32 bits name", |case| case.index = u32::MAX);
    if count == 0 {
        return cases.made;
    }
    cases.add("another leaf", |case| case.leaf = leaf(1_000));
    cases.add("a byte more in the leaf", |case| case.leaf = [&case.leaf[..], &[0]].concat().into());
    cases.add("a word more", |case| case.path.push(B256::ZERO));
    if count > 1 {
        cases.add("a word less", |case| case.path.truncate(case.path.len() - 1));
        cases.add("the lowest word left out", |case| case.path = case.path[1..].to_vec());
        cases.add("a word changed", |case| case.path[0][31] ^= 1);
        cases.add("a neighbour's place", |case| case.index ^= 1);
        cases.add("one leaf less in the count", |case| {
            (case.n, case.index) = (count - 1, count - 1);
        });
        cases.add("an inner word as a leaf, with the rest of its path", |case| inner(words, case));
    }
    if count > 2 && count % 2 == 1 {
        cases.index = count - 1;
        cases.add("the last leaf joined with itself", |case| {
            case.path.insert(0, keccak256(leaf(count - 1)));
        });
        cases.add("an inner word at the place of the last leaf, as long a path", |case| {
            let length = case.path.len();
            inner(words, case);
            case.index = count - 1;
            case.path.resize(length, keccak256(leaf(count - 1)));
        });
    }
    cases.made
}

/// The word above the first two leaves, offered as the first leaf.
fn inner(words: &ListWords, case: &mut Refused) {
    case.index = 0;
    let pair = [words.word(0, 0).unwrap(), words.word(0, 1).unwrap()];
    case.leaf = pair.concat().into();
    case.path = words.path(0).unwrap().split_off(1);
}
