//! Proofs that receipts were counted, made from a dataset's files.
//!
//! Invariant: a proof is made from the rows as they are in the file now; what is in memory only says where to look. Memory
//! is 16 bytes a receipt, and one row group while a proof is made.

use alloy_primitives::B256;
use tatum_merkle::{Gap, ListWords, Opening, hash_in_order, map_in_order};
use tatum_receipt::{Acknowledgement, Verifier};
use tatum_watcher::{FORCED, ReceiptLeaf, ReceiptTotals};

use crate::lineup::{each_group, line, rows};
use crate::receipt_proof::Place;
use crate::table::{Row, place_of_row, row_number};
use crate::{CountedReceipt, Dataset, Error, ReceiptProof};

/// Proves receipts of one dataset.
#[derive(Debug)]
pub struct ReceiptProver {
    dataset: Dataset,
    verifier: Verifier,
    /// Over the tops of the row groups: each but the last is a full subtree, and so is a word of the whole list.
    groups: ListWords,
    /// The totals before each row group.
    before: Vec<ReceiptTotals>,
    /// The head of each receipt's hash with its row, in order.
    places: Vec<(u64, u64)>,
}

impl ReceiptProver {
    /// Reads all receipts once, on all cores.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of reading.
    pub fn new(dataset: Dataset) -> Result<Self, Error> {
        let (mut tops, mut before, mut places) = (Vec::new(), Vec::new(), Vec::new());
        let mut totals = ReceiptTotals::default();
        each_group(&dataset, |group, receipts| {
            before.push(totals.without_edges());
            tops.push(words(&mut totals, group, &receipts)?.commitment().top);
            let leaf = |counted: &CountedReceipt| Ok::<_, Error>(head(counted.signed.leaf()));
            let heads = map_in_order(&receipts, 1 << 10, leaf)?;
            let numbered = heads.into_iter().enumerate();
            places.extend(numbered.map(|(at, head)| (head, row_number(group, at))));
            Ok(())
        })?;
        places.sort_unstable();
        let verifier = Verifier::new(dataset.manifest().parameters.domain());
        let groups = ListWords::build(tops)?;
        Ok(Self { dataset, verifier, groups, before, places })
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
        let (counted, place) = self.find(leaf)?.ok_or(Error::NoSuchReceipt(leaf))?;
        let signed = counted.signed;
        let signer = self.verifier.signer(&signed).map_err(|_| Error::NoSuchReceipt(leaf))?;
        let manifest = self.dataset.manifest().clone();
        Ok(ReceiptProof {
            domain: manifest.parameters.domain(),
            receipt: signed.receipt,
            signature: signed.signature,
            acknowledgement,
            signer,
            leaf,
            place,
            manifest_hash: self.dataset.manifest_hash(),
            manifest,
        })
    }

    /// The two lines around the place `behind`, opened against the list that the manifest names.
    ///
    /// # Errors
    ///
    /// Any [`Error`] of reading; of the tree, if the list is shorter.
    pub fn gap(&self, behind: u32) -> Result<Gap, Error> {
        let count = self.dataset.manifest().results.receipts.count;
        let left = behind.checked_sub(1).map(|row| self.opening(row)).transpose()?;
        let right = (behind < count).then(|| self.opening(behind)).transpose()?;
        Ok(Gap { place: behind, left, right })
    }

    fn opening(&self, row: u32) -> Result<Opening, Error> {
        let (group, at) = place_of_row(row.into());
        let receipts = rows(self.dataset.folder(), group)?;
        let Place { edge_units, payer_units, source, path, .. } =
            self.place(row.into(), group, at, &receipts)?;
        let count = self.dataset.manifest().results.receipts.count;
        let missing = tatum_merkle::Error::NoSuchLeaf { index: row, count };
        let signed = receipts.get(at).ok_or(missing)?.signed.encode();
        let leaf = ReceiptLeaf { signed, edge_units, payer_units, source }.encode();
        Ok(Opening { leaf, path })
    }

    /// The receipt with this leaf, and its place in the list.
    fn find(&self, leaf: B256) -> Result<Option<(CountedReceipt, Place)>, Error> {
        let first = self.places.partition_point(|(of, _)| *of < head(leaf));
        let alike = self.places.iter().skip(first).take_while(|(of, _)| *of == head(leaf));
        for (_, row) in alike {
            let (group, at) = place_of_row(*row);
            let mut receipts = rows(self.dataset.folder(), group)?;
            if receipts.get(at).is_none_or(|counted| counted.signed.leaf() != leaf) {
                continue;
            }
            let place = self.place(*row, group, at, &receipts)?;
            return Ok(Some((receipts.swap_remove(at), place)));
        }
        Ok(None)
    }

    fn place(
        &self,
        row: u64,
        group: usize,
        at: usize,
        receipts: &[CountedReceipt],
    ) -> Result<Place, Error> {
        let mut totals = self.before.get(group).cloned().unwrap_or_default();
        let words = words(&mut totals.clone(), group, receipts)?;
        for (at, counted) in receipts.iter().enumerate().take(at.saturating_add(1)) {
            line(&mut totals, counted).map_err(in_row(group, at))?;
        }
        let (edge_units, payer_units) = totals.last();
        let source = receipts.get(at).map_or(FORCED, |counted| counted.source);
        let number = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let mut path = words.path(number(at))?;
        path.extend(self.groups.path(number(group))?);
        Ok(Place { index: row, edge_units, payer_units, source, path })
    }
}

/// The words over the lines of a row group.
fn words(
    totals: &mut ReceiptTotals,
    group: usize,
    receipts: &[CountedReceipt],
) -> Result<ListWords, Error> {
    let lines = receipts.iter().enumerate();
    let lines = lines.map(|(at, counted)| line(totals, counted).map_err(in_row(group, at)));
    let lines: Vec<Vec<u8>> = lines.collect::<Result<_, _>>()?;
    let hashes = hash_in_order(&lines);
    Ok(ListWords::build(hashes)?)
}

fn in_row(group: usize, at: usize) -> impl FnOnce(crate::RowError) -> Error {
    move |source| Error::Row { file: CountedReceipt::FILE, row: row_number(group, at), source }
}

/// What receipts are found by; equal heads are told apart in the file.
fn head(leaf: B256) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = leaf.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}
