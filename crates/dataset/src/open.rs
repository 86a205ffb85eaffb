//! A dataset's folder, opened for reading.
//!
//! Invariant: what is read has the tables' columns and the manifest its one spelling. Whether it is *true* is for
//! [`crate::verify`] to say.

use std::fs;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use tatum_merkle::{ReceiptsRoot, SumTree, map_in_order};
use tatum_primitives::Nano;
use tatum_receipt::{DeliveryReceipt, SignedReceipt};

use crate::rollup::entry;
use crate::table::{Row, TableReader, row_number};
use crate::{
    Distribution, DistributionRow, Error, MANIFEST, Manifest, Operator, Payer, Tally, rollup,
};

/// A dataset's folder.
#[derive(Clone, Debug)]
pub struct Dataset {
    folder: PathBuf,
    manifest: Manifest,
    manifest_hash: B256,
}

impl Dataset {
    /// Opens a folder.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] or [`Error::Manifest`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(MANIFEST);
        let bytes = fs::read(&path).map_err(Error::io(&path))?;
        let manifest = Manifest::decode(&bytes)?;
        Ok(Self { folder: folder.to_owned(), manifest, manifest_hash: keccak256(&bytes) })
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The manifest.
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The manifest's hash.
    pub const fn manifest_hash(&self) -> B256 {
        self.manifest_hash
    }

    /// The receipts, a row group at a time in memory.
    ///
    /// # Errors
    ///
    /// Any [`Error`], here or in place of a row.
    pub fn receipts(&self) -> Result<impl Iterator<Item = Result<SignedReceipt, Error>>, Error> {
        Ok(self.table::<SignedReceipt>()?.into_rows())
    }

    /// The payers.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn payers(&self) -> Result<Vec<Payer>, Error> {
        self.table::<Payer>()?.into_rows().collect()
    }

    /// The operators.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn operators(&self) -> Result<Vec<Operator>, Error> {
        self.table::<Operator>()?.into_rows().collect()
    }

    /// The distribution.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn distribution(&self) -> Result<Vec<DistributionRow>, Error> {
        self.table::<DistributionRow>()?.into_rows().collect()
    }

    /// The sum tree over the distribution, for proofs.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn tree(&self) -> Result<SumTree, Error> {
        Ok(SumTree::build(self.distribution()?.iter().map(entry).collect())?)
    }

    /// Rolls the files up again, trusting signatures and the distribution's statement of what was promised before; to
    /// trust nothing, use [`crate::verify`].
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn roll_up(&self) -> Result<Distribution, Error> {
        let mut tally = Tally::new(self.manifest.parameters.epoch);
        let groups: Vec<usize> = (0..self.table::<SignedReceipt>()?.groups()).collect();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        for some in groups.chunks(cores) {
            for (receipts, root) in map_in_order(some, 1, |group| self.hashed_group(*group))? {
                let counted = tally.push_part(&receipts, &root);
                let row = tally.receipts();
                let placed = counted.map_err(|source| Error::Row {
                    file: SignedReceipt::FILE,
                    row,
                    source,
                })?;
                if !placed {
                    return Err(Error::Columns { path: self.folder.join(SignedReceipt::FILE) });
                }
            }
        }
        let previous = |row: DistributionRow| row.cumulative_nano.checked_sub(row.epoch_nano);
        let previous =
            self.distribution()?.into_iter().map(|row| previous(row).unwrap_or_default());
        let previous: Vec<Nano> = previous.collect();
        rollup(&self.manifest.parameters, &self.payers()?, &self.operators()?, &previous, &tally)
    }

    /// The receipts of one row group, and the root over their leaves.
    fn hashed_group(&self, group: usize) -> Result<(Vec<DeliveryReceipt>, ReceiptsRoot), Error> {
        // A reader of its own, because readers of one file share its position.
        let rows = self.table::<SignedReceipt>()?.group(group)?;
        let mut receipts = Vec::with_capacity(rows.len());
        let mut root = ReceiptsRoot::default();
        for (at, signed) in rows.into_iter().enumerate() {
            let signed = signed.map_err(|source| Error::Row {
                file: SignedReceipt::FILE,
                row: row_number(group, at),
                source,
            })?;
            root.push(signed.leaf());
            receipts.push(signed.receipt);
        }
        Ok((receipts, root))
    }

    pub(crate) fn table<R: Row>(&self) -> Result<TableReader<R>, Error> {
        TableReader::open(&self.folder)
    }
}
