//! What lies beside a receipt: per publisher's chain the newest message that the reader holds, its *head*, and how far the receipt's
//! node brought what it should have brought.
//!
//! `contents` of a receipt commits to it, by keccak with sorted pairs as OpenZeppelin's `MerkleProof` verifies:
//!
//! ```text
//! head leaf    = keccak256(keccak256(abi.encode(publisher, chain, number, id)))
//! figures leaf = keccak256(keccak256(abi.encode(publisher, chain, span, held, due, brought)))
//! tree         = leaves in order of (publisher, chain), paired left to right; one without a neighbour goes up unchanged
//! contents     = pair(tree of the heads, tree of the figures); zero without a line
//! ```
//!
//! Heads say what the *reader* holds, whoever brought it, so two readers' heads can be compared. Figures say what *this node* did:
//! which of two relays brings a message first is a race, and heads alone could not tell who dropped one.
//!
//! Invariant: lines are in order of (publisher, chain), at most [`MAX_LINES`], and each could be true by itself; a root has one list of
//! lines. Nothing here decides about pay. Source: the design, §8; `docs/receipts.md`.

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, keccak256};

/// The most chains that one receipt tells of.
pub const MAX_LINES: usize = 64;
/// Bytes of an encoded line.
pub const LINE_BYTES: usize = 100;
/// The last number of a chain.
const MAX_NUMBER: u64 = i64::MAX as u64;

/// What a reader states of one publisher's chain in one stream and epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ContentsLine {
    /// Who publishes.
    pub publisher: Address,
    /// The random number that the publisher drew when it started.
    pub chain: u64,
    /// The head: the newest number that the reader holds.
    pub number: u64,
    /// The id of that message, which its publisher signed.
    pub id: B256,
    /// How many numbers the chain had while the reader took part in it, in the epoch.
    pub span: u64,
    /// How many of them it holds, whoever brought them.
    pub held: u64,
    /// How many of them the receipt's node should have brought.
    pub due: u64,
    /// How many of those it brought.
    pub brought: u64,
}

/// The lines beside a receipt, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Contents(Vec<ContentsLine>);

/// Why lines are no contents, or not those of a receipt.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ContentsError {
    /// The bytes are not so many whole lines.
    #[error("{got} bytes are no lines of {LINE_BYTES} bytes each, at most {MAX_LINES} of them")]
    Length {
        /// Bytes given.
        got: usize,
    },
    /// More chains than a receipt tells of.
    #[error("{got} lines; a receipt tells of {MAX_LINES} chains at most")]
    TooMany {
        /// Lines given.
        got: usize,
    },
    /// Lines are not in order of (publisher, chain), or one chain has two.
    #[error("line {at} does not come after the one before it")]
    OutOfOrder {
        /// Its place, from 0.
        at: usize,
    },
    /// A line that cannot be true.
    #[error(
        "line {at}: number ≤ 2^63 − 1, 1 ≤ span ≤ number + 1, held ≤ span, brought ≤ due ≤ span do not all hold"
    )]
    Impossible {
        /// Its place, from 0.
        at: usize,
    },
    /// The receipt commits to other lines.
    #[error("the receipt's contents are {stated}, the lines beside it come to {got}")]
    Other {
        /// What the receipt says.
        stated: B256,
        /// What the lines come to.
        got: B256,
    },
}

impl ContentsLine {
    /// What lines are ordered by.
    pub const fn key(&self) -> (Address, u64) {
        (self.publisher, self.chain)
    }

    fn is_possible(&self) -> bool {
        self.number <= MAX_NUMBER
            && self.span >= 1
            && self.span <= self.number.saturating_add(1)
            && self.held <= self.span
            && self.due <= self.span
            && self.brought <= self.due
    }

    /// The leaf of the head.
    pub fn head_leaf(&self) -> B256 {
        leaf(&[address(self.publisher), word(self.chain), word(self.number), self.id.0])
    }

    /// The leaf of the figures.
    pub fn figures_leaf(&self) -> B256 {
        let figures = [self.chain, self.span, self.held, self.due, self.brought].map(word);
        let [chain, span, held, due, brought] = figures;
        leaf(&[address(self.publisher), chain, span, held, due, brought])
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.publisher.as_slice());
        out.extend_from_slice(&self.chain.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(self.id.as_slice());
        for figure in [self.span, self.held, self.due, self.brought] {
            out.extend_from_slice(&figure.to_be_bytes());
        }
    }

