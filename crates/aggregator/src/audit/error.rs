//! Why an audit could not be made. What it finds wrong is no error but part of its report.
//!
//! Invariant: a variant says whether the chain, the dataset's place or this machine stood in the way.

use std::path::PathBuf;

use tatum_primitives::{B256, Epoch};

/// An audit that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The chain did not answer.
    #[error("the chain")]
    Chain(#[from] tatum_chain::ChainError),
    /// Nobody proposed a distribution for the epoch.
    #[error("nobody has proposed a distribution for epoch {epoch}")]
    NotProposed {
        /// The epoch.
        epoch: Epoch,
    },
    /// A tree cannot be built.
    #[error("the sum tree")]
    Tree(#[from] tatum_merkle::Error),
    /// The dataset is not to be had.
    #[error("the dataset of epoch {epoch}")]
    Fetch {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        source: FetchError,
    },
    /// The dataset is of another epoch.
    #[error("the dataset is of epoch {got}, not of {expected}")]
    OtherEpoch {
        /// The epoch asked for.
        expected: Epoch,
        /// The dataset's.
        got: Epoch,
    },
    /// The dataset cannot be read.
    #[error("reading the dataset")]
    Dataset(#[from] tatum_dataset::Error),
    /// Who owes overage cannot be told.
    #[error("overage")]
    Overage(#[from] crate::overage::OverageError),
    /// This machine failed.
    #[error("temporary files")]
    Io(#[from] std::io::Error),
    /// A worker thread ended early.
    #[error("the work was cut off")]
    CutOff,
}

/// Why a dataset is not to be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The server did not answer.
    #[error("{url} did not answer")]
    Request {
        /// What was asked for.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server refused.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The answer.
        status: u16,
    },
    /// The server names another place.
    #[error("{url} sends us on to another place, where a proposer must not send us")]
    Redirect {
        /// What was asked for.
        url: String,
    },
    /// The manifest is not the one asked for.
    #[error("the manifest at {place} has the hash {got}, not {expected}")]
    OtherManifest {
        /// Where it was read.
        place: String,
        /// The hash asked for.
        expected: B256,
        /// Its hash.
        got: B256,
    },
    /// The manifest is none.
    #[error("the manifest")]
    Manifest(#[source] tatum_dataset::Error),
    /// The manifest lists something else than a dataset's tables.
    #[error("the manifest lists {name:?}, which is no table of a dataset, or is listed twice")]
    OtherFile {
        /// What is listed.
        name: String,
    },
    /// A file is larger than its manifest says.
    #[error("{url} is larger than the {size_bytes} bytes of the manifest")]
    TooLarge {
        /// What was asked for.
        url: String,
        /// The size in the manifest.
        size_bytes: u64,
    },
    /// The server took too long.
    #[error("{url} did not send everything within {seconds} s")]
    TooSlow {
        /// What was asked for.
        url: String,
        /// How long one audit may fetch.
        seconds: u64,
    },
    /// All that is fetched is too much.
    #[error("{url} sends more than what is left of the {limit_bytes} bytes that may be fetched")]
    TooMuch {
        /// What was asked for.
        url: String,
        /// How much one audit may fetch.
        limit_bytes: u64,
    },
    /// A worker thread ended early.
    #[error("the work was cut off")]
    CutOff,
    /// The file system refused.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}
