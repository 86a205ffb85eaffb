//! What we know of the node at the other end of a link.
//!
//! Invariant: an empty [`Peer`] is removed, so a link that nothing passes on can be recognised.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tatum_primitives::{Address, Epoch};

use super::awaited::Awaited;
use crate::ChainKey;
use crate::count::Count;
use crate::credit::CreditKey;
use crate::frame::Span;
use crate::window::Window;

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
    /// It serves us, but waits for our receipts.
    pub(super) paused: bool,
    /// Times in a row that it refused us.
    pub(super) refusals: u8,
    /// It declines us until this epoch is over.
    pub(super) declined_in: Option<Epoch>,
    /// Messages that others brought first and it should have brought as well.
    pub(super) expected: u32,
    /// Those of the expected ones that it brought.
    pub(super) brought: u32,
    /// What others brought first and it should bring as well.
    pub(super) awaited: Awaited,
    /// Per chain the first number that it brought as it was made.
    pub(super) live_from: BTreeMap<ChainKey, u64>,
    /// What it needs no copies of.
    pub(super) called_off: CalledOff,
}

/// The newest messages that a neighbour called off.
#[derive(Debug, Default)]
pub(super) struct CalledOff {
    numbers: BTreeSet<(ChainKey, u64)>,
    order: VecDeque<(ChainKey, u64)>,
}

/// Messages called off that are remembered per neighbour and stream.
const MAX_CALLED_OFF: usize = 1_024;

impl CalledOff {
    pub(super) fn add(&mut self, span: &Span) {
        let most =
            (span.last.saturating_add(1).saturating_sub(MAX_CALLED_OFF as u64)).max(span.first);
        for number in most..=span.last {
            if self.numbers.insert((span.chain, number)) {
                self.order.push_back((span.chain, number));
            }
            if self.order.len() > MAX_CALLED_OFF
                && let Some(oldest) = self.order.pop_front()
            {
                self.numbers.remove(&oldest);
            }
        }
    }

    pub(super) fn contains(&self, chain: ChainKey, number: u64) -> bool {
        !self.numbers.is_empty() && self.numbers.contains(&(chain, number))
    }
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
    /// On which account.
    pub(super) key: CreditKey,
    /// Who signed the request.
    pub(super) signer: Address,
    pub(super) stopped: bool,
    pub(super) duplicates: u64,
    /// Payload bytes sent in the running second and in the one before: what may still be under way.
    pub(super) recent: u64,
    pub(super) before: u64,
}

impl Reader {
    pub(super) const fn new(key: CreditKey, signer: Address, stopped: bool) -> Self {
        Self { key, signer, stopped, duplicates: 0, recent: 0, before: 0 }
    }
}

/// A publisher that we accept from.
#[derive(Debug)]
pub(super) struct Writer {
    /// On which account.
    pub(super) key: CreditKey,
    /// Who signed the request.
    pub(super) signer: Address,
    pub(super) stopped: bool,
    windows: BTreeMap<ChainKey, Window>,
    runs: Vec<Span>,
    waiting: usize,
    /// The newest runs that were told; a link that broke may have swallowed them.
    told: VecDeque<Span>,
}

/// Told runs that are remembered.
const MAX_TOLD: usize = 256;

/// Chains one publisher may use on a link; the lowest key is dropped beyond that.
const MAX_CHAINS: usize = 16;

impl Writer {
    pub(super) const fn new(key: CreditKey, signer: Address, stopped: bool) -> Self {
        Self {
            key,
            signer,
            stopped,
            windows: BTreeMap::new(),
            runs: Vec::new(),
            waiting: 0,
            told: VecDeque::new(),
        }
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
        self.waiting.count(1);
        match self.runs.last_mut() {
            Some(run) if run.chain == chain && run.last.checked_add(1) == Some(number) => {
                run.last = number;
            }
            Some(_) | None => self.runs.push(Span { chain, first: number, last: number }),
        }
    }

    pub(super) const fn waiting(&self) -> usize {
        self.waiting
    }

    pub(super) fn flush(&mut self) -> Vec<Span> {
        self.waiting = 0;
        let runs = std::mem::take(&mut self.runs);
        self.told.extend(&runs);
        self.told.drain(..self.told.len().saturating_sub(MAX_TOLD));
        runs
    }

    /// The publisher is back on another link: what it was told last is told again.
    pub(super) fn tell_again(&mut self) {
        let told = std::mem::take(&mut self.told);
        self.runs.splice(0..0, told);
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

    /// Whether messages from this peer are welcome. Not those of a publisher that is stopped: what we
    /// would ask it for and refuse would be given up in the end.
    pub(super) fn may_send(&self) -> bool {
        let accepted = self.publisher.as_ref().is_some_and(|writer| !writer.stopped);
        self.relay || accepted || self.serves_us != Attachment::None
    }

    /// Whether it should hear which messages we hold.
    pub(super) fn wants_news(&self) -> bool {
        self.relay
            || self.subscriber.as_ref().is_some_and(|reader| !reader.stopped)
            || self.accepts_us == Attachment::Admitted
    }
}
