//! Open payment channels, folded from the hub's events.
//!
//! Invariant: a payer and an operator have at most one here, the newest that was opened and not closed. What an event costs does not
//! depend on how many channels are open.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use alloy::rpc::types::Log;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, B256, OperatorId, U256};
use tatum_receipt::checks::OpenChannel;

use crate::bindings::ChannelHub::{ChannelClosed, ChannelOpened, ExitStarted, Redeemed, ToppedUp};

/// What happened to a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelFact {
    Opened(Address, OperatorId, u128),
    Deposited(u128),
    Paid(u128),
    Exiting,
    Closed,
}

/// All open channels.
#[derive(Clone, Debug, Default)]
pub(crate) struct Channels {
    open: HashMap<B256, (Pair, OpenChannel)>,
    of: BTreeMap<Pair, B256>,
    payers: BTreeSet<(OperatorId, Address)>,
}

/// A payer and an operator.
type Pair = (Address, OperatorId);

/// A range, by its two ends.
pub(crate) type Within<T> = (Bound<T>, Bound<T>);

impl Channels {
    pub(crate) fn open(&self, payer: Address, operator: OperatorId) -> Option<OpenChannel> {
        self.open.get(self.of.get(&(payer, operator))?).map(|(_, channel)| *channel)
    }

    /// The operators of open channels within a range of pairs.
    pub(crate) fn by_payer(&self, range: Within<Pair>) -> impl Iterator<Item = OperatorId> {
        self.of.range(range).map(|((_, operator), _)| *operator)
    }

    /// The payers of open channels within a range of pairs the other way round.
    pub(crate) fn by_operator(
        &self,
        range: Within<(OperatorId, Address)>,
    ) -> impl Iterator<Item = Address> {
        self.payers.range(range).map(|(_, payer)| *payer)
    }

    pub(crate) fn apply(&mut self, id: B256, fact: ChannelFact) {
        if let ChannelFact::Opened(payer, operator, deposited_wei) = fact {
            let opened = OpenChannel { id, deposited_wei, paid_wei: 0, is_exiting: false };
            self.open.insert(id, ((payer, operator), opened));
            self.of.insert((payer, operator), id);
            self.payers.insert((operator, payer));
            return;
        }
        if fact == ChannelFact::Closed {
            self.close(id);
            return;
        }
        let Some((_, channel)) = self.open.get_mut(&id) else { return };
        match fact {
            ChannelFact::Deposited(wei) => channel.deposited_wei = wei,
            ChannelFact::Paid(wei) => channel.paid_wei = wei,
            ChannelFact::Exiting => channel.is_exiting = true,
            ChannelFact::Opened(..) | ChannelFact::Closed => {}
        }
    }

    fn close(&mut self, id: B256) {
        let Some((pair, _)) = self.open.remove(&id) else { return };
        // The two may have a newer one by now.
        if self.of.get(&pair) == Some(&id) {
            self.of.remove(&pair);
            self.payers.remove(&(pair.1, pair.0));
        }
    }
}

/// What an event of the hub says about which channel, if anything.
pub(crate) fn channel_fact(log: &Log) -> Option<(B256, ChannelFact)> {
    fn data<E: SolEvent>(log: &Log) -> Option<E> {
        log.log_decode::<E>().ok().map(|decoded| decoded.inner.data)
    }
    let wei = |amount: U256| -> u128 { amount.saturating_to() };
    match *log.topic0()? {
        ChannelOpened::SIGNATURE_HASH => data(log).map(|e: ChannelOpened| {
            let operator = OperatorId(e.operatorId);
            (e.channel, ChannelFact::Opened(e.payer, operator, wei(e.depositedWei)))
        }),
        ToppedUp::SIGNATURE_HASH => {
            data(log).map(|e: ToppedUp| (e.channel, ChannelFact::Deposited(wei(e.depositedWei))))
        }
        Redeemed::SIGNATURE_HASH => {
            data(log).map(|e: Redeemed| (e.channel, ChannelFact::Paid(wei(e.paidWei))))
        }
        ExitStarted::SIGNATURE_HASH => {
            data(log).map(|e: ExitStarted| (e.channel, ChannelFact::Exiting))
        }
        ChannelClosed::SIGNATURE_HASH => {
            data(log).map(|e: ChannelClosed| (e.channel, ChannelFact::Closed))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_channel_of_two_is_the_one_that_is_open() {
        let (payer, operator) = (Address::repeat_byte(1), OperatorId(3));
        let (first, second) = (B256::repeat_byte(1), B256::repeat_byte(2));
        let mut channels = Channels::default();
        channels.apply(first, ChannelFact::Opened(payer, operator, 100));
        channels.apply(first, ChannelFact::Deposited(150));
        channels.apply(first, ChannelFact::Paid(40));
        channels.apply(first, ChannelFact::Exiting);
        let open = channels.open(payer, operator).unwrap();
        assert_eq!((open.deposited_wei, open.paid_wei, open.is_exiting), (150, 40, true));
        channels.apply(first, ChannelFact::Closed);
        assert_eq!(channels.open(payer, operator), None);
        channels.apply(second, ChannelFact::Opened(payer, operator, 7));
        assert_eq!(channels.open(payer, operator).map(|open| open.id), Some(second));
        assert_eq!(channels.open(payer, OperatorId(4)), None);
        // Its end is told again, as after a reorganisation: the newer one stays.
        channels.apply(first, ChannelFact::Closed);
        assert_eq!(channels.open(payer, operator).map(|open| open.id), Some(second));
    }

    #[test]
    fn closing_one_of_very_many_looks_at_no_other() {
        let mut channels = Channels::default();
        let ids: Vec<B256> = (0..200_000_u64).map(|n| B256::from(U256::from(n))).collect();
        let payer = |id: &B256| Address::from_word(*id);
        for id in &ids {
            channels.apply(*id, ChannelFact::Opened(payer(id), OperatorId(3), 7));
        }
        let began = std::time::Instant::now();
        for id in &ids {
            channels.apply(*id, ChannelFact::Closed);
            assert_eq!(channels.open(payer(id), OperatorId(3)), None);
        }
        // Walking over those that are left would be twenty thousand million steps.
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
        assert!(channels.open.is_empty() && channels.of.is_empty() && channels.payers.is_empty());
    }
}
