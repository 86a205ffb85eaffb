//! What is owed in a lane for what was counted in it: both sides work it out, and come to the same.
//!
//! `owed = settled + Σ over epochs ⌊bytes · price⌋ + ⌊messages · price⌋`, where `settled` is what was owed before those epochs. Each
//! epoch's part is rounded down once, in the payer's favour. Invariant: `owed` never falls while counters rise, whatever prices come
//! after each other: another price counts for what is delivered under it alone.

use std::collections::BTreeMap;

use tatum_primitives::{B256, Epoch};
use tatum_receipt::DeliveryReceipt;

use crate::Price;
use crate::error::data;

/// What a payer may owe less than its operator works out, for a restart between two roundings: nobody's wei, many times over.
const ROUNDING_WEI: u128 = 1_000;

/// A receipt owes less than was delivered for it.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the receipt owes {}; at the price that was agreed it is {}", data(got_wei), data(due_wei))]
pub struct Underpaid {
    /// What it says is owed.
    pub got_wei: u128,
    /// What is.
    pub due_wei: u128,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    bytes: u64,
    messages: u64,
}

/// One lane's account, the payer's or the operator's.
#[derive(Clone, Debug)]
pub struct LaneAccount {
    channel: B256,
    price: Price,
    /// What is owed apart from what the price makes of `counted`, and what of that is not.
    settled_wei: u128,
    free_wei: u128,
    counted: BTreeMap<Epoch, Counted>,
    /// The most that a receipt stated.
    stated_wei: u128,
}

impl LaneAccount {
    /// Nothing was delivered.
    pub const fn new(channel: B256, price: Price) -> Self {
        let counted = BTreeMap::new();
        Self { channel, price, settled_wei: 0, free_wei: 0, counted, stated_wei: 0 }
    }

    /// The channel that pays.
    pub const fn channel(&self) -> B256 {
        self.channel
    }

    /// The price of what is counted from now on.
    pub const fn price(&self) -> Price {
        self.price
    }

    /// The most that a receipt stated.
    pub const fn stated_wei(&self) -> u128 {
        self.stated_wei
    }

    /// Messages of an epoch that are counted.
    pub fn messages(&self, epoch: Epoch) -> u64 {
        self.counted.get(&epoch).map_or(0, |counted| counted.messages)
    }

    /// What is owed for all that is counted; as much as anything can be where that is more.
    pub fn due_wei(&self) -> u128 {
        self.settled_wei.saturating_add(self.priced_wei()).saturating_sub(self.free_wei)
    }

    fn priced_wei(&self) -> u128 {
        let parts = self.counted.values().map(|counted| {
            self.price.owed_wei_down(counted.bytes, counted.messages).unwrap_or(u128::MAX)
        });
        parts.fold(0, u128::saturating_add)
    }

    /// Counts what is in a receipt that is to be made, or was taken.
    pub fn count(&mut self, epoch: Epoch, bytes: u64, messages: u64) {
        let counted = self.counted.entry(epoch).or_default();
        counted.bytes = counted.bytes.max(bytes);
        counted.messages = counted.messages.max(messages);
    }

    /// What a receipt for all that is counted owes; it is stated from now on.
    pub fn state(&mut self) -> u128 {
        self.stated_wei = self.stated_wei.max(self.due_wei());
        self.stated_wei
    }

    /// Takes a receipt that [`LaneAccount::check`] let through.
    pub fn take(&mut self, receipt: &DeliveryReceipt) {
        self.count(receipt.epoch, receipt.bytes, receipt.messages);
        self.stated_wei = self.stated_wei.max(receipt.owed);
    }

    /// Whether a receipt owes what its counters cost, with all that was counted before.
    pub fn check(&self, receipt: &DeliveryReceipt) -> Result<(), Underpaid> {
        let mut with = self.clone();
        with.take(receipt);
        let (got_wei, due_wei) = (with.stated_wei, with.due_wei());
        if got_wei.saturating_add(ROUNDING_WEI) < due_wei {
            return Err(Underpaid { got_wei, due_wei });
        }
        Ok(())
    }

    /// Goes on from a receipt that was taken before: its counters are owed what it says, and no more.
    pub fn resume(&mut self, receipt: &DeliveryReceipt) {
        if receipt.channel == self.channel {
            self.take(receipt);
            self.settle();
        }
    }

    /// Another price for what comes.
    pub fn reprice(&mut self, price: Price) {
        if self.price != price {
            self.price = price;
            self.settle();
        }
    }

    /// What is counted costs what was stated.
    fn settle(&mut self) {
        let priced_wei = self.priced_wei();
        self.settled_wei = self.stated_wei.saturating_sub(priced_wei);
        self.free_wei = priced_wei.saturating_sub(self.stated_wei);
    }

