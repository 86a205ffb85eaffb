//! Forced receipts: those that may count take their place among the epoch's receipts before it is rolled up.
//!
//! Invariant: of a key the one that ranks highest counts, wherever it came from, and what may not count replaces nothing; pages
//! stay in the order of their keys.

use std::collections::BTreeMap;

use tatum_receipt::{ReceiptKey, SignedReceipt};

/// Forced receipts that may count, the highest of each key, that have not had their turn.
#[derive(Clone, Debug, Default)]
pub(super) struct Forcing(BTreeMap<ReceiptKey, SignedReceipt>);

impl Forcing {
    /// Those of `forced` that `admits` lets count.
    pub(super) fn new(forced: Vec<SignedReceipt>, admits: impl Fn(&SignedReceipt) -> bool) -> Self {
        let mut newest = BTreeMap::new();
        for signed in forced.into_iter().filter(|signed| admits(signed)) {
            let held = newest.entry(signed.receipt.key()).or_insert_with(|| signed.clone());
            if held.receipt.rank() < signed.receipt.rank() {
                *held = signed;
            }
        }
        Self(newest)
    }

    /// The page with those that belong before its last receipt or in the place of one.
    pub(super) fn join(&mut self, page: Vec<SignedReceipt>) -> Vec<SignedReceipt> {
        let mut joined = Vec::with_capacity(page.len());
        for signed in page {
            let key = signed.receipt.key();
            while let Some(first) = self.0.first_entry().filter(|first| *first.key() < key) {
                joined.push(first.remove());
            }
            let forced = self.0.remove(&key);
            let higher = forced.filter(|forced| signed.receipt.rank() < forced.receipt.rank());
            joined.push(higher.unwrap_or(signed));
        }
        joined
    }

    /// Those that belong behind the last page.
    pub(super) fn rest(self) -> Vec<SignedReceipt> {
        self.0.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{Address, OperatorId};
    use tatum_receipt::{DeliveryReceipt, Signature};

    use super::*;

    fn receipt(operator: u32, bytes_on_time: u64) -> SignedReceipt {
        let receipt = DeliveryReceipt {
            payer: Address::repeat_byte(1),
            operator_id: OperatorId(operator),
            bytes_on_time,
            ..DeliveryReceipt::default()
        };
        SignedReceipt { receipt, signature: Signature([0; 65]) }
    }

    #[test]
    fn forced_receipts_take_their_place_by_key_and_rank() {
        let forced = [(0, 5), (2, 9), (2, 8), (3, 1), (7, 2), (9, 3)];
        let forced = forced.map(|(operator, units)| receipt(operator, units)).to_vec();
        let mut forcing = Forcing::new(forced, |signed| signed.receipt.operator_id.0 != 9);
        let joined = forcing.join(vec![receipt(2, 3), receipt(3, 4)]);
        assert_eq!(joined, [receipt(0, 5), receipt(2, 9), receipt(3, 4)]);
        assert_eq!(forcing.join(vec![receipt(5, 1)]), [receipt(5, 1)]);
        assert_eq!(forcing.rest(), [receipt(7, 2)]);
    }
}
