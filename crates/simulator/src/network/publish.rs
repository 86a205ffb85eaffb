//! What publishers publish.
//!
//! Invariant: a publisher's messages form one chain, each naming the one before.

use tatum_overlay::{ChainKey, Message, MessageRef};
use tatum_receipt::Signature;

use super::population::{Arrival, session};
use super::world::{STREAM, World};

/// A publisher's chain so far.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) node: usize,
    key: ChainKey,
    last: Option<MessageRef>,
}

impl Chain {
    pub(super) fn new(node: usize) -> Self {
        let key = ChainKey { publisher: session(node).address(), chain: 1 };
        Self { node, key, last: None }
    }
}

impl World {
    /// The message's turn has come; the publishers take turns.
    pub(super) fn publish(&mut self, number: usize) {
        let now = self.now();
        let index = number % self.chains.len();
        let Some(chain) = self.chains.get_mut(index) else { return };
        let sequence = chain.last.map_or(0, |last| last.sequence + 1);
        let at = MessageRef { timestamp_ms: now.wall_ms, sequence };
        let message = Message {
            stream_key: STREAM,
            chain: chain.key,
            at,
            previous: chain.last,
            key_id: [0; 8],
            ciphertext: vec![7; self.scenario.payload_bytes],
            signature: Signature([0; 65]),
        }
        .signed(&session(chain.node));
        chain.last = Some(at);
        let (node, key) = (chain.node, chain.key);
        self.published_us.push(self.now_us);
        self.numbers.insert((key, sequence), number);
        self.nodes[node].arrivals[number] = Some(Arrival { at_us: self.now_us, hops: 0 });
        self.nodes[node].overlay.publish(&message, &now);
        self.drain(node, Some(number));
    }
}
