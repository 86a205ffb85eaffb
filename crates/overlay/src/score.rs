//! What a neighbour's past conduct says about it: points, graylist and backoff.
//!
//! Invariant: points come only from what we saw ourselves (nobody's word counts), every counter
//! decays, and at most [`MAX_PEERS`] nodes are remembered, the best behaved of those without a link
//! forgotten first. Integers only, counters in thousandths of an event.
//!
//! | counter | counts | points | half-life |
//! |---|---|---|---|
//! | first | valid first copies | +1 per 10, at most +100 | 22 s |
//! | invalid | wrong signatures, frames that are none | −100 · n² | 88 s |
//! | broken | seconds in which no promised message came | −20 · (n − 3)² beyond 3 | 44 s |
//! | missed | seconds in which a relay that serves us brought less than half | −30 · n | 22 s |
//! | conduct | packets over the rate, requests put off | −10 · (n − 6)² beyond 6 | 22 s |
//! | colocated | links from one address block | −10 · (n − 16)² beyond 16 | none |
//!
//! Below [`NEWS_THRESHOLD`] a node's news is ignored, so it can start no repair, and the tracker is
//! asked for another neighbour in its place. Below
//! [`GRAYLIST_THRESHOLD`] it is disconnected and may not come back for a backoff that doubles from
//! one minute to an hour. Source: gossipsub v1.1 (P2, P3, P4, P6, P7), with per-node instead of
//! per-topic counters.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use tatum_primitives::NodeId;

use crate::count::Count;

/// Below this many points a node's news is not believed.
pub const NEWS_THRESHOLD: i64 = -100;
/// Below this many points a node is disconnected.
pub const GRAYLIST_THRESHOLD: i64 = -400;
/// Nodes remembered.
pub const MAX_PEERS: usize = 8_192;
/// The first backoff of a graylisted node, and the longest.
pub const FIRST_BACKOFF_MS: u64 = 60_000;
/// The longest backoff.
pub const LAST_BACKOFF_MS: u64 = 3_600_000;

const EVENT: u64 = 1_000;
/// No counter needs to be larger; so squares stay far from overflow.
const MOST: u64 = 1_000 * EVENT;

/// The address block that a node's packets come from: an IPv4 /24 or an IPv6 /48.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Block(u64);

impl Block {
    /// The block of an address; none for loopback and private addresses, which say nothing about
    /// who somebody is.
    #[must_use]
    pub const fn of(address: IpAddr) -> Option<Self> {
        match address {
            IpAddr::V4(v4) => {
                if v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.is_unspecified()
                {
                    return None;
                }
                let [a, b, c, _] = v4.octets();
                Some(Self(u64::from_be_bytes([0, 0, 0, 0, 4, a, b, c])))
            }
            IpAddr::V6(v6) => {
                if let Some(v4) = v6.to_ipv4_mapped() {
                    return Self::of(IpAddr::V4(v4));
                }
                if v6.is_loopback() || v6.is_unspecified() || v6.is_unique_local() {
                    return None;
                }
                let [a, b, c, d, e, f, ..] = v6.octets();
                Some(Self(u64::from_be_bytes([0, 6, a, b, c, d, e, f])))
            }
        }
    }

    /// A block by number, for simulations.
    #[must_use]
    pub const fn numbered(number: u32) -> Self {
        Self(number as u64)
    }
}

/// One thing a node did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It brought a valid message first.
    First,
    /// It sent something no honest node sends.
    Invalid,
    /// A second passed in which it kept none of the promises that were due.
    Broken,
    /// A second passed in which it, serving us, brought less than half of a stream.
    Missed,
    /// It sent more than it may.
    Conduct,
}

#[derive(Debug, Default, Clone, Copy)]
struct Counters {
    first: u64,
    invalid: u64,
    broken: u64,
    missed: u64,
    conduct: u64,
}

#[derive(Debug, Default)]
struct Standing {
    counters: Counters,
    links: u32,
    block: Option<Block>,
    /// Times it was graylisted; forgotten with the standing.
    offences: u32,
    banned_until_ms: u64,
}

/// All that is remembered of nodes' conduct.
#[derive(Debug, Default)]
pub struct Scores {
    peers: BTreeMap<NodeId, Standing>,
    blocks: BTreeMap<Block, u64>,
}

impl Scores {
    /// Notes a deed.
    pub fn note(&mut self, node: NodeId, deed: Deed) {
        let counters = &mut self.standing(node).counters;
        let counter = match deed {
            Deed::First => &mut counters.first,
            Deed::Invalid => &mut counters.invalid,
            Deed::Broken => &mut counters.broken,
            Deed::Missed => &mut counters.missed,
            Deed::Conduct => &mut counters.conduct,
        };
        *counter = counter.saturating_add(EVENT).min(MOST);
    }

