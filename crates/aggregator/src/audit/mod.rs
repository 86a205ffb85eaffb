//! Re-deriving what was paid: an epoch from its dataset and the chain, a receipt from a file alone.
//!
//! Invariant: an audit believes nothing of what it audits. A report is `ok` only if every check ran and held; a check that
//! could not run did not hold.

mod bench;
mod budget;
mod chain_facts;
mod datasets;
mod epoch;
mod error;
mod held;
mod overage;
mod previous;
mod receipt;
mod rejection;
mod report;
mod service;
mod source;

pub use budget::{Budget, FetchLimits};
pub use datasets::Datasets;
pub(crate) use datasets::{assented, fetch_assented};
pub use epoch::{Audited, epoch, proposal, proposals};
pub use error::{AuditError, FetchError};
pub use held::held_receipts;
pub use overage::{EpochOverages, overages};
pub use receipt::{ReceiptReport, receipt, receipt_on_chain};
pub use rejection::{RejectionReport, rejections};
pub use report::{Check, EpochReport};
pub use service::{Surveyed, service};
pub use source::DatasetSource;

/// Under which name the list that operators stood for is published beside a dataset's tables.
pub const ASSENTED: &str = "assented.receipts";

/// The names of a dataset's tables.
pub const TABLES: [&str; 5] = [
    "receipts.parquet",
    "payers.parquet",
    "operators.parquet",
    "distribution.parquet",
    "heads.parquet",
];
