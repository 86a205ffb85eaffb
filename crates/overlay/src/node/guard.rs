//! Who may be a neighbour, and how much it may ask of us.
//!
//! Invariant: work that a neighbour causes is paid for out of its bucket before it is done, and a
//! node on the graylist has no link. Ceilings are per process, so no number of streams, links or
//! payers makes it grow beyond them.

use std::collections::BTreeMap;

use tatum_primitives::{Address, NodeId, Role, StreamKey};

use super::peer::{Attachment, Peer};
use super::{Output, Overlay};
use crate::count::Count;
use crate::frame::{CALL_OFF_BYTES, Farewell, Refusal, Span};
use crate::limit::{Limiter, Rate};
use crate::score::{Block, Deed, Scores};
use crate::{Frame, Link, Message, Now};

/// What a node bears at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// Links at one time.
    pub links: usize,
    /// Links from one address block at one time.
    pub links_per_block: u64,
    /// Streams carried at one time.
    pub streams: usize,
    /// Bytes of messages kept for neighbours, all streams together.
    pub kept_bytes: usize,
    /// Bytes that one node may send.
    pub node_rate: Rate,
    /// Bytes that all nodes of one address block may send together.
    pub block_rate: Rate,
    /// Bytes of new messages that one stream may bring.
    pub stream_rate: Rate,
    /// Bytes of new messages that publishers may bring on one payer's account.
    pub payer_rate: Rate,
}

impl Default for Ceilings {
    fn default() -> Self {
        const MIB: u64 = 1 << 20;
        Self {
            links: 1_024,
            links_per_block: 64,
            streams: 4_096,
            kept_bytes: 256 << 20,
            node_rate: Rate::per_second(128 * MIB),
            block_rate: Rate::per_second(256 * MIB),
            stream_rate: Rate::per_second(128 * MIB),
            payer_rate: Rate::per_second(64 * MIB),
        }
    }
}

/// How long a node is sent away that came when there was no place.
const FULL_BACKOFF_MS: u64 = 30_000;
/// The least sample by which a relay that serves us is judged.
const SAMPLE: u32 = 20;
/// One in so many large messages is not called off, so that there is something to judge by.
const PROBE: u64 = 8;
/// Buckets of one kind.
const BUCKETS: usize = 4_096;

#[derive(Debug)]
pub(super) struct Guard {
    pub(super) scores: Scores,
    nodes: Limiter<NodeId>,
    blocks: Limiter<Block>,
    streams: Limiter<StreamKey>,
    payers: Limiter<Address>,
    /// What was called off since the last packet's end.
    called_off: BTreeMap<(Link, StreamKey), Vec<Span>>,
}

impl Guard {
    pub(super) fn new(ceilings: &Ceilings) -> Self {
        Self {
            scores: Scores::default(),
            nodes: Limiter::new(ceilings.node_rate, BUCKETS),
            blocks: Limiter::new(ceilings.block_rate, BUCKETS),
            streams: Limiter::new(ceilings.stream_rate, BUCKETS),
            payers: Limiter::new(ceilings.payer_rate, BUCKETS),
            called_off: BTreeMap::new(),
        }
    }
}

impl Overlay {
    /// Whether the node may have a link now; if not, it is told why.
    pub(super) fn welcome(&mut self, link: Link, node: NodeId, now: &Now) -> bool {
        if let Some(left_ms) = self.guard.scores.banned_for_ms(&node, now.monotonic_ms) {
            self.turn_away(link, node, Farewell::Graylisted, left_ms);
            return false;
        }
        let full = self.links.len() >= self.config.ceilings.links;
        if full {
            self.turn_away(link, node, Farewell::Full, FULL_BACKOFF_MS);
        }
        !full
    }

