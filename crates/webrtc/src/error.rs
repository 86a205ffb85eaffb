//! What can go wrong with an endpoint (retry with another offer) or with one send (drop or slow
//! down).

/// Why an endpoint or a negotiation failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The UDP socket could not be bound.
    #[error("the UDP address {address} cannot be used{}", advice(source))]
    Bind {
        /// Which address.
        address: std::net::SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The UDP socket could not be set up or read.
    #[error("the UDP socket failed")]
    Socket(#[from] std::io::Error),
    /// The other side's offer or answer is not a session description we understand.
    #[error("the session description is refused: {0}")]
    Description(String),
    /// An answer came for a link that waits for none.
    #[error("no offer of ours waits for this answer")]
    NoPendingOffer,
    /// The endpoint's driver has stopped.
    #[error("the endpoint has stopped")]
    Stopped,
    /// The ceiling on links is reached.
    #[error("all {limit} links are in use")]
    TooManyLinks {
        /// The configured ceiling.
        limit: usize,
    },
}

/// What to do about an address that cannot be bound.
fn advice(error: &std::io::Error) -> &'static str {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => {
            "; another process has it: end that one, or name another port"
        }
        std::io::ErrorKind::AddrNotAvailable => {
            "; it is none of this machine's: bind one that is, and advertise the outside one"
        }
        _ => "",
    }
}

/// Why a message was not queued. Nothing of it was sent.
#[derive(Debug, thiserror::Error, PartialEq, Eq, Clone, Copy)]
pub enum SendError {
    /// The link's queue is full: the peer or the path is slower than the sender.
    #[error("the link's queue is full")]
    Full,
    /// The message is larger than [`crate::MAX_MESSAGE_BYTES`].
    #[error("the message has {got} bytes, at most {limit} are allowed")]
    TooLarge {
        /// Size of the refused message.
        got: usize,
        /// The largest allowed size.
        limit: usize,
    },
    /// The link is closed.
    #[error("the link is closed")]
    Closed,
}
