//! What a relay does for clients and other relays: service, credit, receipts.
//!
//! Invariant: a client is served only after [`Overlay::admit`], which the caller makes after asking
//! the chain, and a receipt counts only after [`Overlay::acknowledge`], which it makes after the
//! receipt is on disk.

use bytes::Bytes;
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, Role, StreamKey};
use tatum_receipt::{Acknowledgement, DeliveryReceipt, StoredReceipt};

use super::output::{PayerSummary, PeerSummary, StreamSummary};
use super::peer::{Peer, Reader, Writer};
use super::quotas::Request;
use super::{MAX_SHARED_STREAMS, Output, Overlay};
use crate::channel_book::MAX_LANES;
use crate::count::Count;
use crate::credit::{CreditKey, Overclaimed};
use crate::frame::{self, Attach, Refusal};
use crate::{CLOCKS_MS, Frame, Link, Now};

/// Publishers without a link that are remembered.
const MAX_PARKED: usize = 1_024;

impl Overlay {
    pub(super) fn on_join(&mut self, link: Link, stream: StreamKey) {
        let Some(state) = self.links.get_mut(&link).filter(|_| self.config.relay) else { return };
        if state.operator.is_none() {
            // Whoever is not registered on the chain is no relay here, or clients would ride free.
            let (role, reason) = (Role::Subscriber, Refusal::NotAuthorized);
            self.send(link, &Frame::Refused { stream, role, reason });
            return;
        }
        // The neighbour may hear of a common stream before we do; so strange streams are noted too.
        if state.peers.len() >= MAX_SHARED_STREAMS && !state.peers.contains(&stream) {
            return;
        }
        let Some(peer) = self.links.join(link, stream) else { return };
        peer.relay = true;
        self.announce_to(link, stream);
    }

    pub(super) fn on_attach(&mut self, link: Link, attach: Attach, now: &Now) {
        let Some(node) = self.links.get(&link).map(|link| link.node) else { return };
        let (stream, role) = (attach.stream, attach.role);
        if !self.config.relay || role == Role::Storage {
            return self.refuse(link, stream, role, Refusal::NotCarried);
        }
        if now.wall_ms.abs_diff(attach.signed_at_ms) > CLOCKS_MS {
            return self.refuse(link, stream, role, Refusal::Stale);
        }
        if !self.streams.contains_key(&stream) {
            return self.refuse(link, stream, role, Refusal::NotCarried);
        }
        match attach.signer(node, self.config.id) {
            Ok(signer) if !self.permits(&attach, &signer) => {
                self.refuse(link, stream, role, Refusal::NotPermitted);
            }
            Ok(signer) => self.outputs.push_back(Output::AttachAsked { link, attach, signer }),
            Err(error) => self.misbehaved(link, error.to_string(), now),
        }
    }

    /// Begins to serve or accept, within a quota of so many bytes in the running epoch; `newest` are the
    /// receipts on disk of this payer, stream, role and reader.
    pub fn admit(
        &mut self,
        link: Link,
        attach: &Attach,
        newest: &[StoredReceipt],
        quota_bytes: u64,
        now: &Now,
    ) {
        let (attach, newest) = (attach.clone(), newest.to_vec());
        self.decide(Request { link, attach, newest, quota_bytes, epoch: now.epoch }, now);
    }

    /// Admits a client, or refuses it, or lets it wait.
    pub(super) fn decide(&mut self, request: Request, now: &Now) {
        let (link, attach) = (request.link, &request.attach);
        let Some(node) = self.links.get(&link).map(|state| state.node) else { return };
        let Ok(signer) = attach.signer(node, self.config.id) else { return };
        if !self.permits(attach, &signer) {
            // The owner may have said so while the caller asked the chain.
            return self.refuse(link, attach.stream, attach.role, Refusal::NotPermitted);
        }
        let (key, role) = (CreditKey::asked_by(attach), attach.role);
        if role == Role::Storage {
            return self.refuse(link, attach.stream, role, Refusal::NotCarried);
        }
        let pays_by = self.links.get(&link).map(|state| state.pays_by).unwrap_or_default();
        let newest = request.newest.iter().map(StoredReceipt::receipt);
        if !self.quotas.channels.enter((key, now.epoch), pays_by, newest) {
            let reason = Refusal::Lanes { limit: MAX_LANES };
            return self.refuse(link, attach.stream, role, reason);
        }
        // No tracker leases what a channel pays for, and nothing is leased for whom we decline.
        let by_channel = self.quotas.pays_by_channel(key, now.epoch);
        let declined = self.quotas.declined(key.payer, now.epoch).filter(|_| !by_channel);
        if let Some(reason) = declined {
            self.counters.price_stops.count(1);
            self.turn_down(link, &request.attach, reason);
        } else if by_channel || self.decidable(&request, now) {
            self.enter(&request, signer, now);
        }
    }

