//! An epoch's receipts in canonical order: their root, their number and their bytes.
//!
//! Invariant: what was lined up is in canonical order (payer, operator, node, stream, role), of one epoch, and holds no key
//! twice. Memory is the keys of one payer.

use std::collections::HashSet;
use std::num::NonZero;
use std::path::Path;

use alloy_primitives::{Address, B256};
use tatum_merkle::{ReceiptsRoot, map_in_order};
use tatum_primitives::{Epoch, NodeId, OperatorId, Role, StreamKey};
use tatum_receipt::{DeliveryReceipt, SignedReceipt};
use tatum_rewards::units_down;

use crate::table::{Row, TableReader, row_number};
use crate::{Error, RowError};

/// A receipt's place in the canonical order.
type Place = (Address, OperatorId, NodeId, StreamKey, Role);

/// Receipts in canonical order, each key once.
#[derive(Clone, Debug)]
pub(crate) struct Lineup {
    epoch: Epoch,
    last: Option<Place>,
    /// Keys of the payer at hand, without the payer: order alone does not show a key that stands under two operators.
    keys: HashSet<(NodeId, StreamKey, Role)>,
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
        Self {
            epoch,
            last: None,
            keys: HashSet::new(),
            root: ReceiptsRoot::default(),
            receipts: 0,
            bytes: 0,
        }
    }

    /// Adds the next receipt, whose leaf was worked out elsewhere, and says how many units it states. On an error the
    /// line-up is as before.
    pub(crate) fn push(&mut self, receipt: &DeliveryReceipt, leaf: B256) -> Result<u64, RowError> {
        let units = self.take(receipt)?;
        self.root.push(leaf);
        Ok(units)
    }

    /// Lines up the receipts in a folder's file and tells `each` of them with its units, until one fails. Leaves are hashed on all cores;
    /// memory is a row group for each. Signatures are taken as verified.
    pub(crate) fn read(
        folder: &Path,
        epoch: Epoch,
        mut each: impl FnMut(&DeliveryReceipt, u64) -> Result<(), Error>,
    ) -> Result<Self, Error> {
        let mut lineup = Self::new(epoch);
        let groups = TableReader::<SignedReceipt>::open(folder)?.groups();
        let groups: Vec<usize> = (0..groups).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for some in groups.chunks(cores) {
            for (receipts, root) in map_in_order(some, 1, |group| hashed_group(folder, *group))? {
                for receipt in &receipts {
                    let row = lineup.receipts;
                    let units = lineup.take(receipt).map_err(in_row(row))?;
                    each(receipt, units)?;
                }
                if !lineup.root.append(&root) {
                    return Err(Error::Columns { path: folder.join(SignedReceipt::FILE) });
                }
            }
        }
        Ok(lineup)
    }

    /// Adds everything of a receipt but its leaf.
    fn take(&mut self, receipt: &DeliveryReceipt) -> Result<u64, RowError> {
        if receipt.epoch != self.epoch {
            return Err(RowError::WrongEpoch { expected: self.epoch, got: receipt.epoch });
        }
        let units = units_down(receipt.bytes, receipt.on_time, receipt.messages);
        let units = units.map_err(RowError::Units)?;
        self.take_place(receipt)?;
        self.receipts = self.receipts.saturating_add(1);
        self.bytes = self.bytes.saturating_add(receipt.bytes.into());
        Ok(units)
    }

    pub(crate) const fn receipts(&self) -> u64 {
        self.receipts
    }

    pub(crate) fn counted(&self) -> Counted {
        Counted { receipts_root: self.root.root(), bytes: self.bytes }
    }

    fn take_place(&mut self, receipt: &DeliveryReceipt) -> Result<(), RowError> {
        let place = place(receipt);
        match self.last {
            Some(last) if last == place => return Err(RowError::KeyTwice),
            Some(last) if last > place => return Err(RowError::OutOfOrder),
            Some(last) if last.0 == place.0 => {}
            _ => self.keys.clear(),
        }
        if !self.keys.insert((receipt.node, receipt.stream_key, receipt.role)) {
            return Err(RowError::KeyTwice);
        }
        self.last = Some(place);
        Ok(())
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

/// Where a receipt stands in the canonical order.
pub(crate) fn place(receipt: &DeliveryReceipt) -> Place {
    (receipt.payer, receipt.operator_id, receipt.node, receipt.stream_key, receipt.role)
}
