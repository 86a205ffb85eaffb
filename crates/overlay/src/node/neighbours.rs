//! Which neighbours a stream has, and what they are told of it.
//!
//! Invariant: only neighbours that the tracker assigned, or that were admitted, hear of a stream.

use std::collections::BTreeSet;

use tatum_primitives::{NodeId, StreamKey};

use super::{Overlay, peer};
use crate::count::Count;
use crate::frame::{Frame, MAX_SPANS, Span};
use crate::{Link, Now};

impl Overlay {
    /// Forgets a stream.
    pub fn drop_stream(&mut self, stream: StreamKey) {
        if let Some(dropped) = self.streams.remove(&stream) {
            let freed = dropped.propagation.kept_bytes();
            self.kept_bytes = self.kept_bytes.saturating_sub(freed);
        }
        self.assigned.remove(&stream);
        for link in self.links.on(&stream) {
            self.leave(link, stream);
        }
    }

    /// Sets the neighbours of a stream, as the tracker assigned them.
    pub fn assign(&mut self, stream: StreamKey, nodes: BTreeSet<NodeId>, now: &Now) {
        if !self.streams.contains_key(&stream) {
            return;
        }
        let before = self.assigned.insert(stream, nodes.clone()).unwrap_or_default();
        for gone in before.difference(&nodes) {
            if let Some(link) = self.by_node.get(gone).copied() {
                self.leave(link, stream);
            }
        }
        for new in nodes.difference(&before) {
            if let Some(link) = self.by_node.get(new).copied() {
                self.greet(link, stream, now);
            }
        }
    }

    /// All nodes that some stream's assignment names.
    #[must_use]
    pub fn wanted(&self) -> BTreeSet<NodeId> {
        self.assigned.values().flatten().copied().collect()
    }

    /// Whether anything passes between us and the node at `link`.
    #[must_use]
    pub fn is_in_use(&self, node: &NodeId) -> bool {
        let link = self.by_node.get(node).and_then(|link| self.links.get(link));
        link.is_some_and(|link| !link.peers.is_empty())
            || self.assigned.values().any(|nodes| nodes.contains(node))
    }

    /// Tells an assigned neighbour what we want of it.
    pub(super) fn greet(&mut self, link: Link, stream: StreamKey, now: &Now) {
        if self.config.relay {
            self.send(link, &Frame::Join { stream });
            self.announce_to(link, stream);
        } else {
            self.attach(link, stream, now);
        }
    }

    fn leave(&mut self, link: Link, stream: StreamKey) {
        if let Some(peer) = self.links.peer_mut(link, &stream) {
            // Clients decide for themselves when to go.
            peer.leave_ours();
            self.links.part_if_idle(link, &stream);
            self.send(link, &Frame::Leave { stream });
        }
    }

    pub(super) fn on_leave(&mut self, link: Link, stream: StreamKey, now: &Now) {
        let Some(node) = self.links.get(&link).map(|state| state.node) else { return };
        // A publisher that comes back is told what it was accepted, as after a broken link.
        let writer = self.links.part(link, &stream).and_then(|peer| peer.publisher);
        if let Some(writer) = writer {
            self.park(node, stream, writer);
        }
        // A relay that was assigned anew by a restarted tracker leaves clients that the tracker does
        // not know yet. Those to whom it is still assigned ask again, or nobody would.
        let assigned = self.assigned.get(&stream).is_some_and(|nodes| nodes.contains(&node));
        if self.client.is_some() && assigned {
            self.attach(link, stream, now);
        }
    }

    /// Tells every neighbour which messages we hold, for streams that changed lately.
    pub(super) fn announce(&mut self) {
        let changed: Vec<StreamKey> = self
            .streams
            .iter_mut()
            .filter(|(_, stream)| stream.announcements > 0)
            .map(|(key, stream)| {
                stream.announcements.uncount(1);
                *key
            })
            .collect();
        for stream in changed {
            for link in self.links.on(&stream) {
                if self.links.peer(link, &stream).is_some_and(peer::Peer::wants_news) {
                    self.announce_to(link, stream);
                }
            }
        }
    }

    pub(super) fn announce_to(&mut self, link: Link, stream: StreamKey) {
        let Some(state) = self.streams.get(&stream) else { return };
        let spans: Vec<Span> = state.propagation.spans();
        for spans in spans.chunks(MAX_SPANS) {
            self.send(link, &Frame::Have { stream, spans: spans.to_vec() });
        }
    }
}
