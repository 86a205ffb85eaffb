//! A dataset's folder, opened for reading.
//!
//! Invariant: what is read has the tables' columns and the manifest its one spelling. Whether it is *true* is for
//! [`crate::verify`] to say.

use std::fs;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use tatum_merkle::SumTree;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::{SignedReceipt, Witnessed};

use crate::heads::HeadWalk;
use crate::lineup::Lineup;
use crate::rollup::{entry, roll_up};
use crate::table::{Row, TableReader};
use crate::{
    CountedReceipt, Distribution, DistributionRow, Error, HeadRow, MANIFEST, Manifest, Operator,
    Payer,
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
        self.receipts_from(0)
    }

    /// The receipts from the row `first` on; nothing before its row group is read.
    ///
    /// # Errors
    ///
    /// As for [`Dataset::receipts`].
    pub fn receipts_from(
        &self,
        first: u64,
    ) -> Result<impl Iterator<Item = Result<SignedReceipt, Error>>, Error> {
        let counted = self.table::<CountedReceipt>()?.into_rows_from(first);
        Ok(counted.map(|counted| Ok(counted?.signed)))
    }

    /// The receipts with their sources, a row group at a time in memory.
    ///
    /// # Errors
    ///
    /// As for [`Dataset::receipts`].
    pub fn counted_receipts(
        &self,
    ) -> Result<impl Iterator<Item = Result<CountedReceipt, Error>>, Error> {
        Ok(self.table::<CountedReceipt>()?.into_rows())
    }

    /// The receipts with what lies beside them, a row group of each table at a time in memory.
    ///
    /// # Errors
    ///
    /// As for [`Dataset::receipts`], and if rows of one table do not fit those of the other.
    pub fn witnessed(&self) -> Result<impl Iterator<Item = Result<Witnessed, Error>>, Error> {
        let mut heads = HeadWalk::new(self.table::<HeadRow>()?.into_rows());
        let numbered = (0u64..).zip(self.receipts()?);
        Ok(numbered.map(move |(row, signed)| heads.join(row, signed?)))
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

    /// What one operator earned; none if the distribution has no such operator. Only its row group is read.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn distribution_row(&self, id: OperatorId) -> Result<Option<DistributionRow>, Error> {
        self.table::<DistributionRow>()?.into_rows_from(id.0.into()).next().transpose()
    }

    /// The sum tree over the distribution, for proofs.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn tree(&self) -> Result<SumTree, Error> {
        Ok(SumTree::build(self.distribution()?.iter().map(entry).collect())?)
    }

    /// Rolls the files up again in one pass, trusting signatures and the distribution's statement of what was promised
    /// before; to trust nothing, use [`crate::verify`].
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn roll_up(&self) -> Result<Distribution, Error> {
        let parameters = &self.manifest.parameters;
        let counted = Lineup::read(&self.folder, parameters.epoch)?.counted();
        let (payers, operators) = (self.payers()?, self.operators()?);
        roll_up(parameters, &payers, &operators, &self.previous_nano()?, counted)
    }

    /// What the distribution says that operators were promised before.
    fn previous_nano(&self) -> Result<Vec<Nano>, Error> {
        let rows = self.distribution()?;
        let previous = |row: &DistributionRow| row.cumulative_nano.checked_sub(row.epoch_nano());
        Ok(rows.iter().map(|row| previous(row).unwrap_or_default()).collect())
    }

    pub(crate) fn table<R: Row>(&self) -> Result<TableReader<R>, Error> {
        TableReader::open(&self.folder)
    }
}
