//! Why a service stopped. What can be retried is retried inside; these end the process.

use tatum_database::DatabaseError;

/// Why a tracker, relay or client stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The UDP endpoint failed.
    #[error("the links' endpoint failed")]
    Endpoint(#[from] tatum_webrtc::Error),
    /// The store failed.
    #[error("the receipt store failed")]
    Store(#[from] DatabaseError),
    /// A socket could not be opened.
    #[error("listening on {address}")]
    Listen {
        /// Where.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The data directory cannot be made.
    #[error("making {path}")]
    DataDirectory {
        /// Which.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The file of regions cannot be used.
    #[error("reading the regions of {path}: {reason}")]
    Regions {
        /// Which file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A key is none.
    #[error("{0}")]
    Key(String),
    /// An address is none.
    #[error("{what} {given:?} is not a URL that can be used here")]
    Url {
        /// Which address.
        what: &'static str,
        /// What was given.
        given: String,
    },
    /// The list of trackers cannot be used.
    #[error("{0}")]
    Trackers(String),
    /// Nobody served or accepted us in time.
    #[error("{what} within {seconds} s{detail}")]
    Timeout {
        /// What did not happen.
        what: &'static str,
        /// How long we waited.
        seconds: u64,
        /// The last refusal, if there was one.
        detail: String,
    },
    /// Input could not be read.
    #[error("reading the input")]
    Input(#[source] std::io::Error),
    /// A payload is too large for one message.
    #[error("a message has {got} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Bytes given.
        got: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The stream's owner does not let us publish.
    #[error("the owner of {stream} does not permit {publisher} to publish")]
    NotPermitted {
        /// The stream partition.
        stream: tatum_primitives::StreamKey,
        /// Whose messages are not forwarded.
        publisher: tatum_primitives::Address,
    },
    /// The group keys on disk cannot be read or written.
    #[error("keeping group keys in {path}")]
    GroupKeys {
        /// Which file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The engine has stopped.
    #[error("the node has stopped")]
    Stopped,
}

/// An error with its causes.
pub(crate) fn in_full(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
