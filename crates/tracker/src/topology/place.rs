//! Where a node stands: its region, operator and address block, and how many of one party a node
//! may have as neighbours.
//!
//! Invariant: what is known of a node's place comes from the chain, the socket or the tracker's own
//! table, never from the node's word alone; else an attacker could choose whose neighbour it is.

use std::collections::BTreeMap;

use tatum_primitives::OperatorId;

use tatum_overlay::Block;

/// Where a node stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of its region; nodes of unknown regions share 0.
    pub region: u16,
    /// Whom it works for.
    pub operator: Option<OperatorId>,
    /// Where its packets come from.
    pub block: Option<Block>,
}

/// Of how many nodes each party is.
#[derive(Debug, Default)]
pub(super) struct Parties {
    operators: BTreeMap<OperatorId, usize>,
    blocks: BTreeMap<Block, usize>,
}

/// The most neighbours of one party that a node may have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Caps {
    operator: usize,
    block: usize,
}

impl Parties {
    pub(super) fn add(&mut self, place: &Place) {
        if let Some(operator) = place.operator {
            add(&mut self.operators, operator);
        }
        if let Some(block) = place.block {
            add(&mut self.blocks, block);
        }
    }

    pub(super) fn remove(&mut self, place: &Place) {
        if let Some(operator) = place.operator {
            subtract(&mut self.operators, operator);
        }
        if let Some(block) = place.block {
            subtract(&mut self.blocks, block);
        }
    }

    /// The share of the neighbours, or, where there are too few parties for that, an equal part.
    pub(super) fn caps(&self, degree: usize, share_percent: usize) -> Caps {
        let share = (degree.saturating_mul(share_percent) / 100).max(1);
        let cap = |parties: usize| share.max(degree.div_ceil(parties.max(1)));
        Caps { operator: cap(self.operators.len()), block: cap(self.blocks.len()) }
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

fn subtract<K: Ord>(counts: &mut BTreeMap<K, usize>, key: K) {
    if let Some(count) = counts.get_mut(&key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&key);
        }
    }
}

impl Caps {
    /// Whether a node at `mine`, with neighbours at `theirs`, may have one more at `new`. Nodes of
    /// its own operator surround nobody, so they do not count.
    pub(super) fn allow<'a>(
        &self,
        mine: &Place,
        theirs: impl Iterator<Item = &'a Place>,
        new: &Place,
    ) -> bool {
        let foreign = new.operator.is_some() && new.operator != mine.operator;
        if !foreign && new.block.is_none() {
            return true;
        }
        let (mut operator, mut block) = (0_usize, 0_usize);
        for place in theirs {
            let same = foreign && place.operator == new.operator;
            operator = operator.saturating_add(usize::from(same));
            let same = new.block.is_some() && place.block == new.block;
            block = block.saturating_add(usize::from(same));
        }
        operator < self.operator && block < self.block
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(operator: u32, block: u32) -> Place {
        let (operator, block) = (Some(OperatorId(operator)), Some(Block::numbered(block)));
        Place { region: 0, operator, block }
    }

    #[test]
    fn caps_are_a_share_or_an_equal_part() {
        let mut parties = Parties::default();
        for (number, expected) in [(0, 4), (1, 2), (2, 2), (3, 1), (4, 1)] {
            parties.add(&at(number, 7));
            let caps = parties.caps(4, 25);
            assert_eq!((caps.operator, caps.block), (expected, 4), "{number}");
        }
        parties.remove(&at(4, 7));
        parties.remove(&at(3, 7));
        assert_eq!(parties.caps(4, 25).operator, 2);
        assert_eq!(parties.caps(8, 25).operator, 3);
    }

    #[test]
    fn ones_own_operator_does_not_count_but_its_block_does() {
        let caps = Caps { operator: 1, block: 2 };
        let me = at(1, 1);
        let two = [at(1, 2), at(2, 2)];
        assert!(caps.allow(&me, two.iter(), &at(1, 3)));
        assert!(!caps.allow(&me, two.iter(), &at(2, 3)));
        assert!(!caps.allow(&me, two.iter(), &at(1, 2)));
        assert!(caps.allow(&me, two.iter(), &Place::default()));
    }
}
