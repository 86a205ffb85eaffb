//! Every disproof that can be opened against a proposal: all places, all gaps, every pair of the two.

use tatum_primitives::OperatorId;

use crate::{Disproof, FORCED, Kept, Of, ProposalData, ReceiptLeaf};

/// All of them.
pub fn every_call(data: &ProposalData, kept: &Kept) -> Vec<Disproof> {
    let mut calls = Vec::new();
    let receipts: Vec<_> =
        (0..=data.receipts.count()).filter_map(|g| data.receipts.gap(g)).collect();
    let edges: Vec<_> = (0..=data.edges.count()).filter_map(|g| data.edges.gap(g)).collect();
    calls.extend(receipts.iter().cloned().map(|receipts| Disproof::BadReceiptStep { receipts }));
    calls.extend(edges.iter().cloned().map(|edges| Disproof::BadEdgeStep { edges }));
    for index in 0..data.receipts.count() {
        let receipt = data.receipts.opening(index).unwrap();
        calls.push(Disproof::BadReceipt { index, receipt: receipt.clone() });
        calls.extend(edges.iter().cloned().map(|edges| Disproof::MissingEdge {
            index,
            receipt: receipt.clone(),
            edges,
        }));
        let source = ReceiptLeaf::decode(&receipt.leaf).map_or(FORCED, |line| line.source);
        let source = kept.assented.as_ref().and_then(|list| list.source(source));
        calls.push(Disproof::Extra { index, receipt: receipt.clone(), source });
        calls.push(Disproof::Extra { index, receipt, source: None });
    }
    for index in 0..data.edges.count() {
        let edge = data.edges.opening(index).unwrap();
        calls.push(Disproof::BadEdge { index, edge: edge.clone() });
        for of in [Of::Operator, Of::Payer] {
            calls.extend(receipts.iter().cloned().map(|receipts| Disproof::BadEdgeUnits {
                index,
                edge: edge.clone(),
                of,
                receipts,
            }));
        }
    }
    for signed in &kept.forced {
        calls.extend(receipts.iter().cloned().map(|receipts| Disproof::IgnoredForced {
            signed: Box::new(signed.clone()),
            receipts,
        }));
    }
    if let Some(list) = &kept.assented {
        for index in 0..list.count() {
            let assented = list.opening(index).unwrap();
            calls.extend(receipts.iter().cloned().map(|receipts| Disproof::IgnoredAssented {
                index,
                assented: assented.clone(),
                receipts,
            }));
        }
    }
    let words = data.entries.as_ref().unwrap();
    for (id, word) in (0u32..).zip(words.words()) {
        let (place, old) = (OperatorId(id), kept.old_entry(OperatorId(id)));
        let siblings = words.siblings(id.try_into().unwrap());
        calls.extend(edges.iter().cloned().map(|edges| Disproof::BadEntry {
            place,
            word: *word,
            siblings: siblings.clone(),
            old: old.clone(),
            edges,
        }));
    }
    calls
}
