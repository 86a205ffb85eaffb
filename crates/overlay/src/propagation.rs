//! One stream partition at one node: which messages were seen, and the recent ones for neighbours.
//!
//! Invariant: per chain each number is accepted once; at most [`Limits::messages`] frames and
//! [`Limits::bytes`] bytes are kept, the oldest go first; at most [`Limits::chains`] chains are
//! known, the longest silent goes first.

use std::collections::{BTreeMap, VecDeque};
use std::ops::RangeInclusive;

use bytes::Bytes;

use crate::count::Count;
use crate::frame::Span;
use crate::window::{MAX_NUMBER, Window};
use crate::{ChainKey, Message};

/// What a node keeps of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Frames kept for neighbours.
    pub messages: usize,
    /// Bytes of those frames.
    pub bytes: usize,
    /// Chains known.
    pub chains: usize,
    /// How many messages before the first one seen are asked for.
    pub history: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { messages: 16_384, bytes: 8 * 1024 * 1024, chains: 1024, history: 16_384 }
    }
}

/// A message that neighbours may ask for.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Its number.
    pub number: u64,
    /// Its encoded frame.
    pub frame: Bytes,
    /// Its payload bytes.
    pub payload_bytes: u64,
}

#[derive(Debug)]
struct Chain {
    window: Window,
    kept: BTreeMap<u64, Kept>,
    active_ms: u64,
}

/// What accepting a message brought to light.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Numbers that are missing right before it.
    pub hole: Option<RangeInclusive<u64>>,
    /// Numbers that were given up because the message is too far ahead.
    pub skipped: Option<RangeInclusive<u64>>,
}

/// The seen and the recent messages of a stream partition.
#[derive(Debug)]
pub struct Propagation {
    limits: Limits,
    chains: BTreeMap<ChainKey, Chain>,
    order: VecDeque<(ChainKey, u64)>,
    kept_bytes: usize,
    /// Where unknown chains begin, as neighbours say. Only a signed message makes a chain known, so
    /// claims push out no chain and hide no message.
    claimed: BTreeMap<ChainKey, u64>,
}

