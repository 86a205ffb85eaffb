//! What is remembered of chains that are known no more.
//!
//! Invariant: what a publisher made up to the newest message of a forgotten chain of its counts as seen, so nothing is new twice. Which
//! chains were forgotten last is remembered too: those are not asked for. One that was forgotten longer ago is asked for once more, and
//! what its time then shows to be seen is remembered again. Both memories are bounded, the oldest goes first.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tatum_primitives::Address;

use crate::ChainKey;

/// Chains that are known no more.
#[derive(Debug, Default)]
pub(crate) struct Forgotten {
    capacity: usize,
    /// When the newest message was made of the forgotten chains of each publisher.
    until_ms: BTreeMap<Address, u64>,
    chains: BTreeSet<ChainKey>,
    order: VecDeque<ChainKey>,
}

impl Forgotten {
    /// Nothing yet; so many publishers are remembered, and twice as many chains.
    pub(crate) const fn new(capacity: usize) -> Self {
        Self {
            capacity,
            until_ms: BTreeMap::new(),
            chains: BTreeSet::new(),
            order: VecDeque::new(),
        }
    }

    /// Until when what the publisher made counts as seen, if anything of it was forgotten.
    pub(crate) fn until_ms(&self, publisher: &Address) -> Option<u64> {
        self.until_ms.get(publisher).copied()
    }

    /// Whether this chain is remembered to be forgotten.
    pub(crate) fn holds(&self, chain: &ChainKey) -> bool {
        self.chains.contains(chain)
    }

    /// A chain is known no more, whose newest message was made then.
    pub(crate) fn forget(&mut self, chain: ChainKey, newest_ms: u64) {
        let publisher = chain.publisher;
        if self.until_ms.len() >= self.capacity && !self.until_ms.contains_key(&publisher) {
            let oldest = self.until_ms.iter().min_by_key(|(_, at_ms)| **at_ms);
            let oldest = oldest.map(|(publisher, _)| *publisher);
            oldest.and_then(|publisher| self.until_ms.remove(&publisher));
        }
        let until_ms = self.until_ms.entry(publisher).or_default();
        *until_ms = newest_ms.max(*until_ms);
        self.note(chain);
    }

    /// What came of a chain shows that it was forgotten.
    pub(crate) fn note(&mut self, chain: ChainKey) {
        if self.chains.insert(chain) {
            self.order.push_back(chain);
        }
        if self.order.len() > self.capacity.saturating_mul(2)
            && let Some(oldest) = self.order.pop_front()
        {
            self.chains.remove(&oldest);
        }
    }
}