    fn decode(bytes: &[u8; LINE_BYTES]) -> Self {
        let mut rest: &[u8] = bytes;
        Self {
            publisher: Address::from(take(&mut rest)),
            chain: u64::from_be_bytes(take(&mut rest)),
            number: u64::from_be_bytes(take(&mut rest)),
            id: B256::from(take(&mut rest)),
            span: u64::from_be_bytes(take(&mut rest)),
            held: u64::from_be_bytes(take(&mut rest)),
            due: u64::from_be_bytes(take(&mut rest)),
            brought: u64::from_be_bytes(take(&mut rest)),
        }
    }
}

/// The next field. The widths taken sum to [`LINE_BYTES`], so the rest never runs out.
fn take<const N: usize>(rest: &mut &[u8]) -> [u8; N] {
    let (field, behind) = rest.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
    *rest = behind;
    *field
}

impl Contents {
    /// These lines.
    ///
    /// # Errors
    /// [`ContentsError`] says which rule is broken.
    pub fn new(lines: Vec<ContentsLine>) -> Result<Self, ContentsError> {
        if lines.len() > MAX_LINES {
            return Err(ContentsError::TooMany { got: lines.len() });
        }
        let mut before = None;
        for (at, line) in lines.iter().enumerate() {
            if before.is_some_and(|before| before >= line.key()) {
                return Err(ContentsError::OutOfOrder { at });
            }
            if !line.is_possible() {
                return Err(ContentsError::Impossible { at });
            }
            before = Some(line.key());
        }
        Ok(Self(lines))
    }

    /// The lines, in order.
    pub fn lines(&self) -> &[ContentsLine] {
        &self.0
    }

    /// Whether nothing is stated.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a receipt with these lines beside it has for its `contents`.
    pub fn root(&self) -> B256 {
        if self.is_empty() { B256::ZERO } else { pair(self.heads_root(), self.figures_root()) }
    }

    /// The root over the heads alone: equal for two readers that hold the same heads.
    pub fn heads_root(&self) -> B256 {
        root(self.0.iter().map(ContentsLine::head_leaf).collect())
    }

    fn figures_root(&self) -> B256 {
        root(self.0.iter().map(ContentsLine::figures_leaf).collect())
    }

    /// The words that prove the head at place `at` against [`Contents::root`], the lowest first, as OpenZeppelin's `MerkleProof` takes
    /// them; none if there is no such line.
    pub fn head_proof(&self, at: usize) -> Option<Vec<B256>> {
        let leaves = self.0.iter().map(ContentsLine::head_leaf).collect();
        proof(leaves, at).map(|path| with_last(path, self.figures_root()))
    }

    /// The same for the figures at place `at`.
    pub fn figures_proof(&self, at: usize) -> Option<Vec<B256>> {
        let leaves = self.0.iter().map(ContentsLine::figures_leaf).collect();
        proof(leaves, at).map(|path| with_last(path, self.heads_root()))
    }

    /// The lines' bytes, one after the other.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len().saturating_mul(LINE_BYTES));
        self.0.iter().for_each(|line| line.encode(&mut out));
        out
    }

    /// The lines these bytes stand for. Their number is looked at before any is read.
    ///
    /// # Errors
    /// [`ContentsError`] says which rule is broken.
    pub fn decode(bytes: &[u8]) -> Result<Self, ContentsError> {
        let (lines, rest) = bytes.as_chunks::<LINE_BYTES>();
        if !rest.is_empty() || lines.len() > MAX_LINES {
            return Err(ContentsError::Length { got: bytes.len() });
        }
        Self::new(lines.iter().map(ContentsLine::decode).collect())
    }
}

fn with_last(mut path: Vec<B256>, last: B256) -> Vec<B256> {
    path.push(last);
    path
}

/// Hashed twice, so that no leaf is an inner word.
fn leaf(words: &[[u8; 32]]) -> B256 {
    keccak256(keccak256(words.as_flattened()))
}

fn address(value: Address) -> [u8; 32] {
    value.into_word().0
}

fn word(value: u64) -> [u8; 32] {
    B256::left_padding_from(&value.to_be_bytes()).0
}

fn pair(one: B256, other: B256) -> B256 {
    let (low, high) = if one <= other { (one, other) } else { (other, one) };
    keccak256([low.0, high.0].as_flattened())
}

