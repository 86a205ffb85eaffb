//! Which neighbour is at the end of which link, and how links come about.
//!
//! Invariant: at most one link per neighbour; a newer negotiation closes the older link. Between
//! two relays the one with the lower id dials, a client always dials, so offers never cross.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use bytes::Bytes;
use rand::Rng;
use tatum_overlay::outbox::Outbox;
use tatum_overlay::{Link as OverlayLink, Now, Priority as Urgency};
use tatum_primitives::NodeId;
use tatum_webrtc::{Endpoint, Link, LinkId, Priority, SendError};

use crate::NodeKey;
use tatum_protocol::tracker::{Neighbour, Signal, SignalKind};

const FIRST_BACKOFF_MS: u64 = 500;
const LAST_BACKOFF_MS: u64 = 15_000;
/// A link that nothing passes on is closed after this.
const LINGER_MS: u64 = 10_000;
/// Repairs wait while more than this is queued on a link.
const REPAIR_QUEUE_BYTES: usize = 512 * 1024;
/// Neighbours remembered; strangers' offers beyond it are ignored.
const MAX_PEERS: usize = 4_096;

/// The overlay's name for a link.
pub(super) const fn overlay_link(link: LinkId) -> OverlayLink {
    OverlayLink(link.0)
}

#[derive(Debug, Default)]
struct Peer {
    relay: bool,
    incarnation: u64,
    link: Option<Link>,
    session: u64,
    open: bool,
    backoff_ms: u64,
    dial_after_ms: u64,
    idle_since_ms: Option<u64>,
    /// Until then there is no new link, whoever wanted it so.
    away_until_ms: u64,
}

pub(super) struct Links {
    endpoint: Endpoint,
    key: NodeKey,
    relay: bool,
    peers: BTreeMap<NodeId, Peer>,
    by_link: HashMap<LinkId, NodeId>,
    outboxes: BTreeMap<OverlayLink, Outbox>,
    dropped_packets: u64,
}

impl Links {
    pub(super) fn new(endpoint: Endpoint, key: NodeKey, relay: bool) -> Self {
        Self {
            endpoint,
            key,
            relay,
            peers: BTreeMap::new(),
            by_link: HashMap::new(),
            outboxes: BTreeMap::new(),
            dropped_packets: 0,
        }
    }

    pub(super) const fn is_relay(&self) -> bool {
        self.relay
    }

    pub(super) const fn dropped_packets(&self) -> u64 {
        self.dropped_packets
    }

    pub(super) fn refused_datagrams(&self) -> u64 {
        self.endpoint.refused_datagrams()
    }

    pub(super) fn open_links(&self) -> Vec<(OverlayLink, NodeId)> {
        let open = self.peers.iter().filter(|(_, peer)| peer.open);
        open.filter_map(|(node, peer)| Some((overlay_link(peer.link.as_ref()?.id()), *node)))
            .collect()
    }

    /// How long neighbours take to answer, of those that have.
    pub(super) fn round_trips_us(&self) -> BTreeMap<NodeId, u32> {
        let open = self.peers.iter().filter(|(_, peer)| peer.open);
        open.filter_map(|(node, peer)| Some((*node, peer.link.as_ref()?.round_trip_us()?)))
            .collect()
    }

    /// Asks `server` at which address peers can reach us.
    pub(super) fn find_address(&self, server: SocketAddr) {
        if let Err(error) = self.endpoint.find_address(server) {
            tracing::error!(%error, "cannot ask for our address");
        }
    }

    /// The tracker names a neighbour. If it restarted, the old link is closed and returned.
    pub(super) fn introduce(&mut self, neighbour: &Neighbour) -> Option<OverlayLink> {
        let peer = self.peers.entry(neighbour.node).or_default();
        peer.relay = neighbour.relay;
        let known = std::mem::replace(&mut peer.incarnation, neighbour.incarnation);
        if known == 0 || known == neighbour.incarnation {
            return None;
        }
        peer.backoff_ms = 0;
        peer.dial_after_ms = 0;
        self.end(neighbour.node)
    }

