//! An epoch's receipts in canonical order: the list that is committed to, its units and its bytes.
//!
//! Invariant: what was lined up is in canonical order (payer, operator, node, stream, role, reader), of one epoch, and holds
//! no key twice; each line repeats the units so far. Memory is bounded, whatever the number of receipts.

use std::num::NonZero;
use std::path::Path;

use alloy_primitives::{B256, keccak256};
use tatum_merkle::{ListBuilder, ListCommitment, map_in_order};
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, ReceiptKey};
use tatum_watcher::{ReceiptLeaf, ReceiptTotals};

use crate::edge_units::{EdgeUnits, SortedUnits};
use crate::table::{Row, TableReader, row_number};
use crate::{CountedReceipt, Error, RowError};

/// How many lines are worth starting a thread for: some half a millisecond of work.
const LINES_A_THREAD: usize = 1 << 10;

/// Receipts in canonical order, each key once.
#[derive(Debug)]
pub(crate) struct Lineup {
    epoch: Epoch,
    last: Option<ReceiptKey>,
    totals: ReceiptTotals,
    /// Of payers that are over.
    units: EdgeUnits,
    list: ListBuilder,
}

/// What an epoch's receipts are, apart from what each pays.
pub(crate) struct Counted {
    /// The list that is committed to.
    pub(crate) receipts: ListCommitment,
    /// Units by operator and payer, in order.
    pub(crate) units: SortedUnits,
}

impl Lineup {
    pub(crate) fn new(epoch: Epoch) -> Self {
        let (totals, list) = (ReceiptTotals::default(), ListBuilder::default());
        Self { epoch, last: None, totals, units: EdgeUnits::default(), list }
    }

    /// Adds the next receipt. On an error the line-up is as before.
    pub(crate) fn push(&mut self, counted: &CountedReceipt) -> Result<(), RowError> {
        let line = self.take(counted)?;
        self.list.push(&line).map_err(RowError::List)
    }

    /// Adds the next receipts, hashing on all cores, and tells `each` of them. The first that fails ends it; those before it
    /// were taken.
    pub(crate) fn push_all<E: From<Error> + Send>(
        &mut self,
        receipts: &[CountedReceipt],
        mut each: impl FnMut(&CountedReceipt) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut lines = Vec::with_capacity(receipts.len());
        for counted in receipts {
            let row = u64::from(self.list.count())
                .saturating_add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
            lines.push(self.take(counted).map_err(|reason| in_row(row)(reason))?);
            each(counted)?;
        }
        let hash = |line: &Vec<u8>| Ok::<B256, E>(keccak256(line));
        for word in map_in_order(&lines, LINES_A_THREAD, hash)? {
            let row = self.list.count().into();
            let full = |error| in_row(row)(RowError::List(error));
            self.list.push_word(word).map_err(full)?;
        }
        Ok(self.set_aside()?)
    }

    /// Sets the edges of payers that are over aside: on disk when there are many.
    pub(crate) fn set_aside(&mut self) -> Result<(), Error> {
        self.units.push_all(self.totals.take_over())
    }

    /// Lines up the receipts in a folder's file. Memory is a row group for each core, and what edges may take. Signatures are
    /// taken as verified.
    pub(crate) fn read(folder: &Path, epoch: Epoch) -> Result<Self, Error> {
        let mut lineup = Self::new(epoch);
        let groups = TableReader::<CountedReceipt>::open(folder)?.groups();
        let groups: Vec<usize> = (0..groups).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for some in groups.chunks(cores) {
            for receipts in map_in_order(some, 1, |group| rows(folder, *group))? {
                lineup.push_all(&receipts, |_| Ok::<_, Error>(()))?;
            }
        }
        Ok(lineup)
    }

    /// The line of the next receipt, which is added to all but the list.
    fn take(&mut self, counted: &CountedReceipt) -> Result<Vec<u8>, RowError> {
        let receipt = &counted.signed.receipt;
        if receipt.epoch != self.epoch {
            return Err(RowError::WrongEpoch { expected: self.epoch, got: receipt.epoch });
        }
        let key = receipt.key();
        match self.last {
            Some(last) if last == key => return Err(RowError::KeyTwice),
            Some(last) if last > key => return Err(RowError::OutOfOrder),
            _ => {}
        }
        let line = line(&mut self.totals, counted)?;
        self.last = Some(key);
        Ok(line)
    }

    pub(crate) fn receipts(&self) -> u64 {
        self.list.count().into()
    }

    pub(crate) fn counted(mut self) -> Result<Counted, Error> {
        self.units.push_all(self.totals.finish())?;
        Ok(Counted { receipts: self.list.commitment(), units: self.units.sorted()? })
    }
}

/// The line of the next receipt in order: the receipt, the units so far, and its source.
pub(crate) fn line(totals: &mut ReceiptTotals, next: &CountedReceipt) -> Result<Vec<u8>, RowError> {
    let DeliveryReceipt { payer, operator_id, bytes_on_time, .. } = next.signed.receipt;
    let (edge_units, payer_units) =
        totals.push(payer, operator_id, bytes_on_time).map_err(RowError::Units)?;
    let (signed, source) = (next.signed.encode(), next.source);
    Ok(ReceiptLeaf { signed, edge_units, payer_units, source }.encode())
}

/// The receipts of one row group.
pub(crate) fn rows(folder: &Path, group: usize) -> Result<Vec<CountedReceipt>, Error> {
    // A reader of its own, because readers of one file share its position.
    let rows = TableReader::<CountedReceipt>::open(folder)?.group(group)?;
    let numbered = rows.into_iter().enumerate();
    numbered.map(|(at, counted)| counted.map_err(in_row(row_number(group, at)))).collect()
}

fn in_row(row: u64) -> impl FnOnce(RowError) -> Error {
    move |source| Error::Row { file: CountedReceipt::FILE, row, source }
}
