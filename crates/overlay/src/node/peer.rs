//! What we know of the node at the other end of a link.
//!
//! Invariant: an empty [`Peer`] is removed, so a link that nothing passes on can be recognised.

use std::collections::BTreeMap;

use tatum_primitives::{Address, NodeId, OperatorId, StreamKey};

use crate::ChainKey;
use crate::frame::Span;
use crate::window::Window;

#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) node: NodeId,
    pub(super) relay: bool,
    pub(super) operator: Option<OperatorId>,
    pub(super) peers: BTreeMap<StreamKey, Peer>,
    /// Bytes served on request in the running second.
    pub(super) answered_bytes: usize,
    /// Receipts and requests for service in the running second.
    pub(super) requests: u32,
    /// What its news of messages cost us in the running second, in numbers looked at.
    pub(super) news: u64,
}

impl LinkState {
    pub(super) const fn new(node: NodeId, operator: Option<OperatorId>) -> Self {
        Self {
            node,
            relay: false,
            operator,
            peers: BTreeMap::new(),
            answered_bytes: 0,
            requests: 0,
            news: 0,
        }
    }
}

/// What passes between us and a neighbour in one stream.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// It is a relay that carries the stream.
    pub(super) relay: bool,
    /// It is a subscriber that we serve.
    pub(super) subscriber: Option<Reader>,
    /// It is a publisher that we accept from.
    pub(super) publisher: Option<Writer>,
    /// We are a subscriber that it serves.
    pub(super) serves_us: Attachment,
    /// We are a publisher that it accepts from.
    pub(super) accepts_us: Attachment,
    /// Payload bytes of late copies it sent us, and how many of them we told it.
    pub(super) duplicates: u64,
    pub(super) duplicates_told: u64,
}

/// How far our request for service is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attachment {
    #[default]
    None,
    Asked {
        at_ms: u64,
    },
    Admitted,
    Refused {
        at_ms: u64,
    },
}

/// A subscriber that we serve.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) payer: Address,
    pub(super) stopped: bool,
    pub(super) duplicates: u64,
}

/// A publisher that we accept from.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) payer: Address,
    pub(super) stopped: bool,
    windows: BTreeMap<ChainKey, Window>,
    runs: Vec<Span>,
    waiting: usize,
}

/// Chains one publisher may use on a link; the lowest key is dropped beyond that.
const MAX_CHAINS: usize = 16;

impl Writer {
    pub(super) const fn new(payer: Address, stopped: bool) -> Self {
        Self { payer, stopped, windows: BTreeMap::new(), runs: Vec::new(), waiting: 0 }
    }

    pub(super) fn is_new(&self, chain: &ChainKey, number: u64) -> bool {
        self.windows.get(chain).is_none_or(|window| !window.contains(number))
    }

    /// Notes an accepted message; it is told to the publisher with the next flush.
    pub(super) fn accept(&mut self, chain: ChainKey, number: u64) {
        if !self.windows.contains_key(&chain) && self.windows.len() >= MAX_CHAINS {
            self.windows.pop_first();
        }
        self.windows.entry(chain).or_insert_with(|| Window::starting_at(0)).insert(number);
        self.waiting += 1;
        match self.runs.last_mut() {
            Some(run) if run.chain == chain && run.last.checked_add(1) == Some(number) => {
                run.last = number;
            }
            _ => self.runs.push(Span { chain, first: number, last: number }),
        }
    }

    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn flush(&mut self) -> Vec<Span> {
        self.waiting = 0;
        std::mem::take(&mut self.runs)
    }
}

impl Peer {
    pub(super) fn is_idle(&self) -> bool {
        !self.relay
            && self.subscriber.is_none()
            && self.publisher.is_none()
            && self.serves_us == Attachment::None
            && self.accepts_us == Attachment::None
    }

    /// Ends what we asked of the peer, not what it asked of us.
    pub(super) fn leave_ours(&mut self) {
        self.relay = false;
        self.serves_us = Attachment::None;
        self.accepts_us = Attachment::None;
    }

    /// Whether messages from this peer are welcome.
    pub(super) fn may_send(&self) -> bool {
        self.relay || self.publisher.is_some() || self.serves_us != Attachment::None
    }

    /// Whether it should hear which messages we hold.
    pub(super) fn wants_news(&self) -> bool {
        self.relay
            || self.subscriber.as_ref().is_some_and(|reader| !reader.stopped)
            || self.accepts_us == Attachment::Admitted
    }
}
