//! A dataset is the right proposal for its receipts: a watcher with the same facts finds nothing against it, and everything
//! against one that is not.

use alloy_primitives::B256;
use tatum_merkle::SumTree;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::SignedReceipt;
use tatum_watcher::{Disproof, Kept, Kind, ReceiptLeaf, Verdict, find};
use tempfile::TempDir;

use super::*;
use crate::scene::{data, key, receipts};
use crate::{EpochData, Sources, write};

/// The distribution before, of two operators.
fn previous() -> SumTree {
    let entry = |(id, nano): (u32, u64)| tatum_merkle::Entry {
        operator_id: OperatorId(id),
        payout: alloy_primitives::Address::repeat_byte(0x0d),
        cumulative_nano: Nano(nano),
    };
    SumTree::build([(0, 10), (1, 20)].map(entry).to_vec()).unwrap()
}

/// The dataset of these receipts, what the chain says, and what a watcher keeps.
fn scene(data: EpochData) -> (TempDir, Dataset, Facts, Kept) {
    let parent = TempDir::new().unwrap();
    let written = write(parent.path(), data).unwrap();
    let dataset = Dataset::open(&written.folder).unwrap();
    let (payers, operators) = (dataset.payers().unwrap(), dataset.operators().unwrap());
    let mut facts = facts(&dataset.manifest().parameters, &payers, &operators).unwrap();
    let previous = previous();
    let node = |signed: &SignedReceipt| (signed.receipt.node, signed.receipt.operator_id);
    facts.nodes = receipts().iter().map(node).collect();
    facts.signers.insert((key(2).address(), key(12).address()));
    facts.finalized = Finalized { root: previous.root(), operators: 2 };
    (parent, dataset, facts, Kept { previous, assented: None, forced: vec![] })
}

#[test]
fn a_watcher_finds_nothing_against_a_dataset() {
    let (_parent, dataset, facts, kept) = scene(data());
    let (proposal, opened) =
        (dataset.manifest().results.proposal(), dataset.proposal_data().unwrap());
    assert_eq!(proposal.check(&facts), Ok(()));
    assert_eq!(proposal.root(&facts), dataset.manifest().results.root);
    assert_eq!(opened.receipts.commitment(), proposal.receipts);
    assert_eq!(opened.edges.commitment(), proposal.edges);
    assert_eq!(find(&proposal, &opened, &kept, &facts), Verdict::Right);
}

#[test]
fn a_watcher_finds_nothing_against_a_dataset_of_what_was_assented_to_and_forced() {
    let signed = receipts();
    let assented =
        ListData::new(signed[1..5].iter().map(|signed| signed.encode().to_vec()).collect());
    let assented = assented.unwrap();
    let sources = Sources::of(signed[1..5].iter().map(|signed| signed.leaf()));
    let mut with = EpochData { sources, ..data() };
    with.parameters.assented = Some(assented.commitment());
    let (_parent, dataset, mut facts, mut kept) = scene(with);
    kept.assented = Some(assented);
    let (proposal, opened) =
        (dataset.manifest().results.proposal(), dataset.proposal_data().unwrap());
    let said = |facts: &Facts, kept: &Kept| match find(&proposal, &opened, kept, facts) {
        Verdict::Wrong(disproof) => Some(Disproof::kind(&disproof)),
        Verdict::Right => None,
        Verdict::Withheld(demand) => panic!("{demand:?}"),
    };
    // Two were neither assented to nor forced; forced, they belong in.
    assert_eq!(said(&facts, &kept), Some(Kind::Extra));
    kept.forced = vec![signed[0].clone(), signed[5].clone()];
    facts.forced = kept.forced.iter().map(|signed| signed.leaf()).collect();
    assert_eq!(said(&facts, &kept), None);
}

#[test]
fn a_watcher_finds_what_a_dataset_leaves_out_or_pays_too_much() {
    let without = EpochData { receipts: receipts()[1..].to_vec(), ..data() };
    let (_parent, dataset, mut facts, mut kept) = scene(without);
    let (proposal, opened) =
        (dataset.manifest().results.proposal(), dataset.proposal_data().unwrap());
    kept.forced = receipts()[..1].to_vec();
    facts.forced = [receipts()[0].leaf()].into();
    let found = |proposal: &Proposal, facts: &Facts, kept: &Kept| match find(
        proposal, &opened, kept, facts,
    ) {
        Verdict::Wrong(disproof) => {
            assert!(disproof.holds(proposal, facts), "{disproof:?}");
            disproof.kind()
        }
        other => panic!("{other:?}"),
    };
    assert_eq!(found(&proposal, &facts, &kept), Kind::IgnoredForced);
    // By another rule than the chain's.
    let (mut other, nothing) = (facts.clone(), Kept { forced: vec![], ..kept });
    other.rule.pool_limit_bps = tatum_primitives::Bps::new(1).unwrap();
    assert_eq!(found(&proposal, &other, &nothing), Kind::BadEntry);
    let more = Proposal { work_nano: Nano(proposal.work_nano.0 + 1), ..proposal };
    assert_eq!(found(&more, &facts, &nothing), Kind::BadEdgeStep);
}

#[test]
fn lines_are_those_that_the_book_writes_of_the_same_receipts() {
    let (_parent, dataset, facts, _) = scene(data());
    let mut totals = ReceiptTotals::default();
    let mut signed = receipts();
    signed.sort_by_key(|signed| signed.receipt.key());
    let lines = signed.iter().map(|signed| {
        let receipt = &signed.receipt;
        let units = totals.push(receipt.payer, receipt.operator_id, receipt.bytes_on_time);
        let (edge_units, payer_units) = units.unwrap();
        let (signed, source) = (signed.encode(), tatum_watcher::FORCED);
        ReceiptLeaf { signed, edge_units, payer_units, source }.encode()
    });
    let lines: Vec<_> = lines.collect();
    let got: Vec<_> = dataset.receipt_lines().unwrap().map(Result::unwrap).collect();
    assert_eq!(got, lines);
    let book = Book::of(totals.finish(), |payer| facts.steered_nano(payer)).unwrap();
    assert_eq!(dataset.book().unwrap(), book);
    let results = &dataset.manifest().results;
    assert_eq!(results.work_nano, book.work_nano);
    let works = dataset.distribution().unwrap().iter().map(|row| row.work_nano).collect::<Vec<_>>();
    assert_eq!(works, book.works(3));
    assert_ne!(results.receipts.top, B256::ZERO);
}
