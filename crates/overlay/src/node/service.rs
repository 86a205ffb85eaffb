//! How far each relay brings a subscriber what it should: the figures that lie beside receipts.
//!
//! A message is *due* from a relay that serves us if it was the first to bring it, if another was and it was not called off, or if
//! nobody brought it and the relay had begun to bring its chain before. It is *brought* if a copy comes from it, first or within
//! [`PATIENCE_MS`](super::awaited::PATIENCE_MS) of the first.
//!
//! Invariant: a message is due from a relay at most once; what the relay excused itself from (it refused, its link ended, it was called
//! off), what was there before we were, and what is in flight as an epoch ends is not due. A neighbour's word alone makes nothing due:
//! a message is known to exist by a later one of its chain, which its publisher signed.

use tatum_primitives::{B256, Role, StreamKey};
use tatum_receipt::MAX_LINES;

use super::Overlay;
use super::peer::Attachment;
use crate::ledger::{AccountKey, Service};
use crate::{ChainKey, Head, Link, Message, Now};

const BROUGHT: Service = Service { due: 1, brought: 1 };
const MISSED: Service = Service { due: 1, brought: 0 };

impl Overlay {
    /// A message is here for the first time, brought by `link`. To be asked before it is entered: then it is still known whether it
    /// was missing.
    pub(super) fn note_first(
        &mut self,
        link: Link,
        message: &Message,
        (id, frame_bytes): (B256, usize),
        now: &Now,
    ) {
        let (stream, chain, number) = (message.stream_key, message.chain, message.at.sequence);
        let Some(client) = &mut self.client else { return };
        let live =
            self.streams.get(&stream).is_some_and(|state| !state.repair.pursues(chain, number));
        let head = Head { chain, number, id, live };
        if !client.ledger.hold((stream, Role::Subscriber), &head, now) {
            return;
        }
        if let Some(peer) = self.links.peer_mut(link, &stream)
            && live
            && peer.live_from.len() < MAX_LINES
        {
            peer.live_from.entry(chain).or_insert(number);
        }
        if Self::is_probe(message, frame_bytes) {
            self.served(link, stream, chain, BROUGHT, now);
        }
    }

    /// A late copy came.
    pub(super) fn note_brought_too(&mut self, link: Link, message: &Message, now: &Now) {
        let (stream, chain, number) = (message.stream_key, message.chain, message.at.sequence);
        let Some(peer) = self.links.peer_mut(link, &stream) else { return };
        if peer.awaited.take((chain, number)) {
            if peer.live_from.len() < MAX_LINES {
                peer.live_from.entry(chain).or_insert(number);
            }
            self.served(link, stream, chain, BROUGHT, now);
        }
    }

    /// Counts what relays did not bring in time.
    pub(super) fn judge_awaited(&mut self, now: &Now) {
        let mut missed = Vec::new();
        for (link, state) in self.links.iter_mut() {
            for (stream, peer) in state.peers.iter_mut() {
                let serves_us = peer.serves_us == Attachment::Admitted && !peer.paused;
                let overdue = peer.awaited.overdue(now).into_iter();
                let overdue = overdue.filter(|_| serves_us);
                missed.extend(overdue.map(|(chain, _)| (*link, *stream, chain)));
            }
        }
        for (link, stream, chain) in missed {
            self.served(link, stream, chain, MISSED, now);
        }
    }

    /// Nobody gave us these: whoever served us when they were made should have.
    pub(super) fn note_lost(
        &mut self,
        stream: StreamKey,
        chain: ChainKey,
        (first, last): (u64, u64),
        now: &Now,
    ) {
        let Some(client) = &self.client else { return };
        let mut missed = Vec::new();
        for link in self.links.on(&stream) {
            let Some(peer) = self.links.peer(link, &stream) else { continue };
            if peer.serves_us != Attachment::Admitted || peer.paused {
                continue;
            }
            let Some(from) = peer.live_from.get(&chain) else { continue };
            let lost = (first.max(*from), last);
            let due = client.ledger.covers((stream, Role::Subscriber), &chain, lost, now);
            if due > 0 {
                missed.push((link, Service { due, brought: 0 }));
            }
        }
        for (link, service) in missed {
            self.served(link, stream, chain, service, now);
        }
    }

    fn served(
        &mut self,
        link: Link,
        stream: StreamKey,
        chain: ChainKey,
        service: Service,
        now: &Now,
    ) {
        let (Some(client), Some(state)) = (&mut self.client, self.links.get(&link)) else { return };
        let Some(operator_id) = state.operator else { return };
        let (node, role, epoch) = (state.node, Role::Subscriber, now.epoch);
        let account = AccountKey { node, operator_id, stream, role, epoch };
        client.ledger.serve(account, chain, service, now);
    }
}