    /// A link to the node opened.
    pub fn linked(&mut self, node: NodeId) {
        let standing = self.standing(node);
        standing.links = standing.links.saturating_add(1);
    }

    /// Where the node's packets come from, as the sockets say.
    pub fn place(&mut self, node: NodeId, block: Option<Block>) {
        let before = std::mem::replace(&mut self.standing(node).block, block);
        self.leave_block(before);
        if let Some(block) = block {
            self.blocks.entry(block).or_default().count(1);
        }
    }

    /// A link to the node ended.
    pub fn unlinked(&mut self, node: NodeId) {
        let Some(standing) = self.peers.get_mut(&node) else { return };
        standing.links = standing.links.saturating_sub(1);
        if standing.links == 0 {
            let block = standing.block.take();
            self.leave_block(block);
        }
    }

    fn leave_block(&mut self, block: Option<Block>) {
        let Some(block) = block else { return };
        if let Some(count) = self.blocks.get_mut(&block) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.blocks.remove(&block);
            }
        }
    }

    /// Links from the block of the node, itself included.
    #[must_use]
    pub fn colocated(&self, block: Option<Block>) -> u64 {
        block.and_then(|block| self.blocks.get(&block)).copied().unwrap_or_default()
    }

    /// The node's points.
    #[must_use]
    pub fn points(&self, node: &NodeId) -> i64 {
        let Some(standing) = self.peers.get(node) else { return 0 };
        let Counters { first, invalid, broken, missed, conduct } = standing.counters;
        let good = (first / (10 * EVENT)).min(100);
        let bad = squared(invalid, 0, 100)
            .saturating_add(squared(broken, 3, 20))
            .saturating_add(missed.saturating_mul(30) / EVENT)
            .saturating_add(squared(conduct, 6, 10))
            .saturating_add(squared(self.colocated(standing.block).saturating_mul(EVENT), 16, 10));
        let points = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        points(good).saturating_sub(points(bad))
    }

    /// Whether what the node says it has is worth asking for.
    #[must_use]
    pub fn believes(&self, node: &NodeId) -> bool {
        self.points(node) >= NEWS_THRESHOLD
    }

    /// How long the node must stay away; `None` if it is welcome.
    #[must_use]
    pub fn banned_for_ms(&self, node: &NodeId, now_ms: u64) -> Option<u64> {
        let until_ms = self.peers.get(node)?.banned_until_ms;
        until_ms.checked_sub(now_ms).filter(|left| *left > 0)
    }

    /// Graylists a node whose points are too low, and says for how long.
    pub fn judge(&mut self, node: NodeId, now_ms: u64) -> Option<u64> {
        if self.points(&node) >= GRAYLIST_THRESHOLD {
            return None;
        }
        Some(self.ban(node, now_ms))
    }

    /// Graylists a node for its backoff, twice as long each time.
    fn ban(&mut self, node: NodeId, now_ms: u64) -> u64 {
        let standing = self.standing(node);
        let backoff_ms = FIRST_BACKOFF_MS
            .saturating_mul(2_u64.saturating_pow(standing.offences.min(10)))
            .min(LAST_BACKOFF_MS);
        standing.offences = standing.offences.saturating_add(1);
        standing.banned_until_ms = now_ms.saturating_add(backoff_ms);
        // The ban is the punishment; afterwards it starts anew, with a longer one before it.
        standing.counters = Counters::default();
        backoff_ms
    }

    /// A second passed: everything fades a little.
    pub fn decay(&mut self, now_ms: u64) {
        self.peers.retain(|_, standing| {
            let Counters { first, invalid, broken, missed, conduct } = &mut standing.counters;
            for (counter, part) in
                [(first, 32), (invalid, 128), (broken, 64), (missed, 32), (conduct, 32)]
            {
                *counter = counter.saturating_sub(counter.div_ceil(part));
            }
            let clean = *invalid == 0 && *broken == 0 && *missed == 0 && *conduct == 0;
            // An offender is remembered for as long again as its longest ban.
            let forgotten = standing.offences == 0
                || now_ms >= standing.banned_until_ms.saturating_add(LAST_BACKOFF_MS);
            standing.links > 0 || !clean || !forgotten
        });
    }

    fn standing(&mut self, node: NodeId) -> &mut Standing {
        if self.peers.len() >= MAX_PEERS && !self.peers.contains_key(&node) {
            let forgettable = self.peers.iter().filter(|(_, standing)| standing.links == 0);
            let best = forgettable.max_by_key(|(node, standing)| {
                (Reverse(standing.banned_until_ms), self.points(node))
            });
            if let Some(best) = best.map(|(node, _)| *node) {
                self.peers.remove(&best);
            }
        }
        self.peers.entry(node).or_default()
    }
}

