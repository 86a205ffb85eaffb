//! WebRTC data channels for Tatum: many peers over **one** UDP socket.
//!
//! This crate is the only one that names str0m. It turns offers and answers (opaque strings that
//! the layer above signs and carries) into [`Link`]s: reliable, ordered, encrypted message pipes
//! with a bounded queue.
//!
//! Invariant: memory per link is bounded. At most [`SCTP_BUFFER_BYTES`] lie in the SCTP association
//! (str0m's cost per send grows with the bytes in flight) and at most [`Config::queue_bytes`] plus
//! a headroom for control messages wait above it.
//!
//! Source: RFC 8831 (data channels), RFC 8445 (ICE), RFC 5764 (packet kinds on one port).
//!
//! # Requirements
//! The layer above authenticates offers and answers: they hold the DTLS fingerprint, so whoever can
//! alter them can sit in the middle. It also closes a link before it makes another one to the same
//! peer.
//!
//! # Provided
//! Confidential, integrity-protected, ordered delivery while a link lives; [`Event::Closed`] when
//! it no longer does. Links through NATs, once [`Endpoint::find_address`] named a STUN server.
//!
//! # Not provided
//! TURN: two ends behind symmetric NATs cannot be linked. Delivery across a link's end.
#![cfg_attr(
    not(test),
    deny(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic
    )
)]

mod addresses;
mod config;
mod demux;
mod driver;
mod endpoint;
mod error;
mod link;
mod peer;
pub mod stun;
mod time;

pub use config::Config;
pub use endpoint::Endpoint;
pub use error::{Error, SendError};
pub use link::{CloseReason, Event, Link, LinkId, Offer, Priority};

/// Bytes that may be in one SCTP association's send buffer.
pub const SCTP_BUFFER_BYTES: usize = 64 * 1024;

/// The largest message a link carries. It must fit into an empty SCTP buffer with room to spare.
pub const MAX_MESSAGE_BYTES: usize = 48 * 1024;
