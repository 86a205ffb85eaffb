//! The right proposal for a world, and whether a draft is one.
//!
//! Invariant: it works the rule out anew and knows none of the disproofs.

use std::collections::BTreeMap;

use alloy_primitives::keccak256;
use tatum_receipt::SignedReceipt;

use super::{Draft, World};
use crate::FORCED;

impl World {
    /// Everything that may be in the list of receipts, each with its source.
    fn candidates(&self) -> Vec<(SignedReceipt, u32)> {
        let forced = self.kept.forced.iter().cloned().map(|signed| (signed, FORCED));
        let Some(list) = &self.kept.assented else {
            let chosen = self.chosen.iter().cloned().map(|signed| (signed, FORCED));
            return chosen.chain(forced).collect();
        };
        let places = (0..list.count()).filter_map(|at| Some((list.leaf(at)?, at)));
        let assented =
            places.filter_map(|(leaf, at)| Some((SignedReceipt::decode(leaf).ok()?, at)));
        assented.chain(forced).collect()
    }

    /// The right proposal: the newest admissible receipts, and what follows.
    pub fn right(&self) -> Draft {
        let mut newest = BTreeMap::new();
        for (signed, source) in self.candidates() {
            if !self.facts.admits(&signed) {
                continue;
            }
            let rank = signed.receipt.rank();
            let held = newest.entry(signed.receipt.key()).or_insert((rank, signed.clone(), source));
            if held.0 < rank {
                *held = (rank, signed, source);
            }
        }
        let receipts = newest.into_values().map(|(_, signed, source)| (signed, source));
        Draft::of(&receipts.collect::<Vec<_>>(), self)
    }

    /// Whether a draft is the rule's image of its own receipts, and these are the ones that must be in it.
    pub fn is_right(&self, draft: &Draft) -> bool {
        let Some(receipts) = draft.signed() else { return false };
        let mut own = self.clone();
        if self.kept.assented.is_none() {
            own.chosen = receipts.iter().map(|(signed, _)| signed.clone()).collect();
        }
        let mut right = own.right();
        // One and the same receipt may have several sources, and its signer may have signed it twice.
        let sources_hold = receipts.iter().all(|(signed, source)| self.came_from(signed, *source));
        right.adopt_sources(draft);
        sources_hold && right == *draft
    }

    fn came_from(&self, signed: &SignedReceipt, source: u32) -> bool {
        let Some(list) = &self.kept.assented else { return self.facts.admits(signed) };
        let bytes = signed.encode();
        if source == FORCED {
            return self.facts.forced.contains(&keccak256(bytes));
        }
        list.leaf(source) == Some(bytes.as_slice())
    }
}
