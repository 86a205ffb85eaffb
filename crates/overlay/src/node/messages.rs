//! The path of a message through a node, and the repair of what is missing.
//!
//! Invariant: a signature is checked once per message, with those that came with it, and before anything is forwarded, credited
//! or delivered; later copies cost a lookup.

use std::ops::RangeInclusive;

use bytes::Bytes;
use tatum_primitives::{Role, StreamKey};

use super::peer::{Attachment, Peer};
use super::run::{Run, Verdict};
use super::{ANNOUNCEMENTS, Output, Overlay};
use crate::count::Count;
use crate::credit::CreditKey;
use crate::frame::{MAX_SPANS, Refusal, Span};
use crate::propagation::Kept;
use crate::repair::Evidence;
use crate::score::Deed;
use crate::{ChainKey, Frame, Link, Message, MessageError, Now, Priority};

/// Bytes served on request per link and second.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;
/// Missing numbers that the news of a link may bring up in a second, and the least that a span of
/// news counts for: both are walked through, so they must not be free.
const MAX_NEWS: u64 = 262_144;
const SPAN_COST: u64 = 64;
/// Accepted messages that are told to a publisher without waiting for the next tick.
const ACCEPTED_RUN: usize = 64;

/// What a link may do with a message it brings.
enum Entry {
    Relayed,
    Published { fresh: bool },
    Refused,
}

impl Overlay {
    pub(super) fn on_message(
        &mut self,
        link: Link,
        (message, frame, verdict): (Message, Bytes, Option<Verdict>),
        run: &mut Run,
        now: &Now,
    ) {
        let stream = message.stream_key;
        let entry = self.entry(link, &message, now);
        if matches!(entry, Entry::Refused) {
            self.counters.unwanted.count(1);
            return;
        }
        let Some(state) = self.streams.get(&stream) else { return };
        if state.propagation.seen(&message) {
            self.on_duplicate(link, &message, &entry, now);
            self.note_brought(link, &message, frame.len());
            self.note_brought_too(link, &message, now);
            return;
        }
        if let Err(error) = state.propagation.timely(&message, now.wall_ms) {
            return self.on_untimely(link, &message, &entry, &error);
        }
        if !state.access.may_publish(&message.chain.publisher) {
            return self.on_unpermitted(link, &stream, now);
        }
        let verdict = match verdict {
            Some(verdict) => verdict,
            None => self.check_with(link, &message, run, now),
        };
        let id = match verdict {
            Verdict::OverRate => return,
            Verdict::Checked(Ok(id)) => id,
            Verdict::Checked(Err(error)) => {
                self.counters.invalid.count(1);
                return self.misbehaved(link, error.to_string(), now);
            }
        };
        self.note_first(link, &message, (id, frame.len()), now);
        self.take(Some(link), &message, frame.clone(), now);
        self.note(link, Deed::First);
        self.call_off(link, &message, frame.len(), now);
        if matches!(entry, Entry::Published { fresh: true }) {
            self.note_accepted(link, &message, now);
        }
        if self.config.relay {
            self.forward(link, &message, &frame, now);
        } else {
            self.deliver(link, message, now);
        }
    }

    /// Whether the message, as things are, would be checked: nobody need look at its signature otherwise.
    pub(super) fn is_to_check(&self, link: Link, message: &Message, now: &Now) -> bool {
        let Some(state) = self.streams.get(&message.stream_key) else { return false };
        !matches!(self.entry(link, message, now), Entry::Refused)
            && !state.propagation.seen(message)
            && state.propagation.timely(message, now.wall_ms).is_ok()
            && state.access.may_publish(&message.chain.publisher)
    }

    fn entry(&self, link: Link, message: &Message, now: &Now) -> Entry {
        let stream = message.stream_key;
        let peer = self.links.peer(link, &stream);
        let Some(peer) = peer.filter(|peer| peer.may_send()) else { return Entry::Refused };
        let Some(writer) = &peer.publisher else { return Entry::Relayed };
        let fresh = writer.is_new(&message.chain, message.at.sequence);
        let key = writer.key;
        if fresh && (writer.stopped || !self.quotas.open(key, now.epoch)) {
            return Entry::Refused;
        }
        Entry::Published { fresh }
    }

