//! What a tracker wants to be said.
//!
//! Invariant: outputs are drained in order after each call that may make some.

use tatum_primitives::NodeId;
use tatum_protocol::tracker::FromTracker;

/// One connection of a node. A node that comes back has another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Connection {
    /// Whose.
    pub node: NodeId,
    /// Which.
    pub number: u64,
}

/// One thing for the caller to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Say this. A node that does not keep up is disconnected, so that it comes back for all of it.
    Tell {
        /// To whom.
        to: Connection,
        /// What.
        text: FromTracker,
    },
    /// Say this if the node keeps up; it is asked for again otherwise.
    PassOn {
        /// To whom.
        to: Connection,
        /// What.
        text: FromTracker,
    },
    /// End a connection that a newer one of the same node replaced.
    Close {
        /// Which.
        connection: Connection,
    },
}
