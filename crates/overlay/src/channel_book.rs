//! What a relay is owed in payment channels, and whether it may deliver more.
//!
//! Invariant: all that is owed to this node in a channel, with what it delivered without a receipt, is at most the part of the
//! deposit that it counts on; a payer that leaves, or whose channel was not seen on the chain, is served nothing. What pays for an
//! account in an epoch is settled by its first receipt: nobody is delivered to on a channel and signs for its stake.

use std::collections::BTreeMap;

use tatum_channel::{LaneAccount, Price, Shortfall, Standing, Underpaid};
use tatum_primitives::{Address, B256, Epoch};
use tatum_receipt::DeliveryReceipt;

use crate::credit::CreditKey;

/// Lanes that a payer may have with a node in one channel: each is a row on disk, and costs its operator gas to redeem.
pub const MAX_LANES: u32 = 4_096;

/// At what price a relay takes channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer {
    /// What it asks.
    pub price: Price,
    /// What it delivers at most to one payer without a receipt.
    pub unsigned_limit_wei: u128,
}

/// What stands behind a payer's channel, as the chain has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Funds {
    /// The channel.
    pub channel: B256,
    /// What this node counts on of all that was deposited, with what was paid of it.
    pub covered_wei: u128,
    /// Whether the payer is leaving.
    pub is_exiting: bool,
}

/// Why a receipt does not pay for what it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unpaid {
    /// It owes less than that costs.
    #[error(transparent)]
    Underpaid(#[from] Underpaid),
    /// Something else pays for the account.
    #[error(
        "channel {got} is named, {agreed} pays for the account in this epoch (zero is the stake)"
    )]
    OtherPayment {
        /// What it names.
        got: B256,
        /// What was agreed to.
        agreed: B256,
    },
    /// Nobody asked for service on its channel, which does not cover it.
    #[error(transparent)]
    Uncovered(#[from] Shortfall),
}

impl Unpaid {
    /// For machines.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Underpaid(_) => "underpaid",
            Self::OtherPayment { .. } => "other_payment",
            Self::Uncovered(_) => "uncovered",
        }
    }
}

/// What a payer signed for in one channel.
#[derive(Debug, Clone, Copy, Default)]
struct Owed {
    wei: u128,
    lanes: u32,
}

/// All channels that pay one relay.
#[derive(Debug)]
pub(crate) struct ChannelBook {
    offer: Option<Offer>,
    funds: BTreeMap<Address, Funds>,
    /// What each account asked to be paid by, and in which epoch it asked last.
    wishes: BTreeMap<CreditKey, (B256, Epoch)>,
    /// What pays for an account in an epoch, from its first receipt on.
    settled: BTreeMap<(CreditKey, Epoch), B256>,
    lanes: BTreeMap<(CreditKey, B256), LaneAccount>,
    /// The sums of each channel's lanes.
    owed: BTreeMap<(Address, B256), Owed>,
    /// About how many messages each payer has no receipt for.
    unsigned_messages: BTreeMap<Address, u64>,
}

impl ChannelBook {
    pub(crate) const fn new(offer: Option<Offer>) -> Self {
        Self {
            offer,
            funds: BTreeMap::new(),
            wishes: BTreeMap::new(),
            settled: BTreeMap::new(),
            lanes: BTreeMap::new(),
            owed: BTreeMap::new(),
            unsigned_messages: BTreeMap::new(),
        }
    }

    /// Goes on from what an earlier run took.
    pub(crate) fn resume(&mut self, receipt: &DeliveryReceipt) {
        if receipt.channel != B256::ZERO {
            self.change(CreditKey::of(receipt), receipt.channel, |lane| lane.resume(receipt));
        }
    }

    /// Changes a lane, and the sum of its channel with it.
    fn change(&mut self, key: CreditKey, channel: B256, change: impl FnOnce(&mut LaneAccount)) {
        let Some(offer) = self.offer else { return };
        let owed = self.owed.entry((key.payer, channel)).or_default();
        let lane = self.lanes.entry((key, channel)).or_insert_with(|| {
            owed.lanes = owed.lanes.saturating_add(1);
            LaneAccount::new(channel, offer.price)
        });
        let before_wei = lane.stated_wei();
        change(lane);
        owed.wei = owed.wei.saturating_add(lane.stated_wei().saturating_sub(before_wei));
    }

