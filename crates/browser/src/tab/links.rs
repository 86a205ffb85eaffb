//! Which relay is at the end of which link, and how links come about: a client always dials, and takes no offers.
//!
//! Invariant: at most one link per relay and [`MAX_LINKS`] in all; one that ends is dialled again only after a while, longer each time.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use rand::Rng;
use tatum_overlay::outbox::Outbox;
use tatum_overlay::{Now, Priority};
use tatum_primitives::NodeId;
use tatum_protocol::tracker::{MAX_TEXT_BYTES, Neighbour, Signal, SignalKind, ToTracker};

use super::Tab;
use crate::Output;

const FIRST_BACKOFF_MS: u64 = 500;
const LAST_BACKOFF_MS: u64 = 15_000;
/// A link that nothing passes on is closed after this.
const LINGER_MS: u64 = 10_000;
/// Browsers bear few hundred connections in a page.
const MAX_LINKS: usize = 32;
/// A session description is no longer: what is said around it has to fit too.
const MAX_DESCRIPTION_BYTES: usize = MAX_TEXT_BYTES / 4;

#[derive(Debug, Default)]
struct Peer {
    incarnation: u64,
    link: Option<u64>,
    session: u64,
    open: bool,
    backoff_ms: u64,
    dial_after_ms: u64,
    idle_since_ms: Option<u64>,
    /// Until then there is no new link.
    away_until_ms: u64,
}

#[derive(Debug, Default)]
pub(super) struct Links {
    peers: BTreeMap<NodeId, Peer>,
    by_link: BTreeMap<u64, NodeId>,
    outboxes: BTreeMap<u64, Outbox>,
    last: u64,
}

impl Links {
    pub(super) fn open_count(&self) -> usize {
        self.peers.values().filter(|peer| peer.open).count()
    }

    /// A tracker names a relay. If it restarted, the old link is ended and returned.
    pub(super) fn introduce(&mut self, neighbour: &Neighbour) -> Option<u64> {
        let peer = self.peers.entry(neighbour.node).or_default();
        let known = std::mem::replace(&mut peer.incarnation, neighbour.incarnation);
        if known == 0 || known == neighbour.incarnation {
            return None;
        }
        (peer.backoff_ms, peer.dial_after_ms) = (0, 0);
        self.end(neighbour.node)
    }

    /// Numbers links to wanted relays that have none, where it is time to try.
    fn begin(&mut self, wanted: &BTreeSet<NodeId>, now: &Now, random: &mut impl Rng) -> Vec<u64> {
        let mut begun = Vec::new();
        for node in wanted {
            if self.by_link.len() >= MAX_LINKS {
                break;
            }
            let Some(peer) = self.peers.get_mut(node).filter(|peer| peer.may_dial(now)) else {
                continue;
            };
            self.last = self.last.saturating_add(1);
            peer.wait(now, random);
            (peer.link, peer.session) = (Some(self.last), random.random());
            self.by_link.insert(self.last, *node);
            begun.push(self.last);
        }
        begun
    }

    fn peer_at(&self, link: u64) -> Option<(NodeId, &Peer)> {
        let node = self.by_link.get(&link)?;
        Some((*node, self.peers.get(node)?))
    }

    /// A link opened; gives the relay at its end.
    pub(super) fn opened(&mut self, link: u64) -> Option<NodeId> {
        let node = *self.by_link.get(&link)?;
        let peer = self.peers.get_mut(&node)?;
        (peer.open, peer.backoff_ms, peer.idle_since_ms) = (true, 0, None);
        Some(node)
    }

    /// A link is gone.
    pub(super) fn closed(&mut self, link: u64, now: &Now) {
        self.outboxes.remove(&link);
        let Some(node) = self.by_link.remove(&link) else { return };
        if let Some(peer) = self.peers.get_mut(&node).filter(|peer| peer.link == Some(link)) {
            (peer.link, peer.open) = (None, false);
            let latest_ms = now.monotonic_ms.saturating_add(LAST_BACKOFF_MS);
            peer.dial_after_ms = peer.dial_after_ms.min(latest_ms);
        }
    }

