//! What a client does: ask for service, publish, count, receipt.
//!
//! Invariant: every counted message is in exactly one account, and a receipt leaves only after the
//! caller stored it. A relay's memory of our newest receipt is trusted only under our own
//! signature.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use tatum_primitives::{B256, Epoch, NodeId, OperatorId, Role, StreamKey};

use super::peer::{Attachment, Peer};
use super::{Output, Overlay, PayerConfig};
use crate::frame::{Attach, Refusal, Span};
use crate::ledger::{AccountKey, Delivery, Ledger, Service};
use crate::window::Window;
use crate::{ChainKey, Frame, Head, Link, Message, Now, Priority};

/// Published messages per link that wait for the relay's word; the oldest are forgotten beyond it.
const MAX_SENT: usize = 65_536;
/// A request for service is made again after this.
const ATTACH_RETRY_MS: u64 = 3_000;

type SentKey = (StreamKey, ChainKey, u64);

#[derive(Debug, Clone, Copy)]
struct Sent {
    bytes: u64,
    timestamp_ms: u64,
}

/// A client's accounts and its published messages in flight.
#[derive(Debug)]
pub struct Client {
    pub(super) account: PayerConfig,
    pub(super) ledger: Ledger,
    /// By relay, not by link: a relay that comes back says again what it accepted, also one that its tracker took away meanwhile.
    sent: BTreeMap<NodeId, BTreeMap<SentKey, Sent>>,
    unaccepted: BTreeSet<SentKey>,
    /// What each relay accepted. A relay that lost its memory accepts again; that is paid once.
    accepted: BTreeMap<(NodeId, StreamKey, ChainKey), Window>,
    /// When we asked for all service last: relays need our word for each epoch.
    asked_in: Option<Epoch>,
    /// Our channels, by operator.
    pub(super) channels: BTreeMap<OperatorId, B256>,
    /// When a relay last made us sign a receipt before its time.
    hurried_ms: BTreeMap<NodeId, u64>,
}

/// Relays that are remembered to have published messages.
const MAX_RELAYS: usize = 256;
/// A relay makes us sign a receipt before its time once in this long.
const HURRY_MS: u64 = 500;
/// Longest wait before a relay that refused is asked again.
const LAST_ATTACH_RETRY_MS: u64 = 60_000;

/// Relays times chains whose acceptances are remembered; the lowest is forgotten beyond it.
const MAX_ACCEPTED: usize = 4_096;

impl Client {
    pub(super) fn new(account: PayerConfig) -> Self {
        let ledger = Ledger::new(account.payer, account.reader, account.cadence);
        Self {
            account,
            ledger,
            sent: BTreeMap::new(),
            unaccepted: BTreeSet::new(),
            accepted: BTreeMap::new(),
            asked_in: None,
            channels: BTreeMap::new(),
            hurried_ms: BTreeMap::new(),
        }
    }

    fn request(&self, what: (StreamKey, Role), ends: (NodeId, NodeId), now: &Now) -> Attach {
        let PayerConfig { payer, reader, key, .. } = &self.account;
        Attach::sign(what, (*payer, *reader), ends, now.wall_ms, key)
    }

    fn sent(&mut self, node: NodeId, key: SentKey, sent: Sent) {
        if self.sent.len() >= MAX_RELAYS && !self.sent.contains_key(&node) {
            self.forget_relay();
        }
        let waiting = self.sent.entry(node).or_default();
        waiting.insert(key, sent);
        if waiting.len() > MAX_SENT {
            waiting.pop_first();
        }
    }

    /// Forgets the relay that was sent something longest ago.
    fn forget_relay(&mut self) {
        let at_ms = |sent: &BTreeMap<SentKey, Sent>| {
            sent.last_key_value().map_or(0, |(_, sent)| sent.timestamp_ms)
        };
        let oldest = self.sent.iter().min_by_key(|(_, sent)| at_ms(sent)).map(|(node, _)| *node);
        oldest.and_then(|node| self.sent.remove(&node));
    }

