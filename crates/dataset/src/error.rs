//! Why a dataset cannot be written or read.
//!
//! Invariant: an [`Error`] is about this machine or this code's caller; what is wrong with somebody else's dataset is a
//! [`crate::Difference`].

use std::path::PathBuf;

use alloy_primitives::B256;
use parquet::errors::ParquetError;
use tatum_primitives::{Epoch, Nano, OperatorId};

/// Why a row cannot stand where it does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowError {
    /// A field that its type cannot hold, or that names nothing.
    #[error("{field}: {detail}")]
    Field {
        /// The column.
        field: &'static str,
        /// What is wrong.
        detail: String,
    },
    /// The row belongs before the one above it.
    #[error("it belongs before the row above it")]
    OutOfOrder,
    /// The row above, or one near it, has the same key.
    #[error("another row has the same key")]
    KeyTwice,
    /// Operators leave out an id.
    #[error("it is operator {got}, the row is operator {expected}'s")]
    NotDense {
        /// The id that belongs in the row.
        expected: OperatorId,
        /// The id that stands there.
        got: OperatorId,
    },
    /// A receipt of another epoch.
    #[error("epoch is {got}, not {expected}")]
    WrongEpoch {
        /// The dataset's epoch.
        expected: Epoch,
        /// The receipt's epoch.
        got: Epoch,
    },
    /// More units than 128 bits hold.
    #[error("the units cannot be added up: {0}")]
    Units(tatum_rewards::Error),
    /// More receipts than a list holds.
    #[error("it has no place in the list: {0}")]
    List(tatum_merkle::Error),
}

/// Why a dataset cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file system refused; try again when it has recovered.
    #[error("file {}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A file is no Parquet file, or not of this table.
    #[error("table {}", path.display())]
    Table {
        /// The file.
        path: PathBuf,
        /// What the reader or writer says.
        source: ParquetError,
    },
    /// A file has more or fewer columns than its table.
    #[error("{} has other columns than its table", path.display())]
    Columns {
        /// The file.
        path: PathBuf,
    },
    /// More rows than there can be, by the manifest or by the chain.
    #[error("{file} has {rows} rows, at most {most} can be right")]
    TooManyRows {
        /// The file.
        file: &'static str,
        /// What it has, or says that it has.
        rows: u64,
        /// What there can be.
        most: u64,
    },
    /// A column is missing in its place, or of a type that cannot hold it.
    #[error("{} has no column {column} of type {kind} in its place", path.display())]
    Column {
        /// The file.
        path: PathBuf,
        /// The column.
        column: &'static str,
        /// What it must be.
        kind: String,
    },
    /// A row that cannot be written or read.
    #[error("{file} row {row}")]
    Row {
        /// The file.
        file: &'static str,
        /// The row, from 0.
        row: u64,
        /// Why.
        source: RowError,
    },
    /// The manifest is no manifest, or not in its one spelling.
    #[error("manifest.json: {detail}")]
    Manifest {
        /// What is wrong.
        detail: String,
    },
    /// A folder of this name is there, but holds something else.
    #[error("{} is there already, with other content", path.display())]
    Occupied {
        /// The folder.
        path: PathBuf,
    },
    /// Amounts promised before do not add up to the stated total, or name operators that do not exist.
    #[error("{operators} operators were promised {got} DATA before, the parameters say {expected}")]
    Previous {
        /// The stated total.
        expected: Nano,
        /// The sum, or the most an amount can hold.
        got: Nano,
        /// Operators in the distribution before.
        operators: usize,
    },
    /// Fees beyond all supply.
    #[error("a fee")]
    Fee(#[source] tatum_primitives::NanoError),
    /// The payout rule refused.
    #[error("payouts")]
    Payouts(#[from] tatum_rewards::Error),
    /// The tree refused.
    #[error("sum tree")]
    Tree(#[from] tatum_merkle::Error),
    /// The distribution says something else of an operator than what receipts and rule come to.
    #[error("what the distribution says of operator {0} does not follow from its receipts")]
    Unexplained(OperatorId),
    /// The dataset holds no such receipt.
    #[error("no receipt with leaf {0} in this dataset")]
    NoSuchReceipt(B256),
}

impl Error {
    pub(crate) fn io(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { path, source }
    }

    pub(crate) fn table(path: impl Into<PathBuf>) -> impl FnOnce(ParquetError) -> Self {
        let path = path.into();
        move |source| Self::Table { path, source }
    }
}
