//! Why a tracker does not do what it is asked.
//!
//! Invariant: a reason says what to do about it, as far as anything can be done.

use tatum_primitives::{Address, Epoch, NodeId, StreamId, StreamKey};
use tatum_receipt::SignatureError;

/// Why a node's request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It was replaced by a newer connection, or is gone.
    #[error("this connection is over")]
    Gone,
    /// A hello was said twice.
    #[error("a hello is said once")]
    SecondHello,
    /// It takes part in as many streams as it may.
    #[error("a node may take part in {limit} streams")]
    NodeStreams {
        /// How many.
        limit: usize,
    },
    /// Its operator served badly, and others have room.
    #[error(
        "of the messages of stream {stream} in epoch {epoch} the operator's nodes brought {completeness_ppm} in a million; new streams go to others"
    )]
    Judged {
        /// The epoch whose receipts say so.
        epoch: Epoch,
        /// The stream that it served worst.
        stream: StreamKey,
        /// How complete its service was there.
        completeness_ppm: u64,
    },
    /// Its payer's clients take part in as many streams as they may.
    #[error("a payer may take part in {limit} streams")]
    PayerStreams {
        /// How many.
        limit: usize,
    },
    /// Its payer asks for new streams too fast.
    #[error("the payer brings up new streams too fast")]
    NewStreams,
    /// The tracker has as many streams as it can keep.
    #[error("this tracker has no room for another stream")]
    Full,
    /// A client asked on nobody's account where only payers count.
    #[error("this tracker follows the chain: a client takes part on a payer's account only")]
    NoAccount,
    /// The account's signature is refused.
    #[error("the account's signature is refused")]
    AccountSignature(#[from] SignatureError),
    /// The account was signed for something else, or at another time.
    #[error("the account was signed for another stream, or too long ago")]
    AccountStale,
    /// The very same account was shown before.
    #[error("the account was used before; each request is signed anew")]
    AccountUsed,
    /// The key does not act for the payer.
    #[error("the key is not authorised by the payer")]
    Unauthorised,
    /// The payer has no stake.
    #[error("the payer has no stake that counts in this epoch")]
    NoStake,
    /// The payer's quota was not read from the chain yet.
    #[error("the payer's quota is not known here yet; try again")]
    QuotaUnknown,
    /// A signal between nodes that were never made neighbours.
    #[error("{0} is no neighbour of yours")]
    NoNeighbour(NodeId),
    /// A signal to a node that is gone.
    #[error("{0} is not connected")]
    NotConnected(NodeId),
    /// A signal that its sender did not sign.
    #[error("the signal's signature is wrong")]
    SignalSignature,
    /// Too many signals from one node to another, or to one node from all.
    #[error("too many signals to {0}; try again in a second")]
    Signals(NodeId),
    /// Too many neighbours avoided.
    #[error("too many neighbours avoided; try again in a second")]
    Avoided,
    /// A request for a key from outside the stream.
    #[error("only who takes part in a stream may ask for its keys")]
    KeyAsked,
    /// An answer from somebody who does not publish, or to somebody outside.
    #[error("only a publisher answers for its keys, to who takes part")]
    KeyGiven,
    /// A claim that is not in order. The relay is told nothing: it goes by the whole quota then.
    #[error("the claim is not in order: {0}")]
    Claim(&'static str),
}

impl Refusal {
    /// Whether the node is told. Who makes a claim that is not in order waits in vain.
    #[must_use]
    pub const fn is_told(&self) -> bool {
        !matches!(self, Self::Claim(_))
    }

    /// The reason with its causes.
    #[must_use]
    pub fn in_full(&self) -> String {
        in_full(self)
    }
}

/// Why a permission list is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListRefusal {
    /// The tracker knows no deployment to check signatures for.
    #[error("this tracker follows no deployment, so it takes no permissions")]
    NoDeployment,
    /// The owner did not sign it.
    #[error("the list does not count")]
    Signature(#[from] tatum_overlay::permissions::PermissionError),
    /// An address costs nothing to make, a stake does.
    #[error("the owner {0} has no stake that counts in this epoch")]
    NoStake(Address),
    /// A newer one is kept.
    #[error("version {got} of {stream} is not newer than {held}, which is kept")]
    Older {
        /// The stream.
        stream: StreamId,
        /// The version given.
        got: u64,
        /// The one that is kept.
        held: u64,
    },
    /// The memory for lists is used up.
    #[error("this tracker has no room for more permissions")]
    Full,
    /// Each list is sent to everybody in its stream.
    #[error("too many lists of one owner; try again in a second")]
    TooFast,
}

impl ListRefusal {
    /// The reason with its causes.
    #[must_use]
    pub fn in_full(&self) -> String {
        in_full(self)
    }
}

fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}
