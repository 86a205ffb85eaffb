//! Why a hub releases nothing.

use tatum_primitives::{B256, OperatorId};

use crate::error::data;

/// Why a hub releases nothing.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum RouteRefusal {
    /// The receipt is not of the payer's open channel with the hub.
    #[error("the receipt is for channel {got}, which is not the payer's open channel with the hub")]
    OtherChannel {
        /// The channel that it names.
        got: B256,
    },
    /// Nobody signed who may.
    #[error("signed by nobody who may sign for the payer")]
    Signer,
    /// The node is the hub's own: it is paid already.
    #[error("the node is the hub's own, and its receipt pays already")]
    OwnNode,
    /// One of the two channels is being left.
    #[error("a channel of the route is being left by its payer")]
    Exiting,
    /// The lane was another operator's.
    #[error("the lane leads to operator {before} since its first receipt")]
    OtherOperator {
        /// Whose it is.
        before: OperatorId,
    },
    /// The hub's channel in which the lane was paid is closed.
    #[error(
        "the lane was paid in channel {channel} of the hub's, which is closed; go on in another lane"
    )]
    LaneEnded {
        /// The channel.
        channel: B256,
    },
    /// The hub holds one that owes as much.
    #[error(
        "{} is owed in the lane, {} was received for it already",
        data(owed_wei),
        data(received_wei)
    )]
    NothingNew {
        /// What the receipt says is owed.
        owed_wei: u128,
        /// What was received for the lane.
        received_wei: u128,
    },
    /// A deposit does not cover it.
    #[error(
        "{} would be owed in a channel whose deposit covers {}",
        data(owed_wei),
        data(covered_wei)
    )]
    Uncovered {
        /// What would be owed in all lanes.
        owed_wei: u128,
        /// What came in.
        covered_wei: u128,
    },
    /// The hub keeps no more lanes.
    #[error("the hub keeps {most} lanes at most")]
    Lanes {
        /// How many.
        most: usize,
    },
}
