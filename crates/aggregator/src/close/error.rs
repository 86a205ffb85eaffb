//! Why a step towards an epoch's end failed.
//!
//! Invariant: every one of these is tried again; what trying cannot mend names what a person must do.

use tatum_merkle::Word;
use tatum_primitives::{B256, Epoch};

/// A failed step.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The chain did not answer, or refused.
    #[error("the chain")]
    Chain(#[from] tatum_chain::ChainError),
    /// The database did not answer.
    #[error("the database")]
    Database(#[from] tatum_database::DatabaseError),
    /// The dataset cannot be written or read.
    #[error("the dataset of epoch {epoch}")]
    Dataset {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        source: tatum_dataset::Error,
    },
    /// The dataset cannot be written, or the roll-up refuses it.
    #[error("rolling up epoch {epoch}")]
    RollUp {
        /// The epoch.
        epoch: Epoch,
        /// Why.
        source: tatum_dataset::Error,
    },
    /// The dataset of the distribution that the chain has as final is not to be had.
    #[error(
        "epoch {epoch} is final with the dataset {manifest_hash}, which is neither here nor to be had from {uri}; put its \
         folder below the datasets folder"
    )]
    NoHistory {
        /// The final epoch.
        epoch: Epoch,
        /// Its manifest's hash.
        manifest_hash: B256,
        /// Where its proposer published it.
        uri: String,
        /// Why it cannot be had from there.
        source: Box<crate::audit::FetchError>,
    },
    /// The dataset that the chain names does not hold the entries that the chain has.
    #[error(
        "the dataset {manifest_hash} of epoch {epoch} comes to the entries {got}, but {expected} are final"
    )]
    OtherEntries {
        /// The final epoch.
        epoch: Epoch,
        /// Its manifest's hash.
        manifest_hash: B256,
        /// The word over the final entries.
        expected: Word,
        /// The word over the dataset's.
        got: Word,
    },
    /// Other receipts became final than ours, so nobody can be billed by them.
    #[error("the receipts of epoch {epoch} that are final are others than those here")]
    OtherReceipts {
        /// The epoch.
        epoch: Epoch,
    },
    /// A demand could not be answered; unanswered when its time is over, it costs the proposer its bond.
    #[error("a demand for data of epoch {epoch}, to be answered by {answer_by_s} s of chain time")]
    Demand {
        /// The proposal's epoch.
        epoch: Epoch,
        /// The last moment for an answer, seconds of chain time.
        answer_by_s: u64,
        /// Why.
        source: Box<Self>,
    },
    /// Operators assented to a list that is not here, so nobody here can tell what is in it.
    #[error(
        "operators assented to the list {top} for epoch {epoch}; put it, one signed receipt after the other, into \
         assents/{top}.receipts below the datasets folder"
    )]
    NoAssented {
        /// The epoch.
        epoch: Epoch,
        /// The list's top.
        top: B256,
    },
    /// The list that operators are asked to stand for cannot be written.
    #[error("writing the list that waits for operators' signatures")]
    Offer(#[source] std::io::Error),
    /// The list has more leaves than one can have.
    #[error("the list that waits for operators' signatures")]
    List(#[source] tatum_merkle::Error),
    /// An amount that does not fit.
    #[error("an amount")]
    Amount(#[from] tatum_primitives::NanoError),
    /// Another process may close epochs now.
    #[error("the lease to close epochs is no longer ours")]
    LeaseLost,
    /// A worker thread ended early: the program is shutting down.
    #[error("the work was cut off")]
    CutOff,
}