    fn enter(&mut self, request: &Request, signer: Address, now: &Now) {
        let Request { link, attach, newest, .. } = request;
        let link = *link;
        let (stream, role) = (attach.stream, attach.role);
        // An older link of the same reader ends first, or both would count against the same account.
        self.replace(link, attach);
        // What is on disk before the account opens: it may be what had been owed since the last run.
        for receipt in newest {
            self.quotas.credit.resume(receipt.receipt());
        }
        let key = CreditKey::asked_by(attach);
        let stopped = !self.quotas.open(key, now.epoch);
        // Ending the older link may have cost this node its place.
        let Some(node) =
            self.links.get(&link).filter(|state| !state.dismissed).map(|state| state.node)
        else {
            return;
        };
        let Some(peer) = self.links.join(link, stream) else { return };
        let known = match role {
            Role::Publisher => peer.publisher.as_ref().is_some_and(|writer| writer.key == key),
            Role::Subscriber | Role::Storage => {
                peer.subscriber.as_ref().is_some_and(|reader| reader.key == key)
            }
        };
        // Who is served already is stopped by its next message; only newcomers are turned away here.
        if !known && !self.quotas.admits(key, now.epoch) {
            self.links.part_if_idle(link, &stream);
            return self.stop(link, key, now);
        }
        match role {
            Role::Subscriber => {
                // Who asks again on the same link goes on counting late copies from where it was.
                let known = peer.subscriber.take().filter(|reader| reader.key == key);
                let mut reader = known.unwrap_or_else(|| Reader::new(key, signer, stopped));
                (reader.signer, reader.stopped) = (signer, stopped);
                peer.subscriber = Some(reader);
            }
            Role::Publisher => {
                let parked = self.parked.remove(&(node, stream));
                let mut writer = peer
                    .publisher
                    .take()
                    .or(parked)
                    .filter(|writer| writer.key == key)
                    .unwrap_or_else(|| Writer::new(key, signer, stopped));
                (writer.signer, writer.stopped) = (signer, stopped);
                writer.tell_again();
                peer.publisher = Some(writer);
            }
            Role::Storage => return,
        }
        // The client hears what we hold before anything is sent, so that its next receipt counts on from there.
        self.tell_newest(link, stream, role, newest);
        if stopped {
            // The client may have receipts that we lack; it is served as soon as they are here.
            self.stop(link, key, now);
        } else if role == Role::Subscriber {
            self.announce_to(link, stream);
        }
    }

    fn tell_newest(&mut self, link: Link, stream: StreamKey, role: Role, held: &[StoredReceipt]) {
        let newest = held.iter().map(|stored| stored.signed().encode().to_vec()).collect();
        self.send(link, &Frame::Admitted { stream, role, newest });
    }

    /// One reader that is served on two links would count twice: the newer link stays.
    fn replace(&mut self, link: Link, attach: &Attach) {
        let (stream, role, key) = (attach.stream, attach.role, CreditKey::asked_by(attach));
        let mut replaced = Vec::new();
        for other in self.links.on(&stream).into_iter().filter(|other| *other != link) {
            let Some(state) = self.links.get_mut(&other) else { continue };
            let Some(peer) = state.peers.get_mut(&stream) else { continue };
            let (reader, writer) = match role {
                Role::Subscriber => (peer.subscriber.take_if(|reader| reader.key == key), None),
                Role::Publisher => (None, peer.publisher.take_if(|writer| writer.key == key)),
                Role::Storage => (None, None),
            };
            if reader.is_some() || writer.is_some() {
                replaced.push((other, state.node, reader, writer));
            }
        }
        for (other, node, reader, writer) in replaced {
            if let Some(reader) = reader {
                self.release(&reader);
            }
            if let Some(writer) = writer {
                self.park(node, stream, writer);
            }
            self.refuse(other, stream, role, Refusal::Replaced);
        }
    }

    /// A subscriber's link is gone: what was under way on it is not held against it.
    pub(super) fn release(&mut self, reader: &Reader) {
        let under_way = reader.recent.saturating_add(reader.before);
        let (key, epoch) = (reader.key, self.epoch);
        self.quotas.write_off(key.payer, epoch, |credit| credit.forgive(key, epoch, under_way));
    }

