//! One stream partition at one node: which messages were seen, and the recent ones for neighbours.
//!
//! Invariant: per chain each number is accepted once, also after the chain was forgotten (`forgotten.rs`). At most [`Limits::messages`] frames and [`Limits::bytes`] bytes are kept, none
//! that is older than [`Limits::horizon_ms`], whatever time stands in others; what came first goes first. None is taken whose time is
//! further from ours than the limits say, before or after. At most [`Limits::chains`] chains are known: whoever begins many has its
//! own forgotten.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use tatum_primitives::Address;

use crate::count::Count;
use crate::forgotten::Forgotten;
use crate::frame::Span;
use crate::kept_order::{KeptOrder, Turn};
use crate::time::AHEAD_MS;
use crate::window::{MAX_NUMBER, Window};
use crate::{ChainKey, Message, MessageError};

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
    /// Messages that are older are neither taken nor handed on: nobody can pass last week's off as news.
    pub horizon_ms: u64,
    /// Messages that are dated further ahead are not taken yet: their time would keep them news for as much longer.
    pub ahead_ms: u64,
}

/// A day.
const HORIZON_MS: u64 = 86_400_000;

impl Default for Limits {
    fn default() -> Self {
        Self {
            messages: 16_384,
            bytes: 8 * 1024 * 1024,
            chains: 1024,
            history: 16_384,
            horizon_ms: HORIZON_MS,
            ahead_ms: AHEAD_MS,
        }
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
    /// When it goes.
    turn: Turn,
}

#[derive(Debug)]
struct Chain {
    window: Window,
    kept: BTreeMap<u64, Kept>,
    active_ms: u64,
    /// When its newest message was made.
    newest_ms: u64,
    /// What was made until then was seen before the chain was forgotten, if it ever was.
    seen_until_ms: Option<u64>,
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
    order: KeptOrder,
    kept_bytes: usize,
    /// Where unknown chains begin, as neighbours say. Only a signed message makes a chain known, so
    /// claims push out no chain and hide no message.
    claimed: BTreeMap<ChainKey, u64>,
    forgotten: Forgotten,
}

impl Propagation {
    /// Nothing seen yet.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self {
            limits,
            chains: BTreeMap::new(),
            order: KeptOrder::new(),
            kept_bytes: 0,
            claimed: BTreeMap::new(),
            forgotten: Forgotten::new(limits.chains),
        }
    }

    /// Whether the message was accepted before, or given up.
    #[must_use]
    pub fn seen(&self, message: &Message) -> bool {
        let until_ms = match self.chains.get(&message.chain) {
            Some(chain) if chain.window.contains(message.at.sequence) => return true,
            Some(chain) => chain.seen_until_ms,
            None => self.forgotten.until_ms(&message.chain.publisher),
        };
        until_ms.is_some_and(|until_ms| message.at.timestamp_ms <= until_ms)
    }

    /// Notes that a message which counts as seen by its time, and whose signature was checked, was asked for in vain: it is not asked for
    /// again.
    pub fn settle(&mut self, message: &Message) {
        let number = message.at.sequence;
        match self.chains.get_mut(&message.chain) {
            Some(chain) => chain.window.give_up(number..=number),
            None => self.forgotten.note(message.chain),
        }
    }

    /// Whether a message's time is near enough to ours for it to be taken, whoever brings it.
    ///
    /// # Errors
    /// [`MessageError::Old`] or [`MessageError::Ahead`].
    pub fn timely(&self, message: &Message, now_ms: u64) -> Result<(), MessageError> {
        message.check_time(now_ms, self.limits.horizon_ms, self.limits.ahead_ms)
    }

    /// Drops frames that are too old to be handed on.
    pub fn expire(&mut self, now_ms: u64) {
        let earliest_ms = now_ms.saturating_sub(self.limits.horizon_ms);
        while let Some((key, number)) = self.order.take_older_than(earliest_ms) {
            self.drop_kept(&key, number);
        }
    }

    /// Takes a message that was not seen and whose signature was checked.
    pub fn accept(&mut self, message: &Message, frame: Bytes, now_ms: u64) -> Accepted {
        let number = message.at.sequence;
        let turn = self.order.begin((message.chain, number), message.at.timestamp_ms);
        // What came of a chain before it was forgotten is not missing.
        let history = if self.forgotten.holds(&message.chain) { 0 } else { self.limits.history };
        let oldest = number.saturating_sub(history);
        let claimed = self.claimed.remove(&message.chain).filter(|first| *first <= number);
        let first = claimed.map_or(oldest, |first| first.max(oldest));
        let chain = self.chain(message.chain, first, now_ms);
        chain.active_ms = now_ms;
        chain.newest_ms = chain.newest_ms.max(message.at.timestamp_ms);
        let skipped = chain.window.insert(number);
        let hole = chain.window.hole_before(number);
        let (size, payload_bytes) = (frame.len(), message.payload_bytes());
        chain.kept.insert(number, Kept { number, frame, payload_bytes, turn });
        self.kept_bytes.count(size);
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
            if self.forgotten.holds(&span.chain) {
                return Vec::new();
            }
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
            let Some((key, number)) = self.order.take_first() else { return };
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
        if !self.chains.contains_key(&key) {
            self.make_room();
        }
        let seen_until_ms = self.forgotten.until_ms(&key.publisher);
        self.chains.entry(key).or_insert_with(|| Chain {
            window: Window::starting_at(first),
            kept: BTreeMap::new(),
            active_ms: now_ms,
            newest_ms: 0,
            seen_until_ms,
        })
    }

    /// Forgets a chain if there are too many: the longest silent one of whoever has most.
    fn make_room(&mut self) {
        if self.chains.len() < self.limits.chains {
            return;
        }
        let mut counts: BTreeMap<Address, usize> = BTreeMap::new();
        for key in self.chains.keys() {
            counts.entry(key.publisher).or_default().count(1);
        }
        let most = counts.values().copied().max();
        let some =
            self.chains.iter().filter(|(key, _)| counts.get(&key.publisher).copied() == most);
        let silent = some.min_by_key(|(_, chain)| chain.active_ms).map(|(key, _)| *key);
        if let Some(silent) = silent {
            self.forget(&silent);
        }
    }

    fn forget(&mut self, key: &ChainKey) {
        let Some(chain) = self.chains.remove(key) else { return };
        for kept in chain.kept.values() {
            self.order.end(kept.turn);
            self.kept_bytes.uncount(kept.frame.len());
        }
        self.forgotten.forget(*key, chain.newest_ms);
    }

    fn evict(&mut self) {
        while self.order.len() > self.limits.messages || self.kept_bytes > self.limits.bytes {
            let Some((key, number)) = self.order.take_first() else { return };
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
    use crate::MessageRef;
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
        let limits =
            Limits { messages: 5, bytes: 1_000, chains: 2, history: 100, ..Limits::default() };
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
    fn who_begins_many_chains_has_its_own_forgotten_and_nothing_of_them_is_new_again() {
        let mut propagation = Propagation::new(Limits { chains: 4, ..Limits::default() });
        let of = |publisher: u8, chain: u64, number: u64| {
            let mut message = message(&key(publisher), number);
            message.chain.chain = chain;
            message
        };
        let frame = Bytes::from_static(b"x");
        let honest = of(2, 9, 0);
        propagation.accept(&honest, frame.clone(), 0);
        for chain in 0..10 {
            propagation.accept(&of(1, chain, chain), frame.clone(), 1 + chain);
        }
        assert_eq!(propagation.chains.len(), 4);
        assert!(propagation.seen(&honest), "it was silent for longest");
        for chain in 0..10 {
            assert!(propagation.seen(&of(1, chain, chain)), "{chain}");
        }
        // What it makes from now on is new, on a chain that was forgotten too, and nothing before it is asked for.
        let next = of(1, 0, 20);
        assert!(!propagation.seen(&next));
        assert_eq!(propagation.accept(&next, frame, 20), Accepted::default());
        let span = Span { chain: of(1, 3, 0).chain, first: 0, last: 5 };
        assert!(propagation.lacking(&span).is_empty());
    }

    #[test]
    fn the_missing_of_a_new_chain_are_asked_for_however_many_were_forgotten_before() {
        let mut propagation = Propagation::new(Limits { chains: 4, ..Limits::default() });
        let frame = Bytes::from_static(b"x");
        let of = |chain: u64, number: u64| {
            let mut message = message(&key(1), number);
            message.chain.chain = chain;
            message.at.timestamp_ms = 1_000 * chain + number;
            message
        };
        // A process for each message, and one that was missed.
        for chain in 0..100 {
            if chain != 98 {
                propagation.accept(&of(chain, 0), frame.clone(), chain);
            }
        }
        let span = |chain: u64| Span { chain: of(chain, 0).chain, first: 0, last: 3 };
        assert_eq!(propagation.lacking(&span(98)), vec![0..=3]);
        assert!(!propagation.seen(&of(98, 2)));
        assert_eq!(propagation.accept(&of(98, 2), frame.clone(), 100).hole, Some(0..=1));
        // One that was forgotten just now is not asked for; one that was long ago is, once.
        assert!(propagation.lacking(&span(93)).is_empty());
        assert_eq!(propagation.lacking(&span(2)), vec![0..=3]);
        assert!(propagation.seen(&of(2, 0)));
        propagation.settle(&of(2, 0));
        assert!(propagation.lacking(&span(2)).is_empty());
        // It goes on, and only what came since is new.
        let next = Message { at: MessageRef { timestamp_ms: 200_000, sequence: 7 }, ..of(3, 7) };
        assert_eq!(propagation.accept(&next, frame, 200).hole, Some(0..=6));
        assert!(propagation.seen(&of(3, 4)));
        propagation.settle(&of(3, 4));
        assert_eq!(propagation.lacking(&Span { last: 7, ..span(3) }), vec![0..=3, 5..=6]);
    }

    #[test]
    fn what_is_older_than_the_horizon_is_neither_taken_nor_handed_on() {
        let limits = Limits { horizon_ms: 100, ..Limits::default() };
        let mut propagation = Propagation::new(limits);
        let made_ms = message(&key(1), 5).at.timestamp_ms;
        for number in [5, 6, 7] {
            accept(&mut propagation, number);
        }
        let old = Err(MessageError::Old { age_ms: 101, limit_ms: 100 });
        assert_eq!(propagation.timely(&message(&key(1), 5), made_ms + 100), Ok(()));
        assert_eq!(propagation.timely(&message(&key(1), 5), made_ms + 101), old);
        propagation.expire(made_ms + 100);
        assert_eq!(propagation.kept_bytes(), 30);
        propagation.expire(made_ms + 102);
        assert_eq!((propagation.kept_bytes(), propagation.spans()[0].first), (10, 7));
        propagation.expire(u64::MAX);
        assert_eq!((propagation.kept_bytes(), propagation.spans()), (0, vec![]));
        assert!(propagation.seen(&message(&key(1), 5)), "forgetting a frame forgets no number");
    }

    #[test]
    fn what_is_dated_ahead_keeps_nothing_else() {
        let limits = Limits { horizon_ms: 100, ahead_ms: 50, ..Limits::default() };
        let mut propagation = Propagation::new(limits);
        let dated = |number: u64, timestamp_ms: u64| {
            let mut message = message(&key(1), number);
            message.at.timestamp_ms = timestamp_ms;
            message
        };
        let ahead = Err(MessageError::Ahead { by_ms: 51, limit_ms: 50 });
        assert_eq!(propagation.timely(&dated(0, 1_050), 1_000), Ok(()));
        assert_eq!(propagation.timely(&dated(0, 1_051), 1_000), ahead);
        for (number, timestamp_ms) in [(0, 1_050), (1, 1_000), (2, 1_040), (3, 1_010)] {
            propagation.accept(&dated(number, timestamp_ms), Bytes::from_static(b"x"), 1_000);
        }
        propagation.expire(1_111);
        let span = Span { chain: dated(0, 0).chain, first: 0, last: 3 };
        let kept: Vec<u64> = propagation.kept(&span, 100).iter().map(|kept| kept.number).collect();
        assert_eq!((kept, propagation.kept_bytes()), (vec![0, 2], 2));
    }

    #[test]
    fn what_was_forgotten_takes_no_place_of_what_is_kept() {
        let limits = Limits { messages: 3, chains: 2, ..Limits::default() };
        let mut propagation = Propagation::new(limits);
        for (at, publisher) in [(1, 1), (2, 2), (3, 3), (4, 3)] {
            propagation.accept(&message(&key(publisher), at), Bytes::from_static(b"x"), at);
        }
        // The first chain went with its message; the three that are left have room.
        assert_eq!(propagation.spans().len(), 2);
        assert_eq!((propagation.order.len(), propagation.kept_bytes()), (3, 3));
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
