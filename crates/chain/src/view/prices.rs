//! What payers paid last, as relays that ask for a price know it.
//!
//! Invariant: figures are of one closed epoch: the last one, or the one before while nobody has closed the last. A page costs what is on
//! it, but for payers that paid nothing and had nothing, who are passed over. Empty unless the view was followed with fees.

use std::ops::Bound;

use tatum_primitives::{Address, Epoch, Nano};
use tatum_receipt::checks::PaidEpoch;

use super::ChainView;

/// Of which epoch it is known what was paid, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PaidLast {
    /// The newest closed epoch that any payer's figures are known of.
    pub epoch: Epoch,
    /// Of how many payers they are known.
    pub known: usize,
    /// How many payers there are.
    pub payers: usize,
}

impl ChainView {
    /// Which epoch's figures there are.
    pub fn paid_last(&self) -> Option<PaidLast> {
        let facts = self.read();
        let (epoch, known) = facts.paid.iter().next_back()?;
        Some(PaidLast { epoch: *epoch, known: known.len(), payers: facts.payers.len() })
    }

    /// At most `limit` of those with a fee or a quota in `epoch`, by address, after the one named.
    pub fn paid_in_epoch(
        &self,
        epoch: Epoch,
        after: Option<Address>,
        limit: usize,
    ) -> Vec<(Address, PaidEpoch)> {
        let facts = self.read();
        let Some(known) = facts.paid.get(&epoch) else { return Vec::new() };
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let some = known.range((from, Bound::Unbounded));
        let counts =
            |(_, paid): &(&Address, &PaidEpoch)| paid.fee_nano > Nano::ZERO || paid.quota_bytes > 0;
        some.filter(counts).take(limit).map(|(payer, paid)| (*payer, *paid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{Bps, EpochSchedule};

    use super::*;
    use crate::view::Fact;

    const ONE: Address = Address::repeat_byte(1);
    const TWO: Address = Address::repeat_byte(2);
    const THREE: Address = Address::repeat_byte(3);

    fn paid(payer: Address, epoch: u64, fee: u64, quota_bytes: u64) -> Fact {
        let (epoch, fee_nano, pool_bps) = (Epoch(epoch), Nano(fee), Bps::ONE);
        Fact::Paid(payer, PaidEpoch { epoch, fee_nano, quota_bytes, pool_bps })
    }

    #[test]
    fn what_was_paid_is_told_of_the_newest_closed_epoch_in_pages() {
        let view = ChainView::new(EpochSchedule { genesis_s: 0, length_s: 10 });
        assert_eq!(view.paid_last(), None);
        view.apply([ONE, TWO, THREE].map(Fact::Payer), 1);
        view.apply([paid(ONE, 3, 30, 7), paid(TWO, 3, 0, 0), paid(THREE, 3, 0, 9)], 1);
        let last = |epoch, known| Some(PaidLast { epoch: Epoch(epoch), known, payers: 3 });
        assert_eq!(view.paid_last(), last(3, 3));
        let payers = |epoch, after, limit| -> Vec<Address> {
            let paid = view.paid_in_epoch(Epoch(epoch), after, limit);
            paid.into_iter().map(|(payer, _)| payer).collect()
        };
        assert_eq!(payers(3, None, 9), [ONE, THREE], "who had nothing is not listed");
        assert_eq!((payers(3, None, 1), payers(3, Some(ONE), 1)), (vec![ONE], vec![THREE]));
        assert!(payers(3, Some(THREE), 9).is_empty() && payers(2, None, 9).is_empty());
        // The next epoch is told from its first figure on, and says how many it has.
        view.apply([paid(TWO, 4, 5, 5)], 1);
        assert_eq!((view.paid_last(), payers(4, None, 9)), (last(4, 1), vec![TWO]));
    }
}
