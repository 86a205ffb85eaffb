//! Where receipts stand in the list that operators assented to.
//!
//! Invariant: a receipt has one source, the first of its places; what is not in the list is forced.

use std::collections::HashMap;

use alloy_primitives::B256;
use tatum_receipt::SignedReceipt;
use tatum_watcher::FORCED;

use crate::CountedReceipt;

/// The places of an assented list's receipts; none if there was no assent.
#[derive(Clone, Debug, Default)]
pub struct Sources(HashMap<B256, u32>);

impl Sources {
    /// Those of the list whose leaves have these hashes, in order. Memory is some 50 bytes a leaf.
    pub fn of(leaves: impl IntoIterator<Item = B256>) -> Self {
        let mut places = HashMap::new();
        for (leaf, place) in leaves.into_iter().zip(0u32..) {
            places.entry(leaf).or_insert(place);
        }
        Self(places)
    }

    /// The receipt with its source.
    pub fn count(&self, signed: SignedReceipt) -> CountedReceipt {
        // Without an assent nothing need be hashed.
        let place = if self.0.is_empty() { None } else { self.0.get(&signed.leaf()) };
        CountedReceipt { source: place.copied().unwrap_or(FORCED), signed }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scene::receipts;

    #[test]
    fn a_receipt_stands_at_its_first_place_or_was_forced() {
        let signed = receipts();
        let leaf = |at: usize| signed[at].leaf();
        let sources = Sources::of([B256::ZERO, leaf(2), leaf(0), leaf(2)]);
        let of = |at: usize| sources.count(signed[at].clone()).source;
        assert_eq!([of(0), of(1), of(2)], [2, FORCED, 1]);
        assert_eq!(Sources::default().count(signed[0].clone()).source, FORCED);
    }
}
