//! An epoch's receipts in canonical order: their root, their number and their bytes.
//!
//! Invariant: what was lined up is in canonical order (payer, operator, node, stream, role, reader), of one epoch, and holds
//! no key twice.

use std::num::NonZero;
use std::path::Path;

use alloy_primitives::B256;
use tatum_merkle::{ReceiptsRoot, map_in_order};
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, ReceiptKey, SignedReceipt};

use crate::table::{Row, TableReader, row_number};
use crate::{Error, RowError};

/// Receipts in canonical order, each key once.
#[derive(Clone, Debug)]
pub(crate) struct Lineup {
    epoch: Epoch,
    last: Option<ReceiptKey>,
    root: ReceiptsRoot,
    receipts: u64,
    bytes: u128,
}

/// What an epoch's receipts are, apart from what each pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counted {
    /// Root of the receipts tree.
    pub(crate) receipts_root: B256,
    /// Sum of their payload bytes.
    pub(crate) bytes: u128,
}

impl Lineup {
    pub(crate) fn new(epoch: Epoch) -> Self {
        Self { epoch, last: None, root: ReceiptsRoot::default(), receipts: 0, bytes: 0 }
    }

    /// Adds the next receipt, whose leaf was worked out elsewhere. On an error the line-up is as before.
    pub(crate) fn push(&mut self, receipt: &DeliveryReceipt, leaf: B256) -> Result<(), RowError> {
        self.take(receipt)?;
        self.root.push(leaf);
        Ok(())
    }

    /// Lines up the receipts in a folder's file and tells `each` of them, until one fails. Leaves are hashed on all cores;
    /// memory is a row group for each. Signatures are taken as verified.
    pub(crate) fn read(
        folder: &Path,
        epoch: Epoch,
        mut each: impl FnMut(&DeliveryReceipt) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut lineup = Self::new(epoch);
        let groups = TableReader::<SignedReceipt>::open(folder)?.groups();
        let groups: Vec<usize> = (0..groups).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for some in groups.chunks(cores) {
            for (receipts, root) in map_in_order(some, 1, |group| hashed_group(folder, *group))? {
                for receipt in &receipts {
                    let row = lineup.receipts;
                    lineup.take(receipt).map_err(in_row(row))?;
                    each(receipt)?;
                }
                if !lineup.root.append(&root) {
                    return Err(Error::Columns { path: folder.join(SignedReceipt::FILE) });
                }
            }
        }
        Ok(lineup)
    }

    /// Adds everything of a receipt but its leaf.
    fn take(&mut self, receipt: &DeliveryReceipt) -> Result<(), RowError> {
        if receipt.epoch != self.epoch {
            return Err(RowError::WrongEpoch { expected: self.epoch, got: receipt.epoch });
        }
        let key = receipt.key();
        match self.last {
            Some(last) if last == key => return Err(RowError::KeyTwice),
            Some(last) if last > key => return Err(RowError::OutOfOrder),
            _ => self.last = Some(key),
        }
        self.receipts = self.receipts.saturating_add(1);
        self.bytes = self.bytes.saturating_add(receipt.bytes.into());
        Ok(())
    }

    pub(crate) const fn receipts(&self) -> u64 {
        self.receipts
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted { receipts_root: self.root.root(), bytes: self.bytes }
    }
}

/// The receipts of one row group, and the root over their leaves.
fn hashed_group(
    folder: &Path,
    group: usize,
) -> Result<(Vec<DeliveryReceipt>, ReceiptsRoot), Error> {
    // A reader of its own, because readers of one file share its position.
    let rows = TableReader::<SignedReceipt>::open(folder)?.group(group)?;
    let mut receipts = Vec::with_capacity(rows.len());
    let mut root = ReceiptsRoot::default();
    for (at, signed) in rows.into_iter().enumerate() {
        let signed = signed.map_err(in_row(row_number(group, at)))?;
        root.push(signed.leaf());
        receipts.push(signed.receipt);
    }
    Ok((receipts, root))
}

fn in_row(row: u64) -> impl FnOnce(RowError) -> Error {
    move |source| Error::Row { file: SignedReceipt::FILE, row, source }
}
