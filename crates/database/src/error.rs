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
    /// It cannot be opened.
    #[error("cannot open the database {place}: {advice}")]
    Open {
        /// Its file, or its server without the password.
        place: String,
        /// What is wrong, and what to do.
        advice: &'static str,
        /// What the driver said.
        source: sqlx::Error,
    },
    /// The schema could not be brought up to date.
    #[error("bringing the schema of the database {place} up to date")]
    Migrate {
        /// Its file, or its server without the password.
        place: String,
        /// Why not.
        source: Box<sqlx::migrate::MigrateError>,
    },
    /// The database did not answer, or refused; trying again may help.
    #[error("the database did not carry out a statement: {}", advice(.0))]
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

/// What a failure means to whoever runs the process. Sources: <https://www.sqlite.org/rescode.html>, PostgreSQL's appendix A.
pub(crate) fn advice(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    let code = code.as_deref().unwrap_or_default();
    match code.parse::<u32>().map(|code| code & 0xff) {
        Ok(5 | 6) => "another process holds it; end that one",
        Ok(8) => "it cannot be written; look at who owns the file and its folder",
        Ok(10) => "the disk failed, or is full; look at the system's log",
        Ok(11 | 26) => {
            "it is damaged, or no database; put back a copy, or move it away to begin anew"
        }
        Ok(13) => "the disk is full; make room, and it goes on by itself",
        Ok(14) => "there is no such file or folder, or it may not be read and written",
        _ if code == "3D000" => "the server has no database of this name; create it",
        _ if code.starts_with("28") => "the server does not know this user, or its password",
        _ if code.starts_with("53") => "the server has no room or no connection left",
        _ => match error {
            sqlx::Error::Io(_) => "the server does not answer; is it running, at this address?",
            sqlx::Error::PoolTimedOut => "every connection is in use, or none can be opened",
            _ => "see the cause",
        },
    }
}
