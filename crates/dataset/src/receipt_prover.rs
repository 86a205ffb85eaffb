//! Proofs that receipts were counted, made from a dataset's files.
//!
//! Invariant: a proof is made from the rows as they are in the file now; what is in memory only says where to look. Memory
//! is 16 bytes a receipt, and one row group while a proof is made.

use std::num::NonZero;

use alloy_primitives::B256;
use tatum_merkle::{ReceiptsRoot, ReceiptsTree, map_in_order};
use tatum_receipt::{Acknowledgement, SignedReceipt, Verifier};

use crate::table::{Row, place_of_row, row_number};
use crate::{Dataset, Error, ReceiptProof};

/// Proves receipts of one dataset.
#[derive(Debug)]
pub struct ReceiptProver {
    dataset: Dataset,
    verifier: Verifier,
    /// Over the roots of the row groups: each but the last is a full subtree, and so is a node of the receipts tree.
    groups: ReceiptsTree,
    /// The head of each leaf with its row, in order.
    places: Vec<(u64, u64)>,
}

impl ReceiptProver {
    /// Reads all receipts once, on all cores.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of reading.
    pub fn new(dataset: Dataset) -> Result<Self, Error> {
        let groups: Vec<usize> = (0..dataset.table::<SignedReceipt>()?.groups()).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        let (mut roots, mut places) = (Vec::with_capacity(groups.len()), Vec::new());
        for some in groups.chunks(cores) {
            let read =
                map_in_order(some, 1, |group| Ok::<_, Error>(leaves(&rows(&dataset, *group)?)))?;
            for (group, leaves) in some.iter().zip(read) {
                let place = |(at, leaf): (usize, &B256)| (head(*leaf), row_number(*group, at));
                places.extend(leaves.iter().enumerate().map(place));
                let mut root = ReceiptsRoot::default();
                root.extend(leaves);
                roots.push(root.root());
            }
        }
        places.sort_unstable();
        let verifier = Verifier::new(dataset.manifest().parameters.domain());
        Ok(Self { dataset, verifier, groups: ReceiptsTree::build(&roots), places })
    }

    /// The proof that the receipt with this leaf was counted; with the node's acknowledgement, if at hand.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuchReceipt`] if it was not counted: a newer one was, or it came too late. Any [`Error`] of reading.
    pub fn prove(
        &self,
        leaf: B256,
        acknowledgement: Option<Acknowledgement>,
    ) -> Result<ReceiptProof, Error> {
        let (signed, proof) = self.find(leaf)?.ok_or(Error::NoSuchReceipt(leaf))?;
        let signer = self.verifier.signer(&signed).map_err(|_| Error::NoSuchReceipt(leaf))?;
        let manifest = self.dataset.manifest().clone();
        Ok(ReceiptProof {
            domain: manifest.parameters.domain(),
            receipt: signed.receipt,
            signature: signed.signature,
            acknowledgement,
            signer,
            leaf,
            proof,
            receipts_root: manifest.results.receipts_root,
            manifest_hash: self.dataset.manifest_hash(),
            manifest,
        })
    }

    /// The receipt with this leaf, and the siblings on its way to the root.
    fn find(&self, leaf: B256) -> Result<Option<(SignedReceipt, Vec<B256>)>, Error> {
        let first = self.places.partition_point(|(of, _)| *of < head(leaf));
        let alike = self.places.iter().skip(first).take_while(|(of, _)| *of == head(leaf));
        for (_, row) in alike {
            let (group, at) = place_of_row(*row);
            let mut rows = rows(&self.dataset, group)?;
            let leaves = leaves(&rows);
            if leaves.get(at) != Some(&leaf) || at >= rows.len() {
                continue;
            }
            let within = ReceiptsTree::build(&leaves).proof(at);
            let (Some(mut proof), Some(above)) = (within, self.groups.proof(group)) else {
                continue;
            };
            proof.extend(above);
            return Ok(Some((rows.swap_remove(at), proof)));
        }
        Ok(None)
    }
}

fn rows(dataset: &Dataset, group: usize) -> Result<Vec<SignedReceipt>, Error> {
    // A reader of its own, because readers of one file share its position.
    let rows = dataset.table::<SignedReceipt>()?.group(group)?;
    let numbered = rows.into_iter().enumerate();
    let named = numbered.map(|(at, row)| {
        row.map_err(|source| Error::Row {
            file: SignedReceipt::FILE,
            row: row_number(group, at),
            source,
        })
    });
    named.collect()
}

fn leaves(rows: &[SignedReceipt]) -> Vec<B256> {
    rows.iter().map(SignedReceipt::leaf).collect()
}

/// What leaves are found by; equal heads are told apart in the file.
fn head(leaf: B256) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = leaf.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