    /// Offers to wanted neighbours that have no link, if it is for us to dial and time to try.
    pub(super) async fn dial(
        &mut self,
        wanted: &BTreeSet<NodeId>,
        now: &Now,
    ) -> Vec<(NodeId, Signal)> {
        let mut signals = Vec::new();
        for node in wanted {
            let me = self.key.id();
            let Some(peer) = self.peers.get_mut(node) else { continue };
            let ours = !self.relay || (peer.relay && me < *node);
            let too_early = now.monotonic_ms < peer.dial_after_ms.max(peer.away_until_ms);
            if !ours || peer.link.is_some() || too_early {
                continue;
            }
            peer.wait(now);
            match self.endpoint.offer().await {
                Ok(offer) => {
                    peer.session = rand::rng().random();
                    self.by_link.insert(offer.link.id(), *node);
                    peer.link = Some(offer.link);
                    let (session, body) = (peer.session, offer.description);
                    let signal = Signal::sign(&self.key, *node, SignalKind::Offer, session, body);
                    signals.push((*node, signal));
                }
                Err(error) => tracing::warn!(%node, %error, "cannot make an offer"),
            }
        }
        signals
    }

    /// A neighbour's offer or answer. Gives the older link that it ended, and our answer.
    pub(super) async fn signal(
        &mut self,
        from: NodeId,
        signal: Signal,
        now: &Now,
    ) -> (Option<OverlayLink>, Option<Signal>) {
        if !signal.verify(from, self.key.id()) {
            tracing::warn!(%from, "a signal with a wrong signature was ignored");
            return (None, None);
        }
        match signal.kind {
            SignalKind::Offer => self.offer(from, signal, now).await,
            SignalKind::Answer => {
                self.answer(from, signal).await;
                (None, None)
            }
        }
    }

