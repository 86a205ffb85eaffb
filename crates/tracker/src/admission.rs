//! How many connections there may be, before and after their hello.
//!
//! Invariant: who has not said who it is takes at most one place in eight, and nobody's address block more than its part: so
//! connections that cost nothing to open shut nobody out who is here, and bind little memory.

use std::collections::BTreeMap;

use tatum_overlay::Block;

/// One place in so many is for those who have not said hello.
const STRANGERS_PART: usize = 8;
/// One place in so many is for the nodes of one address block.
const BLOCK_PART: usize = 16;

/// Connections of one address block, or of all.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    strangers: usize,
    nodes: usize,
}

/// The places of a tracker.
#[derive(Debug)]
pub struct Admission {
    max_nodes: usize,
    all: Count,
    blocks: BTreeMap<Block, Count>,
}

impl Admission {
    /// Places for so many nodes.
    #[must_use]
    pub const fn new(max_nodes: usize) -> Self {
        Self { max_nodes, all: Count { strangers: 0, nodes: 0 }, blocks: BTreeMap::new() }
    }

    /// Somebody opens a connection. Gives whether there is a place; then [`Admission::leave`] gives it back.
    pub fn open(&mut self, block: Option<Block>) -> bool {
        let most = (self.max_nodes / STRANGERS_PART).max(1);
        let here = self.of(block).strangers;
        if self.all.strangers >= most || here >= (most / BLOCK_PART).max(1) {
            return false;
        }
        self.change(block, |count| count.strangers = count.strangers.saturating_add(1));
        true
    }

    /// It said a valid hello. Gives whether there is a place for a node; its other place is given back in any case.
    pub fn welcome(&mut self, block: Option<Block>) -> bool {
        self.leave(block, false);
        let most_here = (self.max_nodes / BLOCK_PART).max(1);
        if self.all.nodes >= self.max_nodes || self.of(block).nodes >= most_here {
            return false;
        }
        self.change(block, |count| count.nodes = count.nodes.saturating_add(1));
        true
    }

    /// A connection ended, of a node or of somebody who never said hello.
    pub fn leave(&mut self, block: Option<Block>, is_node: bool) {
        self.change(block, |count| {
            let places = if is_node { &mut count.nodes } else { &mut count.strangers };
            *places = places.saturating_sub(1);
        });
    }

    /// What a block has. Addresses that say nothing about who somebody is are bounded all together only.
    fn of(&self, block: Option<Block>) -> Count {
        block.and_then(|block| self.blocks.get(&block)).copied().unwrap_or_default()
    }

    fn change(&mut self, block: Option<Block>, change: impl Fn(&mut Count)) {
        change(&mut self.all);
        let Some(block) = block else { return };
        let count = self.blocks.entry(block).or_default();
        change(count);
        if *count == Count::default() {
            self.blocks.remove(&block);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_without_a_hello_leave_seven_places_of_eight() {
        let mut admission = Admission::new(800);
        let opened = (0..10_000).filter(|_| admission.open(None)).count();
        assert_eq!(opened, 100);
        for _ in 0..100 {
            assert!(admission.welcome(None));
        }
        assert!(admission.open(None), "a hello gives its place to the next");
        let welcomed = (0..10_000).filter(|_| admission.welcome(None)).count();
        assert_eq!(welcomed, 700);
    }

    #[test]
    fn one_address_block_has_its_part_and_gives_it_back() {
        let mut admission = Admission::new(1_600);
        let (one, other) = (Some(Block::numbered(1)), Some(Block::numbered(2)));
        let opened = (0..1_000).filter(|_| admission.open(one)).count();
        assert_eq!(opened, 200 / 16);
        assert!(admission.open(other));
        let welcomed = (0..1_000).filter(|_| admission.welcome(one)).count();
        assert_eq!(welcomed, 100);
        for _ in 0..100 {
            admission.leave(one, true);
        }
        admission.leave(other, false);
        assert_eq!((admission.all, admission.blocks.len()), (Count::default(), 0));
    }

    #[test]
    fn a_small_tracker_still_lets_somebody_in() {
        let mut admission = Admission::new(1);
        assert!(admission.open(None) && admission.welcome(None));
        assert!(admission.open(None) && !admission.welcome(None));
    }
}
