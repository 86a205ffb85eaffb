//! What somebody would propose, before it is hashed: every part can be changed by itself.

use alloy_primitives::Address;
use std::collections::BTreeMap;

use tatum_merkle::Word;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::SignedReceipt;

use super::World;
use crate::{
    Book, EdgeLeaf, EntryWords, ListData, Proposal, ProposalData, ReceiptLeaf, ReceiptTotals, Units,
};

/// The lines, the entries and the sum of a proposal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// Lines of the receipts.
    pub receipts: Vec<Vec<u8>>,
    /// Lines of the edges.
    pub edges: Vec<Vec<u8>>,
    /// Words of the entries by place.
    pub entries: Vec<Word>,
    /// The sum of all edges.
    pub work_nano: Nano,
}

impl Draft {
    /// What follows from receipts in order of their keys.
    pub fn of(receipts: &[(SignedReceipt, u32)], world: &World) -> Self {
        let line = |(signed, source): &(SignedReceipt, u32)| {
            let signed = signed.encode();
            ReceiptLeaf { signed, edge_units: 0, payer_units: 0, source: *source }.encode()
        };
        let mut draft = Self { receipts: receipts.iter().map(line).collect(), ..Self::default() };
        draft.retotal_receipts();
        draft.rebuild_edges(world);
        draft.rebuild_entries(world);
        draft
    }

    /// Gives the receipts the totals that their order asks for.
    pub fn retotal_receipts(&mut self) {
        let mut totals = ReceiptTotals::default();
        for bytes in &mut self.receipts {
            let Some(mut line) = ReceiptLeaf::decode(bytes) else { continue };
            let units = totals.push(line.payer(), line.operator_id(), line.units());
            (line.edge_units, line.payer_units) = units.unwrap();
            *bytes = line.encode();
        }
    }

    /// Makes the edges anew from the units of the receipts.
    pub fn rebuild_edges(&mut self, world: &World) {
        let mut pairs: BTreeMap<(Address, OperatorId), u128> = BTreeMap::new();
        let mut payers: BTreeMap<Address, u128> = BTreeMap::new();
        for line in self.receipts.iter().filter_map(|bytes| ReceiptLeaf::decode(bytes)) {
            let units = u128::from(line.units());
            *pairs.entry((line.payer(), line.operator_id())).or_default() += units;
            *payers.entry(line.payer()).or_default() += units;
        }
        let units = pairs.into_iter().map(|((payer, operator_id), units)| Units {
            payer,
            operator_id,
            units,
            payer_units: payers[&payer],
        });
        let book = Book::of(units.collect(), |payer| world.facts.steered_nano(payer)).unwrap();
        self.edges = book.edges.iter().map(EdgeLeaf::encode).collect();
        self.work_nano = book.work_nano;
    }

    /// Gives the edges the totals that their order asks for, and the draft their sum.
    pub fn retotal_edges(&mut self) {
        let (mut before, mut total) = (None, Nano::ZERO);
        for bytes in &mut self.edges {
            let Some(mut edge) = EdgeLeaf::decode(bytes) else { continue };
            let own = before.filter(|(id, _)| *id == edge.operator_id).map_or(0, |(_, nano)| nano);
            edge.operator_nano = Nano(edge.nano.0.wrapping_add(own));
            total = Nano(total.0.wrapping_add(edge.nano.0));
            edge.total_nano = total;
            before = Some((edge.operator_id, edge.operator_nano.0));
            *bytes = edge.encode();
        }
        self.work_nano = total;
    }

    /// Makes the entries anew from the totals of the edges, as far as there is enough to pay.
    pub fn rebuild_entries(&mut self, world: &World) {
        let edges = self.edges.iter().filter_map(|bytes| EdgeLeaf::decode(bytes));
        let works: BTreeMap<OperatorId, Nano> =
            edges.map(|edge| (edge.operator_id, edge.operator_nano)).collect();
        let round = world.facts.round(self.work_nano).unwrap();
        let entry = |id: u32| {
            let work = works.get(&OperatorId(id)).copied().unwrap_or_default();
            let before = world.kept.old_entry(OperatorId(id)).word.sum();
            world.facts.entry(&round, OperatorId(id), work, before)
        };
        let ids = 0..u32::try_from(world.facts.operators.len()).unwrap();
        if let Ok(entries) = ids.map(entry).collect() {
            self.entries = entries;
        }
    }

    /// The receipts with their sources, if every line is one.
    pub fn signed(&self) -> Option<Vec<(SignedReceipt, u32)>> {
        let line = |bytes: &Vec<u8>| {
            let line = ReceiptLeaf::decode(bytes)?;
            Some((line.receipt().ok()?, line.source))
        };
        self.receipts.iter().map(line).collect()
    }

    /// Takes over how the other names and signs one and the same receipt.
    pub(super) fn adopt_sources(&mut self, other: &Self) {
        for (own, theirs) in self.receipts.iter_mut().zip(&other.receipts) {
            let (Some(mut line), Some(their)) =
                (ReceiptLeaf::decode(own), ReceiptLeaf::decode(theirs))
            else {
                continue;
            };
            if line.receipt().map(|s| s.receipt) == their.receipt().map(|s| s.receipt) {
                (line.signed, line.source) = (their.signed, their.source);
                *own = line.encode();
            }
        }
    }

    /// The commitments, and all the data below them. Words that do not add up cannot be shown.
    pub fn propose(&self, world: &World) -> (Proposal, ProposalData) {
        let data = ProposalData {
            receipts: ListData::new(self.receipts.clone()).unwrap(),
            edges: ListData::new(self.edges.clone()).unwrap(),
            entries: EntryWords::build(self.entries.clone(), world.facts.entry_depth()).ok(),
        };
        let proposal = Proposal {
            receipts: data.receipts.commitment(),
            edges: data.edges.commitment(),
            entries_top: data.entries.as_ref().map_or(Word::ZERO, EntryWords::top),
            work_nano: self.work_nano,
        };
        (proposal, data)
    }
}
