//! What a relay is owed in payment channels, and whether it may deliver more.
//!
//! Invariant: all that is owed to this node in a channel, with what it delivered without a receipt, is at most the part of the
//! deposit that it counts on; a payer that leaves, or whose channel was not seen on the chain, is served nothing.

use std::collections::BTreeMap;

use tatum_channel::{LaneAccount, Price, Shortfall, Standing, Underpaid};
use tatum_primitives::{Address, B256, Epoch, ReaderId, Role, StreamKey};
use tatum_receipt::DeliveryReceipt;

use crate::credit::CreditKey;

/// Lanes of earlier runs that are remembered until their payers come back.
const MAX_HELD: usize = 65_536;

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

#[derive(Debug)]
struct Account {
    lane: LaneAccount,
    /// Since the account was opened: for the mean size of a message.
    served_bytes: u64,
    served_messages: u64,
}

impl Account {
    /// What so many bytes without a receipt cost, with about as many messages as they were.
    fn unsigned_wei(&self, bytes: u64) -> u128 {
        let messages = u128::from(bytes)
            .saturating_mul(self.served_messages.into())
            .div_ceil(u128::from(self.served_bytes.max(1)));
        let messages = u64::try_from(messages).unwrap_or(u64::MAX);
        self.lane.price().owed_wei_down(bytes, messages).unwrap_or(u128::MAX)
    }
}

/// All channels that pay one relay.
#[derive(Debug)]
pub(crate) struct ChannelBook {
    offer: Option<Offer>,
    funds: BTreeMap<Address, Funds>,
    accounts: BTreeMap<CreditKey, Account>,
    /// The highest receipt of each lane that an earlier run took.
    held: BTreeMap<CreditKey, DeliveryReceipt>,
}

impl ChannelBook {
    pub(crate) const fn new(offer: Option<Offer>) -> Self {
        let (funds, accounts, held) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        Self { offer, funds, accounts, held }
    }

    /// Goes on from what an earlier run took.
    pub(crate) fn resume(&mut self, receipt: &DeliveryReceipt) {
        let key = CreditKey::of(receipt);
        let owed = self.held.get(&key).map_or(0, |held| held.owed);
        if receipt.channel != B256::ZERO
            && receipt.owed >= owed
            && (self.held.len() < MAX_HELD || self.held.contains_key(&key))
        {
            self.held.insert(key, receipt.clone());
        }
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

    /// An account is paid by `channel` from now on, or, if that is zero, by its payer's stake.
    pub(crate) fn enter<'a>(
        &mut self,
        key: CreditKey,
        channel: B256,
        newest: impl Iterator<Item = &'a DeliveryReceipt>,
    ) {
        let Some(offer) = self.offer.filter(|_| channel != B256::ZERO) else {
            self.accounts.remove(&key);
            return;
        };
        if self.accounts.get(&key).is_some_and(|account| account.lane.channel() == channel) {
            return;
        }
        let mut lane = LaneAccount::new(channel, offer.price);
        let held = self.held.get(&key);
        for receipt in held.into_iter().chain(newest) {
            lane.resume(receipt);
        }
        self.accounts.insert(key, Account { lane, served_bytes: 0, served_messages: 0 });
    }

    /// Whether an account is paid by channel.
    pub(crate) fn pays_for(&self, key: CreditKey) -> bool {
        self.accounts.contains_key(&key)
    }

    pub(crate) fn serve(&mut self, key: CreditKey, bytes: u64) {
        if let Some(account) = self.accounts.get_mut(&key) {
            account.served_bytes = account.served_bytes.saturating_add(bytes);
            account.served_messages = account.served_messages.saturating_add(1);
        }
    }

    /// Whether a receipt of a channel owes what it counts. Those of the stake pool owe nothing.
    pub(crate) fn check(&self, receipt: &DeliveryReceipt) -> Result<(), Underpaid> {
        match self.accounts.get(&CreditKey::of(receipt)) {
            Some(account) if account.lane.channel() == receipt.channel => {
                account.lane.check(receipt)
            }
            Some(_) | None => Ok(()),
        }
    }

    pub(crate) fn take(&mut self, receipt: &DeliveryReceipt) {
        self.resume(receipt);
        if let Some(account) = self.accounts.get_mut(&CreditKey::of(receipt))
            && account.lane.channel() == receipt.channel
        {
            account.lane.take(receipt);
        }
    }

