//! Who of several is responsible for a key, as everybody works it out alone.
//!
//! Invariant: the order depends on the ids and the key only, not on how a list is sorted, and the
//! order of two of them does not depend on whether a third is there: whoever goes takes only the keys
//! with it that it was first for. Rendezvous hashing (Thaler and Ravishankar, 1998).
//!
//! # Example
//!
//! ```
//! use tatum_primitives::{B256, NodeId};
//! use tatum_tracker::rendezvous;
//!
//! // Whoever knows the same trackers asks the same one first, and agrees who follows when it is gone.
//! let trackers: Vec<NodeId> = (1..=3).map(|byte| NodeId(B256::repeat_byte(byte))).collect();
//! let ranked = rendezvous::ranked(&trackers, B256::repeat_byte(9));
//! let first = trackers[ranked[0]];
//! let others: Vec<NodeId> = trackers.iter().copied().filter(|id| *id != first).collect();
//! let next = others[rendezvous::ranked(&others, B256::repeat_byte(9))[0]];
//! assert_eq!(next, trackers[ranked[1]]);
//! ```

use std::cmp::Reverse;

use tatum_primitives::{Address, B256, NodeId, keccak256};

/// Where each of `nodes` stands in the list, the one that is responsible for `key` first. The weight of
/// each is `keccak256(id ‖ key)`.
#[must_use]
pub fn ranked(nodes: &[NodeId], key: B256) -> Vec<usize> {
    let mut order: Vec<(Reverse<B256>, NodeId, usize)> = nodes
        .iter()
        .enumerate()
        .map(|(place, node)| (Reverse(weight(*node, key)), *node, place))
        .collect();
    order.sort_unstable();
    order.into_iter().map(|(_, _, place)| place).collect()
}

/// The same of trackers with these keys; one that is alone needs none.
#[must_use]
pub fn ranked_by_keys(keys: impl Iterator<Item = Option<NodeId>>, key: B256) -> Vec<usize> {
    let keys: Vec<NodeId> = keys.map(Option::unwrap_or_default).collect();
    ranked(&keys, key)
}

/// The key by which a payer's affairs find their place.
#[must_use]
pub fn payer_key(payer: Address) -> B256 {
    payer.into_word()
}

fn weight(node: NodeId, key: B256) -> B256 {
    keccak256([node.0.0, key.0].as_flattened())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn nodes(count: u8) -> Vec<NodeId> {
        (1..=count).map(|number| NodeId(B256::repeat_byte(number))).collect()
    }

    fn key(number: u32) -> B256 {
        B256::left_padding_from(&number.to_be_bytes())
    }

    fn order(nodes: &[NodeId], key: B256) -> Vec<NodeId> {
        ranked(nodes, key).into_iter().map(|place| nodes[place]).collect()
    }

    #[test]
    fn keys_are_spread_evenly() {
        for count in [2, 3, 7] {
            let nodes = nodes(count);
            let mut firsts: BTreeMap<NodeId, u32> = BTreeMap::new();
            for number in 0..10_000 {
                *firsts.entry(order(&nodes, key(number))[0]).or_default() += 1;
            }
            let fair = 10_000 / u32::from(count);
            assert_eq!(firsts.len(), usize::from(count));
            assert!(firsts.values().all(|had| had.abs_diff(fair) < fair / 10), "{firsts:?}");
        }
    }

    #[test]
    fn the_order_is_the_same_for_ever() {
        let places: Vec<Vec<usize>> = (0..4).map(|number| ranked(&nodes(3), key(number))).collect();
        assert_eq!(places, PINNED);
        assert_eq!(payer_key(Address::repeat_byte(7))[11..13], [0, 7]);
    }

    const PINNED: [[usize; 3]; 4] = [[0, 2, 1], [1, 2, 0], [1, 0, 2], [0, 2, 1]];

    proptest! {
        #[test]
        fn the_order_does_not_depend_on_the_list(
            shuffled in Just(nodes(9)).prop_shuffle(),
            number in any::<u32>(),
        ) {
            prop_assert_eq!(order(&shuffled, key(number)), order(&nodes(9), key(number)));
        }

        #[test]
        fn who_goes_takes_only_its_own_place(number in any::<u32>(), gone in 0_usize..9) {
            let all = nodes(9);
            let rest: Vec<NodeId> =
                all.iter().copied().filter(|node| *node != all[gone]).collect();
            let mut expected = order(&all, key(number));
            expected.retain(|node| *node != all[gone]);
            prop_assert_eq!(order(&rest, key(number)), expected);
        }
    }
}
