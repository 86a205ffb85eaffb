//! An epoch's receipts in canonical order: the list that is committed to, its units and its bytes.
//!
//! Invariant: what was lined up is in canonical order (payer, operator, node, stream, role, reader), of one epoch, and holds
//! no key twice; each line repeats the units so far. Memory is bounded, whatever the number of receipts.

use std::num::NonZero;
use std::path::Path;

use tatum_merkle::{ListBuilder, ListCommitment, hash_in_order, map_in_order};
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, ReceiptKey};
use tatum_watcher::{ReceiptLeaf, ReceiptTotals};

use crate::edge_units::{EdgeUnits, SortedUnits};
use crate::table::{Row, TableReader, row_number};
use crate::{CountedReceipt, Error, RowError};

/// Lines that are hashed at a time, on all cores.
const LINES_AT_A_TIME: usize = 1 << 14;

/// Receipts in canonical order, each key once.
#[derive(Debug)]
pub(crate) struct Lineup {
    epoch: Epoch,
    last: Option<ReceiptKey>,
    totals: ReceiptTotals,
    /// Of payers that are over.
    units: EdgeUnits,
    list: ListBuilder,
    /// Lines that are not in the list yet: hashing many together is cheaper.
    waiting: Vec<Vec<u8>>,
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
        Self {
            epoch,
            last: None,
            totals: ReceiptTotals::default(),
            units: EdgeUnits::default(),
            list: ListBuilder::default(),
            waiting: Vec::new(),
        }
    }

    /// Adds the next receipt. On an error the line-up is as before.
    pub(crate) fn push(&mut self, counted: &CountedReceipt) -> Result<(), RowError> {
        let line = self.take(counted)?;
        self.waiting.push(line);
        if self.waiting.len() >= LINES_AT_A_TIME { self.hash_waiting() } else { Ok(()) }
    }

    /// Puts the lines that wait into the list, hashing on all cores.
    fn hash_waiting(&mut self) -> Result<(), RowError> {
        let words = hash_in_order(&self.waiting);
        self.waiting.clear();
        self.list.push_words(&words).map_err(RowError::List)
    }

    /// Adds the next receipts and tells `each` of them. The first that fails ends it; those before it were taken.
    pub(crate) fn push_all<E: From<Error> + Send>(
        &mut self,
        receipts: &[CountedReceipt],
        mut each: impl FnMut(&CountedReceipt) -> Result<(), E>,
    ) -> Result<(), E> {
        for counted in receipts {
            let row = self.receipts();
            self.push(counted).map_err(in_row(row))?;
            each(counted)?;
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
        let waiting = u64::try_from(self.waiting.len()).unwrap_or(u64::MAX);
        u64::from(self.list.count()).saturating_add(waiting)
    }

    pub(crate) fn counted(mut self) -> Result<Counted, Error> {
        let row = self.receipts();
        self.hash_waiting().map_err(in_row(row))?;
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