    /// Says what the chain has of a payer's channel; gives whether that is news.
    pub(crate) fn set_funds(&mut self, payer: Address, funds: Option<Funds>) -> bool {
        let before = self.funds.get(&payer).copied();
        match funds {
            Some(funds) => self.funds.insert(payer, funds),
            None => self.funds.remove(&payer),
        };
        before != funds
    }

    /// Payers whose channels are to be looked up on the chain.
    pub(crate) fn payers(&self) -> impl Iterator<Item = Address> + '_ {
        self.funds.keys().copied()
    }

    /// An account asks to be paid by `channel`, or, if that is zero, by its payer's stake; `newest` are its receipts on disk. It is
    /// in vain if the payer has too many lanes already.
    pub(crate) fn enter<'a>(
        &mut self,
        (key, epoch): (CreditKey, Epoch),
        channel: B256,
        newest: impl Iterator<Item = &'a DeliveryReceipt>,
    ) -> bool {
        if self.offer.is_none() {
            return true;
        }
        for receipt in newest {
            self.resume(receipt);
            self.settled.entry((key, receipt.epoch)).or_insert(receipt.channel);
        }
        self.wishes.insert(key, (channel, epoch));
        let channel = self.pays_by(key, epoch);
        let lanes = self.owed.get(&(key.payer, channel)).map_or(0, |owed| owed.lanes);
        if channel == B256::ZERO || self.lanes.contains_key(&(key, channel)) {
            return true;
        }
        if lanes < MAX_LANES {
            self.change(key, channel, |_| {});
        }
        lanes < MAX_LANES
    }

    /// What pays for an account in an epoch; zero for the stake.
    pub(crate) fn pays_by(&self, key: CreditKey, epoch: Epoch) -> B256 {
        self.agreed(key, epoch).unwrap_or_default()
    }

    /// As [`ChannelBook::pays_by`], unless nobody asked since we started.
    fn agreed(&self, key: CreditKey, epoch: Epoch) -> Option<B256> {
        if self.offer.is_none() {
            return Some(B256::ZERO);
        }
        let wish = || self.wishes.get(&key).map(|(channel, _)| *channel);
        self.settled.get(&(key, epoch)).copied().or_else(wish)
    }

    /// Counts a message that was served or accepted.
    pub(crate) fn serve(&mut self, key: CreditKey, epoch: Epoch) {
        if self.pays_by(key, epoch) != B256::ZERO {
            let messages = self.unsigned_messages.entry(key.payer).or_default();
            *messages = messages.saturating_add(1);
        }
    }

    /// Bytes without a receipt became fewer without one: late copies, or what never left. Messages did alike.
    pub(crate) fn write_off(&mut self, payer: Address, before_bytes: u64, after_bytes: u64) {
        let Some(messages) = self.unsigned_messages.get_mut(&payer) else { return };
        if after_bytes < before_bytes {
            let left = u128::from(*messages).saturating_mul(after_bytes.into());
            let left = left.div_ceil(before_bytes.into());
            *messages = u64::try_from(left).unwrap_or(u64::MAX).min(*messages);
        }
        if *messages == 0 || after_bytes == 0 {
            self.unsigned_messages.remove(&payer);
        }
    }

    /// Whether a receipt pays for what it counts, by what was agreed to.
    pub(crate) fn check(&self, receipt: &DeliveryReceipt) -> Result<(), Unpaid> {
        let (key, got) = (CreditKey::of(receipt), receipt.channel);
        // Who was served by an earlier run signs for it before it asks this one for anything.
        let agreed = self.agreed(key, receipt.epoch).unwrap_or(got);
        let is_settled = self.settled.contains_key(&(key, receipt.epoch));
        let Some(offer) = self.offer.filter(|_| got != B256::ZERO) else {
            let is_agreed = got == agreed;
            return if is_agreed { Ok(()) } else { Err(Unpaid::OtherPayment { got, agreed }) };
        };
        if got != agreed && is_settled {
            return Err(Unpaid::OtherPayment { got, agreed });
        }
        let new = || LaneAccount::new(got, offer.price);
        let lane = self.lanes.get(&(key, got)).cloned().unwrap_or_else(new);
        lane.check(receipt)?;
        if got != agreed {
            // It was served from the stake, and pays by channel after all: as good, if there is something in the channel.
            let more_wei = receipt.owed.saturating_sub(lane.stated_wei());
            self.standing_of(key.payer, got, 0, u128::MAX).serves(more_wei)?;
        }
        Ok(())
    }

    /// Takes a receipt that is stored.
    pub(crate) fn take(&mut self, receipt: &DeliveryReceipt) {
        if self.offer.is_none() {
            return;
        }
        let key = CreditKey::of(receipt);
        self.settled.entry((key, receipt.epoch)).or_insert(receipt.channel);
        if receipt.channel == B256::ZERO {
            return;
        }
        let mut signed = 0;
        self.change(key, receipt.channel, |lane| {
            signed = receipt.messages.saturating_sub(lane.messages(receipt.epoch));
            lane.take(receipt);
        });
        if let Some(messages) = self.unsigned_messages.get_mut(&key.payer) {
            *messages = messages.saturating_sub(signed);
        }
    }

    /// Whether more may be delivered on an account; `unreceipted_bytes` is what the payer has without a receipt in all.
    pub(crate) fn standing(
        &self,
        (key, epoch): (CreditKey, Epoch),
        unreceipted_bytes: u64,
    ) -> Result<(), Shortfall> {
        let limit_wei = self.offer.map_or(0, |offer| offer.unsigned_limit_wei);
        let unsigned_wei = self.unsigned_wei(key.payer, unreceipted_bytes);
        let channel = self.pays_by(key, epoch);
        // One wei more, so that service stops where the cover is used up, and not beyond.
        self.standing_of(key.payer, channel, unsigned_wei, limit_wei).serves(1)
    }

    fn standing_of(
        &self,
        payer: Address,
        channel: B256,
        unsigned_wei: u128,
        unsigned_limit_wei: u128,
    ) -> Standing {
        let funds = self.funds.get(&payer).filter(|funds| funds.channel == channel);
        let owed_wei = self.owed.get(&(payer, channel)).map_or(0, |owed| owed.wei);
        Standing {
            confirmed_left_wei: funds.map_or(0, |funds| funds.covered_wei),
            is_exiting: funds.is_none_or(|funds| funds.is_exiting),
            outstanding_wei: owed_wei.saturating_add(unsigned_wei),
            unsigned_limit_wei,
            unsigned_wei,
        }
    }

    /// What a payer was delivered without a receipt, at our price.
    fn unsigned_wei(&self, payer: Address, bytes: u64) -> u128 {
        let price = self.offer.map(|offer| offer.price).unwrap_or_default();
        // Without bytes there is no message either, but copies that were late.
        let messages = self.unsigned_messages.get(&payer).copied().filter(|_| bytes != 0);
        price.owed_wei_down(bytes, messages.unwrap_or_default()).unwrap_or(u128::MAX)
    }

    pub(crate) fn forget_before(&mut self, earliest: Epoch) {
        self.wishes.retain(|_, (_, epoch)| *epoch >= earliest);
        self.settled.retain(|(_, epoch), _| *epoch >= earliest);
        for lane in self.lanes.values_mut() {
            lane.forget_before(earliest);
        }
    }

    /// Payers that something is without a receipt of.
    pub(crate) fn unsigned_payers(&self) -> Vec<Address> {
        self.unsigned_messages.keys().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::iter::empty;
    use tatum_primitives::{ReaderId, Role, StreamKey};

    const PAYER: Address = Address::repeat_byte(3);
    const CHANNEL: B256 = B256::repeat_byte(1);
    const NEXT: B256 = B256::repeat_byte(2);
    const NOW: Epoch = Epoch(1);
    const OFFER: Offer = Offer {
        // A wei a byte.
        price: Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 0 },
        unsigned_limit_wei: 50,
    };

    fn key(reader: u32) -> CreditKey {
        let (stream, role) = (StreamKey::default(), Role::Subscriber);
        CreditKey { payer: PAYER, stream, role, reader: ReaderId(reader) }
    }

    fn receipt(reader: u32, bytes: u64, owed: u128) -> DeliveryReceipt {
        DeliveryReceipt {
            payer: PAYER,
            reader: ReaderId(reader),
            epoch: NOW,
            channel: CHANNEL,
            bytes,
            messages: 1,
            owed,
            ..DeliveryReceipt::default()
        }
    }

    fn funds(covered_wei: u128, is_exiting: bool) -> Option<Funds> {
        Some(Funds { channel: CHANNEL, covered_wei, is_exiting })
    }

    fn book_at(offer: Offer) -> ChannelBook {
        let mut book = ChannelBook::new(Some(offer));
        book.set_funds(PAYER, funds(100, false));
        assert!(book.enter((key(0), NOW), CHANNEL, empty()));
        book
    }

    fn standing(book: &ChannelBook, bytes: u64) -> Result<(), Shortfall> {
        book.standing((key(0), NOW), bytes)
    }

    fn code(book: &ChannelBook, receipt: &DeliveryReceipt) -> &'static str {
        book.check(receipt).map_or_else(|unpaid| unpaid.code(), |()| "taken")
    }

    /// What the chain does not show `--confirmations` deep, or shows no more after a reorganisation, pays for nothing.
    #[test]
    fn nitrolite_mf3_c01_a_deposit_counts_as_long_as_the_followed_chain_has_it() {
        let mut book = ChannelBook::new(Some(OFFER));
        assert!(book.enter((key(0), NOW), CHANNEL, empty()));
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting), "nothing is confirmed yet");
        book.set_funds(PAYER, funds(100, false));
        assert_eq!(standing(&book, 0), Ok(()));
        book.set_funds(PAYER, None);
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting));
    }

    /// Deny by default: a payer of whom nothing was read is served nothing, and nothing of another channel serves either.
    #[test]
    fn graph_indexer_rs_301_what_is_not_known_is_denied() {
        let mut book = book_at(OFFER);
        let stranger = CreditKey { payer: Address::repeat_byte(9), ..key(0) };
        assert!(book.enter((stranger, NOW), CHANNEL, empty()), "who asks is heard");
        assert_eq!(book.standing((stranger, NOW), 0), Err(Shortfall::Exiting));
        book.set_funds(PAYER, Some(Funds { channel: NEXT, covered_wei: 100, is_exiting: false }));
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting));
    }

    #[test]
    fn service_ends_where_credit_or_deposit_does_and_goes_on_after_a_receipt() {
        let mut book = book_at(OFFER);
        assert_eq!(standing(&book, 49), Ok(()));
        let stopped = standing(&book, 50);
        assert_eq!(stopped, Err(Shortfall::Unsigned { unsigned_wei: 51, limit_wei: 50 }));
        assert_eq!(code(&book, &receipt(0, 5_000, 40)), "underpaid");
        assert_eq!(code(&book, &receipt(0, 60, 60)), "taken");
        book.take(&receipt(0, 60, 60));
        assert_eq!(standing(&book, 0), Ok(()));
        let stopped = standing(&book, 40);
        assert_eq!(stopped, Err(Shortfall::Uncovered { outstanding_wei: 101, covered_wei: 100 }));
        assert!(book.set_funds(PAYER, funds(200, false)), "a top-up");
        assert_eq!(standing(&book, 40), Ok(()));
    }

    #[test]
    fn all_lanes_of_a_payer_share_its_deposit_over_a_restart_too() {
        let mut book = book_at(OFFER);
        assert!(book.enter((key(1), NOW), CHANNEL, empty()));
        book.take(&receipt(0, 60, 60));
        book.take(&receipt(1, 40, 40));
        let full = Err(Shortfall::Uncovered { outstanding_wei: 101, covered_wei: 100 });
        assert_eq!(standing(&book, 0), full);
        // Somebody else's accounts are somebody else's.
        let other = CreditKey { payer: Address::ZERO, ..key(0) };
        assert_eq!(book.standing((other, NOW), 0), Err(Shortfall::Exiting));
        // Only one of the two comes back after a restart; what the other owes is owed all the same.
        let mut again = ChannelBook::new(Some(OFFER));
        again.resume(&receipt(0, 60, 60));
        again.resume(&receipt(1, 40, 40));
        again.resume(&receipt(1, 30, 30));
        again.set_funds(PAYER, funds(100, false));
        again.enter((key(0), NOW), CHANNEL, [receipt(0, 60, 60)].iter());
        assert_eq!(standing(&again, 0), full);
        assert_eq!(code(&again, &receipt(0, 80, 80)), "taken");
    }

    #[test]
    fn who_leaves_or_was_not_seen_on_the_chain_is_served_nothing() {
        let mut book = book_at(OFFER);
        book.set_funds(PAYER, funds(100, true));
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting));
        book.set_funds(PAYER, None);
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting));
        assert_eq!(book.pays_by(key(0), NOW), CHANNEL, "and not from its stake instead");
        // A new channel of the two covers nothing that the account asked for on the old one.
        book.set_funds(PAYER, Some(Funds { channel: NEXT, covered_wei: 100, is_exiting: false }));
        assert_eq!(standing(&book, 0), Err(Shortfall::Exiting));
    }

    #[test]
    fn a_closed_channel_with_more_owed_hides_nothing_of_the_next() {
        let mut book = ChannelBook::new(Some(OFFER));
        book.resume(&receipt(0, 90, 90));
        book.resume(&DeliveryReceipt { channel: NEXT, ..receipt(0, 95, 5) });
        book.set_funds(PAYER, Some(Funds { channel: NEXT, covered_wei: 6, is_exiting: false }));
        book.enter((key(0), Epoch(2)), NEXT, empty());
        assert_eq!(book.standing((key(0), Epoch(2)), 0), Ok(()));
        let full = Err(Shortfall::Uncovered { outstanding_wei: 7, covered_wei: 6 });
        assert_eq!(book.standing((key(0), Epoch(2)), 1), full);
    }

    #[test]
    fn who_is_served_on_a_channel_does_not_sign_for_its_stake_nor_the_other_way_round() {
        let mut book = book_at(OFFER);
        let pool = DeliveryReceipt { channel: B256::ZERO, owed: 0, ..receipt(0, 10, 0) };
        assert_eq!(code(&book, &pool), "other_payment");
        book.take(&receipt(0, 10, 10));
        // Its first receipt settled the epoch, whatever it asks for later.
        book.enter((key(0), NOW), B256::ZERO, empty());
        assert_eq!(code(&book, &pool), "other_payment");
        assert_eq!(book.pays_by(key(0), NOW), CHANNEL);
        assert_eq!(book.pays_by(key(0), Epoch(2)), B256::ZERO);

        book.enter((key(1), NOW), B256::ZERO, empty());
        // Served from its stake, and signed for by channel: as long as the channel has it.
        assert_eq!(code(&book, &receipt(1, 89, 89)), "taken");
        assert_eq!(code(&book, &receipt(1, 91, 91)), "uncovered");
        let strange = DeliveryReceipt { channel: NEXT, ..receipt(1, 10, 10) };
        assert_eq!(code(&book, &strange), "uncovered");
        book.take(&DeliveryReceipt { channel: B256::ZERO, owed: 0, ..receipt(1, 10, 0) });
        assert_eq!(code(&book, &receipt(1, 20, 20)), "other_payment");
    }

    #[test]
    fn what_an_earlier_run_served_is_signed_for_before_anything_is_asked() {
        let mut book = ChannelBook::new(Some(OFFER));
        book.resume(&receipt(0, 60, 60));
        assert_eq!(code(&book, &receipt(0, 80, 80)), "taken");
        assert_eq!(code(&book, &receipt(0, 5_000, 80)), "underpaid");
    }

    #[test]
    fn a_relay_without_a_price_takes_no_channel() {
        let book = ChannelBook::new(None);
        assert_eq!(code(&book, &receipt(0, 10, 10)), "other_payment");
        let pool = DeliveryReceipt { channel: B256::ZERO, owed: 0, ..receipt(0, 10, 0) };
        assert_eq!(code(&book, &pool), "taken");
    }

    #[test]
    fn messages_without_a_receipt_count_at_their_price_and_late_copies_do_not() {
        let price = Price { per_gib_wei: 0, per_1000_messages_wei: 1_000 };
        let mut book = book_at(Offer { price, ..OFFER });
        for _ in 0..50 {
            book.serve(key(0), NOW);
        }
        let stopped = standing(&book, 5_000);
        assert_eq!(stopped, Err(Shortfall::Unsigned { unsigned_wei: 51, limit_wei: 50 }));
        // Half of the bytes were late copies.
        book.write_off(PAYER, 5_000, 2_500);
        assert_eq!(standing(&book, 2_500), Ok(()));
        book.take(&DeliveryReceipt { messages: 20, ..receipt(0, 2_000, 20) });
        for _ in 0..44 {
            book.serve(key(0), NOW);
        }
        assert_eq!(standing(&book, 500), Ok(()));
        book.serve(key(0), NOW);
        assert!(standing(&book, 500).is_err());
        book.write_off(PAYER, 500, 0);
        assert_eq!(standing(&book, 500), Ok(()), "nothing is without a receipt");
    }

    #[test]
    fn a_payer_has_no_more_lanes_than_its_operator_redeems() {
        let mut book = book_at(OFFER);
        for reader in 1..MAX_LANES {
            assert!(book.enter((key(reader), NOW), CHANNEL, empty()), "{reader}");
        }
        assert!(!book.enter((key(MAX_LANES), NOW), CHANNEL, empty()));
        assert!(book.enter((key(5), NOW), CHANNEL, empty()), "it has that one");
        assert!(book.enter((key(MAX_LANES), NOW), B256::ZERO, empty()), "its stake pays");
    }
}
