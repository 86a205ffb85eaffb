//! The way from an operator's entry to the root, a level at a time.
//!
//! Invariant: levels are those that `Proof::verify` walks; a trace that ends early says why in the examination's verdict.

use serde::Serialize;
use tatum_merkle::{Entry, OperatorProof, Word};

/// On which side of the path a word of the proof stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Before it.
    Left,
    /// Behind it.
    Right,
}

/// One step upwards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Steps above the leaf, from 1.
    pub level: u32,
    /// Where the word of the proof stands.
    pub side: Side,
    /// The word of the proof.
    pub beside: Word,
    /// The sum in it.
    pub beside_nano: String,
    /// What the two are joined to.
    pub word: Word,
    /// The sum in it.
    pub sum_nano: String,
}

/// The whole way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trace {
    /// The word of the entry.
    pub leaf: Word,
    /// What stands above it.
    pub levels: Vec<Level>,
    /// The root that it leads to; nothing if the sums or the depth stop it.
    pub leads_to: Option<Word>,
}

impl Trace {
    /// Follows `proof` as far as it goes.
    #[must_use]
    pub fn of(proof: &OperatorProof) -> Self {
        let leaf = Word::leaf(&Entry {
            operator_id: proof.operator_id,
            payout: proof.payout,
            cumulative_nano: proof.cumulative_nano,
        });
        let (mut word, mut path, mut levels) = (leaf, proof.operator_id.0, Vec::new());
        for (level, beside) in (1..).zip(&proof.proof.siblings) {
            let side = if path & 1 == 1 { Side::Left } else { Side::Right };
            let joined = match side {
                Side::Left => Word::join(*beside, word),
                Side::Right => Word::join(word, *beside),
            };
            let Ok(joined) = joined else { return Self { leaf, levels, leads_to: None } };
            levels.push(Level {
                level,
                side,
                beside: *beside,
                beside_nano: beside.sum().0.to_string(),
                word: joined,
                sum_nano: joined.sum().0.to_string(),
            });
            (word, path) = (joined, path >> 1);
        }
        Self { leaf, leads_to: Word::root(word, levels.len()).ok(), levels }
    }
}
