//! The sending end of one peer connection, and what is asked of whoever drives it.
//!
//! Invariant: `queued` equals the bytes handed to the driver and not yet written to SCTP, so a slow
//! peer costs a bounded amount of memory. Control messages may use headroom that data may not, so
//! receipts get through when data does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use crate::{Error, MAX_MESSAGE_BYTES, SendError};

/// Names a link within its endpoint. Never reused; a newer link has a larger number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u64);

impl std::fmt::Display for LinkId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "link-{}", self.0)
    }
}

/// Which bound of the queue a message is held to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// Bulk data: refused when the queue is full; the overlay repairs what is refused.
    Data,
    /// Small messages that the protocol leans on (receipts, requests): they have headroom above the
    /// data bound.
    Control,
}

/// Why a link ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseReason {
    /// We closed it.
    Local,
    /// The peer closed it, or its data channel.
    Remote,
    /// It did not open in time.
    ConnectTimeout,
    /// ICE lost the peer.
    Unreachable,
    /// The WebRTC stack gave up on it.
    Failed,
}

impl std::fmt::Display for CloseReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Local => "closed by us",
            Self::Remote => "closed by the peer",
            Self::ConnectTimeout => "did not connect in time",
            Self::Unreachable => "the peer became unreachable",
            Self::Failed => "the WebRTC session failed",
        })
    }
}

/// What happened on a link.
#[derive(Debug, Clone)]
pub enum Event {
    /// The link is open.
    Connected {
        /// Which link.
        link: LinkId,
        /// Where the peer's packets are sent to, which is where ICE proved that it can be reached.
        remote: Option<SocketAddr>,
    },
    /// A message arrived.
    Received {
        /// Which link.
        link: LinkId,
        /// The message.
        data: Bytes,
    },
    /// The link is gone; its handle sends no more.
    Closed {
        /// Which link.
        link: LinkId,
        /// Why.
        reason: CloseReason,
    },
}

/// A new link and the description that the peer must get.
#[derive(Debug)]
pub struct Offer {
    /// The link; messages may be queued on it at once.
    pub link: Link,
    /// Our offer, or our answer, as an opaque string.
    pub description: String,
}

/// What handles ask of the driver.
#[derive(Debug)]
pub(crate) enum Command {
    Offer(oneshot::Sender<Result<Offer, Error>>),
    Answer(String, oneshot::Sender<Result<Offer, Error>>),
    AcceptAnswer(LinkId, String, oneshot::Sender<Result<(), Error>>),
    FindAddress(SocketAddr),
    Send(LinkId, Bytes),
    Close(LinkId),
}

/// The part of a link that its handle and the driver share.
#[derive(Debug, Default)]
pub(crate) struct Gauge {
    queued: AtomicUsize,
    closed: AtomicBool,
    /// Zero until the peer has answered.
    round_trip_us: AtomicU32,
}

impl Gauge {
    pub(crate) fn written(&self, size_bytes: usize) {
        self.queued.fetch_sub(size_bytes, Ordering::Relaxed);
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// One that is shorter than a microsecond is taken for one.
    pub(crate) fn answered_after(&self, round_trip: Duration) {
        let us = u32::try_from(round_trip.as_micros()).unwrap_or(u32::MAX);
        self.round_trip_us.store(us.max(1), Ordering::Relaxed);
    }
}

/// A handle to send on a link and to close it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Link {
    pub(crate) id: LinkId,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) commands: mpsc::UnboundedSender<Command>,
    pub(crate) queue_bytes: usize,
}

impl Link {
    /// The link's number.
    #[must_use]
    pub const fn id(&self) -> LinkId {
        self.id
    }

    /// Bytes that wait above the SCTP buffer.
    #[must_use]
    pub fn queued_bytes(&self) -> usize {
        self.gauge.queued.load(Ordering::Relaxed)
    }

    /// How long the peer took to answer the newest of ICE's own checks of the path, in microseconds; nothing before it has answered one.
    #[must_use]
    pub fn round_trip_us(&self) -> Option<u32> {
        Some(self.gauge.round_trip_us.load(Ordering::Relaxed)).filter(|us| *us > 0)
    }

    /// Queues one message. Messages sent before the link is open wait in the queue.
    ///
    /// # Errors
    /// [`SendError`] says why nothing was queued.
    pub fn send(&self, message: Bytes, priority: Priority) -> Result<(), SendError> {
        let size = message.len();
        if size > MAX_MESSAGE_BYTES {
            return Err(SendError::TooLarge { got: size, limit: MAX_MESSAGE_BYTES });
        }
        if self.gauge.closed.load(Ordering::Relaxed) {
            return Err(SendError::Closed);
        }
        let limit = match priority {
            Priority::Data => self.queue_bytes,
            Priority::Control => self.queue_bytes.saturating_add(self.queue_bytes / 4),
        };
        if self.queued_bytes().saturating_add(size) > limit {
            return Err(SendError::Full);
        }
        self.gauge.queued.fetch_add(size, Ordering::Relaxed);
        self.commands.send(Command::Send(self.id, message)).map_err(|_| SendError::Closed)
    }

    /// Closes the link. What still waits in the queue is dropped.
    pub fn close(&self) {
        self.gauge.close();
        // A stopped driver has no links left to close.
        let _ = self.commands.send(Command::Close(self.id));
    }
}