fn root(mut level: Vec<B256>) -> B256 {
    while level.len() > 1 {
        level = above(&level);
    }
    level.first().copied().unwrap_or_default()
}

fn above(level: &[B256]) -> Vec<B256> {
    let pairs = level.chunks(2).map(|chunk| match chunk {
        [one, other] => pair(*one, *other),
        [alone, ..] => *alone,
        [] => B256::ZERO,
    });
    pairs.collect()
}

fn proof(mut level: Vec<B256>, mut at: usize) -> Option<Vec<B256>> {
    level.get(at)?;
    let mut path = Vec::new();
    while level.len() > 1 {
        path.extend(level.get(at ^ 1));
        (level, at) = (above(&level), at / 2);
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(publisher: u8, chain: u64) -> ContentsLine {
        ContentsLine {
            publisher: Address::repeat_byte(publisher),
            chain,
            number: 99,
            id: B256::repeat_byte(publisher),
            span: 50,
            held: 49,
            due: 40,
            brought: 39,
        }
    }

    fn contents(lines: usize) -> Contents {
        Contents::new((0..lines as u64).map(|chain| line(1, chain)).collect()).unwrap()
    }

    fn climbs(leaf: B256, path: &[B256]) -> B256 {
        path.iter().fold(leaf, |word, beside| pair(word, *beside))
    }

    #[test]
    fn every_head_and_every_figure_is_proved_against_one_root() {
        for count in 1..=MAX_LINES {
            let contents = contents(count);
            for (at, line) in contents.lines().iter().enumerate() {
                let (head, figures) = (contents.head_proof(at), contents.figures_proof(at));
                assert_eq!(climbs(line.head_leaf(), &head.unwrap()), contents.root());
                assert_eq!(climbs(line.figures_leaf(), &figures.unwrap()), contents.root());
            }
            assert_eq!(contents.head_proof(count), None);
        }
        assert_eq!(Contents::default().root(), B256::ZERO);
    }

    #[test]
    fn readers_that_hold_the_same_are_equal_in_heads_whatever_their_relays_did() {
        let (one, mut line) = (contents(3), line(1, 1));
        line.brought = 3;
        let mut lines = one.lines().to_vec();
        lines[1] = line;
        let other = Contents::new(lines).unwrap();
        assert_eq!(one.heads_root(), other.heads_root());
        assert_ne!(one.root(), other.root());
    }

    #[test]
    fn what_cannot_be_true_is_no_contents() {
        let broken = |change: fn(&mut ContentsLine)| {
            let mut changed = line(1, 1);
            change(&mut changed);
            Contents::new(vec![line(1, 0), changed])
        };
        let impossible = Err(ContentsError::Impossible { at: 1 });
        assert_eq!(broken(|line| line.span = 0), impossible);
        assert_eq!(broken(|line| line.span = 101), impossible);
        assert_eq!(broken(|line| line.held = 51), impossible);
        assert_eq!(broken(|line| line.due = 51), impossible);
        assert_eq!(broken(|line| line.brought = 41), impossible);
        assert_eq!(broken(|line| line.number = 1 << 63), impossible);
        assert_eq!(broken(|line| line.chain = 0), Err(ContentsError::OutOfOrder { at: 1 }));
        let most = contents(MAX_LINES).encode();
        assert!(Contents::decode(&most).is_ok());
        let more = [most.as_slice(), &[0; LINE_BYTES]].concat();
        assert_eq!(Contents::decode(&more), Err(ContentsError::Length { got: more.len() }));
        assert!(Contents::decode(&most[1..]).is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_as_contents_is_written_as_the_same_bytes(
            lines in prop::collection::vec((any::<[u8; 20]>(), any::<u64>(), 0..1_000_u64, any::<[u8; 32]>(), any::<[u64; 4]>()), 0..5),
        ) {
            let lines = lines.into_iter().map(|(publisher, chain, number, id, figures)| {
                let span = figures[0] % (number + 1) + 1;
                let due = figures[2] % (span + 1);
                ContentsLine {
                    publisher: publisher.into(), chain, number, id: id.into(),
                    span, held: figures[1] % (span + 1), due, brought: figures[3] % (due + 1),
                }
            });
            let mut lines: Vec<_> = lines.collect();
            lines.sort_by_key(ContentsLine::key);
            let contents = Contents::new(lines).unwrap();
            prop_assert_eq!(Contents::decode(&contents.encode()), Ok(contents));
        }
    }
}
