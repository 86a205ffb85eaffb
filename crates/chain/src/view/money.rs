//! Money that no rule of receipts asks for, folded from events: bills of overage, pools of delegators and who may have a part in them,
//! and which channels are open.
//!
//! Invariant: it says where to look, and the contracts say what is there: shares that were given away and requests that were redeemed
//! stay listed. What an answer costs depends on its own length alone. Bills and delegations are empty unless the view was followed
//! with money.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use tatum_primitives::{Address, Epoch, OperatorId};
use tatum_protocol::web::BilledOverage;

use super::ChainView;
use crate::channel_view::Within;

/// What happened to money.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MoneyFact {
    /// A payer was billed.
    Billed(BilledOverage),
    /// An operator has its pool.
    Pool(Address, OperatorId),
    /// Whose a pool is from now on.
    PoolOwner(Address, Address),
    /// Somebody was given shares of a pool.
    Holder(Address, Address),
    /// Somebody asked a pool for something back, in an epoch.
    Asked(Address, Address, Epoch),
}

/// All of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Money {
    /// A payer is billed once for an epoch.
    bills: BTreeMap<(Address, Epoch), BilledOverage>,
    pools: BTreeMap<Address, OperatorId>,
    pool_owners: BTreeMap<OperatorId, Address>,
    holders: BTreeSet<(Address, OperatorId)>,
    asked: BTreeSet<(OperatorId, Address, Epoch)>,
}

impl Money {
    /// Who runs operators by their pools.
    pub(super) fn pool_owners(&self) -> impl Iterator<Item = (&OperatorId, &Address)> {
        self.pool_owners.iter()
    }

    pub(super) fn apply(&mut self, fact: MoneyFact) {
        match fact {
            MoneyFact::Billed(bill) => {
                self.bills.insert((bill.payer, bill.epoch), bill);
            }
            MoneyFact::Pool(pool, operator) => {
                self.pools.insert(pool, operator);
            }
            MoneyFact::PoolOwner(pool, owner) => {
                self.pool_owners.extend(self.pools.get(&pool).map(|operator| (*operator, owner)));
            }
            MoneyFact::Holder(pool, account) => {
                self.holders.extend(self.pools.get(&pool).map(|operator| (account, *operator)));
            }
            MoneyFact::Asked(pool, account, epoch) => {
                let asked = self.pools.get(&pool).map(|operator| (*operator, account, epoch));
                self.asked.extend(asked);
            }
        }
    }
}

impl ChainView {
    /// At most `limit` bills of a payer, the newest epoch first, those before `before`.
    pub fn overages_of(
        &self,
        payer: Address,
        before: Option<Epoch>,
        limit: usize,
    ) -> Vec<BilledOverage> {
        let facts = self.read();
        let bills = facts.money.bills.range(epochs_before(before, |e| (payer, e)));
        bills.rev().take(limit).map(|(_, bill)| *bill).collect()
    }

    /// Whether an operator's pool of delegators is here.
    pub fn is_delegation_pool(&self, address: Address) -> bool {
        self.read().money.pools.contains_key(&address)
    }

    /// Who runs an operator by its pool of delegators, if it has one.
    pub fn pool_owner_of(&self, operator: OperatorId) -> Option<Address> {
        self.read().money.pool_owners.get(&operator).copied()
    }

    /// Where pools of delegators are.
    pub(crate) fn delegation_pools(&self) -> BTreeSet<Address> {
        self.read().money.pools.keys().copied().collect()
    }

    /// At most `limit` operators after the one named of whose pools `account` has, or had, shares.
    pub fn delegated_by(
        &self,
        account: Address,
        after: Option<OperatorId>,
        limit: usize,
    ) -> Vec<OperatorId> {
        let facts = self.read();
        let held = facts.money.holders.range(pairs_after(account, after, OperatorId(u32::MAX)));
        held.take(limit).map(|(_, operator)| *operator).collect()
    }

    /// At most `limit` epochs before the one named in which `account` asked an operator's pool for something back, the newest first.
    pub fn delegation_requests_of(
        &self,
        operator: OperatorId,
        account: Address,
        before: Option<Epoch>,
        limit: usize,
    ) -> Vec<Epoch> {
        let facts = self.read();
        let asked = facts.money.asked.range(epochs_before(before, |e| (operator, account, e)));
        asked.rev().take(limit).map(|(_, _, epoch)| *epoch).collect()
    }

    /// At most `limit` operators after the one named with whom a payer has an open channel.
    pub fn channels_of_payer(
        &self,
        payer: Address,
        after: Option<OperatorId>,
        limit: usize,
    ) -> Vec<OperatorId> {
        let facts = self.read();
        let open = facts.channels.by_payer(pairs_after(payer, after, OperatorId(u32::MAX)));
        open.take(limit).collect()
    }

    /// At most `limit` payers after the one named who have an open channel with an operator.
    pub fn channels_of_operator(
        &self,
        operator: OperatorId,
        after: Option<Address>,
        limit: usize,
    ) -> Vec<Address> {
        let facts = self.read();
        let open =
            facts.channels.by_operator(pairs_after(operator, after, Address::repeat_byte(0xff)));
        open.take(limit).collect()
    }
}

/// What was noted by epoch, of all epochs before one: `at` puts an epoch where it is noted.
pub(super) fn epochs_before<T>(before: Option<Epoch>, at: impl Fn(Epoch) -> T) -> Within<T> {
    let end = match before {
        Some(before) => Bound::Excluded(at(before)),
        None => Bound::Included(at(Epoch(u64::MAX))),
    };
    (Bound::Included(at(Epoch(0))), end)
}

