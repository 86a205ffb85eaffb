use tatum_chain::Draft;
use tatum_primitives::{Address, Epoch, Nano};
use tatum_watcher::{Finalized, OperatorFacts};

use super::super::{answer, no_data};
use super::*;

fn list(count: u32, seed: u8) -> ListData {
    ListData::new((0..count).map(|at| vec![seed, at.to_be_bytes()[3], 1, 2, 3]).collect()).unwrap()
}

/// A proposal of so many receipts, half as many edges, and so many operators.
fn whole(receipts: u32, operators: usize) -> (Proposal, Facts, ProposalData) {
    let operator = OperatorFacts { payout: Address::ZERO, bond_wei: 1, capacity_bytes: 1 };
    let facts = Facts {
        epoch: Epoch(1),
        domain: tatum_primitives::Domain { chain_id: 1, stake_pool: Address::ZERO },
        rule: tatum_rewards::Rule {
            pool_bps: tatum_primitives::Bps::ONE,
            pool_limit_bps: tatum_primitives::Bps::ONE,
        },
        available_nano: Nano::ZERO,
        pot_nano: Nano::ZERO,
        payers: [].into(),
        operators: vec![operator; operators],
        nodes: [].into(),
        signers: [].into(),
        finalized: Finalized::default(),
        assented: None,
        forced: [].into(),
    };
    let sum = |at: usize| {
        let mut word = B256::repeat_byte(9);
        word.0[24..].copy_from_slice(&u64::try_from(at).unwrap().to_be_bytes());
        Word(word)
    };
    let words = (0..operators).map(sum).collect();
    let data = ProposalData {
        receipts: list(receipts, 1),
        edges: list(receipts / 2, 2),
        entries: Some(EntryWords::build(words, facts.entry_depth()).unwrap()),
    };
    let draft = Draft {
        epoch: Epoch(1),
        entries_top: data.entries.as_ref().unwrap().top(),
        receipts: data.receipts.commitment(),
        edges: data.edges.commitment(),
        work_nano: Nano::ZERO,
        forced_hash: B256::ZERO,
        manifest_hash: B256::ZERO,
    };
    let proposal = Proposal {
        draft,
        counter: 5,
        proposer: Address::ZERO,
        time_s: 1,
        old_root: Word::ZERO,
        available_nano: Nano::ZERO,
        assent: None,
        uri: String::new(),
        uri_hash: Default::default(),
        block_number: 1,
    };
    (proposal, facts, data)
}

/// The contract's check that a word stands where it is said to.
fn is_committed(question: &Question, draft: &Draft) -> bool {
    let Asked { tree, level, index, word, .. } = question.asked;
    let (top, count) = match tree {
        Tree::Receipts => (draft.receipts.top, draft.receipts.count),
        Tree::Edges => (draft.edges.top, draft.edges.count),
        Tree::Entries => {
            let step = |(at, word): (u32, Word), beside: &B256| {
                let pair = if at & 1 == 1 { (Word(*beside), word) } else { (word, Word(*beside)) };
                (at >> 1, Word::join(pair.0, pair.1).unwrap())
            };
            let (_, got) = question.path.iter().fold((index, Word(word)), step);
            return got == draft.entries_top;
        }
    };
    let count = count.div_ceil(1 << level);
    ListCommitment { top, count }.open_word(index, word, &question.path).is_ok()
}

/// Asks and is answered until nothing is left to ask; how often, and what came together.
fn walk(
    proposal: &Proposal,
    facts: &Facts,
    known: &ProposalData,
    data: &ProposalData,
) -> (usize, ProposalData) {
    let mut demands: Vec<Demand> = Vec::new();
    loop {
        let (found, questions) = complete(proposal, facts, &demands, known.clone());
        if questions.is_empty() {
            return (demands.len(), found);
        }
        for question in questions {
            assert!(is_committed(&question, &proposal.draft), "{question:?}");
            assert!(demands.iter().all(|demand| demand.asked != question.asked));
            let mut demand = Demand {
                asked: question.asked,
                id: B256::ZERO,
                demander: Address::ZERO,
                offer_wei: tatum_primitives::U256::ZERO,
                answer_by_s: 0,
                shown: None,
            };
            demand.shown = answer(&demand, &proposal.draft, data);
            assert!(demand.shown.is_some(), "{demand:?}");
            demands.push(demand);
        }
    }
}

#[test]
fn whoever_has_nothing_gets_everything_by_asking() {
    for (receipts, operators) in
        [(0, 0), (1, 1), (2, 2), (3, 5), (63, 64), (64, 65), (65, 3), (129, 200), (200, 9)]
    {
        let (proposal, facts, data) = whole(receipts, operators);
        let (_, found) = walk(&proposal, &facts, &no_data(), &data);
        for (found, whole) in [(found.receipts, data.receipts), (found.edges, data.edges)] {
            assert_eq!((found.commitment(), found.first_withheld()), (whole.commitment(), None));
        }
        assert_eq!(found.entries, data.entries, "{operators}");
    }
}

#[test]
fn what_is_known_is_not_asked_for() {
    let (proposal, facts, data) = whole(200, 9);
    assert_eq!(walk(&proposal, &facts, &data, &data).0, 0);
    // Somebody has all but one receipt, all edges and the entries.
    let leaves =
        (0..200).filter(|at| *at != 150).map(|at| data.receipts.leaf(at).unwrap().to_vec());
    let known = ProposalData { receipts: ListData::new(leaves.collect()).unwrap(), ..data.clone() };
    let (asked, found) = walk(&proposal, &facts, &known, &data);
    assert_eq!(found.receipts, data.receipts);
    // The words six levels below the top, four at a time from the missing one on, and its line: those behind it are only
    // shifted, and known by their words.
    assert_eq!(asked, 1 + 13 + 1);
}