    /// A message whose time is too far from ours. It was dropped before its signature was looked at. Who forwards it may go by another
    /// clock than ours and did what it promised; only what no clock excuses is held against it. Its publisher is told to look at its own.
    fn on_untimely(&mut self, link: Link, message: &Message, entry: &Entry, error: &MessageError) {
        self.counters.untimely.count(1);
        let stream = message.stream_key;
        if let Some(state) = self.streams.get_mut(&stream) {
            state.repair.answered(message.chain, message.at.sequence, link);
        }
        let MessageError::Ahead { by_ms, .. } = error else { return };
        let excused = *by_ms <= self.config.limits.horizon_ms;
        let Some(state) = self.links.get_mut(&link) else { return };
        let first = !std::mem::replace(&mut state.untimely, true);
        if first && !excused {
            // By a clock that takes this as news, everything that is made now is too old.
            self.note(link, Deed::Conduct);
        }
        if first && matches!(entry, Entry::Published { .. }) {
            self.refuse(link, stream, Role::Publisher, Refusal::Stale);
        }
    }

    fn on_duplicate(&mut self, link: Link, message: &Message, entry: &Entry, now: &Now) {
        self.counters.duplicates.count(1);
        if matches!(entry, Entry::Published { fresh: true }) {
            // Another relay was quicker, but the publisher's delivery here is done as well.
            self.note_accepted(link, message, now);
        }
        self.settle(link, message, now);
        if let Some(peer) = self.links.peer_mut(link, &message.stream_key) {
            peer.duplicates.count(message.payload_bytes());
        }
    }

    /// A message that counts as seen by its time may have been asked for, if its chain was forgotten meanwhile. The neighbour did what it
    /// promised; only what the publisher signed settles that nothing is missing.
    fn settle(&mut self, link: Link, message: &Message, now: &Now) {
        let (stream, chain, number) = (message.stream_key, message.chain, message.at.sequence);
        let Some(state) = self.streams.get_mut(&stream) else { return };
        if !state.repair.pursues(chain, number) {
            return;
        }
        if let Err(error) = message.verify(&mut self.publishers) {
            self.counters.invalid.count(1);
            return self.misbehaved(link, error.to_string(), now);
        }
        state.propagation.settle(message);
        state.repair.found(chain, number, Some(link));
        self.release_waiting(stream, chain);
    }

    /// Enters a checked message into its stream.
    pub(super) fn take(&mut self, from: Option<Link>, message: &Message, frame: Bytes, now: &Now) {
        let Some(stream) = self.streams.get_mut(&message.stream_key) else { return };
        let chain = message.chain;
        let before = stream.propagation.kept_bytes();
        let accepted = stream.propagation.accept(message, frame, now.monotonic_ms);
        let kept = self.kept_bytes.saturating_add(stream.propagation.kept_bytes());
        self.kept_bytes = kept.saturating_sub(before);
        stream.repair.found(chain, message.at.sequence, from);
        stream.announcements = ANNOUNCEMENTS;
        stream.messages.count(1);
        stream.bytes.count(message.payload_bytes());
        let age_ms = now.wall_ms.saturating_sub(message.at.timestamp_ms);
        stream.delay_ms = (stream.delay_ms.saturating_mul(7).saturating_add(age_ms)) / 8;
        self.counters.messages.count(1);
        self.counters.bytes.count(message.payload_bytes());
        if let (Some(hole), Some(link)) = (accepted.hole, from) {
            stream.repair.pursue(chain, hole, (link, Evidence::Signed), now.monotonic_ms);
        }
        if let Some(skipped) = accepted.skipped {
            self.lose(message.stream_key, chain, skipped, now);
        }
        self.bound_memory();
    }

    fn note_accepted(&mut self, link: Link, message: &Message, now: &Now) {
        let stream = message.stream_key;
        let Some(peer) = self.links.peer_mut(link, &stream) else { return };
        let Some(writer) = &mut peer.publisher else { return };
        writer.accept(message.chain, message.at.sequence);
        let key = writer.key;
        self.quotas.serve(key, now.epoch, message.payload_bytes());
        let runs = if writer.waiting() >= ACCEPTED_RUN { writer.flush() } else { Vec::new() };
        let stop = !self.quotas.open(key, now.epoch);
        writer.stopped = stop;
        for span in runs {
            self.send(link, &Frame::Accepted { stream, span });
        }
        if stop {
            self.stop(link, key, now);
        }
    }

