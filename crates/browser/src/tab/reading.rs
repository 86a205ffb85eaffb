//! Subscribing: messages in order per publisher's chain, opened.
//!
//! Invariant: each message is handed over at most once; what could not be had is said, never skipped in silence.

use rand::Rng;
use tatum_overlay::Now;
use tatum_overlay::client::{Ask, Opened};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_protocol::Stream;
use tatum_protocol::tracker::ToTracker;

use super::Tab;
use crate::Output;

/// How often keys are asked for that messages wait for, at most.
const LOOK_AGAIN_MS: u64 = 100;

impl Tab {
    pub(super) fn subscribe(&mut self, stream: Stream) {
        let (key, id) = (stream.key(), stream.id.clone());
        self.overlay.subscribe(key);
        self.names.insert(key, stream);
        self.permit(key, &id);
        self.take_part(key, false);
    }

    /// Asks publishers for the keys that messages wait for, and gives up those that waited too long.
    pub(super) fn ask_for_keys(&mut self, now: &Now) {
        let is_due = now.monotonic_ms.saturating_sub(self.asked_ms) >= LOOK_AGAIN_MS;
        if !is_due || !self.opener.is_waiting() {
            return;
        }
        self.asked_ms = now.monotonic_ms;
        self.opener.expire(now.monotonic_ms);
        let (node, random) = (self.key.id(), &mut self.random);
        let (payer, key) = (self.account.payer, &self.account.key);
        let due = self.opener.due(now.monotonic_ms, || random.random()).into_iter();
        let requests: Vec<KeyRequest> = due
            .map(|Ask { name, secret }| {
                KeyRequest::sign(name, payer, node, secret, now.wall_ms, key)
            })
            .collect();
        for request in requests {
            let stream = request.name.stream;
            self.say_to_trackers_of(&stream, &ToTracker::AskKey(Box::new(request)));
        }
    }

    pub(super) fn key_given(&mut self, answer: &KeyAnswer) {
        let now_ms = self.now().monotonic_ms;
        if let Err(reason) = self.opener.answer(answer, now_ms) {
            let publisher = answer.name().publisher;
            let text = format!("the publisher {publisher} gave us no group key: {reason}");
            self.outputs.push(Output::Note { text });
        }
    }

    /// Hands over what was opened, or given up.
    pub(super) fn hand_over(&mut self) {
        while let Some(opened) = self.opener.pop() {
            let (Opened::Payload(message, _) | Opened::Unreadable(message)) = &opened;
            let (chain, at) = (message.chain, message.at);
            let Some(stream) = self.names.get(&message.stream_key).cloned() else { continue };
            self.counts.messages = self.counts.messages.saturating_add(1);
            let (publisher, chain, sequence) = (chain.publisher, chain.chain, at.sequence);
            self.outputs.push(match opened {
                Opened::Payload(_, payload) => {
                    let timestamp_ms = at.timestamp_ms;
                    Output::Message { stream, publisher, chain, sequence, timestamp_ms, payload }
                }
                Opened::Unreadable(_) => Output::Unreadable { stream, publisher, chain, sequence },
            });
        }
    }
}
