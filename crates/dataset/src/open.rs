//! A dataset's folder, opened for reading.
//!
//! Invariant: what is read has the tables' columns and the manifest its one spelling. Whether it is *true* is for
//! [`crate::verify`] to say.

use std::io::Read;
use std::path::{Path, PathBuf};

use alloy_primitives::{B256, keccak256};
use tatum_merkle::SumTree;
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::{SignedReceipt, Witnessed};

use crate::folder::regular;
use crate::heads::HeadWalk;
use crate::lineup::Lineup;
use crate::rollup::{entry, roll_up};
use crate::table::{ROWS_PER_GROUP, Row, TableReader};
use crate::{
    CountedReceipt, Distribution, DistributionRow, Error, HeadRow, MANIFEST, Manifest, Operator,
    Payer,
};

/// Rows of the table of heads that belong to one receipt, at most.
const HEADS_OF_RECEIPT: u64 = tatum_receipt::MAX_LINES as u64;
/// The largest manifest that is read; ours have two thousand bytes.
const MANIFEST_BYTES: u64 = 1 << 20;

/// How much a stranger's dataset can have, by the chain: who has more is wrong, and nothing of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The receipts that the proposal commits to.
    pub receipts: u64,
    /// Everybody with a fee or a quota in the epoch.
    pub payers: u64,
    /// Everybody who registered before the epoch.
    pub operators: u64,
}

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
        let file = regular(&path).map_err(Error::io(&path))?;
        let mut bytes = Vec::new();
        // One byte more than it may have, so that a longer one is no manifest.
        let most = MANIFEST_BYTES.saturating_add(1);
        file.take(most).read_to_end(&mut bytes).map_err(Error::io(&path))?;
        if u64::try_from(bytes.len()).is_ok_and(|read| read == most) {
            let detail = format!("more than {MANIFEST_BYTES} bytes");
            return Err(Error::Manifest { detail });
        }
        let manifest = Manifest::decode(&bytes)?;
        Ok(Self { folder: folder.to_owned(), manifest, manifest_hash: keccak256(&bytes) })
    }

    /// Opens a stranger's folder, if it says that it has no more rows than the chain allows. What a table really has is compared with what it
    /// says before a row of it is read.
    ///
    /// # Errors
    ///
    /// As [`Dataset::open`]; [`Error::TooManyRows`].
    pub fn open_within(folder: &Path, bounds: Bounds) -> Result<Self, Error> {
        let dataset = Self::open(folder)?;
        for (file, most) in [
            (CountedReceipt::FILE, bounds.receipts),
            (Payer::FILE, bounds.payers),
            (Operator::FILE, bounds.operators),
            (DistributionRow::FILE, bounds.operators),
            (HeadRow::FILE, bounds.receipts.saturating_mul(HEADS_OF_RECEIPT)),
        ] {
            check_rows(file, dataset.listed_rows(file), most)?;
        }
        Ok(dataset)
    }

    /// Rows of a file by the manifest; of one that is not listed there are none.
    fn listed_rows(&self, file: &str) -> u64 {
        let listed = self.manifest.files.iter().find(|entry| entry.name == file);
        listed.map_or(0, |entry| entry.rows)
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
        self.whole::<Payer>()
    }

    /// The operators.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn operators(&self) -> Result<Vec<Operator>, Error> {
        self.whole::<Operator>()
    }

    /// The distribution.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub fn distribution(&self) -> Result<Vec<DistributionRow>, Error> {
        self.whole::<DistributionRow>()
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
        let counted = Lineup::read(self)?.counted()?;
        let (payers, operators) = (self.payers()?, self.operators()?);
        roll_up(parameters, &payers, &operators, &self.previous_nano()?, counted)
    }

    /// What the distribution says that operators were promised before.
    fn previous_nano(&self) -> Result<Vec<Nano>, Error> {
        let rows = self.distribution()?;
        let previous = |row: &DistributionRow| row.cumulative_nano.checked_sub(row.epoch_nano());
        Ok(rows.iter().map(|row| previous(row).unwrap_or_default()).collect())
    }

    /// All rows of a table, in hardly more memory than they take: by doubling, payers would take up to twice as much.
    fn whole<R: Row>(&self) -> Result<Vec<R>, Error> {
        let mut rows = Vec::new();
        for row in self.table::<R>()?.into_rows() {
            if rows.len() == rows.capacity() {
                rows.reserve_exact(ROWS_PER_GROUP);
            }
            rows.push(row?);
        }
        Ok(rows)
    }

    pub(crate) fn table<R: Row>(&self) -> Result<TableReader<R>, Error> {
        let table = TableReader::open(&self.folder)?;
        let rows = u64::try_from(table.rows()).unwrap_or(u64::MAX);
        check_rows(R::FILE, rows, self.listed_rows(R::FILE))?;
        Ok(table)
    }
}

fn check_rows(file: &'static str, rows: u64, most: u64) -> Result<(), Error> {
    if rows > most { Err(Error::TooManyRows { file, rows, most }) } else { Ok(()) }
}
