//! One short proof that a proposal is wrong, as one transaction carries it.
//!
//! Invariant: a disproof holds only if everything that it opens is committed to, by the proposal or on chain, and a rule says
//! that what was opened is a lie. Source: "The two lists" in `docs/architecture.md`.

use alloy_primitives::{B256, keccak256};
use tatum_merkle::{Gap, Opening, Proof, Word};
use tatum_primitives::OperatorId;
use tatum_receipt::SignedReceipt;

use crate::rules::{self, Around};
use crate::{FORCED, Facts, Of, Proposal, ReceiptLeaf};

/// The word that the assented list has at a receipt's source.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The word.
    pub word: B256,
    /// The words beside its way.
    pub path: Vec<B256>,
}

/// What the distribution before has at an operator's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldEntry {
    /// The word; zero where there is no place.
    pub word: Word,
    /// The words beside its way; none where there is no place.
    pub siblings: Vec<Word>,
}

/// A proof that a proposal is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disproof {
    /// 1: the receipt at `index` is not admissible.
    BadReceipt {
        /// Its place.
        index: u32,
        /// The receipt.
        receipt: Opening,
    },
    /// 2: two receipts do not follow each other.
    BadReceiptStep {
        /// Both.
        receipts: Gap,
    },
    /// 3: the edge at `index` does not steer what its units do.
    BadEdge {
        /// Its place.
        index: u32,
        /// The edge.
        edge: Opening,
    },
    /// 4: two edges do not follow each other, or the last is not the sum.
    BadEdgeStep {
        /// Both.
        edges: Gap,
    },
    /// 5: the edge at `index` has other units than its receipts.
    BadEdgeUnits {
        /// Its place.
        index: u32,
        /// The edge.
        edge: Opening,
        /// Which units.
        of: Of,
        /// Behind its last receipt.
        receipts: Gap,
    },
    /// 6: the receipt at `index` has no edge.
    MissingEdge {
        /// Its place.
        index: u32,
        /// The receipt.
        receipt: Opening,
        /// Where its edge belongs.
        edges: Gap,
    },
    /// 7: a forced receipt is not in the list.
    IgnoredForced {
        /// The receipt.
        signed: Box<SignedReceipt>,
        /// Where it belongs.
        receipts: Gap,
    },
    /// 7a: a receipt of the assented list is not in the list.
    IgnoredAssented {
        /// Its place in the assented list.
        index: u32,
        /// The receipt.
        assented: Opening,
        /// Where it belongs.
        receipts: Gap,
    },
    /// 8: the word at an operator's place is not the right one.
    BadEntry {
        /// The place.
        place: OperatorId,
        /// The word that stands there.
        word: Word,
        /// The words beside its way.
        siblings: Vec<Word>,
        /// What stood there before.
        old: OldEntry,
        /// Behind the operator's last edge.
        edges: Gap,
    },
    /// 9: the receipt at `index` was neither assented to nor forced.
    Extra {
        /// Its place.
        index: u32,
        /// The receipt.
        receipt: Opening,
        /// What the assented list has at its source; none if it is not that long or the receipt says that it was forced.
        source: Option<Source>,
    },
}

/// The rules by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// 1.
    BadReceipt,
    /// 2.
    BadReceiptStep,
    /// 3.
    BadEdge,
    /// 4.
    BadEdgeStep,
    /// 5.
    BadEdgeUnits,
    /// 6.
    MissingEdge,
    /// 7.
    IgnoredForced,
    /// 7a.
    IgnoredAssented,
    /// 8.
    BadEntry,
    /// 9.
    Extra,
}

impl Kind {
    /// All rules.
    pub const ALL: [Self; 10] = [
        Self::BadReceipt,
        Self::BadReceiptStep,
        Self::BadEdge,
        Self::BadEdgeStep,
        Self::BadEdgeUnits,
        Self::MissingEdge,
        Self::IgnoredForced,
        Self::IgnoredAssented,
        Self::BadEntry,
        Self::Extra,
    ];

    /// What the contract calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadReceipt => "badReceipt",
            Self::BadReceiptStep => "badReceiptStep",
            Self::BadEdge => "badEdge",
            Self::BadEdgeStep => "badEdgeStep",
            Self::BadEdgeUnits => "badEdgeUnits",
            Self::MissingEdge => "missingEdge",
            Self::IgnoredForced => "ignoredForced",
            Self::IgnoredAssented => "ignoredAssented",
            Self::BadEntry => "badEntry",
            Self::Extra => "extra",
        }
    }

    /// What it shows, in words.
    pub const fn says(self) -> &'static str {
        match self {
            Self::BadReceipt => "a receipt may not count",
            Self::BadReceiptStep => "two receipts are out of order, or their totals do not add up",
            Self::BadEdge => "an edge steers something else than its units earn",
            Self::BadEdgeStep => "two edges are out of order, or their totals do not add up",
            Self::BadEdgeUnits => "an edge has other units than its receipts",
            Self::MissingEdge => "a receipt has no edge",
            Self::IgnoredForced => "a receipt that was forced is left out",
            Self::IgnoredAssented => "a receipt that operators assented to is left out",
            Self::BadEntry => "an operator is promised something else than the rule gives",
            Self::Extra => "a receipt was neither assented to nor forced",
        }
    }
}

