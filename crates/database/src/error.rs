//! Why the database did not do what was asked.
//!
//! Invariant: a variant tells the caller whether to retry (`Unavailable`) or to stop (everything else).

use tatum_primitives::Epoch;

use tatum_protocol::EpochState;

/// A failure of the database, or a contradiction in it.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The URL names no database that can be opened here.
    #[error("database URL {url:?}: {reason}")]
    Url {
        /// The URL without its password.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The schema could not be brought up to date.
    #[error("migrating the database")]
    Migrate(#[source] Box<sqlx::migrate::MigrateError>),
    /// The database did not answer, or refused; trying again may help.
    #[error("the database did not carry out a statement")]
    Unavailable(#[source] sqlx::Error),
    /// A stored value is not what this program writes.
    #[error("column {column} holds a value that was not written by this program: {reason}")]
    Corrupt {
        /// The column.
        column: &'static str,
        /// What is wrong with the value.
        reason: String,
    },
    /// A number that no signed 64-bit column can hold.
    #[error("{value} does not fit a signed 64-bit column")]
    TooLarge {
        /// The number.
        value: u64,
    },
    /// An epoch is not in the state that the step starts from.
    #[error("epoch {epoch} is {got}, not {expected}")]
    EpochState {
        /// The epoch.
        epoch: Epoch,
        /// The state it is in.
        got: String,
        /// The state the step starts from.
        expected: EpochState,
    },
}

impl From<sqlx::Error> for DatabaseError {
    fn from(error: sqlx::Error) -> Self {
        Self::Unavailable(error)
    }
}

impl From<sqlx::migrate::MigrateError> for DatabaseError {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Self::Migrate(Box::new(error))
    }
}
