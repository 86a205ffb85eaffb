//! A dataset's folder, opened for reading.
//!
//! Invariant: what is read has the tables' columns and the manifest its one spelling. Whether it is *true* is for
//! [`crate::verify`] to say.

use std::fs;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use tatum_merkle::SumTree;
use tatum_receipt::SignedReceipt;

use crate::rollup::entry;
use crate::table::{Row, TableReader};
use crate::{DistributionRow, Error, MANIFEST, Manifest, Operator, Payer};

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

    pub(crate) fn table<R: Row>(&self) -> Result<TableReader<R>, Error> {
        TableReader::open(&self.folder)
    }
}