/// The pairs that begin with `first`, behind `after`; `last` is the largest there is.
pub(super) fn pairs_after<A: Copy, B: Copy + Default>(
    first: A,
    after: Option<B>,
    last: B,
) -> Within<(A, B)> {
    let begin = match after {
        Some(after) => Bound::Excluded((first, after)),
        None => Bound::Included((first, B::default())),
    };
    (begin, Bound::Included((first, last)))
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{B256, EpochSchedule, U256};

    use super::*;
    use crate::channel_view::ChannelFact;
    use crate::view::Fact;

    const ONE: Address = Address::repeat_byte(1);
    const TWO: Address = Address::repeat_byte(2);
    const POOL: Address = Address::repeat_byte(9);

    fn view(facts: impl IntoIterator<Item = Fact>) -> ChainView {
        let view = ChainView::new(EpochSchedule { genesis_s: 0, length_s: 10 });
        view.apply(facts, 1);
        view
    }

    #[test]
    fn bills_come_newest_first_in_pages_and_are_nobody_elses() {
        let bill = |payer, epoch: u64| {
            let (bill_wei, charged_wei) = (U256::from(epoch), U256::ZERO);
            let bill =
                BilledOverage { payer, epoch: Epoch(epoch), prover: TWO, bill_wei, charged_wei };
            Fact::Money(MoneyFact::Billed(bill))
        };
        let view = view([bill(ONE, 3), bill(TWO, 4), bill(ONE, 0), bill(ONE, 8), bill(ONE, 8)]);
        let epochs = |before: Option<u64>, limit| -> Vec<u64> {
            let found = view.overages_of(ONE, before.map(Epoch), limit);
            found.iter().map(|bill| bill.epoch.0).collect()
        };
        assert_eq!(epochs(None, 9), [8, 3, 0]);
        assert_eq!(epochs(None, 2), [8, 3]);
        assert_eq!(epochs(Some(3), 2), [0]);
        assert_eq!(epochs(Some(0), 2), [0; 0]);
    }

    #[test]
    fn what_a_stranger_says_of_a_pool_that_is_none_is_not_kept() {
        let (operator, held) = (OperatorId(5), |pool| Fact::Money(MoneyFact::Holder(pool, ONE)));
        let asked = |pool, epoch| Fact::Money(MoneyFact::Asked(pool, ONE, Epoch(epoch)));
        let view = view([held(POOL), asked(POOL, 1)]);
        assert!(view.delegated_by(ONE, None, 9).is_empty());
        view.apply([Fact::Money(MoneyFact::Pool(POOL, operator)), held(POOL)], 2);
        view.apply([held(TWO), asked(TWO, 2), asked(POOL, 3), asked(POOL, 7)], 3);
        assert!(view.is_delegation_pool(POOL) && !view.is_delegation_pool(TWO));
        assert_eq!(view.delegated_by(ONE, None, 9), [operator]);
        assert!(view.delegated_by(ONE, Some(operator), 9).is_empty());
        assert!(view.delegated_by(TWO, None, 9).is_empty());
        let requests = |before| view.delegation_requests_of(operator, ONE, before, 9);
        assert_eq!(requests(None), [Epoch(7), Epoch(3)]);
        assert_eq!(requests(Some(Epoch(7))), [Epoch(3)]);
    }

    #[test]
    fn who_runs_an_operator_by_its_pool_is_told_of_it_as_of_its_own() {
        let owner = |pool, owner| Fact::Money(MoneyFact::PoolOwner(pool, owner));
        let owned = [Fact::Owner(OperatorId(2), ONE), Fact::Owner(OperatorId(7), ONE)];
        let view = view(owned.into_iter().chain([owner(POOL, ONE)]));
        assert_eq!(view.pool_owner_of(OperatorId(2)), None, "that was no pool's word");
        let pooled = Fact::Money(MoneyFact::Pool(POOL, OperatorId(2)));
        view.apply([Fact::Owner(OperatorId(2), POOL), pooled, owner(POOL, ONE)], 2);
        assert_eq!(view.run_by(ONE), [2, 7].map(OperatorId));
        assert_eq!(view.pool_owner_of(OperatorId(2)), Some(ONE));
        view.apply([owner(POOL, TWO)], 3);
        assert_eq!(
            (view.run_by(ONE), view.run_by(TWO)),
            (vec![OperatorId(7)], vec![OperatorId(2)])
        );
    }

    #[test]
    fn open_channels_are_listed_by_either_side_and_closed_ones_are_not() {
        let opened = |id: u8, payer, operator| {
            let fact = ChannelFact::Opened(payer, OperatorId(operator), 7);
            Fact::Channel(B256::repeat_byte(id), fact)
        };
        let facts = [opened(1, ONE, 4), opened(2, ONE, 2), opened(3, TWO, 4), opened(4, ONE, 0)];
        let view = view(facts);
        let of_one = |after| view.channels_of_payer(ONE, after, 9);
        assert_eq!(of_one(None), [0, 2, 4].map(OperatorId));
        assert_eq!(of_one(Some(OperatorId(2))), [OperatorId(4)]);
        assert_eq!(view.channels_of_payer(ONE, None, 2).len(), 2);
        assert_eq!(view.channels_of_operator(OperatorId(4), None, 9), [ONE, TWO]);
        assert_eq!(view.channels_of_operator(OperatorId(4), Some(ONE), 9), [TWO]);
        view.apply([Fact::Channel(B256::repeat_byte(1), ChannelFact::Closed)], 2);
        assert_eq!(of_one(None), [0, 2].map(OperatorId));
        assert_eq!(view.channels_of_operator(OperatorId(4), None, 9), [TWO]);
    }
}