    /// Whether a relay may make us sign now. A hostile one would ask for a receipt per message.
    fn may_hurry(&mut self, node: NodeId, now: &Now) -> bool {
        let last_ms = self.hurried_ms.get(&node).copied();
        if last_ms.is_some_and(|last_ms| now.monotonic_ms.saturating_sub(last_ms) < HURRY_MS) {
            return false;
        }
        if self.hurried_ms.len() >= MAX_RELAYS {
            self.hurried_ms.retain(|_, at_ms| now.monotonic_ms.saturating_sub(*at_ms) < HURRY_MS);
        }
        self.hurried_ms.insert(node, now.monotonic_ms);
        true
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
    pub(super) fn sent_again(&mut self, node: NodeId, key: SentKey, frame: &Bytes) {
        let Ok((Frame::Message(message), _)) = postcard::take_from_bytes(frame) else { return };
        self.sent(node, key, Sent::of(&message));
    }
}

impl Sent {
    const fn of(message: &Message) -> Self {
        let (bytes, timestamp_ms) = (message.payload_bytes(), message.at.timestamp_ms);
        Self { bytes, timestamp_ms }
    }
}

impl Overlay {
    /// Asks an assigned relay for what we want of a stream.
    pub(super) fn attach(&mut self, link: Link, stream: StreamKey, now: &Now) {
        if self.waits_for_offers() && !self.links.get(&link).is_some_and(|state| state.ready) {
            return;
        }
        let Some(state) = self.streams.get(&stream) else { return };
        let wanted = [(state.subscribed, Role::Subscriber), (state.published, Role::Publisher)];
        for (_, role) in wanted.into_iter().filter(|(wanted, _)| *wanted) {
            let Some(node) = self.links.get(&link).map(|state| state.node) else { return };
            let (Some(client), Some(peer)) = (&self.client, self.links.join(link, stream)) else {
                return;
            };
            let declined = peer.declined_in == Some(now.epoch);
            if declined || *peer.attachment(role) == Attachment::Admitted {
                continue;
            }
            *peer.attachment(role) = Attachment::Asked { at_ms: now.monotonic_ms };
            let attach = client.request((stream, role), (self.config.id, node), now);
            self.send(link, &Frame::Attach(attach));
        }
    }

