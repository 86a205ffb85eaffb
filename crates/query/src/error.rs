//! Why a query gives no answer.
//!
//! Invariant: whatever overflows, wraps nowhere and ends here.

use datafusion::error::DataFusionError;

/// Why a query gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The tables break a rule: they are not one epoch's true state.
    #[error("the dataset has {rows} {rule}")]
    Refused {
        /// What stands there.
        rule: String,
        /// How often.
        rows: u64,
    },
    /// The engine gave up: a number that does not fit, a file that cannot be read, or more memory than it may use.
    #[error("the roll-up query")]
    Engine(#[from] DataFusionError),
    /// The engine's answer has another form than the query says.
    #[error("the roll-up query answers {0}")]
    Answer(&'static str),
    /// The engine opens files by names in Unicode only.
    #[error("the dataset's path is not in Unicode")]
    Path,
    /// No threads for the engine.
    #[error("starting the query engine")]
    Threads(#[source] std::io::Error),
}