impl Propagation {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            chains: BTreeMap::new(),
            order: VecDeque::new(),
            kept_bytes: 0,
            claimed: BTreeMap::new(),
        }
    }

    /// Whether the message was accepted before, or given up.
    #[must_use]
    pub fn seen(&self, message: &Message) -> bool {
        let chain = self.chains.get(&message.chain);
        chain.is_some_and(|chain| chain.window.contains(message.at.sequence))
    }

    /// Takes a message that was not seen and whose signature was checked.
    pub fn accept(&mut self, message: &Message, frame: Bytes, now_ms: u64) -> Accepted {
        let number = message.at.sequence;
        let oldest = number.saturating_sub(self.limits.history);
        let claimed = self.claimed.remove(&message.chain).filter(|first| *first <= number);
        let first = claimed.map_or(oldest, |first| first.max(oldest));
        let chain = self.chain(message.chain, first, now_ms);
        chain.active_ms = now_ms;
        let skipped = chain.window.insert(number);
        let hole = chain.window.hole_before(number);
        let (size, payload_bytes) = (frame.len(), message.payload_bytes());
        chain.kept.insert(number, Kept { number, frame, payload_bytes });
        self.kept_bytes.count(size);
        self.order.push_back((message.chain, number));
        self.evict();
        Accepted { hole, skipped }
    }

    /// Goes on with a chain from `next`: what comes before it was dealt with by an earlier run.
    pub fn resume(&mut self, chain: ChainKey, next: u64, now_ms: u64) {
        self.chain(chain, next, now_ms);
    }

    /// The first number of the chain that is neither seen nor given up; 0 for an unknown chain.
    #[must_use]
    pub fn floor(&self, chain: &ChainKey) -> u64 {
        self.chains.get(chain).map_or(0, |chain| chain.window.floor())
    }

    /// Whether this number of the chain was seen or given up.
    #[must_use]
    pub fn contains(&self, chain: &ChainKey, number: u64) -> bool {
        self.chains.get(chain).is_some_and(|chain| chain.window.contains(number))
    }

    /// What we miss of a span that a neighbour can serve.
    pub fn lacking(&mut self, span: &Span) -> Vec<RangeInclusive<u64>> {
        if span.last > MAX_NUMBER {
            return Vec::new();
        }
        let end = span.last.saturating_add(1);
        let first = span.first.max(end.saturating_sub(self.limits.history));
        let Some(chain) = self.chains.get(&span.chain) else {
            self.claim(span.chain, first);
            return if first < end { vec![first..=span.last] } else { Vec::new() };
        };
        if end > chain.window.floor().saturating_add(crate::window::MAX_AHEAD) {
            // A neighbour's word alone does not move the window; a signed message does.
            return Vec::new();
        }
        chain.window.holes_below(end)
    }

    /// Gives up these numbers of a chain; older ones may still be pursued.
    pub fn give_up(&mut self, chain: &ChainKey, lost: RangeInclusive<u64>) {
        if let Some(chain) = self.chains.get_mut(chain) {
            chain.window.give_up(lost);
        }
    }

    /// Bytes of the kept frames.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Drops the oldest frames until at most `limit_bytes` are kept.
    pub fn shrink(&mut self, limit_bytes: usize) {
        while self.kept_bytes > limit_bytes {
            let Some((key, number)) = self.order.pop_front() else { return };
            self.drop_kept(&key, number);
        }
    }

    /// What we can serve: per chain the newest run of kept messages.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let span = |(key, chain): (&ChainKey, &Chain)| {
            let first = *chain.kept.first_key_value()?.0;
            let last = *chain.kept.last_key_value()?.0;
            Some(Span { chain: *key, first, last })
        };
        self.chains.iter().filter_map(span).collect()
    }

    /// Kept frames of a span, oldest first, up to `limit_bytes`.
    #[must_use]
    pub fn kept(&self, span: &Span, limit_bytes: usize) -> Vec<Kept> {
        let Some(chain) = self.chains.get(&span.chain) else { return Vec::new() };
        if span.first > span.last {
            return Vec::new();
        }
        let mut left = limit_bytes;
        let mut frames = Vec::new();
        for kept in chain.kept.range(span.first..=span.last).map(|(_, kept)| kept) {
            let Some(rest) = left.checked_sub(kept.frame.len()) else { break };
            left = rest;
            frames.push(kept.clone());
        }
        frames
    }

    /// Notes where a neighbour says that a chain begins; the lowest word counts.
    fn claim(&mut self, key: ChainKey, first: u64) {
        if self.claimed.len() >= self.limits.chains && !self.claimed.contains_key(&key) {
            self.claimed.clear();
        }
        let held = self.claimed.entry(key).or_insert(first);
        *held = first.min(*held);
    }

    fn chain(&mut self, key: ChainKey, first: u64, now_ms: u64) -> &mut Chain {
        if !self.chains.contains_key(&key) && self.chains.len() >= self.limits.chains {
            let silent = self.chains.iter().min_by_key(|(_, chain)| chain.active_ms);
            if let Some(silent) = silent.map(|(key, _)| *key)
                && let Some(chain) = self.chains.remove(&silent)
            {
                self.kept_bytes
                    .uncount(chain.kept.values().map(|kept| kept.frame.len()).sum::<usize>());
            }
        }
        self.chains.entry(key).or_insert_with(|| Chain {
            window: Window::starting_at(first),
            kept: BTreeMap::new(),
            active_ms: now_ms,
        })
    }

    fn evict(&mut self) {
        while self.order.len() > self.limits.messages || self.kept_bytes > self.limits.bytes {
            let Some((key, number)) = self.order.pop_front() else { return };
            self.drop_kept(&key, number);
        }
    }

    fn drop_kept(&mut self, key: &ChainKey, number: u64) {
        if let Some(chain) = self.chains.get_mut(key)
            && let Some(kept) = chain.kept.remove(&number)
        {
            self.kept_bytes.uncount(kept.frame.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{key, message};

    fn accept(propagation: &mut Propagation, number: u64) -> Accepted {
        let message = message(&key(1), number);
        propagation.accept(&message, Bytes::from(vec![0; 10]), number)
    }

    #[test]
    fn a_resumed_chain_begins_where_it_was_left_and_asks_for_what_came_since() {
        let mut propagation = Propagation::new(Limits { history: 2, ..Limits::default() });
        let chain = message(&key(1), 0).chain;
        propagation.resume(chain, 5, 0);
        assert!(propagation.seen(&message(&key(1), 4)) && !propagation.seen(&message(&key(1), 5)));
        // All of it, whatever a newcomer would ask for.
        let span = Span { chain, first: 0, last: 20 };
        assert_eq!(propagation.lacking(&span), vec![5..=20]);
        assert_eq!(accept(&mut propagation, 9).hole, Some(5..=8));
    }

    #[test]
    fn a_message_is_new_once_and_shows_what_is_missing() {
        let mut propagation = Propagation::new(Limits::default());
        assert_eq!(accept(&mut propagation, 0), Accepted::default());
        assert!(propagation.seen(&message(&key(1), 0)));
        assert!(!propagation.seen(&message(&key(2), 0)));
        assert_eq!(accept(&mut propagation, 3).hole, Some(1..=2));
    }

    #[test]
    fn only_the_newest_frames_are_kept() {
        let limits = Limits { messages: 5, bytes: 1_000, chains: 2, history: 100 };
        let mut propagation = Propagation::new(limits);
        for number in 0..20 {
            accept(&mut propagation, number);
        }
        let span = propagation.spans()[0];
        assert_eq!((span.first, span.last), (15, 19));
        assert_eq!(propagation.kept(&span, 1_000).len(), 5);
        assert_eq!(propagation.kept(&span, 25).len(), 2);
        assert_eq!(propagation.kept_bytes, 50);
    }

    #[test]
    fn chains_are_bounded_and_the_silent_one_goes() {
        let limits = Limits { chains: 2, ..Limits::default() };
        let mut propagation = Propagation::new(limits);
        for (at, publisher) in [(1, 1), (2, 2), (3, 1), (4, 3)] {
            propagation.accept(&message(&key(publisher), at), Bytes::from_static(b"x"), at);
        }
        assert_eq!(propagation.chains.len(), 2);
        assert_eq!(propagation.floor(&message(&key(2), 2).chain), 0);
        assert_eq!(propagation.kept_bytes, 3);
    }

    #[test]
    fn a_joiner_asks_for_what_a_neighbour_has() {
        let limits = Limits { history: 10, ..Limits::default() };
        let mut propagation = Propagation::new(limits);
        let span = Span { chain: message(&key(1), 0).chain, first: 5, last: 40 };
        assert_eq!(propagation.lacking(&span), vec![31..=40]);
        assert_eq!(accept(&mut propagation, 35).hole, Some(31..=34));
        let wild = Span { last: u64::MAX - 1, ..span };
        assert!(propagation.lacking(&wild).is_empty());
    }
}