    /// When an epoch begins, asks again for what is served. The relay's lease of our quota needs our
    /// fresh word, and who may not pay any more hears of it.
    pub(super) fn ask_in_new_epoch(&mut self, now: &Now) {
        let Some(client) = self.client.as_mut() else { return };
        if client.asked_in.replace(now.epoch).is_none_or(|epoch| epoch == now.epoch) {
            return;
        }
        let mut requests = Vec::new();
        for (link, state) in self.links.iter() {
            for (stream, peer) in state.peers.iter() {
                let served =
                    [(peer.serves_us, Role::Subscriber), (peer.accepts_us, Role::Publisher)];
                for (_, role) in served.into_iter().filter(|(at, _)| *at == Attachment::Admitted) {
                    let ends = (self.config.id, state.node);
                    requests.push((*link, client.request((*stream, role), ends, now)));
                }
            }
        }
        for (link, attach) in requests {
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
        (peer.paused, peer.refusals) = (false, 0);
        let node = state.node;
        for bytes in newest {
            client.adopt_from(node, bytes, &self.config.verifier);
        }
        let again = client.ledger.resend(node, now, true);
        self.outputs.push_back(Output::Admitted { node, stream, role });
        for receipt in again {
            self.send(link, &Frame::Receipt(receipt.encode()));
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
            // With open credit, in the next second or in the next epoch, the relay resumes by itself.
            let resumes = matches!(
                reason,
                Refusal::Credit { .. }
                    | Refusal::Rate { .. }
                    | Refusal::OverQuota { .. }
                    | Refusal::Unsigned { .. }
                    | Refusal::Uncovered { .. }
            );
            peer.paused |= resumes && role == Role::Subscriber;
            // Whoever says that it does not bring is not held to it.
            if role == Role::Subscriber {
                peer.awaited.clear();
            }
            // It would say the same again: we look for others, and ask it in the next epoch.
            if reason.holds_in(now.epoch) && peer.declined_in.replace(now.epoch) != Some(now.epoch)
            {
                self.outputs.push_back(Output::Distrusted { node });
            }
            if !resumes || *peer.attachment(role) != Attachment::Admitted {
                peer.refusals = peer.refusals.saturating_add(1);
                *peer.attachment(role) = Attachment::Refused { at_ms: now.monotonic_ms };
            }
        }
        self.outputs.push_back(Output::Refused { node, stream, role, reason });
        let wants_receipts = matches!(
            reason,
            Refusal::Credit { .. }
                | Refusal::Unsigned { .. }
                | Refusal::Uncovered { .. }
                | Refusal::Leaving
        );
        if wants_receipts && self.client.as_mut().is_some_and(|client| client.may_hurry(node, now))
        {
            self.close_accounts_with(node, now);
        }
    }

    /// Publishes a message that [`Message::signed`] made.
    pub fn publish(&mut self, message: &Message, now: &Now) {
        let frame = Frame::Message(Box::new(message.clone())).encode();
        self.take(None, message, frame.clone(), now);
        let key = (message.stream_key, message.chain, message.at.sequence);
        let id = message.id(&self.config.verifier);
        let Some(client) = &mut self.client else { return };
        let head = Head { chain: message.chain, number: message.at.sequence, id, live: true };
        client.ledger.hold((message.stream_key, Role::Publisher), &head, now);
        client.unaccepted.insert(key);
        for link in self.links.on(&message.stream_key) {
            let Some(state) = self.links.get(&link) else { continue };
            let peer = state.peers.get(&message.stream_key);
            if peer.is_some_and(|peer| peer.accepts_us == Attachment::Admitted) {
                client.sent(state.node, key, Sent::of(message));
                let (frame, priority) = (frame.clone(), Priority::Live);
                self.outputs.push_back(Output::Send { link, frame, priority });
            }
        }
    }

    /// Published messages that no relay accepted yet.
    #[must_use]
    pub fn unaccepted(&self) -> usize {
        self.client.as_ref().map_or(0, |client| client.unaccepted.len())
    }

    /// Copies sent to linked relays that have not said yet whether they accept them.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        let Some(client) = &self.client else { return 0 };
        let linked = client.sent.iter().filter(|(node, _)| self.by_node.contains_key(*node));
        linked.map(|(_, sent)| sent.len()).sum()
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
        let Some(state) = self.links.get(&link) else { return };
        let (node, operator) = (state.node, state.operator);
        let Some(client) = &mut self.client else { return };
        let Some(sent) = client.sent.get(&node).filter(|_| span.first <= span.last) else {
            return;
        };
        let range = (stream, span.chain, span.first)..=(stream, span.chain, span.last);
        let accepted: Vec<SentKey> = sent.range(range).map(|(key, _)| *key).collect();
        for key in accepted {
            let sent = client.sent.get_mut(&node).and_then(|sent| sent.remove(&key));
            let Some(Sent { bytes, timestamp_ms }) = sent else { continue };
            if client.unaccepted.remove(&key) {
                self.outputs.push_back(Output::Accepted { stream, sequence: key.2 });
            }
            let Some(operator) = operator else { continue };
            if !client.note_accepted(node, key) {
                continue;
            }
            let on_time = now.wall_ms.saturating_sub(timestamp_ms) <= bound_ms;
            let (role, epoch) = (Role::Publisher, now.epoch);
            let account = AccountKey { node, operator_id: operator, stream, role, epoch };
            client.ledger.credit(account, Delivery { bytes, on_time }, now);
            client.ledger.serve(account, key.1, Service { due: 1, brought: 1 }, now);
        }
    }

    pub(super) fn attach_again(&mut self, link: Link, now: &Now) {
        let Some(state) = self.links.get(&link) else { return };
        let open = |peer: &Peer| peer.declined_in != Some(now.epoch);
        let due = |attachment: &Attachment, refusals: u8| match attachment {
            Attachment::Asked { at_ms } => {
                now.monotonic_ms.saturating_sub(*at_ms) >= ATTACH_RETRY_MS
            }
            Attachment::Refused { at_ms } => {
                let longer = u32::from(refusals.saturating_sub(1)).min(8);
                let wait_ms = ATTACH_RETRY_MS
                    .saturating_mul(2_u64.saturating_pow(longer))
                    .min(LAST_ATTACH_RETRY_MS);
                now.monotonic_ms.saturating_sub(*at_ms) >= wait_ms
            }
            Attachment::None | Attachment::Admitted => false,
        };
        let again: Vec<StreamKey> = state
            .peers
            .iter()
            .filter(|(_, peer)| {
                open(peer)
                    && (due(&peer.serves_us, peer.refusals) || due(&peer.accepts_us, peer.refusals))
            })
            .map(|(stream, _)| *stream)
            .collect();
        for stream in again {
            self.attach(link, stream, now);
        }
    }
}

impl Peer {
    const fn attachment(&mut self, role: Role) -> &mut Attachment {
        match role {
            Role::Publisher => &mut self.accepts_us,
            Role::Subscriber | Role::Storage => &mut self.serves_us,
        }
    }
}