    /// Tells a client that its account is not served, and why, if that is known.
    pub(super) fn stop(&mut self, link: Link, key: CreditKey, now: &Now) {
        let Some(reason) = self.quotas.stop_reason(key, now.epoch) else { return };
        match reason {
            Refusal::Credit { .. } | Refusal::Unsigned { .. } => {
                self.counters.credit_stops.count(1);
            }
            Refusal::NoStake
            | Refusal::OverQuota { .. }
            | Refusal::Uncovered { .. }
            | Refusal::ChannelExiting => self.counters.quota_stops.count(1),
            Refusal::Price { .. } | Refusal::Newcomer { .. } => self.counters.price_stops.count(1),
            Refusal::NotAuthorized
            | Refusal::NotCarried
            | Refusal::Stale
            | Refusal::Leaving
            | Refusal::Replaced
            | Refusal::Rate { .. }
            | Refusal::NotPermitted
            | Refusal::Unbonded
            | Refusal::QuotaUnknown
            | Refusal::NoChannel
            | Refusal::Lanes { .. }
            | Refusal::TooDear { .. } => {}
        }
        self.send(link, &Frame::Refused { stream: key.stream, role: key.role, reason });
    }

    /// Sends a checked message to every neighbour in its stream but the one it came from.
    fn forward(&mut self, from: Link, message: &Message, frame: &Bytes, now: &Now) {
        let stream = message.stream_key;
        let mut stopped = Vec::new();
        for link in self.links.on(&stream).into_iter().filter(|link| *link != from) {
            let Some(peer) = self.links.peer_mut(link, &stream) else { continue };
            if peer.called_off.contains(message.chain, message.at.sequence) {
                self.counters.called_off.count(1);
                continue;
            }
            let serve = peer.subscriber.as_mut().filter(|reader| !reader.stopped).map(|reader| {
                let key = reader.key;
                reader.stopped = !self.quotas.open(key, now.epoch);
                if reader.stopped {
                    stopped.push((link, key));
                } else {
                    self.quotas.serve(key, now.epoch, message.payload_bytes());
                    reader.recent = reader.recent.saturating_add(message.payload_bytes());
                }
                !reader.stopped
            });
            if serve.unwrap_or(false) || peer.relay {
                self.counters.forwarded.count(1);
                let (frame, priority) = (frame.clone(), Priority::Live);
                self.outputs.push_back(Output::Send { link, frame, priority });
            }
        }
        for (link, key) in stopped {
            self.stop(link, key, now);
        }
    }

    /// Credits the neighbour and hands over what is now in order.
    fn deliver(&mut self, link: Link, message: Message, now: &Now) {
        self.credit_neighbour(link, Role::Subscriber, &message, now);
        let Some(stream) = self.streams.get_mut(&message.stream_key) else { return };
        if !stream.subscribed {
            return;
        }
        let floor = stream.propagation.floor(&message.chain);
        let ready = stream.order.push(message, floor);
        self.outputs.extend(ready.into_iter().map(|ready| Output::Deliver(Box::new(ready))));
    }

    pub(super) fn on_have(&mut self, link: Link, key: StreamKey, spans: &[Span], now: &Now) {
        if spans.len() > MAX_SPANS {
            return self.misbehaved(link, "news with too many spans".to_owned(), now);
        }
        if !self.links.get(&link).is_some_and(|state| self.guard.scores.believes(&state.node)) {
            return;
        }
        let Some(state) = self.links.get_mut(&link) else { return };
        let peer = state.peers.get(&key);
        // Two relays greet each other at once; the news may overtake the greeting.
        let welcome = peer.is_some_and(Peer::may_send);
        let Some(stream) = self.streams.get_mut(&key).filter(|_| welcome) else { return };
        let access = &stream.access;
        let sound =
            |span: &&Span| span.first <= span.last && access.may_publish(&span.chain.publisher);
        for span in spans.iter().filter(sound) {
            if state.news >= MAX_NEWS {
                // What is left out is told again with the next heartbeats.
                return;
            }
            state.news.count(SPAN_COST);
            for hole in stream.propagation.lacking(span) {
                state.news.count(hole.end().saturating_sub(*hole.start()).saturating_add(1));
                let hint = (link, Evidence::Promise);
                stream.repair.pursue(span.chain, hole, hint, now.monotonic_ms);
            }
        }
    }

