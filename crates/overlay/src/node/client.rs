//! What a client does: ask for service, publish, count, receipt.
//!
//! Invariant: every counted message is in exactly one account, and a receipt leaves only after the
//! caller stored it. A relay's memory of our newest receipt is trusted only under our own
//! signature.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tatum_primitives::{B256, NodeId, Role, StreamKey};

use super::peer::Attachment;
use super::{Account, Output, Overlay};
use crate::frame::{Attach, Refusal, Span};
use crate::ledger::{AccountKey, Delivery, Ledger};
use crate::window::Window;
use crate::{ChainKey, Frame, Link, Message, Now};

/// Published messages per link that wait for the relay's word; the oldest are forgotten beyond it.
const MAX_SENT: usize = 65_536;
/// A request for service is made again after this.
const ATTACH_RETRY_MS: u64 = 3_000;

type SentKey = (StreamKey, ChainKey, u64);

#[derive(Debug, Clone, Copy)]
struct Sent {
    id: B256,
    bytes: u64,
    timestamp_ms: u64,
}

/// A client's accounts and its published messages in flight.
#[derive(Debug)]
pub struct Client {
    pub(super) account: Account,
    pub(super) ledger: Ledger,
    sent: BTreeMap<Link, BTreeMap<SentKey, Sent>>,
    unaccepted: BTreeSet<SentKey>,
    /// What each relay accepted. A relay that lost its memory accepts again; that is paid once.
    accepted: BTreeMap<(NodeId, StreamKey, ChainKey), Window>,
}

/// Relays times chains whose acceptances are remembered; the lowest is forgotten beyond it.
const MAX_ACCEPTED: usize = 4_096;

impl Client {
    pub(super) fn new(account: Account) -> Self {
        let ledger = Ledger::new(account.payer, account.cadence);
        Self {
            account,
            ledger,
            sent: BTreeMap::new(),
            unaccepted: BTreeSet::new(),
            accepted: BTreeMap::new(),
        }
    }

    pub(super) fn forget_link(&mut self, link: Link) {
        self.sent.remove(&link);
    }

    fn sent(&mut self, link: Link, key: SentKey, sent: Sent) {
        let links = self.sent.entry(link).or_default();
        links.insert(key, sent);
        if links.len() > MAX_SENT {
            links.pop_first();
        }
    }

    /// Notes that `node` accepted a message; false if it had done so before.
    fn note_accepted(&mut self, node: NodeId, (stream, chain, number): SentKey) -> bool {
        let window =
            self.accepted.entry((node, stream, chain)).or_insert_with(|| Window::starting_at(0));
        let new = !window.contains(number);
        window.insert(number);
        if self.accepted.len() > MAX_ACCEPTED {
            self.accepted.pop_first();
        }
        new
    }

    /// A relay asked for one of our messages.
    pub(super) fn sent_again(&mut self, link: Link, key: SentKey, frame: &Bytes) {
        let Ok((Frame::Message(message), _)) = postcard::take_from_bytes(frame) else { return };
        self.sent(link, key, Sent::of(&message, message.id()));
    }
}

impl Sent {
    const fn of(message: &Message, id: B256) -> Self {
        let (bytes, timestamp_ms) = (message.payload_bytes(), message.at.timestamp_ms);
        Self { id, bytes, timestamp_ms }
    }
}

impl Overlay {
    /// Asks an assigned relay for what we want of a stream.
    pub(super) fn attach(&mut self, link: Link, stream: StreamKey, now: &Now) {
        let Some(state) = self.streams.get(&stream) else { return };
        let wanted = [(state.subscribed, Role::Subscriber), (state.published, Role::Publisher)];
        for (_, role) in wanted.into_iter().filter(|(wanted, _)| *wanted) {
            let (Some(client), Some(link_state)) = (&self.client, self.links.get_mut(&link)) else {
                return;
            };
            let peer = link_state.peers.entry(stream).or_default();
            if *peer.attachment(role) == Attachment::Admitted {
                continue;
            }
            *peer.attachment(role) = Attachment::Asked { at_ms: now.monotonic_ms };
            let Account { payer, key, .. } = &client.account;
            let ends = (self.config.id, link_state.node);
            let attach = Attach::sign((stream, role), *payer, ends, now.wall_ms, key);
            self.send(link, &Frame::Attach(attach));
        }
    }

    pub(super) fn on_admitted(
        &mut self,
        link: Link,
        (stream, role): (StreamKey, Role),
        newest: &[Vec<u8>],
        now: &Now,
    ) {
        let (Some(client), Some(state)) = (&mut self.client, self.links.get_mut(&link)) else {
            return;
        };
        let Some(peer) = state.peers.get_mut(&stream) else { return };
        if *peer.attachment(role) == Attachment::None {
            return;
        }
        *peer.attachment(role) = Attachment::Admitted;
        let node = state.node;
        for bytes in newest {
            client.adopt_from(node, bytes);
        }
        let again = client.ledger.resend(node, now, true);
        self.outputs.push_back(Output::Admitted { node, stream, role });
        for receipt in again {
            self.send(link, &Frame::Receipt(receipt.encode().to_vec()));
        }
        if role == Role::Publisher {
            self.announce_to(link, stream);
        }
    }

