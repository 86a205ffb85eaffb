//! Messages wait here until everything before them in their chain was delivered or given up.
//!
//! Invariant: per chain, numbers leave in rising order, each once. The window's floor decides when:
//! all below it is settled. The queue is bounded by [`MAX_AHEAD`](crate::window::MAX_AHEAD)
//! numbers.

use std::collections::{BTreeMap, BTreeSet};

use crate::{ChainKey, Message};

/// Messages of one stream partition that wait for older ones.
#[derive(Debug, Default)]
pub struct Order {
    waiting: BTreeMap<(ChainKey, u64), Message>,
    begun: BTreeSet<ChainKey>,
}

/// Chains of which we remember that a message was delivered; the lowest is forgotten beyond that.
const MAX_BEGUN: usize = 4096;

impl Order {
    /// Takes a message, and gives those that are now in order: all below `floor`.
    pub fn push(&mut self, message: Message, floor: u64) -> Vec<Message> {
        let chain = message.chain;
        if self.waiting.is_empty() && message.at.sequence < floor {
            self.begin(chain);
            return vec![message];
        }
        self.waiting.insert((chain, message.at.sequence), message);
        self.release(chain, floor)
    }

    /// Gives the messages of `chain` below `floor`.
    pub fn release(&mut self, chain: ChainKey, floor: u64) -> Vec<Message> {
        let mut ready = self.waiting.split_off(&(chain, 0));
        let mut rest = ready.split_off(&(chain, floor));
        self.waiting.append(&mut rest);
        if !ready.is_empty() {
            self.begin(chain);
        }
        ready.into_values().collect()
    }

    /// Whether a message of `chain` was delivered. What is missing before the first one is no gap:
    /// the subscriber came later.
    #[must_use]
    pub fn begun(&self, chain: &ChainKey) -> bool {
        self.begun.contains(chain)
    }

    /// Notes that messages of `chain` were delivered, by us or by an earlier run.
    pub fn begin(&mut self, chain: ChainKey) {
        self.begun.insert(chain);
        if self.begun.len() > MAX_BEGUN {
            self.begun.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::tests::{key, message};

    #[test]
    fn later_messages_wait_for_earlier_ones() {
        let publisher = key(1);
        let mut order = Order::default();
        assert_eq!(order.push(message(&publisher, 2), 0), vec![]);
        assert_eq!(order.push(message(&publisher, 1), 0), vec![]);
        let numbers = |ready: Vec<Message>| -> Vec<u64> {
            ready.into_iter().map(|message| message.at.sequence).collect()
        };
        assert_eq!(numbers(order.push(message(&publisher, 0), 3)), [0, 1, 2]);
        assert_eq!(numbers(order.push(message(&publisher, 3), 4)), [3]);
    }

    #[test]
    fn chains_do_not_wait_for_each_other() {
        let (one, two) = (key(1), key(2));
        let mut order = Order::default();
        order.push(message(&one, 5), 0);
        assert_eq!(order.push(message(&two, 0), 1).len(), 1);
        assert_eq!(order.release(message(&one, 5).chain, 6).len(), 1);
        assert!(order.waiting.is_empty());
    }
}