/// `weight · (count − tolerance)²` of a counter in thousandths.
fn squared(count: u64, tolerance: u64, weight: u64) -> u64 {
    let excess = count.saturating_sub(tolerance.saturating_mul(EVENT));
    excess.saturating_mul(excess).saturating_mul(weight) / (EVENT * EVENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tatum_primitives::B256;

    const NODE: NodeId = NodeId(B256::repeat_byte(1));

    fn noted(deed: Deed, times: u32) -> Scores {
        let mut scores = Scores::default();
        scores.linked(NODE);
        (0..times).for_each(|_| scores.note(NODE, deed));
        scores
    }

    #[test]
    fn good_and_bad_deeds_weigh_as_documented() {
        assert_eq!(noted(Deed::First, 1_000).points(&NODE), 100);
        assert_eq!(noted(Deed::Invalid, 2).points(&NODE), -400);
        assert_eq!(noted(Deed::Broken, 3).points(&NODE), 0);
        assert_eq!(noted(Deed::Broken, 6).points(&NODE), -180);
        assert_eq!(noted(Deed::Missed, 4).points(&NODE), -120);
        assert_eq!(noted(Deed::Conduct, 8).points(&NODE), -40);
        assert!(!noted(Deed::Missed, 4).believes(&NODE));
    }

    #[test]
    fn a_graylisted_node_stays_away_longer_each_time() {
        let mut scores = noted(Deed::Invalid, 3);
        assert_eq!(scores.judge(NODE, 0), Some(60_000));
        assert_eq!(scores.banned_for_ms(&NODE, 59_999), Some(1));
        assert_eq!(scores.banned_for_ms(&NODE, 60_000), None);
        assert_eq!(scores.judge(NODE, 60_000), None);
        (0..3).for_each(|_| scores.note(NODE, Deed::Invalid));
        assert_eq!(scores.judge(NODE, 60_000), Some(120_000));
    }

    #[test]
    fn offences_fade_and_clean_strangers_are_forgotten() {
        let mut scores = noted(Deed::Broken, 10);
        assert!(scores.points(&NODE) < GRAYLIST_THRESHOLD);
        for second in 0..90 {
            scores.decay(second * 1_000);
        }
        assert_eq!(scores.points(&NODE), 0);
        scores.unlinked(NODE);
        (0..600).for_each(|second| scores.decay(second * 1_000));
        assert!(scores.peers.is_empty());
    }

    #[test]
    fn a_crowd_from_one_block_pays_for_it() {
        let mut scores = Scores::default();
        let block = Block::of("203.0.113.9".parse().unwrap());
        assert_eq!(block, Block::of("::ffff:203.0.113.77".parse().unwrap()));
        assert_ne!(block, Block::of("203.0.114.9".parse().unwrap()));
        assert_eq!(Block::of("127.0.0.1".parse().unwrap()), None);
        let node = |number: u8| NodeId(B256::left_padding_from(&[number]));
        for number in 0..24 {
            scores.linked(node(number));
            scores.place(node(number), block);
        }
        assert_eq!(scores.points(&node(0)), -640);
        (8..24).for_each(|number| scores.unlinked(node(number)));
        assert_eq!(scores.points(&node(0)), 0);
    }

    #[test]
    fn strangers_push_no_ban_out() {
        let mut scores = noted(Deed::Invalid, 3);
        scores.judge(NODE, 0);
        scores.unlinked(NODE);
        for number in 0..u64::try_from(MAX_PEERS).unwrap() + 50 {
            let node = NodeId(B256::left_padding_from(&(number + 500).to_be_bytes()));
            scores.note(node, Deed::First);
        }
        assert!(scores.peers.len() <= MAX_PEERS);
        assert!(scores.banned_for_ms(&NODE, 1).is_some());
    }

    proptest! {
        #[test]
        fn points_stay_in_bounds_and_never_fall_by_decay_alone_below_before(
            deeds in prop::collection::vec(0_u8..4, 0..200),
        ) {
            let mut scores = noted(Deed::First, 0);
            for deed in deeds {
                let deed = [Deed::Invalid, Deed::Broken, Deed::Missed, Deed::Conduct]
                    [usize::from(deed)];
                let before = scores.points(&NODE);
                scores.note(NODE, deed);
                prop_assert!(scores.points(&NODE) <= before);
            }
            let before = scores.points(&NODE);
            scores.decay(0);
            prop_assert!(scores.points(&NODE) >= before);
        }
    }
}