    /// Epochs before `earliest` take no more receipts.
    pub fn forget_before(&mut self, earliest: Epoch) {
        if self.counted.keys().any(|epoch| *epoch < earliest) {
            let due_wei = self.due_wei();
            self.counted.retain(|epoch, _| *epoch >= earliest);
            let priced_wei = self.priced_wei();
            self.settled_wei = due_wei.saturating_sub(priced_wei);
            self.free_wei = priced_wei.saturating_sub(due_wei);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CHANNEL: B256 = B256::repeat_byte(1);
    /// A wei a byte, and a wei a message.
    const PRICE: Price = Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 1_000 };

    fn receipt(epoch: u64, bytes: u64, owed: u128) -> DeliveryReceipt {
        DeliveryReceipt {
            channel: CHANNEL,
            epoch: Epoch(epoch),
            bytes,
            messages: 0,
            owed,
            ..DeliveryReceipt::default()
        }
    }

    #[test]
    fn receipts_of_two_epochs_count_together_in_any_order() {
        let (older, newer) = (receipt(1, 10_000, 10_000), receipt(2, 5_000, 15_000));
        let mut one = LaneAccount::new(CHANNEL, PRICE);
        for receipt in [&older, &newer] {
            assert_eq!(one.check(receipt), Ok(()));
            one.take(receipt);
        }
        let mut other = LaneAccount::new(CHANNEL, PRICE);
        for receipt in [&newer, &older] {
            assert_eq!(other.check(receipt), Ok(()));
            other.take(receipt);
        }
        assert_eq!((one.due_wei(), other.due_wei()), (15_000, 15_000));
        one.forget_before(Epoch(2));
        assert_eq!(one.due_wei(), 15_000);
        let less = receipt(2, 8_000, 15_500);
        assert_eq!(one.check(&less), Err(Underpaid { got_wei: 15_500, due_wei: 18_000 }));
    }

    #[test]
    fn a_dearer_price_is_for_what_comes_after_it() {
        let mut lane = LaneAccount::new(CHANNEL, PRICE);
        lane.count(Epoch(1), 10_000, 0);
        assert_eq!(lane.state(), 10_000);
        lane.reprice(Price { per_gib_wei: 3 << 30, ..PRICE });
        assert_eq!(lane.due_wei(), 10_000);
        lane.count(Epoch(1), 11_000, 0);
        assert_eq!(lane.state(), 13_000);
        // Who restarts from the receipt alone comes to the same.
        let mut again = LaneAccount::new(CHANNEL, lane.price());
        again.resume(&receipt(1, 11_000, 13_000));
        again.count(Epoch(1), 12_000, 0);
        lane.count(Epoch(1), 12_000, 0);
        assert_eq!(again.due_wei(), lane.due_wei());
    }

    #[test]
    fn a_receipt_of_another_channel_is_not_gone_on_from() {
        let mut lane = LaneAccount::new(B256::repeat_byte(2), PRICE);
        lane.resume(&receipt(1, 10, 10));
        assert_eq!((lane.due_wei(), lane.stated_wei()), (0, 0));
    }

    proptest! {
        /// Whatever is counted, lost, restarted and repriced, the operator takes what an honest payer states, and `owed` never falls.
        #[test]
        fn an_honest_payer_is_never_refused(
            price in (any::<u32>(), any::<u32>()),
            steps in prop::collection::vec((0_u64..4, 0_u64..1 << 34, 0_u64..1 << 20, any::<bool>(), any::<u8>()), 1..40),
        ) {
            let price = Price { per_gib_wei: price.0.into(), per_1000_messages_wei: price.1.into() };
            let mut payer = LaneAccount::new(CHANNEL, price);
            let mut operator = LaneAccount::new(CHANNEL, price);
            let (mut epoch, mut bytes, mut messages, mut last) = (1, 0, 0, 0);
            for (forward, more_bytes, more_messages, arrives, restart) in steps {
                if forward == 3 {
                    (epoch, bytes, messages) = (epoch + 1, 0, 0);
                    payer.forget_before(Epoch(epoch - 1));
                    operator.forget_before(Epoch(epoch - 1));
                }
                (bytes, messages) = (bytes + more_bytes, messages + more_messages);
                payer.count(Epoch(epoch), bytes, messages);
                let owed = payer.state();
                prop_assert!(owed >= last);
                last = owed;
                let receipt = DeliveryReceipt { messages, ..receipt(epoch, bytes, owed) };
                if arrives {
                    prop_assert_eq!(operator.check(&receipt), Ok(()));
                    operator.take(&receipt);
                }
                if arrives && restart < 40 {
                    payer = LaneAccount::new(CHANNEL, price);
                    payer.resume(&receipt);
                    operator = LaneAccount::new(CHANNEL, price);
                    operator.resume(&receipt);
                }
            }
        }
    }
}