    pub(super) fn on_refused(
        &mut self,
        link: Link,
        (stream, role): (StreamKey, Role),
        reason: Refusal,
        now: &Now,
    ) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let node = state.node;
        if self.client.is_some()
            && let Some(peer) = state.peers.get_mut(&stream)
        {
            let attachment = peer.attachment(role);
            // With open credit the relay resumes by itself, once it has our receipts.
            if !matches!(reason, Refusal::Credit { .. }) || *attachment != Attachment::Admitted {
                *attachment = Attachment::Refused { at_ms: now.monotonic_ms };
            }
        }
        self.outputs.push_back(Output::Refused { node, stream, role, reason });
        if matches!(reason, Refusal::Credit { .. } | Refusal::Leaving) {
            self.close_accounts(now);
        }
    }

    /// Publishes a message that [`Message::signed`] made; `id` is its id.
    pub fn publish(&mut self, message: &Message, id: B256, now: &Now) {
        let frame = Frame::Message(Box::new(message.clone())).encode();
        self.take(None, message, frame.clone(), now);
        let key = (message.stream_key, message.chain, message.at.sequence);
        let Some(client) = &mut self.client else { return };
        client.unaccepted.insert(key);
        for (link, state) in &self.links {
            let peer = state.peers.get(&message.stream_key);
            if peer.is_some_and(|peer| peer.accepts_us == Attachment::Admitted) {
                client.sent(*link, key, Sent::of(message, id));
                let frame = frame.clone();
                self.outputs.push_back(Output::Send { link: *link, frame, urgent: false });
            }
        }
    }

    /// Published messages that no relay accepted yet.
    #[must_use]
    pub fn unaccepted(&self) -> usize {
        self.client.as_ref().map_or(0, |client| client.unaccepted.len())
    }

    /// Copies sent to relays that have not said yet whether they accept them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let sent = self.client.as_ref().map(|client| &client.sent);
        sent.map_or(0, |sent| sent.values().map(BTreeMap::len).sum())
    }

    /// A client takes part in no stream any more; its accounts and links stay.
    pub fn leave_all(&mut self) {
        if self.client.is_none() {
            return;
        }
        let streams: Vec<StreamKey> = self.streams.keys().copied().collect();
        for stream in streams {
            self.drop_stream(stream);
        }
    }

    /// Accounts whose newest state is not receipted or not acknowledged.
    #[must_use]
    pub fn unsettled(&self) -> usize {
        self.client.as_ref().map_or(0, |client| client.ledger.unsettled())
    }

    pub(super) fn on_accepted(&mut self, link: Link, stream: StreamKey, span: &Span, now: &Now) {
        let bound_ms = self.config.latency_bound_ms;
        let operator = self.links.get(&link).and_then(|link| Some((link.node, link.operator?)));
        let Some(client) = &mut self.client else { return };
        let Some(sent) = client.sent.get(&link).filter(|_| span.first <= span.last) else {
            return;
        };
        let range = (stream, span.chain, span.first)..=(stream, span.chain, span.last);
        let accepted: Vec<SentKey> = sent.range(range).map(|(key, _)| *key).collect();
        for key in accepted {
            let sent = client.sent.get_mut(&link).and_then(|sent| sent.remove(&key));
            let Some(Sent { id, bytes, timestamp_ms }) = sent else { continue };
            if client.unaccepted.remove(&key) {
                self.outputs.push_back(Output::Accepted { stream, sequence: key.2 });
            }
            let Some((node, operator)) = operator else { continue };
            if !client.note_accepted(node, key) {
                continue;
            }
            let on_time = now.wall_ms.saturating_sub(timestamp_ms) <= bound_ms;
            let account = AccountKey { node, stream, role: Role::Publisher, epoch: now.epoch };
            client.ledger.credit(account, operator, Delivery { id, bytes, on_time }, now);
        }
    }

    pub(super) fn attach_again(&mut self, link: Link, now: &Now) {
        let Some(state) = self.links.get(&link) else { return };
        let due = |attachment: &Attachment| match attachment {
            Attachment::Asked { at_ms } | Attachment::Refused { at_ms } => {
                now.monotonic_ms >= at_ms + ATTACH_RETRY_MS
            }
            Attachment::None | Attachment::Admitted => false,
        };
        let again: Vec<StreamKey> = state
            .peers
            .iter()
            .filter(|(_, peer)| due(&peer.serves_us) || due(&peer.accepts_us))
            .map(|(stream, _)| *stream)
            .collect();
        for stream in again {
            self.attach(link, stream, now);
        }
    }
}

impl super::peer::Peer {
    const fn attachment(&mut self, role: Role) -> &mut Attachment {
        match role {
            Role::Publisher => &mut self.accepts_us,
            Role::Subscriber | Role::Storage => &mut self.serves_us,
        }
    }
}
