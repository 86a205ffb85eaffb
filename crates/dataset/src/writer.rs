//! Writes an epoch's dataset: the tables, the distribution that follows from them, the manifest.
//!
//! Invariant: the folder's bytes do not depend on the order of the input, on repeated or replaced receipts, nor on when or
//! how often it is written; a folder under its final name is whole.

use std::cmp::Reverse;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use tatum_primitives::Nano;
use tatum_receipt::{Rejection, SignedReceipt};

use crate::facts::Rules;
use crate::folder::{Staging, digest};
use crate::lineup::Lineup;
use crate::rollup::{distribute, edges};
use crate::table::{Row, TableWriter};
use crate::{
    Beside, CountedReceipt, Distribution, Error, FileEntry, HeadRow, MANIFEST, Manifest, Operator,
    Parameters, Payer, Sources,
};

/// Everything an epoch's dataset is made from, in any order.
#[derive(Clone, Debug)]
pub struct EpochData {
    /// Parameters.
    pub parameters: Parameters,
    /// Everybody with a fee or a quota.
    pub payers: Vec<Payer>,
    /// All registered operators.
    pub operators: Vec<Operator>,
    /// What each operator was promised before, by id; shorter if operators are new.
    pub previous_nano: Vec<Nano>,
    /// Receipts with good signatures; of each key the admissible one that ranks highest counts.
    pub receipts: Vec<SignedReceipt>,
    /// Where receipts stand in the list that was assented to.
    pub sources: Sources,
    /// What lies beside receipts, as far as it is known.
    pub beside: Beside,
}

/// A receipt that does not count at the block that closed the epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The receipt's leaf.
    pub leaf: B256,
    /// Why.
    pub reason: Rejection,
}

/// A dataset that is on disk.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// The manifest's hash: the folder's name, and what is committed on chain.
    pub manifest_hash: B256,
    /// The distribution.
    pub distribution: Distribution,
    /// Receipts that are not admissible at the epoch's block.
    pub left_out: Vec<LeftOut>,
}

/// Writes a dataset into a folder of its own below `parent`. Doing so twice gives one folder.
///
/// # Errors
///
/// [`Error::Io`] is worth another try; anything else is not.
pub fn write(parent: &Path, data: EpochData) -> Result<Written, Error> {
    let EpochData { parameters, payers, operators, previous_nano, receipts, sources, beside } =
        data;
    let mut writer = Writer::create(parent, parameters, payers, operators, previous_nano)?;
    // First: an inadmissible receipt replaces nothing.
    let receipts = receipts.into_iter().filter(|signed| writer.admit(signed)).collect();
    let newest = newest_of_each_key(receipts).into_iter().map(|signed| sources.count(signed));
    writer.push_all_with(&newest.collect::<Vec<_>>(), &beside)?;
    writer.finish()
}

/// Of each key the receipt that ranks highest, in canonical order.
pub fn newest_of_each_key(mut receipts: Vec<SignedReceipt>) -> Vec<SignedReceipt> {
    // The highest rank first; of two signatures over one statement, the lower stays, whichever came first.
    receipts.sort_by_cached_key(|signed| {
        (signed.receipt.key(), Reverse(signed.receipt.rank()), signed.signature.0)
    });
    receipts.dedup_by_key(|signed| signed.receipt.key());
    receipts
}

/// Writes a dataset from receipts that come one by one, for epochs that do not fit into memory.
pub struct Writer {
    parent: PathBuf,
    staging: Staging,
    parameters: Parameters,
    payers: Vec<Payer>,
    operators: Vec<Operator>,
    previous_nano: Vec<Nano>,
    rules: Rules,
    receipts: TableWriter<CountedReceipt>,
    heads: TableWriter<HeadRow>,
    lineup: Lineup,
    left_out: Vec<LeftOut>,
}

