//! What of a proposal's data was shown on chain, and what has to be asked for next.
//!
//! Invariant: a word counts as shown only if the contract took it, or if it follows from such words; so everything that is
//! put together here opens against the proposal's commitments. What somebody has already, in the same place or anywhere in
//! the list, is not asked for. Source: `Demands`.

use std::collections::HashMap;

use tatum_chain::{Asked, Demand, Proposal, Shown, Tree};
use tatum_merkle::{ListCommitment, Word};
use tatum_primitives::{B256, keccak256};
use tatum_watcher::{EntryWords, Facts, ListData, ProposalData};

/// Levels that one answer leads down.
const STEP: u8 = 6;

/// Something to ask for, with what proves that it is committed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What.
    pub asked: Asked,
    /// The words beside the word's way.
    pub path: Vec<B256>,
    /// The answered demand that showed the word; none for a top.
    pub shown: Option<Asked>,
}

/// The part that a watcher wants more of.
pub(super) const fn tree_of(demand: tatum_watcher::Demand) -> Tree {
    use tatum_watcher::Demand;
    match demand {
        Demand::Receipts | Demand::Receipt(_) => Tree::Receipts,
        Demand::Edges | Demand::Edge(_) => Tree::Edges,
        Demand::Entries => Tree::Entries,
    }
}

/// `known` with all that was shown, as far as that makes its parts whole; and what to ask for next.
pub(super) fn complete(
    proposal: &Proposal,
    facts: &Facts,
    demands: &[Demand],
    known: ProposalData,
) -> (ProposalData, Vec<Question>) {
    let mut questions = Vec::new();
    let mut list = |tree, of: ListCommitment, known: ListData| {
        if known.commitment() == of && known.first_withheld().is_none() {
            return known;
        }
        let mut walk = Walk::new(proposal, tree, Shape::List(of.count), of.top, demands);
        walk.through_list(known, &mut questions)
    };
    let receipts = list(Tree::Receipts, proposal.draft.receipts, known.receipts);
    let edges = list(Tree::Edges, proposal.draft.edges, known.edges);
    let top = proposal.draft.entries_top;
    let entries = match known.entries.filter(|words| words.top() == top) {
        Some(words) => Some(words),
        None => {
            let depth = u8::try_from(facts.entry_depth()).unwrap_or(u8::MAX);
            let shape = Shape::Entries(depth);
            let mut walk = Walk::new(proposal, Tree::Entries, shape, top.0, demands);
            walk.through_entries(&mut questions)
        }
    };
    (ProposalData { receipts, edges, entries }, questions)
}

/// How many words each level has, and what is above two of them.
#[derive(Clone, Copy, Debug)]
enum Shape {
    /// So many leaves; a word without a right neighbour goes up unchanged.
    List(u32),
    /// A full tree of so many levels above the places.
    Entries(u8),
}

impl Shape {
    fn words_at(self, level: u8) -> u64 {
        match self {
            Self::List(count) => {
                let width = 1u64.checked_shl(level.into()).unwrap_or(u64::MAX);
                u64::from(count).div_ceil(width)
            }
            Self::Entries(depth) => {
                1u64.checked_shl(depth.saturating_sub(level).into()).unwrap_or(0)
            }
        }
    }

    fn top_level(self) -> u8 {
        (0..=u8::try_from(u32::BITS).unwrap_or(u8::MAX))
            .find(|level| self.words_at(*level) <= 1)
            .unwrap_or_default()
    }

    fn join(self, pair: &[B256]) -> B256 {
        match (self, pair) {
            (Self::List(_), [left, right]) => keccak256([left.0, right.0].as_flattened()),
            // Where sums overflow the contract takes no words, so this is never shown.
            (Self::Entries(_), [left, right]) => {
                Word::join(Word(*left), Word(*right)).unwrap_or_default().0
            }
            _ => pair.first().copied().unwrap_or_default(),
        }
    }
}

/// The level whose words an answer shows.
const fn below(level: u8) -> u8 {
    level.saturating_sub(STEP)
}

/// One part of a proposal.
struct Walk {
    counter: u64,
    tree: Tree,
    shape: Shape,
    words: HashMap<(u8, u32), B256>,
    /// Which demand showed a word.
    shown_by: HashMap<(u8, u32), Asked>,
    lines: HashMap<u32, Vec<u8>>,
}

/// The leaves that were put together.
#[derive(Default)]
struct Found {
    words: Vec<B256>,
    leaves: Vec<Option<Vec<u8>>>,
    /// Whether every word is there.
    whole: bool,
}

impl Walk {
    fn new(proposal: &Proposal, tree: Tree, shape: Shape, top: B256, demands: &[Demand]) -> Self {
        let words = HashMap::from([((shape.top_level(), 0), top)]);
        let counter = proposal.counter;
        let mut walk =
            Self { counter, tree, shape, words, shown_by: HashMap::new(), lines: HashMap::new() };
        for demand in demands.iter().filter(|demand| demand.asked.tree == tree) {
            match &demand.shown {
                Some(Shown::Words(words)) => walk.show(&demand.asked, words),
                Some(Shown::Line(line)) => {
                    drop(walk.lines.insert(demand.asked.index, line.clone()));
                }
                None => {}
            }
        }
        walk
    }

