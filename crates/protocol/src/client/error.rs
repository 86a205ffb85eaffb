//! Why there is no answer, or none that means anything.

use crate::Problem;
use crate::receipts::BatchError;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It is no address of a server.
    #[error("{given:?} is no http:// or https:// address")]
    Url {
        /// What was given.
        given: String,
    },
    /// This machine cannot make requests.
    #[error("preparing HTTP requests")]
    Setup(#[source] reqwest::Error),
    /// The server did not answer.
    #[error("{url} did not answer")]
    Request {
        /// What was asked.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server says why it does not do what was asked.
    #[error("{url} answered {status}: {problem}", status = .problem.kind.status())]
    Problem {
        /// What was asked.
        url: String,
        /// What it says.
        problem: Problem,
    },
    /// The server refused in a form that is not ours.
    #[error("{url} answered {status}")]
    Status {
        /// What was asked.
        url: String,
        /// The status.
        status: u16,
    },
    /// The answer is larger than one may be.
    #[error("{url} answered more than {limit_bytes} bytes")]
    TooLarge {
        /// What was asked.
        url: String,
        /// How much was allowed.
        limit_bytes: usize,
    },
    /// The answer is no JSON of the right form.
    #[error("the answer of {url} cannot be read")]
    Answer {
        /// What was asked.
        url: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The answer is no batch of receipts.
    #[error("the answer of {url} is no batch of receipts")]
    Batch {
        /// What was asked.
        url: String,
        /// Why.
        source: BatchError,
    },
    /// What stands for a receipt in the answer is none.
    #[error("the answer of {url} holds what is no receipt")]
    Receipt {
        /// What was asked.
        url: String,
        /// Why.
        source: tatum_receipt::DecodeError,
    },
    /// There are not as many answers as there were receipts.
    #[error("{url} gave {got} answers for {expected} receipts")]
    Count {
        /// What was asked.
        url: String,
        /// Answers given.
        got: usize,
        /// Receipts handed in.
        expected: usize,
    },
}

impl ClientError {
    /// What the server said is the matter, if it said so.
    #[must_use]
    pub const fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Problem { problem, .. } => Some(problem),
            Self::Url { .. }
            | Self::Setup(_)
            | Self::Request { .. }
            | Self::Status { .. }
            | Self::TooLarge { .. }
            | Self::Answer { .. }
            | Self::Batch { .. }
            | Self::Receipt { .. }
            | Self::Count { .. } => None,
        }
    }
}