    /// A publisher's link is gone: what it was accepted is remembered, and told again.
    pub(super) fn park(&mut self, node: NodeId, stream: StreamKey, writer: Writer) {
        if self.parked.len() >= MAX_PARKED {
            self.parked.pop_first();
        }
        self.parked.insert((node, stream), writer);
    }

    /// Refuses a request for service for what the chain says; what it asked for ends if it had it.
    pub fn turn_down(&mut self, link: Link, attach: &Attach, reason: Refusal) {
        let (stream, role, key) = (attach.stream, attach.role, CreditKey::asked_by(attach));
        if let Some(peer) = self.links.peer_mut(link, &stream) {
            let writer = peer.publisher.take_if(|writer| writer.key == key);
            peer.subscriber.take_if(|reader| reader.key == key);
            for span in writer.map(|mut writer| writer.flush()).unwrap_or_default() {
                self.send(link, &Frame::Accepted { stream, span });
            }
        }
        self.refuse(link, stream, role, reason);
    }

    /// Tells a client that it is not served, and why.
    pub fn refuse(&mut self, link: Link, stream: StreamKey, role: Role, reason: Refusal) {
        self.send(link, &Frame::Refused { stream, role, reason });
    }

    pub(super) fn on_duplicates(&mut self, link: Link, stream: StreamKey, bytes: u64, now: &Now) {
        let Some(peer) = self.links.peer_mut(link, &stream) else { return };
        let Some(reader) = &mut peer.subscriber else { return };
        let more = bytes.saturating_sub(reader.duplicates);
        reader.duplicates = reader.duplicates.max(bytes);
        let (key, epoch) = (reader.key, now.epoch);
        self.quotas.write_off(key.payer, epoch, |credit| credit.duplicates(key, epoch, more));
    }

    /// Says that an earlier run of this node served until `epoch`, and what was receipted of that.
    pub fn restarted(&mut self, epoch: Epoch, held: &[DeliveryReceipt]) {
        self.quotas.credit.restarted_in(epoch);
        for receipt in held {
            self.quotas.credit.resume(receipt);
        }
    }

    /// Whether we delivered as much as a receipt counts; to be asked before it is stored. A payer
    /// can only steer its own fee, but the record of who did the work shall be true.
    ///
    /// # Errors
    /// [`Overclaimed`] says how much it may count.
    pub fn check_delivered(&mut self, receipt: &DeliveryReceipt) -> Result<(), Overclaimed> {
        let checked = self.quotas.credit.check_delivered(receipt);
        self.counters.overclaimed.count(u64::from(checked.is_err()));
        checked
    }

    /// A receipt is stored: counts it and hands out the node's word for it.
    pub fn acknowledge(
        &mut self,
        link: Link,
        stored: &StoredReceipt,
        acknowledgement: Acknowledgement,
        now: &Now,
    ) {
        self.quotas.receipted(stored.receipt());
        self.send(link, &Frame::Acknowledged(acknowledgement));
        self.resume_served(now);
    }

    /// A packet did not leave, because the link's queue is full: its messages were not delivered,
    /// and the subscriber owes no receipt for them. It will ask for them again.
    pub fn unsent(&mut self, link: Link, packet: &Bytes, now: &Now) {
        let Some(state) = self.links.get(&link) else { return };
        for (frame, _) in frame::decode(packet).unwrap_or_default() {
            let Frame::Message(message) = frame else { continue };
            let peer = state.peers.get(&message.stream_key);
            let Some(reader) = peer.and_then(|peer| peer.subscriber.as_ref()) else { continue };
            let (key, epoch, bytes) = (reader.key, now.epoch, message.payload_bytes());
            self.quotas.write_off(key.payer, epoch, |credit| credit.unserve(key, epoch, bytes));
        }
    }

    /// Tells a client that its receipt is rejected.
    pub fn reject(&mut self, link: Link, digest: B256, reason: String) {
        self.send(link, &Frame::Rejected { digest, reason });
    }

    /// Serves again whoever's credit is open again.
    pub(super) fn resume_served(&mut self, now: &Now) {
        let mut resumed = Vec::new();
        for (link, state) in self.links.iter_mut() {
            for (stream, peer) in state.peers.iter_mut() {
                let accounts = [
                    peer.subscriber.as_mut().map(|reader| (reader.key, &mut reader.stopped)),
                    peer.publisher.as_mut().map(|writer| (writer.key, &mut writer.stopped)),
                ];
                for (key, stopped) in accounts.into_iter().flatten() {
                    if *stopped && self.quotas.open(key, now.epoch) {
                        *stopped = false;
                        resumed.push((*link, *stream, key.role));
                    }
                }
            }
        }
        for (link, stream, role) in resumed {
            self.send(link, &Frame::Admitted { stream, role, newest: Vec::new() });
            if role == Role::Subscriber {
                self.announce_to(link, stream);
            }
        }
    }

