//! How links come about and end: offers and answers through the trackers, then the time that a handshake takes.
//!
//! Invariant: a link is made only by an offer that the tracker of a common stream passed on.

use tatum_overlay::Link;
use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::NodeId;
use tatum_protocol::tracker::{Signal, SignalKind, ToTracker};

use super::population::Role;
use super::world::{Event, World};

/// A link that nobody needs any more stays open this long.
const LINGER_US: u64 = 2_000_000;
/// Who got no answer offers again after this.
const DIAL_AGAIN_US: u64 = 2_000_000;

impl World {
    /// Offers links to neighbours that a tracker can introduce us to: a client to its relays, of two relays the one with the
    /// lower id to the other.
    pub(super) fn dial(&mut self, number: usize) {
        if !std::mem::take(&mut self.nodes[number].must_dial) {
            return;
        }
        let (me, is_relay) = (self.nodes[number].id(), self.nodes[number].role == Role::Relay);
        for (node, no) in self.nodes[number].attendance.routes() {
            let Some(other) = self.by_id.get(&node).copied() else { continue };
            let ours = !is_relay || (self.nodes[other].role == Role::Relay && me < node);
            let tried_us = self.nodes[number].dialled_us.get(&other).copied();
            let waits = tried_us.is_some_and(|at_us| self.now_us < at_us + DIAL_AGAIN_US);
            if !ours || waits || self.links.contains_key(&(number, other)) {
                continue;
            }
            self.nodes[number].dialled_us.insert(other, self.now_us);
            self.signal(number, no, node, SignalKind::Offer);
        }
    }

    fn signal(&mut self, number: usize, no: TrackerNo, to: NodeId, kind: SignalKind) {
        let signal = Signal::sign(&self.nodes[number].key, to, kind, self.now_us, String::new());
        self.tell(number, no, ToTracker::Signal { to, signal });
    }

    /// A neighbour's offer or answer.
    pub(super) fn signalled(
        &mut self,
        number: usize,
        no: TrackerNo,
        from: NodeId,
        signal: &Signal,
    ) {
        assert!(
            signal.verify(from, self.nodes[number].id()),
            "a tracker passes on what was signed"
        );
        let Some(other) = self.by_id.get(&from).copied() else { return };
        match signal.kind {
            SignalKind::Offer if self.may_link(number, other) => {
                self.signal(number, no, from, SignalKind::Answer);
            }
            SignalKind::Offer => {}
            SignalKind::Answer => {
                let wait_us = 2 * self.one_way_us(number, other);
                self.after(wait_us, Event::Link(number, other));
            }
        }
    }

    fn may_link(&self, a: usize, b: usize) -> bool {
        let away_us = |one, other| self.away_until_us.get(&(one, other)).copied().unwrap_or(0);
        let is_away = away_us(a, b).max(away_us(b, a)) > self.now_us;
        self.nodes[a].alive && self.nodes[b].alive && !is_away && !self.links.contains_key(&(a, b))
    }

    pub(super) fn link(&mut self, a: usize, b: usize) {
        if !self.may_link(a, b) {
            return;
        }
        let now = self.now();
        self.generations += 1;
        let generation = self.generations;
        for (one, other) in [(a, b), (b, a)] {
            self.links.insert((one, other), generation);
            let (id, place) = (self.nodes[other].id(), self.nodes[other].place);
            let link = Link(other as u64);
            let overlay = &mut self.nodes[one].overlay;
            overlay.link_opened(link, id, place.operator, &now);
            overlay.set_link_block(link, place.block);
        }
        self.drain(a, None);
        self.drain(b, None);
    }

    /// Links that a node needs no more are closed later.
    pub(super) fn unlink_idle(&mut self, number: usize) {
        let idle = |other: &usize| !self.needs(number, *other);
        for other in self.linked_with(number).into_iter().filter(idle).collect::<Vec<_>>() {
            self.after(LINGER_US, Event::Unlink(number, other));
        }
    }

    fn needs(&self, number: usize, other: usize) -> bool {
        self.nodes[number].overlay.is_in_use(&self.nodes[other].id())
    }

    pub(super) fn linked_with(&self, number: usize) -> Vec<usize> {
        let range = (number, 0)..=(number, usize::MAX);
        self.links.range(range).map(|((_, to), _)| *to).collect()
    }

    /// Closes a link that neither end needs any more, or whose other end is silent.
    pub(super) fn unlink(&mut self, a: usize, b: usize) {
        let is_whole = self.links.contains_key(&(a, b)) == self.links.contains_key(&(b, a));
        if !is_whole || (!self.needs(a, b) && !self.needs(b, a)) {
            self.cut(a, b);
        }
    }

    pub(super) fn cut(&mut self, a: usize, b: usize) {
        for (one, other) in [(a, b), (b, a)] {
            if self.links.remove(&(one, other)).is_some() {
                self.nodes[one].overlay.link_closed(Link(other as u64));
                self.nodes[one].must_dial = true;
            }
        }
    }

    pub(super) fn send_away(&mut self, number: usize, other: usize, away_us: u64) {
        if other < self.nodes.len() {
            self.cut(number, other);
            self.away_until_us.insert((number, other), self.now_us + away_us);
        }
    }
}
