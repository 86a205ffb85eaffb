//! Who holds how much of whose quota.
//!
//! Invariant: the sum over a payer's relays is at most the quota that was named last. Books take
//! at most `MAX_HOLDINGS` places; beyond that nobody new gets a lease.

use std::collections::BTreeMap;

use tatum_overlay::lease::Claim;
use tatum_primitives::{Address, Epoch, NodeId};

/// The least that is granted at once, if there is as much.
pub const LEAST_GRANT_BYTES: u64 = 1 << 20;
/// A grant is at most one in so many parts of what is left, so that every relay of a payer gets
/// some.
pub const GRANT_PARTS: u64 = 4;

/// Relays times payers times epochs that are remembered.
const MAX_HOLDINGS: usize = 262_144;
/// What a relay that is gone for so long had left goes back to the payer.
const AWAY_MS: u64 = 60_000;

#[derive(Debug, Default, Clone, Copy)]
struct Holding {
    total: u64,
    used: u64,
    away_since_ms: Option<u64>,
}

/// Leases of all payers that have this tracker.
#[derive(Debug)]
pub struct Lessor {
    pots: BTreeMap<(Epoch, Address), BTreeMap<NodeId, Holding>>,
    holdings: usize,
    capacity: usize,
}

impl Default for Lessor {
    fn default() -> Self {
        Self { pots: BTreeMap::new(), holdings: 0, capacity: MAX_HOLDINGS }
    }
}

impl Lessor {
    #[cfg(test)]
    fn with_capacity(capacity: usize) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// Whether a relay holds a part of a payer's quota, so that it need not show again that it was
    /// asked.
    #[must_use]
    pub fn knows(&self, node: &NodeId, payer: Address, epoch: Epoch) -> bool {
        self.pots.get(&(epoch, payer)).is_some_and(|pot| pot.contains_key(node))
    }

    /// Answers a claim with what the relay holds from now on; nothing if the books are full.
    ///
    /// What a relay says it holds goes before the books: it is less after a restart of the relay or a
    /// lost answer, and more after a restart of this tracker or while it was not to be reached; then
    /// it is entered as far as the quota goes.
    pub fn answer(&mut self, node: NodeId, claim: &Claim, quota_bytes: u64) -> Option<u64> {
        let full = self.holdings >= self.capacity;
        if full && !self.knows(&node, claim.payer, claim.epoch) {
            return None;
        }
        let pot = self.pots.entry((claim.epoch, claim.payer)).or_default();
        let others = pot.iter().filter(|(holder, _)| **holder != node);
        let others = others.map(|(_, holding)| holding.total).fold(0, u64::saturating_add);
        let room = quota_bytes.saturating_sub(others);
        let before = pot.len();
        let holding = pot.entry(node).or_default();
        let known = claim.held.max(claim.used).min(room);
        let wanted = claim.wanted.max(claim.used);
        let left = room.saturating_sub(known);
        let most = (left / GRANT_PARTS).max(LEAST_GRANT_BYTES).min(left);
        let total = wanted.min(known.saturating_add(most));
        *holding = Holding { total, used: claim.used.min(total), away_since_ms: None };
        self.holdings = self.holdings.saturating_add(pot.len().saturating_sub(before));
        Some(total)
    }

    /// Takes back what relays have left that have been gone for a minute.
    pub fn reclaim(&mut self, is_here: impl Fn(&NodeId) -> bool, now_ms: u64) {
        for (node, holding) in self.pots.values_mut().flatten() {
            if is_here(node) {
                holding.away_since_ms = None;
                continue;
            }
            let since_ms = *holding.away_since_ms.get_or_insert(now_ms);
            if now_ms.saturating_sub(since_ms) >= AWAY_MS {
                holding.total = holding.used;
            }
        }
    }

    /// Forgets epochs before `earliest`.
    pub fn forget_before(&mut self, earliest: Epoch) {
        self.pots.retain(|(epoch, _), _| *epoch >= earliest);
        self.holdings = self.pots.values().map(BTreeMap::len).sum();
    }

    /// What is leased of a payer's quota.
    #[must_use]
    pub fn leased(&self, payer: Address, epoch: Epoch) -> u64 {
        let pot = self.pots.get(&(epoch, payer));
        pot.into_iter().flatten().map(|(_, holding)| holding.total).fold(0, u64::saturating_add)
    }

    /// How many leases are on the books.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.holdings
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.holdings == 0
    }
}

#[cfg(test)]
mod tests;
