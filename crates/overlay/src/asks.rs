//! What a relay asks of those who pay from their stakes, and whom it declines (E7).
//!
//! A payer's price is what its receipts of the last closed epoch steered over its quota in it; who has no price yet, a newcomer, is
//! served [`NEWCOMER_BYTES`] in an epoch. The caller says what the chain has, the overlay judges.
//!
//! Invariant: without an ask nobody is declined. With one, unknown is never unlimited: whose price nobody named in the running epoch or
//! in the one before is served as a newcomer is. Whom a channel pays for is not judged here.

use std::collections::BTreeMap;

use tatum_primitives::{Address, Epoch, Nano};
use tatum_rewards::{NEWCOMER_BYTES, RealisedPrice};

use crate::frame::Refusal;

/// Payers whose price is kept; others are served as newcomers.
const MAX_PRICES: usize = 8_192;

/// What a payer paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paid {
    /// The closed epoch that it is of.
    pub epoch: Epoch,
    /// What it paid for a byte; nothing if it had no quota in it.
    pub price: Option<RealisedPrice>,
}

/// A relay's ask, and the prices that it compares with it.
#[derive(Debug, Default)]
pub(crate) struct Asks {
    ask_nano_per_gib: Option<Nano>,
    /// By payer: in which epoch it was named, and what it is. It holds until another is named, or the next epoch ends.
    prices: BTreeMap<Address, (Epoch, Paid)>,
}

impl Asks {
    /// No price is known yet.
    pub(crate) fn new(ask_nano_per_gib: Option<Nano>) -> Self {
        Self { ask_nano_per_gib, prices: BTreeMap::new() }
    }

    /// Says by what a payer is judged in an epoch. Gives whether that is news.
    pub(crate) fn set(&mut self, payer: Address, epoch: Epoch, paid: Paid) -> bool {
        if self.ask_nano_per_gib.is_none() {
            return false;
        }
        if self.prices.len() >= MAX_PRICES && !self.prices.contains_key(&payer) {
            self.prices.retain(|_, (named, _)| *named >= epoch);
            if self.prices.len() >= MAX_PRICES {
                return false;
            }
        }
        self.prices.insert(payer, (epoch, paid)) != Some((epoch, paid))
    }

    /// Why a payer that was served so many bytes in an epoch is not served more, if it is not.
    pub(crate) fn refusal(&self, payer: Address, epoch: Epoch, used_bytes: u64) -> Option<Refusal> {
        let ask = self.ask_nano_per_gib?;
        let known = self.prices.get(&payer).filter(|(named, _)| named.next() >= epoch);
        let Some((paid, price)) = known.and_then(|(_, paid)| Some((paid, paid.price?))) else {
            let (limit_bytes, ask_nano_per_gib) = (NEWCOMER_BYTES, ask.0);
            let over = Refusal::Newcomer { epoch, limit_bytes, ask_nano_per_gib };
            return (used_bytes >= limit_bytes).then_some(over);
        };
        (!price.meets(ask)).then(|| Refusal::Price {
            epoch: paid.epoch,
            // Below the ask, so it fits.
            paid_nano_per_gib: u64::try_from(price.nano_per_gib_down()).unwrap_or(ask.0),
            ask_nano_per_gib: ask.0,
        })
    }

