//! Answers to demands, from data at hand.
//!
//! Invariant: whoever has a part of a proposal's data whole answers every demand for it, whoever proposed, and no other; the
//! contract pays for each.

use tatum_chain::{Asked, Demand, Draft, Shown, Tree};
use tatum_primitives::B256;
use tatum_watcher::{ListData, ProposalData};

/// What answers `demand`, if `data` has it.
pub fn answer(demand: &Demand, draft: &Draft, data: &ProposalData) -> Option<Shown> {
    let asked = &demand.asked;
    match asked.tree {
        Tree::Receipts if data.receipts.commitment() == draft.receipts => {
            of_list(asked, &data.receipts)
        }
        Tree::Edges if data.edges.commitment() == draft.edges => of_list(asked, &data.edges),
        Tree::Entries => {
            let entries = data.entries.as_ref()?;
            if entries.top() != draft.entries_top {
                return None;
            }
            words(asked, |level, index| entries.word(level, index).map(|word| word.0))
        }
        Tree::Receipts | Tree::Edges => None,
    }
}

fn of_list(asked: &Asked, list: &ListData) -> Option<Shown> {
    if asked.level == 0 {
        return list.leaf(asked.index).map(|leaf| Shown::Line(leaf.to_vec()));
    }
    words(asked, |level, index| list.word(level, index))
}

fn words(asked: &Asked, word: impl Fn(usize, u32) -> Option<B256>) -> Option<Shown> {
    let below = asked.level.saturating_sub(6);
    let first = asked.index.checked_shl(u32::from(asked.level.saturating_sub(below)))?;
    let shown = (first..).take(usize::from(asked.words)).map(|at| word(below.into(), at));
    shown.collect::<Option<Vec<_>>>().map(Shown::Words)
}