    pub(super) fn on_want(&mut self, link: Link, stream: StreamKey, span: &Span, now: &Now) {
        let Some(state) = self.links.get_mut(&link) else { return };
        let Some(peer) = state.peers.get_mut(&stream) else { return };
        let Some(kept) = self.streams.get(&stream) else { return };
        let node = state.node;
        let mut reader = peer.subscriber.as_mut().filter(|reader| !reader.stopped);
        let key = reader.as_ref().map(|reader| reader.key);
        let publishing = peer.accepts_us == Attachment::Admitted;
        let open = key.is_some_and(|key| self.quotas.open(key, now.epoch));
        if !(peer.relay || open || publishing) {
            return;
        }
        let limit = ANSWER_BYTES.saturating_sub(state.answered_bytes);
        let frames = kept.propagation.kept(span, limit);
        for Kept { number, frame, payload_bytes, .. } in frames {
            let open = key.is_some_and(|key| self.quotas.open(key, now.epoch));
            if !(peer.relay || open || publishing) {
                break;
            }
            state.answered_bytes.count(frame.len());
            if let Some(key) = key {
                self.quotas.serve(key, now.epoch, payload_bytes);
            }
            if let Some(reader) = &mut reader {
                reader.recent = reader.recent.saturating_add(payload_bytes);
            }
            self.counters.forwarded.count(1);
            let priority = Priority::Repair;
            self.outputs.push_back(Output::Send { link, frame: frame.clone(), priority });
            if let Some(client) = self.client.as_mut().filter(|_| publishing) {
                client.sent_again(node, (stream, span.chain, number), &frame);
            }
        }
    }

    /// Asks for what is missing, and gives up what nobody has.
    pub(super) fn repair(&mut self, now: &Now) {
        let keys: Vec<StreamKey> = self
            .streams
            .iter()
            .filter(|(_, stream)| !stream.repair.is_idle())
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            let mut neighbours = self.links.on(&key);
            neighbours.retain(|link| self.links.peer(*link, &key).is_some_and(Peer::may_send));
            let Some(stream) = self.streams.get_mut(&key) else { continue };
            let (requests, lost) = stream.repair.due(&neighbours, now.monotonic_ms);
            for request in requests {
                let Span { first, last, .. } = request.span;
                self.counters.wanted.count(last.saturating_sub(first).saturating_add(1));
                self.send(request.link, &Frame::Want { stream: key, span: request.span });
            }
            for span in lost {
                self.lose(key, span.chain, span.first..=span.last, now);
            }
        }
    }

    /// Nobody has these messages: later ones wait for them no more.
    fn lose(&mut self, key: StreamKey, chain: ChainKey, lost: RangeInclusive<u64>, now: &Now) {
        let Some(stream) = self.streams.get_mut(&key) else { return };
        let (first, last) = (*lost.start(), *lost.end());
        self.counters.lost.count(last.saturating_sub(first).saturating_add(1));
        stream.propagation.give_up(&chain, lost);
        if !stream.subscribed {
            return;
        }
        self.note_lost(key, chain, (first, last), now);
        let Some(stream) = self.streams.get_mut(&key) else { return };
        if stream.order.begun(&chain) {
            self.outputs.push_back(Output::Gap { stream: key, chain, first, last });
        }
        self.release_waiting(key, chain);
    }

    /// Hands over what waited for messages that were settled meanwhile.
    fn release_waiting(&mut self, key: StreamKey, chain: ChainKey) {
        let Some(stream) = self.streams.get_mut(&key).filter(|stream| stream.subscribed) else {
            return;
        };
        let floor = stream.propagation.floor(&chain);
        let ready = stream.order.release(chain, floor);
        self.outputs.extend(ready.into_iter().map(|ready| Output::Deliver(Box::new(ready))));
    }
}