    /// Forgets what does not hold in an epoch any more.
    pub(crate) fn enter(&mut self, epoch: Epoch) {
        self.prices.retain(|_, (named, _)| named.next() >= epoch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::Bps;

    const PAYER: Address = Address::repeat_byte(5);
    const EPOCH: Epoch = Epoch(8);

    /// What a payer paid in epoch 7 for half a GiB, in a network where a tenth is common.
    fn paid(fee: u64) -> Paid {
        let tenth = Bps::new(1_000).unwrap();
        Paid { epoch: Epoch(7), price: RealisedPrice::of(Nano(fee), 1 << 29, tenth).unwrap() }
    }

    fn asks(ask: u64) -> Asks {
        Asks::new(Some(Nano(ask)))
    }

    #[test]
    fn who_paid_less_than_the_ask_is_declined_with_both_numbers() {
        let mut asks = asks(1_800);
        assert!(asks.set(PAYER, EPOCH, paid(999)));
        let (epoch, ask_nano_per_gib) = (Epoch(7), 1_800);
        assert_eq!(asks.refusal(PAYER, EPOCH, 0), None, "999 - 99 nano for half a GiB are 1800");
        assert!(asks.set(PAYER, EPOCH, paid(998)));
        let paid_nano_per_gib = 1_798;
        let told = asks.refusal(PAYER, EPOCH, 0).unwrap();
        assert_eq!(told, Refusal::Price { epoch, paid_nano_per_gib, ask_nano_per_gib });
        assert_eq!(
            told.to_string(),
            "the payer's stake paid 0.000001798 DATA per GiB in epoch 7; the relay asks 0.0000018 DATA"
        );
        assert!(!asks.set(PAYER, EPOCH, paid(998)), "that is no news");
    }

    #[test]
    fn a_newcomer_gets_its_bytes_in_each_epoch_and_no_more() {
        let mut asks = asks(1);
        let newcomer = Paid { epoch: Epoch(7), price: None };
        assert!(asks.set(PAYER, EPOCH, newcomer));
        assert_eq!(asks.refusal(PAYER, EPOCH, NEWCOMER_BYTES - 1), None);
        let (epoch, limit_bytes, ask_nano_per_gib) = (EPOCH, NEWCOMER_BYTES, 1);
        let over = Some(Refusal::Newcomer { epoch, limit_bytes, ask_nano_per_gib });
        assert_eq!(asks.refusal(PAYER, EPOCH, NEWCOMER_BYTES), over);
        // Once it has a price it is served without a bound.
        assert!(asks.set(PAYER, EPOCH, paid(1_000)));
        assert_eq!(asks.refusal(PAYER, EPOCH, u64::MAX), None);
    }

    #[test]
    fn a_price_that_nobody_named_for_an_epoch_is_unknown_and_not_unlimited() {
        let mut asks = asks(1);
        assert!(asks.refusal(PAYER, EPOCH, NEWCOMER_BYTES).is_some());
        asks.set(PAYER, EPOCH, paid(1_000));
        assert_eq!(asks.refusal(PAYER, EPOCH, NEWCOMER_BYTES), None);
        // The next epoch begins with it, until the chain is looked at again.
        assert_eq!(asks.refusal(PAYER, EPOCH.next(), NEWCOMER_BYTES), None);
        let later = EPOCH.next().next();
        assert!(asks.refusal(PAYER, later, NEWCOMER_BYTES).is_some());
        assert_eq!(asks.refusal(PAYER, later, 0), None);
    }

    #[test]
    fn without_an_ask_nobody_is_declined() {
        let mut asks = Asks::default();
        assert!(!asks.set(PAYER, EPOCH, paid(0)));
        assert_eq!(asks.refusal(PAYER, EPOCH, u64::MAX), None);
        assert_eq!(asks.refusal(Address::ZERO, EPOCH, u64::MAX), None);
    }

    #[test]
    fn no_more_prices_are_kept_than_there_is_room_for() {
        let mut asks = asks(1);
        let payer = |number: u64| Address::left_padding_from(&number.to_be_bytes());
        for number in 0..MAX_PRICES as u64 {
            assert!(asks.set(payer(number), EPOCH, paid(1_000)));
        }
        let late = payer(MAX_PRICES as u64);
        assert!(!asks.set(late, EPOCH, paid(1_000)));
        assert!(asks.refusal(late, EPOCH, NEWCOMER_BYTES).is_some(), "it is as good as unknown");
        assert!(
            asks.set(late, EPOCH.next(), paid(1_000)),
            "the others were of an epoch that is over"
        );
        asks.enter(EPOCH.next().next());
        assert_eq!(asks.refusal(late, EPOCH.next(), NEWCOMER_BYTES), None);
        asks.enter(EPOCH.next().next().next());
        assert!(asks.refusal(late, EPOCH.next(), NEWCOMER_BYTES).is_some());
    }
}
