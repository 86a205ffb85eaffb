//! What there is to say about a proposal, and what is done about it: a disproof, a demand, an answer.
//!
//! Invariant: nothing is kept here. What was asked and shown is read from the chain each time, so whoever is killed in the
//! middle of a walk goes on where it was; and what is said depends on the proposal, frozen facts and data that anybody can
//! have.

mod answers;
mod challenge;
mod proposal_data;
mod walk;

use tatum_chain::{Demand, EpochFacts, Proposal, Tree};
use tatum_merkle::{SumTree, Word};
use tatum_watcher::{Disproof, Kept, ListData, ProposalData, Verdict, find};

pub use answers::answer;
pub use challenge::{Challenge, Means, challenge};
pub(crate) use proposal_data::{bounds, rows};
pub use proposal_data::{data_in, no_data};
pub use walk::Question;

/// What a judge has whoever proposes.
#[derive(Clone, Debug)]
pub struct Bench {
    /// The epoch's facts.
    pub facts: EpochFacts,
    /// The distribution before, as far as it is to be had; the proposal's old root tells whether it is the right one.
    pub previous: SumTree,
    /// The assented list, as far as it is to be had.
    pub assented: Option<ListData>,
}

/// What there is to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Nothing is wrong.
    Right,
    /// This shows what is.
    Wrong(Box<Disproof>),
    /// Nothing that is to be had is wrong; this part is not all to be had.
    Withheld(Tree),
    /// Nothing that is to be had is wrong, and something that it must be held against is not to be had.
    Undecided(String),
}

/// A judged proposal.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What there is to say.
    pub finding: Finding,
    /// What has to be asked for next, if something is withheld.
    pub questions: Vec<Question>,
    /// All that is at hand, with what was shown on chain.
    pub data: ProposalData,
}

impl Bench {
    /// What there is to say about `proposal`, of which `data` is at hand and `demands` were made.
    pub fn judge(&self, proposal: &Proposal, data: ProposalData, demands: &[Demand]) -> Judged {
        let facts = self.facts.of(proposal);
        let (mut data, asked) = walk::complete(proposal, &facts, demands, data);
        let missing = self.lacks_previous(proposal);
        if missing.is_some() {
            // Entries would be held against nothing.
            data.entries = None;
        }
        let previous = self.previous.clone();
        let assented = self.assented.clone();
        let assented = assented.filter(|list| Some(list.commitment()) == facts.assented);
        let lacks_assented = facts.assented.is_some() && assented.is_none();
        let forced = self.facts.forced.receipts.clone();
        let kept = Kept { previous, assented, forced };
        let verdict = find(&proposal.draft.judged(), &data, &kept, &facts);
        let finding = match verdict {
            Verdict::Wrong(disproof) => Finding::Wrong(disproof),
            Verdict::Withheld(demand) => match (walk::tree_of(demand), missing) {
                (Tree::Entries, Some(reason)) => Finding::Undecided(reason),
                (tree, _) => Finding::Withheld(tree),
            },
            Verdict::Right if lacks_assented => {
                Finding::Undecided("the list that was assented to is not to be had".to_owned())
            }
            Verdict::Right => Finding::Right,
        };
        let questions = match finding {
            Finding::Withheld(tree) => {
                asked.into_iter().filter(|question| question.asked.tree == tree).collect()
            }
            _ => vec![],
        };
        Judged { finding, questions, data }
    }

    /// Why entries cannot be held against the distribution before, if so.
    fn lacks_previous(&self, proposal: &Proposal) -> Option<String> {
        let is_first = proposal.old_root == Word::ZERO;
        let got = self.previous.root();
        (!is_first && got != proposal.old_root).then(|| {
            let root = proposal.old_root;
            format!("the distribution before, {root}, is not to be had, so no entry can be held against it")
        })
    }
}