    /// From which address block a neighbour's packets come, as the socket says.
    pub fn set_link_block(&mut self, link: Link, block: Option<Block>) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.block = block;
        let node = state.node;
        self.guard.scores.place(node, block);
        if self.guard.scores.colocated(block) > self.config.ceilings.links_per_block {
            self.dismiss(link, Farewell::Crowded, FULL_BACKOFF_MS);
        }
    }

    /// The points of a node's conduct, for status pages.
    #[must_use]
    pub fn points(&self, node: &NodeId) -> i64 {
        self.guard.scores.points(node)
    }

    /// Takes a packet out of its sender's buckets.
    pub(super) fn may_speak(&mut self, link: Link, bytes: usize, now: &Now) -> bool {
        let Some(state) = self.links.get(&link).filter(|state| !state.dismissed) else {
            return false;
        };
        let (node, block, at_ms) = (state.node, state.block, now.monotonic_ms);
        let bytes = bytes as u64;
        let allowed = self.guard.nodes.take(node, bytes, at_ms)
            && block.is_none_or(|block| self.guard.blocks.take(block, bytes, at_ms));
        if !allowed {
            self.counters.over_rate.count(1);
            self.guard.scores.note(node, Deed::Conduct);
        }
        allowed
    }

    /// Takes a new message out of its stream's and its payer's buckets, before it costs a check of
    /// its signature. What is refused is repaired when there is room.
    pub(super) fn may_enter(&mut self, link: Link, message: &Message, now: &Now) -> bool {
        let (stream, at_ms) = (message.stream_key, now.monotonic_ms);
        let bytes = message.payload_bytes();
        let Some(state) = self.links.get_mut(&link) else { return false };
        let writer = state.peers.get(&stream).and_then(|peer| peer.publisher.as_ref());
        let payer = writer.map(|writer| writer.key.payer);
        let allowed = payer.is_none_or(|payer| self.guard.payers.take(payer, bytes, at_ms))
            && self.guard.streams.take(stream, bytes, at_ms);
        if allowed {
            return true;
        }
        self.counters.over_rate.count(1);
        if payer.is_some() && !std::mem::replace(&mut state.told_rate, true) {
            let limit_bytes_per_second = self.config.ceilings.payer_rate.per_second;
            let reason = Refusal::Rate { limit_bytes_per_second };
            self.refuse(link, stream, Role::Publisher, reason);
        }
        false
    }

    pub(super) fn note(&mut self, link: Link, deed: Deed) {
        if let Some(state) = self.links.get(&link) {
            self.guard.scores.note(state.node, deed);
        }
    }

    /// Once a second: tallies promises and service, and sends away who behaved too badly.
    pub(super) fn judge(&mut self, now: &Now) {
        let broken: Vec<Link> =
            self.streams.values_mut().flat_map(|stream| stream.repair.broken()).collect();
        for link in broken {
            self.note(link, Deed::Broken);
        }
        let mut missed = Vec::new();
        for state in self.links.values_mut() {
            let sampled = |peer: &&mut Peer| peer.expected >= SAMPLE;
            for peer in state.peers.iter_mut().map(|(_, peer)| peer).filter(sampled) {
                if peer.brought < peer.expected / 2 {
                    missed.push(state.node);
                }
                (peer.expected, peer.brought) = (0, 0);
            }
        }
        for node in missed {
            self.guard.scores.note(node, Deed::Missed);
        }
        self.guard.scores.decay(now.monotonic_ms);
        let links: Vec<Link> = self.links.keys().copied().collect();
        for link in links {
            self.distrust(link);
            self.sentence(link, now);
        }
    }

    /// Below the first threshold a neighbour is only a place taken.
    fn distrust(&mut self, link: Link) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let node = state.node;
        let believed = self.guard.scores.believes(&node);
        // Whoever mended its ways is judged anew.
        let before = std::mem::replace(&mut state.distrusted, !believed);
        if !before && !believed {
            self.outputs.push_back(Output::Distrusted { node });
        }
    }

    /// Graylists the node at a link if its points are too low.
    pub(super) fn sentence(&mut self, link: Link, now: &Now) {
        let Some(state) = self.links.get(&link).filter(|state| !state.dismissed) else { return };
        if let Some(backoff_ms) = self.guard.scores.judge(state.node, now.monotonic_ms) {
            self.counters.graylisted.count(1);
            let node = state.node;
            self.outputs.push_back(Output::Distrusted { node });
            self.dismiss(link, Farewell::Graylisted, backoff_ms);
        }
    }

    fn dismiss(&mut self, link: Link, reason: Farewell, retry_after_ms: u64) {
        let Some(state) = self.links.get_mut(&link) else { return };
        state.dismissed = true;
        let node = state.node;
        self.links.part_all(link);
        self.turn_away(link, node, reason, retry_after_ms);
    }

    fn turn_away(&mut self, link: Link, node: NodeId, reason: Farewell, retry_after_ms: u64) {
        self.send(link, &Frame::Goodbye { reason, retry_after_ms });
        self.outputs.push_back(Output::Disconnect { link, node, reason, retry_after_ms });
    }

    pub(super) fn on_goodbye(&mut self, link: Link, reason: Farewell, retry_after_ms: u64) {
        let Some(state) = self.links.get(&link) else { return };
        let node = state.node;
        // However long a stranger wants us away, we ask again.
        let retry_after_ms = retry_after_ms.min(crate::score::LAST_BACKOFF_MS);
        self.outputs.push_back(Output::Dismissed { link, node, reason, retry_after_ms });
    }

    /// Whether copies of a message tell how well a relay serves us: it was not called off.
    pub(super) const fn is_probe(message: &Message, frame_bytes: usize) -> bool {
        frame_bytes <= CALL_OFF_BYTES || message.at.sequence.is_multiple_of(PROBE)
    }

    /// A message is here for the first time. Neighbours that may bring it as well are told that it
    /// is not needed, and those that serve us are expected to have tried.
    pub(super) fn call_off(
        &mut self,
        from: Link,
        message: &Message,
        frame_bytes: usize,
        now: &Now,
    ) {
        let (stream, chain, number) = (message.stream_key, message.chain, message.at.sequence);
        let probe = Self::is_probe(message, frame_bytes);
        for link in self.links.on(&stream).into_iter().filter(|link| *link != from) {
            let Some(peer) = self.links.peer_mut(link, &stream) else { continue };
            let serves_us = peer.serves_us == Attachment::Admitted && !peer.paused;
            if serves_us && probe {
                peer.expected = peer.expected.saturating_add(1);
                peer.awaited.add((chain, number), now);
            } else if frame_bytes > CALL_OFF_BYTES && (peer.relay || serves_us) {
                let spans = self.guard.called_off.entry((link, stream)).or_default();
                match spans.last_mut() {
                    Some(last)
                        if last.chain == chain && last.last.checked_add(1) == Some(number) =>
                    {
                        last.last = number;
                    }
                    Some(_) | None => spans.push(Span { chain, first: number, last: number }),
                }
            }
        }
    }

    /// A late copy came: the relay did try.
    pub(super) fn note_brought(&mut self, link: Link, message: &Message, frame_bytes: usize) {
        if let Some(peer) = self.links.peer_mut(link, &message.stream_key)
            && Self::is_probe(message, frame_bytes)
        {
            peer.brought = peer.brought.saturating_add(1);
        }
    }

    pub(super) fn flush_called_off(&mut self) {
        for ((link, stream), spans) in std::mem::take(&mut self.guard.called_off) {
            for span in spans {
                self.send(link, &Frame::DontWant { stream, span });
            }
        }
    }

    pub(super) fn on_dont_want(&mut self, link: Link, stream: StreamKey, span: &Span) {
        if let Some(peer) = self.links.peer_mut(link, &stream) {
            peer.called_off.add(span);
        }
    }

    /// Bytes of messages that all streams keep for neighbours.
    #[must_use]
    pub const fn kept_bytes(&self) -> usize {
        self.kept_bytes
    }

    /// Keeps what all streams hold for neighbours under the ceiling: the largest gives way.
    pub(super) fn bound_memory(&mut self) {
        let ceiling = self.config.ceilings.kept_bytes;
        while self.kept_bytes > ceiling {
            let kept = |stream: &&mut super::StreamState| stream.propagation.kept_bytes();
            let Some(largest) = self.streams.values_mut().max_by_key(kept) else { return };
            let before = largest.propagation.kept_bytes();
            // An eighth less, and one less of what is smaller, so that it ends.
            largest.propagation.shrink(before.saturating_sub(before / 8).saturating_sub(1));
            let freed = before.saturating_sub(largest.propagation.kept_bytes());
            self.kept_bytes = self.kept_bytes.saturating_sub(freed.max(1));
        }
    }
}