    /// Whether more may be delivered to a payer; `unreceipted` says how many bytes of an account have no receipt.
    pub(crate) fn standing(
        &self,
        payer: Address,
        unreceipted: impl Fn(CreditKey) -> u64,
    ) -> Result<(), Shortfall> {
        let funds = self.funds.get(&payer);
        let (mut owed_wei, mut unsigned_wei) = (0_u128, 0_u128);
        for (key, account) in self.accounts.range(first_of(payer)..) {
            if key.payer != payer {
                break;
            }
            if funds.is_some_and(|funds| funds.channel == account.lane.channel()) {
                owed_wei = owed_wei.saturating_add(account.lane.stated_wei());
                let unsigned = account.unsigned_wei(unreceipted(*key));
                unsigned_wei = unsigned_wei.saturating_add(unsigned);
            }
        }
        let unsigned_limit_wei = self.offer.map_or(0, |offer| offer.unsigned_limit_wei);
        let standing = Standing {
            confirmed_left_wei: funds.map_or(0, |funds| funds.covered_wei),
            is_exiting: funds.is_none_or(|funds| funds.is_exiting),
            outstanding_wei: owed_wei.saturating_add(unsigned_wei),
            unsigned_limit_wei,
            unsigned_wei,
        };
        // One wei more, so that service stops where the cover is used up, and not beyond.
        standing.serves(1)
    }

    pub(crate) fn forget_before(&mut self, earliest: Epoch) {
        for account in self.accounts.values_mut() {
            account.lane.forget_before(earliest);
        }
    }
}

/// The first key that a payer's accounts can have.
fn first_of(payer: Address) -> CreditKey {
    let (stream, role, reader) = (StreamKey::default(), Role::Subscriber, ReaderId::default());
    CreditKey { payer, stream, role, reader }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAYER: Address = Address::repeat_byte(3);
    const CHANNEL: B256 = B256::repeat_byte(1);
    const OFFER: Offer = Offer {
        // A wei a byte.
        price: Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 0 },
        unsigned_limit_wei: 50,
    };

    fn key(reader: u32) -> CreditKey {
        CreditKey { reader: ReaderId(reader), ..first_of(PAYER) }
    }

    fn receipt(reader: u32, bytes: u64, owed: u128) -> DeliveryReceipt {
        DeliveryReceipt {
            payer: PAYER,
            reader: ReaderId(reader),
            epoch: Epoch(1),
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

    fn book() -> ChannelBook {
        let mut book = ChannelBook::new(Some(OFFER));
        book.set_funds(PAYER, funds(100, false));
        book.enter(key(0), CHANNEL, std::iter::empty());
        book
    }

    #[test]
    fn service_ends_where_credit_or_deposit_does_and_goes_on_after_a_receipt() {
        let mut book = book();
        assert_eq!(book.standing(PAYER, |_| 49), Ok(()));
        let stopped = book.standing(PAYER, |_| 50);
        assert_eq!(stopped, Err(Shortfall::Unsigned { unsigned_wei: 51, limit_wei: 50 }));
        assert!(book.check(&receipt(0, 5_000, 40)).is_err(), "it owes less than it counts");
        assert_eq!(book.check(&receipt(0, 60, 60)), Ok(()));
        book.take(&receipt(0, 60, 60));
        assert_eq!(book.standing(PAYER, |_| 0), Ok(()));
        let stopped = book.standing(PAYER, |_| 40);
        assert_eq!(stopped, Err(Shortfall::Uncovered { outstanding_wei: 101, covered_wei: 100 }));
        assert!(book.set_funds(PAYER, funds(200, false)), "a top-up");
        assert_eq!(book.standing(PAYER, |_| 40), Ok(()));
    }

    #[test]
    fn all_lanes_of_a_payer_share_its_deposit() {
        let mut book = book();
        book.enter(key(1), CHANNEL, std::iter::empty());
        book.take(&receipt(0, 60, 60));
        book.take(&receipt(1, 40, 40));
        let stopped = book.standing(PAYER, |_| 0);
        assert_eq!(stopped, Err(Shortfall::Uncovered { outstanding_wei: 101, covered_wei: 100 }));
        // Somebody else's accounts are somebody else's.
        assert_eq!(book.standing(Address::ZERO, |_| 0), Err(Shortfall::Exiting));
    }

    #[test]
    fn who_leaves_or_was_not_seen_on_the_chain_is_served_nothing() {
        let mut book = book();
        book.set_funds(PAYER, funds(100, true));
        assert_eq!(book.standing(PAYER, |_| 0), Err(Shortfall::Exiting));
        book.set_funds(PAYER, None);
        assert!(book.standing(PAYER, |_| 0).is_err());
        assert!(book.pays_for(key(0)), "and not from its stake instead");
    }

    #[test]
    fn a_restarted_relay_goes_on_from_what_it_holds() {
        let mut book = ChannelBook::new(Some(OFFER));
        book.resume(&receipt(0, 60, 60));
        book.resume(&receipt(0, 50, 50));
        book.set_funds(PAYER, funds(100, false));
        book.enter(key(0), CHANNEL, std::iter::empty());
        assert_eq!(book.check(&receipt(0, 80, 80)), Ok(()));
        assert!(book.standing(PAYER, |_| 40).is_err());
        book.enter(key(0), B256::ZERO, std::iter::empty());
        assert!(!book.pays_for(key(0)));
    }
}