impl Writer {
    /// Begins a dataset below `parent`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn create(
        parent: &Path,
        parameters: Parameters,
        mut payers: Vec<Payer>,
        mut operators: Vec<Operator>,
        previous_nano: Vec<Nano>,
    ) -> Result<Self, Error> {
        payers.sort_by_key(|payer| payer.payer);
        operators.sort_by_key(|operator| operator.operator_id);
        let staging = Staging::create(parent)?;
        let receipts = TableWriter::create(staging.path())?;
        let heads = TableWriter::create(staging.path())?;
        Ok(Self {
            parent: parent.to_owned(),
            rules: Rules::new(&parameters, &payers, &operators),
            lineup: Lineup::new(parameters.epoch),
            left_out: Vec::new(),
            staging,
            parameters,
            payers,
            operators,
            previous_nano,
            receipts,
            heads,
        })
    }

    /// Adds the next receipt in canonical order. One that is not admissible is left out and reported.
    ///
    /// # Errors
    ///
    /// [`Error::Row`] if it is out of order or has a key for the second time; [`Error::Io`].
    pub fn push(&mut self, counted: &CountedReceipt) -> Result<(), Error> {
        self.push_all(std::slice::from_ref(counted))
    }

    /// Adds the next receipts in canonical order; their lines are hashed on all cores.
    ///
    /// # Errors
    ///
    /// As for [`Writer::push`].
    pub fn push_all(&mut self, receipts: &[CountedReceipt]) -> Result<(), Error> {
        self.push_all_with(receipts, &Beside::default())
    }

    /// The same, with what lies beside those receipts that commit to it.
    ///
    /// # Errors
    ///
    /// As for [`Writer::push`].
    pub fn push_all_with(
        &mut self,
        receipts: &[CountedReceipt],
        beside: &Beside,
    ) -> Result<(), Error> {
        let admitted = receipts.iter().filter(|counted| self.admit(&counted.signed)).cloned();
        let admitted: Vec<CountedReceipt> = admitted.collect();
        let mut receipt = self.lineup.receipts();
        let (table, heads) = (&mut self.receipts, &mut self.heads);
        self.lineup.push_all(&admitted, |counted| {
            table.push(counted)?;
            for line in beside.of(&counted.signed) {
                heads.push(&HeadRow { receipt, line: *line })?;
            }
            receipt = receipt.saturating_add(1);
            Ok(())
        })
    }

    /// Rolls up, writes the distribution and the manifest, and gives the folder its name.
    ///
    /// # Errors
    ///
    /// Any [`Error`]; nothing is left behind.
    pub fn finish(self) -> Result<Written, Error> {
        let Self { staging, parameters, payers, operators, previous_nano, lineup, .. } = self;
        let folder = staging.path();
        let mut files = vec![
            end(folder, self.receipts)?,
            write_table(folder, &payers)?,
            write_table(folder, &operators)?,
        ];
        let counted = lineup.counted()?;
        let edges = edges(&parameters, &payers, &operators, &previous_nano, counted)?;
        // The proposer's part gives way to work, as the chain has it.
        let available_nano = parameters.available_nano.max(edges.work_nano());
        let parameters = Parameters { available_nano, ..parameters };
        let distribution = distribute(&parameters, &operators, &previous_nano, edges)?;
        files.push(write_table(folder, &distribution.rows)?);
        files.push(end(folder, self.heads)?);
        let manifest = Manifest::new(parameters, files, distribution.results.clone());
        let bytes = manifest.encode()?;
        write_file(&folder.join(MANIFEST), &bytes)?;
        let manifest_hash = keccak256(&bytes);
        let folder = staging.publish(&self.parent, &manifest_hash.to_string())?;
        let left_out = self.left_out;
        Ok(Written { folder, manifest, manifest_hash, distribution, left_out })
    }

    /// Whether a receipt may be counted; notes why if not.
    fn admit(&mut self, signed: &SignedReceipt) -> bool {
        match self.rules.stated(&signed.receipt) {
            Ok(()) => true,
            Err(reason) => {
                self.left_out.push(LeftOut { leaf: signed.leaf(), reason });
                false
            }
        }
    }
}

fn write_table<R: Row>(folder: &Path, rows: &[R]) -> Result<FileEntry, Error> {
    let mut table = TableWriter::create(folder)?;
    rows.iter().try_for_each(|row| table.push(row))?;
    end(folder, table)
}

fn end<R: Row>(folder: &Path, table: TableWriter<R>) -> Result<FileEntry, Error> {
    let rows = table.finish()?;
    let (keccak256, size_bytes) = digest(&folder.join(R::FILE), u64::MAX)?;
    Ok(FileEntry { name: R::FILE.to_owned(), keccak256, size_bytes, rows })
}

fn write_file(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(Error::io(path))
}

#[cfg(test)]
mod tests;