impl Disproof {
    /// Which rule it shows broken.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::BadReceipt { .. } => Kind::BadReceipt,
            Self::BadReceiptStep { .. } => Kind::BadReceiptStep,
            Self::BadEdge { .. } => Kind::BadEdge,
            Self::BadEdgeStep { .. } => Kind::BadEdgeStep,
            Self::BadEdgeUnits { .. } => Kind::BadEdgeUnits,
            Self::MissingEdge { .. } => Kind::MissingEdge,
            Self::IgnoredForced { .. } => Kind::IgnoredForced,
            Self::IgnoredAssented { .. } => Kind::IgnoredAssented,
            Self::BadEntry { .. } => Kind::BadEntry,
            Self::Extra { .. } => Kind::Extra,
        }
    }

    /// Whether it shows that `proposal` is wrong. What cannot be opened shows nothing.
    pub fn holds(&self, proposal: &Proposal, facts: &Facts) -> bool {
        let (receipts, edges) = (&proposal.receipts, &proposal.edges);
        let receipt_at = |index, leaf: &Opening| receipts.open(index, leaf).is_ok();
        let edge_at = |index, leaf: &Opening| edges.open(index, leaf).is_ok();
        let in_receipts = |gap: &Gap| receipts.gap(gap).is_ok();
        let in_edges = |gap: &Gap| edges.gap(gap).is_ok();
        match self {
            Self::BadReceipt { index, receipt } => {
                receipt_at(*index, receipt) && rules::bad_receipt(&receipt.leaf, facts)
            }
            Self::BadReceiptStep { receipts: gap } => {
                in_receipts(gap) && rules::bad_receipt_step(around(gap))
            }
            Self::BadEdge { index, edge } => {
                edge_at(*index, edge) && rules::bad_edge(&edge.leaf, facts)
            }
            Self::BadEdgeStep { edges: gap } => {
                in_edges(gap) && rules::bad_edge_step(around(gap), proposal.work_nano)
            }
            Self::BadEdgeUnits { index, edge, of, receipts: gap } => {
                edge_at(*index, edge)
                    && in_receipts(gap)
                    && rules::bad_edge_units(&edge.leaf, *of, around(gap))
            }
            Self::MissingEdge { index, receipt, edges: gap } => {
                receipt_at(*index, receipt)
                    && in_edges(gap)
                    && rules::missing_edge(&receipt.leaf, around(gap))
            }
            Self::IgnoredForced { signed, receipts: gap } => {
                facts.forced.contains(&keccak256(signed.encode()))
                    && in_receipts(gap)
                    && rules::ignored(signed, around(gap), facts)
            }
            Self::IgnoredAssented { index, assented, receipts: gap } => {
                facts.assented.is_some_and(|list| list.open(*index, assented).is_ok())
                    && in_receipts(gap)
                    && rules::assented(&assented.leaf)
                        .is_some_and(|signed| rules::ignored(&signed, around(gap), facts))
            }
            Self::Extra { index, receipt, source } => {
                receipt_at(*index, receipt) && extra(receipt, source.as_ref(), facts)
            }
            Self::BadEntry { .. } => self.shows_bad_entry(proposal, facts),
        }
    }

    fn shows_bad_entry(&self, proposal: &Proposal, facts: &Facts) -> bool {
        let Self::BadEntry { place, word, siblings, old, edges } = self else { return false };
        let proof = Proof { siblings: siblings.clone() };
        let opened = proof.verify_word(proposal.root(facts), *place, *word).is_ok()
            && proposal.edges.gap(edges).is_ok();
        let before = facts.finalized.open(*place, old.word, &old.siblings);
        let (true, Some(before), Ok(round)) = (opened, before, facts.round(proposal.work_nano))
        else {
            return false;
        };
        rules::bad_entry(facts, &round, *place, *word, before, around(edges))
    }
}

fn around(gap: &Gap) -> Around<'_> {
    Around {
        left: gap.left.as_ref().map(|opening| opening.leaf.as_slice()),
        right: gap.right.as_ref().map(|opening| opening.leaf.as_slice()),
    }
}

fn extra(receipt: &Opening, source: Option<&Source>, facts: &Facts) -> bool {
    let (Some(list), Some(line)) = (facts.assented, ReceiptLeaf::decode(&receipt.leaf)) else {
        return false;
    };
    let opens = |source: &Source| list.open_word(line.source, source.word, &source.path).is_ok();
    let shown = match source {
        Some(source) => line.source != FORCED && opens(source),
        None => line.source == FORCED || line.source >= list.count,
    };
    shown && rules::extra(&receipt.leaf, source.map(|source| source.word), facts)
}