    /// Takes up the words of an answer and those that follow from them.
    fn show(&mut self, asked: &Asked, words: &[B256]) {
        let mut level = below(asked.level);
        let mut first = first_below(asked.level, asked.index);
        let mut row = words.to_vec();
        for (at, word) in (first..).zip(&row) {
            self.words.insert((level, at), *word);
            self.shown_by.insert((level, at), *asked);
        }
        while level.saturating_add(1) < asked.level {
            row = row.chunks(2).map(|pair| self.shape.join(pair)).collect();
            (level, first) = (level.saturating_add(1), first >> 1);
            self.words.extend((first..).zip(&row).map(|(at, word)| ((level, at), *word)));
        }
    }

    /// The list, if all its words are there; else what is known already.
    fn through_list(&mut self, known: ListData, questions: &mut Vec<Question>) -> ListData {
        let places = (0..known.count()).filter_map(|at| Some((known.word(0, at)?, at)));
        let places: HashMap<B256, u32> = places.collect();
        let mut found = Found { whole: true, ..Found::default() };
        if self.shape.words_at(0) > 0 {
            self.gather(self.shape.top_level(), 0, &known, &places, &mut found, questions);
        }
        if !found.whole {
            return known;
        }
        ListData::of_parts(found.words, found.leaves).unwrap_or(known)
    }

    fn through_entries(&mut self, questions: &mut Vec<Question>) -> Option<EntryWords> {
        let mut found = Found { whole: true, ..Found::default() };
        let (nothing, nowhere) = (ListData::default(), HashMap::new());
        self.gather(self.shape.top_level(), 0, &nothing, &nowhere, &mut found, questions);
        let depth = usize::from(self.shape.top_level());
        let words = found.words.into_iter().map(Word).collect();
        if found.whole { EntryWords::build(words, depth).ok() } else { None }
    }

    /// Puts together what lies under a word, from what is known and what was shown, and asks for the rest.
    fn gather(
        &self,
        level: u8,
        index: u32,
        known: &ListData,
        places: &HashMap<B256, u32>,
        found: &mut Found,
        questions: &mut Vec<Question>,
    ) {
        let Some(word) = self.words.get(&(level, index)).copied() else {
            found.whole = false;
            return;
        };
        if level == 0 {
            let own = places.get(&word).and_then(|at| known.leaf(*at)).map(<[u8]>::to_vec);
            let leaf = own.or_else(|| self.lines.get(&index).cloned());
            if leaf.is_none() && self.tree != Tree::Entries {
                questions.push(self.question(0, index, word, 0));
            }
            found.words.push(word);
            found.leaves.push(leaf);
            return;
        }
        let (first, count) = self.span(level, index);
        let same = known.word(level.into(), index) == Some(word);
        if same && self.takes_over(level, index, known, found) {
            return;
        }
        let below = below(level);
        if !self.shown_by.contains_key(&(below, first)) {
            found.whole = false;
            questions.push(self.question(level, index, word, count));
            return;
        }
        for at in (first..).take(usize::from(count)) {
            self.gather(below, at, known, places, found, questions);
        }
    }

    /// Takes the leaves under a word from the list at hand, which has the same word there.
    fn takes_over(&self, level: u8, index: u32, known: &ListData, found: &mut Found) -> bool {
        let first = u64::from(index).checked_shl(level.into()).unwrap_or(u64::MAX);
        let width = 1u64.checked_shl(level.into()).unwrap_or(u64::MAX);
        let end = first.saturating_add(width).min(self.shape.words_at(0));
        let own = |at: u64| {
            let at = u32::try_from(at).ok()?;
            Some((known.word(0, at)?, known.leaf(at)?.to_vec()))
        };
        let Some(leaves) = (first..end).map(own).collect::<Option<Vec<_>>>() else { return false };
        for (word, leaf) in leaves {
            found.words.push(word);
            found.leaves.push(Some(leaf));
        }
        true
    }

    /// The first word that an answer shows, and how many.
    fn span(&self, level: u8, index: u32) -> (u32, u8) {
        let first = first_below(level, index);
        let width = 1u64.checked_shl(u32::from(level.saturating_sub(below(level)))).unwrap_or(0);
        let left = self.shape.words_at(below(level)).saturating_sub(first.into());
        (first, u8::try_from(left.min(width)).unwrap_or(u8::MAX))
    }

    fn question(&self, level: u8, index: u32, word: B256, words: u8) -> Question {
        let (counter, tree) = (self.counter, self.tree);
        let asked = Asked { counter, tree, level, index, words, word };
        let shown = self.shown_by.get(&(level, index)).copied();
        Question { asked, path: self.path(level, index), shown }
    }

    /// The words beside the way of a word that was shown.
    fn path(&self, level: u8, index: u32) -> Vec<B256> {
        let levels = (level..self.shape.top_level()).zip(0u32..);
        let beside = levels.filter_map(|(at, up)| {
            let place = index.checked_shr(up)?;
            // What is missing has no neighbour to be joined with.
            self.words.get(&(at, place ^ 1)).copied()
        });
        beside.collect()
    }
}

/// The place of the first word that an answer shows.
fn first_below(level: u8, index: u32) -> u32 {
    index.checked_shl(u32::from(level.saturating_sub(below(level)))).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