    async fn offer(
        &mut self,
        from: NodeId,
        signal: Signal,
        now: &Now,
    ) -> (Option<OverlayLink>, Option<Signal>) {
        // Clients take no offers. A relay may hear a client's offer before its assignment.
        if !self.relay || (self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&from)) {
            return (None, None);
        }
        let away = |peer: &Peer| now.monotonic_ms < peer.away_until_ms;
        if self.peers.get(&from).is_some_and(away) {
            return (None, None);
        }
        let closed = self.end(from);
        match self.endpoint.answer(signal.body).await {
            Ok(answer) => {
                let peer = self.peers.entry(from).or_default();
                peer.session = signal.session;
                peer.wait(now);
                self.by_link.insert(answer.link.id(), from);
                peer.link = Some(answer.link);
                let (session, body) = (signal.session, answer.description);
                (closed, Some(Signal::sign(&self.key, from, SignalKind::Answer, session, body)))
            }
            Err(error) => {
                tracing::warn!(%from, %error, "an offer cannot be answered");
                (closed, None)
            }
        }
    }

    async fn answer(&mut self, from: NodeId, signal: Signal) {
        let Some(peer) = self.peers.get(&from).filter(|peer| peer.session == signal.session) else {
            return;
        };
        let Some(link) = peer.link.as_ref().map(Link::id).filter(|_| !peer.open) else { return };
        if let Err(error) = self.endpoint.accept_answer(link, signal.body).await {
            tracing::warn!(%from, %error, "an answer is refused");
        }
    }

    /// A link opened; gives the neighbour at its end.
    pub(super) fn opened(&mut self, link: LinkId) -> Option<NodeId> {
        let node = *self.by_link.get(&link)?;
        let peer = self.peers.get_mut(&node)?;
        peer.open = true;
        peer.backoff_ms = 0;
        peer.idle_since_ms = None;
        Some(node)
    }

    /// A link ended; gives the neighbour that was at its end.
    pub(super) fn closed(&mut self, link: LinkId, now: &Now) -> Option<NodeId> {
        self.outboxes.remove(&overlay_link(link));
        let node = self.by_link.remove(&link)?;
        let peer = self.peers.get_mut(&node)?;
        if peer.link.as_ref().is_some_and(|current| current.id() == link) {
            peer.link = None;
            peer.open = false;
            peer.dial_after_ms =
                peer.dial_after_ms.min(now.monotonic_ms.saturating_add(LAST_BACKOFF_MS));
        }
        Some(node)
    }

    /// Closes links that nothing passes on, and forgets neighbours without one.
    pub(super) fn idle(&mut self, now: &Now, in_use: impl Fn(&NodeId) -> bool) -> Vec<OverlayLink> {
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

    /// Closes a link whose other end misbehaved; it is dialled again only after the longest wait.
    pub(super) fn close(&mut self, link: OverlayLink) {
        let Some(node) = self.by_link.get(&LinkId(link.0)) else { return };
        if let Some(peer) = self.peers.get_mut(node)
            && let Some(link) = &peer.link
        {
            peer.backoff_ms = LAST_BACKOFF_MS;
            link.close();
        }
    }

    fn end(&mut self, node: NodeId) -> Option<OverlayLink> {
        let peer = self.peers.get_mut(&node)?;
        let link = peer.link.take()?;
        peer.open = false;
        link.close();
        self.by_link.remove(&link.id());
        self.outboxes.remove(&overlay_link(link.id()));
        Some(overlay_link(link.id()))
    }

    /// Closes a link after what waits for it was sent, and takes no new one before the time is up.
    pub(super) fn send_away(
        &mut self,
        (link, node): (OverlayLink, NodeId),
        retry_after_ms: u64,
        now: &Now,
    ) {
        self.send_all(link);
        self.close(link);
        if let Some(peer) = self.peers.get_mut(&node) {
            peer.away_until_ms = now.monotonic_ms.saturating_add(retry_after_ms);
        }
    }

    /// Adds a frame to the packets that [`Links::flush`] sends.
    pub(super) fn pack(&mut self, link: OverlayLink, frame: &Bytes, urgency: Urgency) {
        self.outboxes.entry(link).or_default().push(frame, urgency);
    }

    /// Sends all packets. What full queues refuse is given back; the overlay repairs it.
    pub(super) fn flush(&mut self) -> Vec<(OverlayLink, Bytes)> {
        let links: Vec<OverlayLink> = self.outboxes.keys().copied().collect();
        let refused = links.into_iter().flat_map(|link| {
            let packets = self.send_all(link).into_iter();
            packets.map(move |packet| (link, packet))
        });
        refused.collect()
    }

    /// Sends a link's packets, the urgent first; gives back what did not fit.
    fn send_all(&mut self, to: OverlayLink) -> Vec<Bytes> {
        let Some(mut outbox) = self.outboxes.remove(&to) else { return Vec::new() };
        let Some(node) = self.by_link.get(&LinkId(to.0)) else { return Vec::new() };
        let Some(link) = self.peers.get(node).and_then(|peer| peer.link.as_ref()) else {
            return Vec::new();
        };
        let mut refused = Vec::new();
        for (urgency, packet) in outbox.take() {
            let priority = match urgency {
                Urgency::Account | Urgency::Control => Priority::Control,
                Urgency::Live | Urgency::Repair => Priority::Data,
            };
            // Half of the queue is kept free for what is new.
            let wait = urgency == Urgency::Repair && link.queued_bytes() > REPAIR_QUEUE_BYTES;
            let sent =
                if wait { Err(SendError::Full) } else { link.send(packet.clone(), priority) };
            if let Err(error) = sent {
                self.dropped_packets = self.dropped_packets.saturating_add(1);
                if error == SendError::Full {
                    refused.push(packet);
                }
            }
        }
        refused
    }
}

impl Peer {
    /// Puts off the next attempt, longer each time, with jitter so that nodes do not dial in step.
    fn wait(&mut self, now: &Now) {
        self.backoff_ms =
            self.backoff_ms.saturating_mul(2).clamp(FIRST_BACKOFF_MS, LAST_BACKOFF_MS);
        let jitter = rand::rng().random_range(0..=self.backoff_ms / 2);
        let wait_ms = self.backoff_ms.saturating_add(jitter);
        self.dial_after_ms = now.monotonic_ms.saturating_add(wait_ms);
    }
}
