//! Finds the disproof that applies to a proposal, or says what must be shown first.
//!
//! Invariant: what is found holds; if nothing is found and nothing withheld, the proposal is right. In lists that ascend every
//! look-up has one answer, so the search is one pass over both lists with a binary search a line.

use alloy_primitives::keccak256;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::{KEY_BYTES, SignedReceipt};

use crate::leaf::edge_key;
use crate::rules::{self, Around};
use crate::{
    Disproof, EdgeLeaf, EntryWords, Facts, Kept, Kind, ListData, Of, Proposal, ProposalData,
    ReceiptLeaf,
};

/// What a watcher finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is wrong.
    Right,
    /// This shows what is.
    Wrong(Box<Disproof>),
    /// Nothing that can be opened is wrong, but not all can be.
    Withheld(Demand),
}

/// What must be shown before more can be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// Words of the receipts, from the top.
    Receipts,
    /// The receipt at this place.
    Receipt(u32),
    /// Words of the edges, from the top.
    Edges,
    /// The edge at this place.
    Edge(u32),
    /// Words of the entries, from the top.
    Entries,
}

/// What there is to say about a proposal.
pub fn find(proposal: &Proposal, data: &ProposalData, kept: &Kept, facts: &Facts) -> Verdict {
    find_without(None, proposal, data, kept, facts)
}

/// As [`find`], as if one rule did not exist.
pub fn find_without(
    left_out: Option<Kind>,
    proposal: &Proposal,
    data: &ProposalData,
    kept: &Kept,
    facts: &Facts,
) -> Verdict {
    let shown = |list: &'_ ListData, of| (list.commitment() == of).then_some(());
    let receipts = shown(&data.receipts, proposal.receipts).map(|()| &data.receipts);
    let edges = shown(&data.edges, proposal.edges).map(|()| &data.edges);
    let entries = data.entries.as_ref().filter(|words| words.top() == proposal.entries_top);
    let search = Search { left_out, proposal, receipts, edges, entries, kept, facts };
    match (search.disproof(), search.demand()) {
        (Some(disproof), _) => Verdict::Wrong(Box::new(disproof)),
        (None, Some(demand)) => Verdict::Withheld(demand),
        (None, None) => Verdict::Right,
    }
}

struct Search<'a> {
    left_out: Option<Kind>,
    proposal: &'a Proposal,
    receipts: Option<&'a ListData>,
    edges: Option<&'a ListData>,
    entries: Option<&'a EntryWords>,
    kept: &'a Kept,
    facts: &'a Facts,
}