    /// Ends links that nothing passes on, and forgets relays without one.
    pub(super) fn idle(&mut self, now: &Now, in_use: impl Fn(&NodeId) -> bool) -> Vec<u64> {
        let mut idle = Vec::new();
        for (node, peer) in &mut self.peers {
            if in_use(node) || now.monotonic_ms < peer.away_until_ms {
                peer.idle_since_ms = None;
                continue;
            }
            let since_ms = *peer.idle_since_ms.get_or_insert(now.monotonic_ms);
            if now.monotonic_ms.saturating_sub(since_ms) >= LINGER_MS {
                idle.push(*node);
            }
        }
        let ended = idle.iter().filter_map(|node| self.end(*node)).collect();
        for node in idle {
            self.peers.remove(&node);
        }
        ended
    }

    /// No new link to who is at the end of this one before the time is up.
    pub(super) fn keep_away(&mut self, link: u64, for_ms: u64, now: &Now) {
        let Some(node) = self.by_link.get(&link) else { return };
        if let Some(peer) = self.peers.get_mut(node) {
            peer.backoff_ms = LAST_BACKOFF_MS;
            peer.away_until_ms = now.monotonic_ms.saturating_add(for_ms);
        }
    }

    fn end(&mut self, node: NodeId) -> Option<u64> {
        let peer = self.peers.get_mut(&node)?;
        let link = peer.link.take()?;
        peer.open = false;
        self.by_link.remove(&link);
        self.outboxes.remove(&link);
        Some(link)
    }

    /// Adds a frame to the packets that [`Links::flush`] sends.
    pub(super) fn pack(&mut self, link: u64, frame: &Bytes, priority: Priority) {
        if self.by_link.contains_key(&link) {
            self.outboxes.entry(link).or_default().push(frame, priority);
        }
    }

    /// All packets of a link, or of all links, the urgent first.
    pub(super) fn flush(&mut self, only: Option<u64>, outputs: &mut Vec<Output>) {
        for (link, outbox) in &mut self.outboxes {
            if only.is_some_and(|only| only != *link) {
                continue;
            }
            let packets = outbox.take().into_iter().map(|(priority, packet)| Output::Send {
                link: *link,
                repair: priority == Priority::Repair,
                packet,
            });
            outputs.extend(packets);
        }
    }
}

impl Peer {
    const fn may_dial(&self, now: &Now) -> bool {
        self.link.is_none()
            && now.monotonic_ms >= self.dial_after_ms
            && now.monotonic_ms >= self.away_until_ms
    }

    /// Puts off the next attempt, longer each time, with jitter so that clients do not dial in step.
    fn wait(&mut self, now: &Now, random: &mut impl Rng) {
        self.backoff_ms =
            self.backoff_ms.saturating_mul(2).clamp(FIRST_BACKOFF_MS, LAST_BACKOFF_MS);
        let jitter_ms = random.random_range(0..=self.backoff_ms / 2);
        let wait_ms = self.backoff_ms.saturating_add(jitter_ms);
        self.dial_after_ms = now.monotonic_ms.saturating_add(wait_ms);
    }
}

impl Tab {
    /// Begins links to relays that a tracker can introduce us to.
    pub(super) fn dial(&mut self) {
        let (routes, now) = (self.attendance.routes(), self.now());
        let wanted = routes.keys().copied().collect();
        for link in self.links.begin(&wanted, &now, &mut self.random) {
            let route = self.links.by_link.get(&link).and_then(|node| routes.get(node));
            if let Some(no) = route.copied() {
                let stun = self.trackers.stun(no);
                self.outputs.push(Output::Offer { link, stun, no: no.0 });
            }
        }
    }

    /// The page made a session description, which goes to the relay.
    pub(super) fn described(&mut self, link: u64, description: &[u8]) {
        let Some((node, peer)) = self.links.peer_at(link) else { return };
        let session = peer.session;
        let description = String::from_utf8_lossy(description).into_owned();
        if description.len() > MAX_DESCRIPTION_BYTES {
            return self.outputs.push(Output::Close { link });
        }
        let Some(no) = self.attendance.routes().get(&node).copied() else {
            return self.outputs.push(Output::Close { link });
        };
        let signal = Signal::sign(&self.key, node, SignalKind::Offer, session, description);
        self.say(no, &ToTracker::Signal { to: node, signal });
    }

    /// A relay's answer to an offer of ours.
    pub(super) fn signal(&mut self, from: NodeId, signal: Signal) {
        let Some(peer) = self.links.peers.get(&from) else { return };
        let Some(link) = peer.link.filter(|_| !peer.open) else { return };
        let is_answer = signal.kind == SignalKind::Answer && signal.session == peer.session;
        if is_answer && signal.verify(from, self.key.id()) {
            self.outputs.push(Output::Answer { link, description: signal.body });
        }
    }
}
