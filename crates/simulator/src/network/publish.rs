//! What publishers publish.
//!
//! Invariant: publishers take turns, and each seals with the key of the moment.

use tatum_overlay::{Message, MessageRef};
use tatum_receipt::Signature;

use super::deployment::{session, verifier};
use super::population::Arrival;
use super::world::World;

impl World {
    /// The message's turn has come; the publishers take turns.
    pub(super) fn publish(&mut self, number: usize) {
        let now = self.now();
        let index = number % self.chains.len();
        let Some(chain) = self.chains.get_mut(index) else { return };
        let (node, key, stream_key, previous) = (chain.node, chain.key, chain.stream, chain.last);
        let sequence = previous.map_or(0, |last| last.sequence + 1);
        let at = MessageRef { timestamp_ms: now.wall_ms, sequence };
        chain.last = Some(at);
        let payload = vec![7; self.scenario.payload_bytes];
        let (key_id, ciphertext) = match &mut self.nodes[node].keyring {
            None => ([0; 8], payload),
            Some(keyring) => {
                keyring.count();
                let group = keyring.current();
                let sealed = group.seal(stream_key, key, sequence, &payload);
                (group.id(), sealed.unwrap_or_else(|_| unreachable!("a payload is short")))
            }
        };
        let signature = Signature([0; 65]);
        let message =
            Message { stream_key, chain: key, at, previous, key_id, ciphertext, signature };
        let message = message.signed(&session(node), &verifier());
        self.published_us.push(self.now_us);
        self.numbers.insert((key, sequence), number);
        self.nodes[node].arrivals[number] = Some(Arrival { at_us: self.now_us, hops: 0 });
        self.nodes[node].overlay.publish(&message, &now);
        self.drain(node, Some(number));
    }
}