impl Search<'_> {
    fn demand(&self) -> Option<Demand> {
        let Some(receipts) = self.receipts else { return Some(Demand::Receipts) };
        let Some(edges) = self.edges else { return Some(Demand::Edges) };
        let receipt = receipts.first_withheld().map(Demand::Receipt);
        let edge = edges.first_withheld().map(Demand::Edge);
        receipt.or(edge).or_else(|| self.entries.is_none().then_some(Demand::Entries))
    }

    /// First what needs one list, then what compares them: so the look-ups are in lists that ascend.
    fn disproof(&self) -> Option<Disproof> {
        let receipts = self.receipts.and_then(|list| self.in_receipts(list));
        let found = receipts.or_else(|| self.in_edges(self.edges?));
        let found = found.or_else(|| self.between(self.receipts?, self.edges?));
        let found = found.or_else(|| self.ignored(self.receipts?));
        found.or_else(|| self.in_entries(self.entries?, self.edges?))
    }

    fn asks(&self, kind: Kind) -> bool {
        self.left_out != Some(kind)
    }

    fn in_receipts(&self, list: &ListData) -> Option<Disproof> {
        (0..list.count()).find_map(|index| {
            let leaf = list.leaf(index)?;
            if self.asks(Kind::BadReceipt) && rules::bad_receipt(leaf, self.facts) {
                return Some(Disproof::BadReceipt { index, receipt: list.opening(index)? });
            }
            let step = list.around(index).is_some_and(rules::bad_receipt_step);
            if step && self.asks(Kind::BadReceiptStep) {
                return Some(Disproof::BadReceiptStep { receipts: list.gap(index)? });
            }
            if self.asks(Kind::Extra) { self.extra(list, index, leaf) } else { None }
        })
    }

    fn extra(&self, list: &ListData, index: u32, leaf: &[u8]) -> Option<Disproof> {
        let assented = self.kept.assented.as_ref()?;
        let source = assented.source(ReceiptLeaf::decode(leaf)?.source);
        rules::extra(leaf, source.as_ref().map(|source| source.word), self.facts).then_some(())?;
        Some(Disproof::Extra { index, receipt: list.opening(index)?, source })
    }

    fn in_edges(&self, list: &ListData) -> Option<Disproof> {
        let single = (0..list.count()).filter(|_| self.asks(Kind::BadEdge)).find_map(|index| {
            rules::bad_edge(list.leaf(index)?, self.facts).then_some(())?;
            Some(Disproof::BadEdge { index, edge: list.opening(index)? })
        });
        let work = self.proposal.work_nano;
        let mut steps = (0..=list.count()).filter(|_| self.asks(Kind::BadEdgeStep));
        single.or_else(|| {
            steps.find_map(|place| {
                rules::bad_edge_step(list.around(place)?, work).then_some(())?;
                Some(Disproof::BadEdgeStep { edges: list.gap(place)? })
            })
        })
    }

    fn between(&self, receipts: &ListData, edges: &ListData) -> Option<Disproof> {
        let (by_receipt, by_edge) = (Places::of(receipts, KEY_BYTES), Places::of(edges, 24));
        let units = (0..edges.count()).filter(|_| self.asks(Kind::BadEdgeUnits));
        let units = { units }.find_map(|index| bad_units(edges, index, &by_receipt));
        let mut missing = (0..receipts.count()).filter(|_| self.asks(Kind::MissingEdge));
        units.or_else(|| missing.find_map(|index| missing_edge(receipts, index, &by_edge)))
    }

    fn ignored(&self, receipts: &ListData) -> Option<Disproof> {
        let places = Places::of(receipts, KEY_BYTES);
        let gap = |signed: &SignedReceipt| {
            let key = signed.receipt.key().encode();
            places.find(&key, |around| rules::ignored(signed, around, self.facts))
        };
        let mut forced = self.kept.forced.iter().filter(|_| self.asks(Kind::IgnoredForced));
        let known =
            |signed: &SignedReceipt| self.facts.forced.contains(&keccak256(signed.encode()));
        let forced = forced.find_map(|signed| {
            known(signed).then_some(())?;
            let receipts = receipts.gap(gap(signed)?)?;
            Some(Disproof::IgnoredForced { signed: Box::new(signed.clone()), receipts })
        });
        let assented = self.kept.assented.as_ref().filter(|_| self.asks(Kind::IgnoredAssented));
        forced.or_else(|| {
            let assented = assented?;
            (0..assented.count()).find_map(|index| {
                let signed = rules::assented(assented.leaf(index)?)?;
                let receipts = receipts.gap(gap(&signed)?)?;
                let assented = assented.opening(index)?;
                Some(Disproof::IgnoredAssented { index, assented, receipts })
            })
        })
    }

    fn in_entries(&self, words: &EntryWords, edges: &ListData) -> Option<Disproof> {
        let round = self.facts.round(self.proposal.work_nano).ok()?;
        let places = Places::of(edges, 24);
        let mut ids = (0u32..).zip(words.words()).filter(|_| self.asks(Kind::BadEntry));
        ids.find_map(|(id, word)| {
            let place = OperatorId(id);
            let old = self.kept.old_entry(place);
            let before: Nano = old.word.sum();
            let gap = places.find(&id.to_be_bytes(), |around| {
                rules::bad_entry(self.facts, &round, place, *word, before, around)
            })?;
            let siblings = words.siblings(usize::try_from(id).ok()?);
            Some(Disproof::BadEntry { place, word: *word, siblings, old, edges: edges.gap(gap)? })
        })
    }
}

fn bad_units(edges: &ListData, index: u32, receipts: &Places<'_>) -> Option<Disproof> {
    let leaf = edges.leaf(index)?;
    let edge = EdgeLeaf::decode(leaf)?;
    let pair = [edge.payer.as_slice(), &edge.operator_id.0.to_be_bytes()].concat();
    [(Of::Operator, pair.as_slice()), (Of::Payer, edge.payer.as_slice())].into_iter().find_map(
        |(of, x)| {
            let place = receipts.find(x, |around| rules::bad_edge_units(leaf, of, around))?;
            let receipts = receipts.list.gap(place)?;
            Some(Disproof::BadEdgeUnits { index, edge: edges.opening(index)?, of, receipts })
        },
    )
}

fn missing_edge(receipts: &ListData, index: u32, edges: &Places<'_>) -> Option<Disproof> {
    let leaf = receipts.leaf(index)?;
    let line = ReceiptLeaf::decode(leaf)?;
    let x = edge_key(line.operator_id(), line.payer());
    let place = edges.find(&x, |around| rules::missing_edge(leaf, around))?;
    let edges = edges.list.gap(place)?;
    Some(Disproof::MissingEdge { index, receipt: receipts.opening(index)?, edges })
}

/// Where a key may belong in a list: one place if the list ascends, else any.
struct Places<'a> {
    list: &'a ListData,
    ascends: bool,
}

impl<'a> Places<'a> {
    fn of(list: &'a ListData, key_bytes: usize) -> Self {
        Self { list, ascends: list.ascends(key_bytes) }
    }

    /// The first place for the key `x` whose neighbours show a lie.
    fn find(&self, x: &[u8], shows: impl Fn(Around<'_>) -> bool) -> Option<u32> {
        let shows = |place: &u32| self.list.around(*place).is_some_and(&shows);
        if self.ascends {
            return Some(self.list.place_of(x)).filter(shows);
        }
        (0..=self.list.count()).find(shows)
    }
}