    /// Tells publishers what was accepted since the last tick.
    pub(super) fn flush_accepted(&mut self) {
        let mut frames = Vec::new();
        for (link, state) in self.links.iter_mut() {
            for (stream, peer) in state.peers.iter_mut() {
                let runs = peer.publisher.as_mut().map(Writer::flush).unwrap_or_default();
                frames.extend(
                    runs.into_iter().map(|span| (*link, Frame::Accepted { stream: *stream, span })),
                );
            }
        }
        for (link, frame) in frames {
            self.send(link, &frame);
        }
    }

    /// Tells every client that we leave, so that it hands out its closing receipts.
    pub fn end_service(&mut self) {
        let mut served = Vec::new();
        for (link, state) in self.links.iter() {
            for (stream, peer) in state.peers.iter() {
                let reader = peer.subscriber.as_ref().map(|_| Role::Subscriber);
                let writer = peer.publisher.as_ref().map(|_| Role::Publisher);
                let roles = reader.into_iter().chain(writer);
                served.extend(roles.map(|role| (*link, *stream, role)));
            }
        }
        self.flush_accepted();
        for (link, stream, role) in served {
            self.refuse(link, stream, role, Refusal::Leaving);
        }
    }

    /// Bytes that clients were served or accepted from without a receipt.
    #[must_use]
    pub fn unreceipted_bytes(&self, now: &Now) -> u64 {
        let peers = self.peer_summaries(now);
        peers.iter().flat_map(|peer| &peer.payers).map(|payer| payer.unreceipted_bytes).sum()
    }

    /// Sets whom we work for, and tells the neighbours if that is news.
    pub fn set_operator(&mut self, operator_id: Option<OperatorId>) {
        if self.config.operator_id == operator_id {
            return;
        }
        self.config.operator_id = operator_id;
        let links: Vec<Link> = self.links.keys().copied().collect();
        for link in links {
            self.send(link, &Frame::Hello { relay: self.config.relay, operator_id });
        }
    }

    /// Sets whom a neighbour works for, as the chain says now. If we carry streams together and it
    /// did not take us for a relay before, we greet it again.
    pub fn set_link_operator(&mut self, link: Link, operator: Option<OperatorId>) {
        let Some(state) = self.links.get_mut(&link) else { return };
        if operator.is_some() || self.client.is_none() {
            state.operator = operator;
        }
        let node = state.node;
        if !self.config.relay || !state.relay {
            return;
        }
        let waiting: Vec<StreamKey> = self
            .assigned
            .iter()
            .filter(|(_, nodes)| nodes.contains(&node))
            .filter(|(stream, _)| !state.peers.get(stream).is_some_and(|peer| peer.relay))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in waiting {
            self.send(link, &Frame::Join { stream });
        }
    }

    /// The neighbours, for status pages.
    #[must_use]
    pub fn peer_summaries(&self, now: &Now) -> Vec<PeerSummary> {
        let summary = |state: &super::LinkState| PeerSummary {
            node: state.node,
            relay: state.relay,
            operator_id: state.operator,
            points: self.points(&state.node),
            streams: state.peers.len(),
            payers: state.peers.iter().flat_map(|(_, peer)| self.payers(peer, now)).collect(),
        };
        self.links.values().map(summary).collect()
    }

    fn payers(&self, peer: &Peer, now: &Now) -> Vec<PayerSummary> {
        let summary = |key: CreditKey, stopped| PayerSummary {
            payer: key.payer,
            stream: key.stream,
            role: key.role,
            unreceipted_bytes: self.quotas.credit.unreceipted(key, now.epoch),
            stopped,
        };
        let reader = peer.subscriber.as_ref().map(|reader| summary(reader.key, reader.stopped));
        let writer = peer.publisher.as_ref().map(|writer| summary(writer.key, writer.stopped));
        reader.into_iter().chain(writer).collect()
    }

    /// The streams, for status pages.
    #[must_use]
    pub fn stream_summaries(&self) -> Vec<StreamSummary> {
        let summary = |(key, stream): (&StreamKey, &super::StreamState)| StreamSummary {
            stream: *key,
            assigned: self.assigned.get(key).map_or(0, std::collections::BTreeSet::len),
            messages: stream.messages,
            bytes: stream.bytes,
            delay_ms: stream.delay_ms,
        };
        self.streams.iter().map(summary).collect()
    }
}
