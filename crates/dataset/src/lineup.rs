//! An epoch's receipts in canonical order: the list that is committed to, its units and its bytes.
//!
//! Invariant: what was lined up is in canonical order (payer, operator, node, stream, role, reader), of one epoch, and holds
//! no key twice; each line repeats the units so far. Memory is bounded, whatever the number of receipts.

use std::num::NonZero;
use std::path::Path;

use tatum_merkle::{ListBuilder, ListCommitment, map_in_order};
use tatum_primitives::Epoch;
use tatum_receipt::{DeliveryReceipt, ReceiptKey};
use tatum_watcher::{ReceiptLeaf, ReceiptTotals};

use crate::edge_units::{EdgeUnits, SortedUnits};
use crate::table::{Row, TableReader, row_number};
use crate::{CountedReceipt, Dataset, Error, RowError};

/// Lines that are hashed at a time: 5 MB of them.
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
    /// Lines that are not in the list yet: many are hashed together, on all cores.
    waiting: Vec<ReceiptLeaf>,
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
        Self { epoch, last: None, totals, units: EdgeUnits::default(), list, waiting: Vec::new() }
    }

    /// Adds the next receipt. On an error the line-up is as before.
    pub(crate) fn push(&mut self, counted: &CountedReceipt) -> Result<(), RowError> {
        let leaf = self.take(counted)?.leaf(counted);
        self.waiting.push(leaf);
        if self.waiting.len() >= LINES_AT_A_TIME { self.hash_waiting() } else { Ok(()) }
    }

    /// Puts the lines that wait into the list.
    fn hash_waiting(&mut self) -> Result<(), RowError> {
        let hashed = self.list.push_all(&self.waiting, ReceiptLeaf::encode);
        self.waiting.clear();
        hashed.map_err(RowError::List)
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

    /// Lines up a dataset's receipts. Memory is a row group for each core, and what edges may take. Signatures are
    /// taken as verified.
    pub(crate) fn read(dataset: &Dataset) -> Result<Self, Error> {
        let mut lineup = Self::new(dataset.manifest().parameters.epoch);
        each_group(dataset, |_, receipts| lineup.push_all(&receipts, |_| Ok(())))?;
        Ok(lineup)
    }

    /// The totals up to the next receipt, which is added to all but the list.
    fn take(&mut self, counted: &CountedReceipt) -> Result<SoFar, RowError> {
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
        let so_far = SoFar::add(&mut self.totals, counted)?;
        self.last = Some(key);
        Ok(so_far)
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

/// The units up to a receipt: of its edge and of its payer.
struct SoFar {
    edge_units: u128,
    payer_units: u128,
}

impl SoFar {
    /// With the next receipt in order.
    fn add(totals: &mut ReceiptTotals, next: &CountedReceipt) -> Result<Self, RowError> {
        let DeliveryReceipt { payer, operator_id, bytes_on_time, .. } = next.signed.receipt;
        let pushed = totals.push(payer, operator_id, bytes_on_time).map_err(RowError::Units);
        pushed.map(|(edge_units, payer_units)| Self { edge_units, payer_units })
    }

    /// The line of the receipt: itself, the units so far, and its source.
    fn leaf(&self, counted: &CountedReceipt) -> ReceiptLeaf {
        let Self { edge_units, payer_units } = *self;
        let (signed, source) = (counted.signed.encode(), counted.source);
        ReceiptLeaf { signed, edge_units, payer_units, source }
    }
}

/// The line of the next receipt in order.
pub(crate) fn line(totals: &mut ReceiptTotals, next: &CountedReceipt) -> Result<Vec<u8>, RowError> {
    Ok(SoFar::add(totals, next)?.leaf(next).encode())
}

/// Hands the row groups of a dataset's receipts on in order, with their numbers; as many are read at a time as there are cores.
pub(crate) fn each_group(
    dataset: &Dataset,
    mut each: impl FnMut(usize, Vec<CountedReceipt>) -> Result<(), Error>,
) -> Result<(), Error> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    // A reader for each core, because readers of one file share its position.
    let tables =
        (0..cores).map(|_| dataset.table::<CountedReceipt>()).collect::<Result<Vec<_>, Error>>()?;
    let groups: Vec<usize> = (0..tables.first().map_or(0, TableReader::groups)).collect();
    for some in groups.chunks(cores) {
        let some: Vec<_> = some.iter().copied().zip(&tables).collect();
        let read = map_in_order(&some, 1, |(group, table)| of_group(table, *group))?;
        some.iter().zip(read).try_for_each(|((group, _), receipts)| each(*group, receipts))?;
    }
    Ok(())
}

/// The receipts of one row group.
pub(crate) fn rows(folder: &Path, group: usize) -> Result<Vec<CountedReceipt>, Error> {
    of_group(&TableReader::open(folder)?, group)
}

fn of_group(
    table: &TableReader<CountedReceipt>,
    group: usize,
) -> Result<Vec<CountedReceipt>, Error> {
    let numbered = table.group(group)?.into_iter().enumerate();
    numbered.map(|(at, counted)| counted.map_err(in_row(row_number(group, at)))).collect()
}

fn in_row(row: u64) -> impl FnOnce(RowError) -> Error {
    move |source| Error::Row { file: CountedReceipt::FILE, row, source }
}
