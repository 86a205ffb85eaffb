//! From a watcher's disproof to the transaction that carries it.
//!
//! Invariant: each rule has one call, with the openings as the watcher made them; whether it holds is the contract's to say.
//! Source: `Disproofs`.

use alloy::primitives::{Bytes, TxHash};
use tatum_merkle::{Opening, Word};
use tatum_primitives::B256;
use tatum_watcher::{Disproof, Of, OldEntry, Source};

use crate::bindings::disproofs::Disproofs::EntryOpening;
use crate::bindings::disproofs::ISettlement;
use crate::{Chain, Proposal, Result};

impl Chain {
    /// Cancels a proposal by what shows that it is wrong. The reward is ours.
    pub async fn disprove(&self, proposal: &Proposal, disproof: Disproof) -> Result<TxHash> {
        let (contract, proposal) = (&self.disproofs, proposal.into());
        macro_rules! send {
            ($call:expr) => {
                self.send("disproving a proposal", $call).await
            };
        }
        let mined = match disproof {
            Disproof::BadReceipt { index, receipt } => {
                send!(contract.badReceipt(proposal, line(index, receipt)))
            }
            Disproof::BadReceiptStep { receipts } => {
                send!(contract.badReceiptStep(proposal, receipts.into()))
            }
            Disproof::BadEdge { index, edge } => {
                send!(contract.badEdge(proposal, line(index, edge)))
            }
            Disproof::BadEdgeStep { edges } => send!(contract.badEdgeStep(proposal, edges.into())),
            Disproof::BadEdgeUnits { index, edge, of, receipts } => {
                let (edge, of_payer) = (line(index, edge), of == Of::Payer);
                send!(contract.badEdgeUnits(proposal, edge, receipts.into(), of_payer))
            }
            Disproof::MissingEdge { index, receipt, edges } => {
                send!(contract.missingEdge(proposal, line(index, receipt), edges.into()))
            }
            Disproof::IgnoredForced { signed, receipts } => {
                let signed = Bytes::from(signed.encode().to_vec());
                send!(contract.ignoredForced(proposal, signed, receipts.into()))
            }
            Disproof::IgnoredAssented { index, assented, receipts } => {
                send!(contract.ignoredAssented(proposal, line(index, assented), receipts.into()))
            }
            Disproof::BadEntry { place, word, siblings, old, edges } => {
                let OldEntry { word: old_word, siblings: old_siblings } = old;
                let entry = EntryOpening {
                    place: place.0,
                    word: word.0,
                    path: words(&siblings),
                    oldWord: old_word.0,
                    oldPath: words(&old_siblings),
                    around: edges.into(),
                };
                send!(contract.badEntry(proposal, entry))
            }
            Disproof::Extra { index, receipt, source } => {
                let Source { word, path } = source.unwrap_or_default();
                send!(contract.extra(proposal, line(index, receipt), word, path))
            }
        };
        mined.map(|receipt| receipt.transaction_hash)
    }
}

fn words(siblings: &[Word]) -> Vec<B256> {
    siblings.iter().map(|word| word.0).collect()
}

fn line(index: u32, opening: Opening) -> ISettlement::Line {
    ISettlement::Line { index, leaf: opening.leaf.into(), path: opening.path }
}
