//! What is wrong with somebody's dataset, in words that lead to the file, the row and the field.
//!
//! Invariant: a dataset without differences is, byte for byte, what an honest roll-up of the same receipts writes.

use std::fmt;

use alloy_primitives::{Address, B256};
use tatum_primitives::OperatorId;
use tatum_receipt::Rejection;

use crate::{Claims, RowError};

/// One thing that differs from what it must be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Difference {
    /// A file cannot be read as what it should be.
    #[error("{file} cannot be read: {detail}")]
    Unreadable {
        /// The file.
        file: String,
        /// Why.
        detail: String,
    },
    /// The folder is named by another hash than its manifest has.
    #[error("the folder is named {expected}, its manifest's hash is {got}")]
    FolderName {
        /// The folder's name.
        expected: B256,
        /// The manifest's hash.
        got: B256,
    },
    /// The manifest lists other files than a dataset has.
    #[error("the manifest lists {got}, a dataset has {expected}")]
    Files {
        /// The files of a dataset.
        expected: String,
        /// The files listed.
        got: String,
    },
    /// A file is not the one that the manifest names.
    #[error("{file}: {field} is {got}, the manifest says {expected}")]
    File {
        /// The file.
        file: &'static str,
        /// Its hash, size or number of rows.
        field: &'static str,
        /// What the manifest says.
        expected: String,
        /// What the file has.
        got: String,
    },
    /// A row that cannot stand where it does.
    #[error("{file} row {row}: {reason}")]
    Row {
        /// The file.
        file: &'static str,
        /// The row, from 0.
        row: u64,
        /// Why.
        reason: RowError,
    },
    /// A receipt that does not count.
    #[error("receipts.parquet row {row}, payer {payer} for operator {operator_id}: {reason}")]
    Receipt {
        /// The row, from 0.
        row: u64,
        /// Who is said to have signed.
        payer: Address,
        /// Who would be paid.
        operator_id: OperatorId,
        /// Why it does not count.
        reason: Rejection,
    },
    /// A payout that does not follow from the inputs.
    #[error("distribution.parquet row {row}: {field} is {got}, the inputs give {expected}")]
    Payout {
        /// The row, from 0.
        row: u64,
        /// The field.
        field: &'static str,
        /// What the inputs give.
        expected: String,
        /// What the row says.
        got: String,
    },
    /// A result that does not follow from the inputs.
    #[error("manifest.json: {field} is {got}, the files give {expected}")]
    Result {
        /// The field.
        field: &'static str,
        /// What the files give.
        expected: String,
        /// What the manifest says.
        got: String,
    },
    /// No distribution follows from the inputs at all.
    #[error("the inputs give no distribution: {detail}")]
    NoDistribution {
        /// Why.
        detail: String,
    },
}

/// Everything found to differ; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differences {
    list: Vec<Difference>,
    more: u64,
    pub(crate) claims: Claims,
}

impl Differences {
    /// How many are kept; a dataset that is wrong all over needs no full list.
    pub const KEPT: usize = 100;

    pub(crate) fn none() -> Self {
        Self { list: Vec::new(), more: 0, claims: Claims::default() }
    }

    pub(crate) fn add(&mut self, difference: Difference) {
        if self.list.len() < Self::KEPT {
            self.list.push(difference);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The first differences found, at most [`Differences::KEPT`].
    pub fn list(&self) -> &[Difference] {
        &self.list
    }

    /// What the receipts claim and only the chain can judge, as far as they could be read.
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }

    /// How many more there are.
    pub const fn more(&self) -> u64 {
        self.more
    }
}

impl fmt::Display for Differences {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, difference) in self.list.iter().enumerate() {
            let separator = if at == 0 { "" } else { "\n" };
            write!(f, "{separator}{difference}")?;
        }
        if self.more == 0 { Ok(()) } else { write!(f, "\nand {} more", self.more) }
    }
}

impl std::error::Error for Differences {}
