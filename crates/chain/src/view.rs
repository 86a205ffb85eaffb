//! The chain as the receipt rules see it: operators, nodes, quotas and session keys, folded from events.
//!
//! Invariant: pure and cheap to ask; it changes only by [`ChainView::apply`] with events in chain order, so two
//! followers at the same block answer alike.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tatum_primitives::{Address, B256, Epoch, EpochSchedule, NodeId, OperatorId, U256};
use tatum_protocol::web::{SessionKeyState, SessionKeySummary, Unbonding};
use tatum_receipt::checks::{ChainFacts, OpenChannel, PaidEpoch};

use crate::channel_view::{ChannelFact, Channels};

mod money;
mod prices;
mod profiles;
mod sponsors;

use money::Money;
pub(crate) use money::MoneyFact;
pub use prices::PaidLast;
pub(crate) use profiles::ProfileFact;
use profiles::Profiles;
pub(crate) use sponsors::SponsorFact;
use sponsors::Sponsors;

/// What happened on chain, reduced to what the rules need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fact {
    /// An operator registered; the first epoch it can work in.
    Operator(OperatorId, Epoch),
    /// An operator asked to leave: first epoch it no longer works.
    Exit(OperatorId, Epoch),
    /// An operator named a node as its own, from an epoch on.
    NodeAdded(OperatorId, NodeId, Epoch),
    /// It is no longer the operator's; the last epoch in which it was.
    NodeRemoved(OperatorId, NodeId, Epoch),
    /// Somebody has or had a stake.
    Payer(Address),
    /// A session key may sign from an epoch on.
    Authorized(Address, Address, Epoch),
    /// A session key's last epoch.
    Revoked(Address, Address, Epoch),
    /// What a payer may have carried in an epoch.
    Quota(Address, Epoch, u64),
    /// What a payer paid in an epoch that is closed.
    Paid(Address, PaidEpoch),
    /// Whose an operator is from now on.
    Owner(OperatorId, Address),
    /// A payer asked for some of its stake back: how much, and the first epoch in which it can be withdrawn.
    Leaving(Address, U256, Epoch),
    /// Something happened to a payment channel.
    Channel(B256, ChannelFact),
    /// Something happened to money that no rule asks for.
    Money(MoneyFact),
    /// An operator's owner said something.
    Profile(ProfileFact),
    /// Something happened to a sponsors' vault.
    Sponsors(SponsorFact),
}

/// Epochs in which an operator named a node as its own.
#[derive(Clone, Copy, Debug)]
struct Claim {
    operator: OperatorId,
    from: Epoch,
    last_epoch: Option<Epoch>,
}

impl Claim {
    fn covers(&self, epoch: Epoch) -> bool {
        self.from <= epoch && self.last_epoch.is_none_or(|last| epoch <= last)
    }
}

#[derive(Clone, Copy, Debug)]
struct KeyOf {
    from: Epoch,
    last_epoch: Option<Epoch>,
}

impl KeyOf {
    fn covers(&self, epoch: Epoch) -> bool {
        self.from <= epoch && self.last_epoch.is_none_or(|last| epoch <= last)
    }
}

#[derive(Clone, Copy, Debug)]
struct Tenure {
    first: Epoch,
    exit: Option<Epoch>,
}

/// All that was folded from events, and the quotas that were read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    operators: HashMap<OperatorId, Tenure>,
    owners: BTreeMap<OperatorId, Address>,
    /// Oldest first; what could be withdrawn in an epoch that is over is forgotten.
    leaving: HashMap<Address, Vec<(U256, Epoch)>>,
    /// In chain order.
    claims: HashMap<NodeId, Vec<Claim>>,
    payers: BTreeSet<Address>,
    session_keys: HashMap<(Address, Address), KeyOf>,
    quotas: HashMap<(Address, Epoch), u64>,
    paid: BTreeMap<Epoch, BTreeMap<Address, PaidEpoch>>,
    channels: Channels,
    money: Money,
    profiles: Profiles,
    sponsors: Sponsors,
    block: u64,
}

/// A shared, always current view of the chain. Clones see the same facts.
#[derive(Clone, Debug)]
pub struct ChainView {
    schedule: EpochSchedule,
    facts: Arc<RwLock<Facts>>,
}

impl ChainView {
    pub(crate) fn new(schedule: EpochSchedule) -> Self {
        Self { schedule, facts: Arc::default() }
    }

    /// When epochs begin and end.
    pub fn schedule(&self) -> EpochSchedule {
        self.schedule
    }

    /// The block the view has been followed to.
    pub fn block(&self) -> u64 {
        self.read().block
    }

    /// The operator that `node` works for now: of several that name it, the first.
    pub fn operator_of(&self, node: NodeId) -> Option<OperatorId> {
        let facts = self.read();
        let open = facts.claims_of(node).find(|claim| claim.last_epoch.is_none());
        open.map(|claim| claim.operator)
    }

    /// Which nodes were whose at any time of an epoch, in order.
    pub fn nodes_in(&self, epoch: Epoch) -> Vec<(NodeId, OperatorId)> {
        let facts = self.read();
        let named = facts.claims.iter().flat_map(|(node, claims)| {
            let covering = claims.iter().filter(|claim| claim.covers(epoch));
            covering.map(|claim| (*node, claim.operator))
        });
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// (payer, key): the session key may sign receipts of an epoch for the payer; in order.
    pub fn session_keys_in(&self, epoch: Epoch) -> Vec<(Address, Address)> {
        let facts = self.read();
        let valid = facts.session_keys.iter().filter(|(_, key)| key.covers(epoch));
        valid.map(|(pair, _)| *pair).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The nodes that an operator names as its own for now, in order.
    pub fn nodes_of(&self, operator: OperatorId) -> Vec<NodeId> {
        let facts = self.read();
        let ours = |claims: &Vec<Claim>| {
            claims.iter().any(|claim| claim.operator == operator && claim.last_epoch.is_none())
        };
        let named = facts.claims.iter().filter(|(_, claims)| ours(claims)).map(|(node, _)| *node);
        named.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The operators that `account` owns or runs by their pools of delegators, those too that have left.
    pub fn run_by(&self, account: Address) -> Vec<OperatorId> {
        let facts = self.read();
        let owned = facts.owners.iter().chain(facts.money.pool_owners());
        let owned = owned.filter(|(_, owner)| **owner == account).map(|(id, _)| *id);
        owned.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether there is such an operator.
    pub fn has_operator(&self, id: OperatorId) -> bool {
        self.read().owners.contains_key(&id)
    }

    /// How many operators have registered.
    pub fn operator_total(&self) -> u32 {
        u32::try_from(self.read().owners.len()).unwrap_or(u32::MAX)
    }

    /// At most `limit` operators after the one named, by id.
    pub fn operators_after(&self, after: Option<OperatorId>, limit: usize) -> Vec<OperatorId> {
        let facts = self.read();
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        facts.owners.range((from, Bound::Unbounded)).take(limit).map(|(id, _)| *id).collect()
    }

    /// The keys that sign for `payer`, or did, in order.
    pub fn session_keys_of(&self, payer: Address) -> Vec<SessionKeySummary> {
        let facts = self.read();
        let known = facts.session_keys.iter().filter(|((of, _), _)| *of == payer);
        let mut keys: Vec<_> = known
            .map(|((_, key), of)| SessionKeySummary {
                key: *key,
                state: match of.last_epoch {
                    Some(_) => SessionKeyState::Revoked,
                    None => SessionKeyState::Active,
                },
                from_epoch: of.from,
                last_epoch: of.last_epoch,
            })
            .collect();
        keys.sort_unstable_by_key(|summary| summary.key);
        keys
    }

    /// What `payer` asked to take out of its stake and could not withdraw in the epoch before the running one.
    pub fn leaving_of(&self, payer: Address) -> Vec<Unbonding> {
        let facts = self.read();
        let requests = facts.leaving.get(&payer).into_iter().flatten();
        let unbonding = requests.map(|(amount_wei, from)| Unbonding {
            amount_wei: *amount_wei,
            withdrawable_epoch: *from,
            withdrawable_at_s: self.schedule.start_ms(*from) / 1_000,
        });
        unbonding.collect()
    }

    /// Everybody who ever had a stake.
    pub fn payers(&self) -> Vec<Address> {
        self.read().payers.iter().copied().collect()
    }

    /// Payers whose quota of `epoch` is not known yet.
    pub(crate) fn payers_without_quota(&self, epoch: Epoch) -> Vec<Address> {
        let facts = self.read();
        let unknown = |payer: &&Address| !facts.quotas.contains_key(&(**payer, epoch));
        facts.payers.iter().filter(unknown).copied().collect()
    }

    /// Payers of whom it is not known yet what they paid in `epoch`.
    pub(crate) fn payers_without_fee(&self, epoch: Epoch) -> Vec<Address> {
        let facts = self.read();
        let known = facts.paid.get(&epoch);
        let unknown = |payer: &&Address| known.is_none_or(|known| !known.contains_key(*payer));
        facts.payers.iter().filter(unknown).copied().collect()
    }

    /// A quota that was read, nothing included.
    pub(crate) fn read_quota(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        self.read().quotas.get(&(payer, epoch)).copied()
    }

    pub(crate) fn apply(&self, new: impl IntoIterator<Item = Fact>, block: u64) {
        let mut facts = self.write();
        for fact in new {
            facts.apply(fact);
        }
        facts.block = facts.block.max(block);
    }

    /// The facts as they are now.
    pub(crate) fn facts(&self) -> Facts {
        self.read().clone()
    }

    /// Puts `base` and what came after it in the place of everything, at once. Quotas and fees are read again: they too may have
    /// been of a branch that was left.
    pub(crate) fn replace(&self, mut base: Facts, new: impl IntoIterator<Item = Fact>, block: u64) {
        base.quotas.clear();
        base.paid.clear();
        for fact in new {
            base.apply(fact);
        }
        base.block = block;
        *self.write() = base;
    }

    /// Forgets quotas of epochs before `epoch`, fees of those before the one before it, and what could be withdrawn by then.
    pub(crate) fn forget_before(&self, epoch: Epoch) {
        let mut facts = self.write();
        facts.quotas.retain(|(_, of), _| *of >= epoch);
        facts.paid.retain(|of, _| of.next() >= epoch);
        facts.leaving.retain(|_, requests| {
            requests.retain(|(_, from)| *from >= epoch);
            !requests.is_empty()
        });
    }

    fn read(&self) -> RwLockReadGuard<'_, Facts> {
        self.facts.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Facts> {
        self.facts.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Facts {
    fn claims_of(&self, node: NodeId) -> impl Iterator<Item = &Claim> {
        self.claims.get(&node).into_iter().flatten()
    }

    fn apply(&mut self, fact: Fact) {
        match fact {
            Fact::Operator(id, first) => {
                self.operators.entry(id).or_insert(Tenure { first, exit: None });
            }
            Fact::Exit(id, epoch) => {
                if let Some(tenure) = self.operators.get_mut(&id) {
                    tenure.exit = Some(epoch);
                }
            }
            Fact::NodeAdded(operator, node, from) => {
                let claim = Claim { operator, from, last_epoch: None };
                self.claims.entry(node).or_default().push(claim);
            }
            Fact::NodeRemoved(operator, node, last) => {
                let mut claims = self.claims.get_mut(&node).into_iter().flatten().rev();
                if let Some(claim) = claims.find(|claim| claim.operator == operator) {
                    claim.last_epoch = Some(last);
                }
            }
            Fact::Payer(payer) => {
                self.payers.insert(payer);
            }
            Fact::Authorized(payer, key, from) => {
                self.session_keys.insert((payer, key), KeyOf { from, last_epoch: None });
            }
            Fact::Revoked(payer, key, last) => {
                if let Some(key) = self.session_keys.get_mut(&(payer, key)) {
                    key.last_epoch = Some(last);
                }
            }
            Fact::Quota(payer, epoch, bytes) => {
                self.quotas.insert((payer, epoch), bytes);
            }
            Fact::Paid(payer, paid) => {
                self.paid.entry(paid.epoch).or_default().insert(payer, paid);
            }
            Fact::Owner(id, owner) => {
                self.owners.insert(id, owner);
            }
            Fact::Leaving(payer, amount_wei, from) => {
                self.leaving.entry(payer).or_default().push((amount_wei, from));
            }
            Fact::Channel(id, fact) => self.channels.apply(id, fact),
            Fact::Money(fact) => self.money.apply(fact),
            Fact::Profile(fact) => self.profiles.apply(fact),
            Fact::Sponsors(fact) => self.sponsors.apply(fact),
        }
    }
}

impl ChainFacts for ChainView {
    fn block(&self) -> Option<u64> {
        Some(self.read().block)
    }

    fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId> {
        let facts = self.read();
        facts.claims_of(node).find(|claim| claim.covers(epoch)).map(|claim| claim.operator)
    }

    fn is_node_of(&self, operator: OperatorId, node: NodeId, epoch: Epoch) -> bool {
        let facts = self.read();
        facts.claims_of(node).any(|claim| claim.operator == operator && claim.covers(epoch))
    }

    fn is_bonded(&self, operator: OperatorId, epoch: Epoch) -> bool {
        let works =
            |tenure: &Tenure| tenure.first <= epoch && tenure.exit.is_none_or(|exit| epoch < exit);
        self.read().operators.get(&operator).is_some_and(works)
    }

    fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        self.read().quotas.get(&(payer, epoch)).copied().filter(|bytes| *bytes > 0)
    }

    fn knows_quota(&self, payer: Address, epoch: Epoch) -> bool {
        let facts = self.read();
        facts.quotas.contains_key(&(payer, epoch)) || !facts.payers.contains(&payer)
    }

    fn open_channel(&self, payer: Address, operator: OperatorId) -> Option<OpenChannel> {
        self.read().channels.open(payer, operator)
    }

    fn paid_before(&self, payer: Address, epoch: Epoch) -> Option<PaidEpoch> {
        let facts = self.read();
        let last = epoch.previous()?;
        let known = |of| facts.paid.get(&of)?.get(&payer).copied();
        known(last).or_else(|| known(last.previous()?))
    }

    fn is_session_key(&self, payer: Address, key: Address, epoch: Epoch) -> bool {
        let facts = self.read();
        facts.session_keys.get(&(payer, key)).is_some_and(|key| key.covers(epoch))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::{B256, Bps, Nano};

    const PAYER: Address = Address::repeat_byte(1);
    const KEY: Address = Address::repeat_byte(2);
    const NODE: NodeId = NodeId(B256::repeat_byte(3));

    fn view() -> ChainView {
        ChainView::new(EpochSchedule { genesis_s: 0, length_s: 10 })
    }

    #[test]
    fn a_removed_node_is_paid_for_the_epoch_it_left_in() {
        let view = view();
        let one = OperatorId(1);
        view.apply([Fact::Operator(one, Epoch(1)), Fact::NodeAdded(one, NODE, Epoch(2))], 1);
        view.apply([Fact::NodeRemoved(one, NODE, Epoch(4))], 2);
        assert_eq!(view.operator_of_node(NODE, Epoch(1)), None);
        assert_eq!(view.operator_of_node(NODE, Epoch(4)), Some(one));
        assert_eq!(view.operator_of_node(NODE, Epoch(5)), None);
        assert_eq!(view.operator_of(NODE), None);
        assert_eq!(view.block(), 2);
    }

    #[test]
    fn a_node_that_comes_back_was_away_in_between() {
        let (view, one) = (view(), OperatorId(1));
        let facts = [
            Fact::NodeAdded(one, NODE, Epoch(2)),
            Fact::NodeRemoved(one, NODE, Epoch(4)),
            Fact::NodeAdded(one, NODE, Epoch(9)),
        ];
        view.apply(facts, 1);
        let epochs = [(1, false), (2, true), (4, true), (5, false), (8, false), (9, true)];
        for (epoch, was) in epochs {
            assert_eq!(view.is_node_of(one, NODE, Epoch(epoch)), was, "epoch {epoch}");
            assert_eq!(view.nodes_in(Epoch(epoch)) == [(NODE, one)], was, "epoch {epoch}");
        }
    }

    #[test]
    fn who_names_a_node_that_is_somebody_elses_takes_nothing_from_it() {
        let (view, one, squatter) = (view(), OperatorId(1), OperatorId(2));
        let named = |operator| Fact::NodeAdded(operator, NODE, Epoch(2));
        view.apply([named(one), named(squatter)], 1);
        assert_eq!(view.operator_of_node(NODE, Epoch(3)), Some(one));
        assert_eq!(view.operator_of(NODE), Some(one));
        assert!(view.is_node_of(one, NODE, Epoch(3)) && view.is_node_of(squatter, NODE, Epoch(3)));
        view.apply([Fact::NodeRemoved(squatter, NODE, Epoch(3))], 2);
        assert!(view.is_node_of(one, NODE, Epoch(4)) && !view.is_node_of(squatter, NODE, Epoch(4)));
        view.apply([named(squatter), Fact::NodeRemoved(one, NODE, Epoch(5))], 3);
        assert_eq!(view.operator_of_node(NODE, Epoch(5)), Some(one));
        assert_eq!(view.operator_of_node(NODE, Epoch(6)), Some(squatter));
    }

    #[test]
    fn a_session_key_signs_between_its_first_and_last_epoch() {
        let view = view();
        view.apply([Fact::Authorized(PAYER, KEY, Epoch(2))], 1);
        assert!(!view.is_authorized(PAYER, KEY, Epoch(1)));
        assert!(view.is_authorized(PAYER, KEY, Epoch(9)));
        view.apply([Fact::Revoked(PAYER, KEY, Epoch(5))], 2);
        assert!(view.is_authorized(PAYER, KEY, Epoch(5)));
        assert!(!view.is_authorized(PAYER, KEY, Epoch(6)));
        let known = [(1, 0), (2, 1), (5, 1), (6, 0)];
        assert_eq!(known.map(|(at, _)| view.session_keys_in(Epoch(at)).len()), known.map(|k| k.1));
        assert!(!view.is_authorized(KEY, PAYER, Epoch(5)));
        assert!(view.is_authorized(PAYER, PAYER, Epoch(0)));
    }

    #[test]
    fn an_operator_is_bonded_from_its_first_epoch_until_it_leaves() {
        let view = view();
        let registered = Fact::Operator(OperatorId(0), Epoch(1));
        view.apply([registered, Fact::Exit(OperatorId(0), Epoch(3))], 1);
        assert!(!view.is_bonded(OperatorId(0), Epoch(0)));
        assert!(view.is_bonded(OperatorId(0), Epoch(2)));
        assert!(!view.is_bonded(OperatorId(0), Epoch(3)));
        assert!(!view.is_bonded(OperatorId(1), Epoch(0)));
    }

    #[test]
    fn no_quota_is_no_stake() {
        let view = view();
        view.apply([Fact::Payer(PAYER)], 1);
        assert_eq!(view.payers_without_quota(Epoch(1)), vec![PAYER]);
        assert!(!view.knows_quota(PAYER, Epoch(1)), "it was not read yet");
        assert!(view.knows_quota(KEY, Epoch(1)), "who never had a stake has no quota");
        view.apply([Fact::Quota(PAYER, Epoch(1), 0), Fact::Quota(PAYER, Epoch(2), 7)], 1);
        assert_eq!(view.quota_bytes(PAYER, Epoch(1)), None);
        assert_eq!(view.quota_bytes(PAYER, Epoch(2)), Some(7));
        assert!(view.payers_without_quota(Epoch(1)).is_empty());
        assert!(view.knows_quota(PAYER, Epoch(1)));
    }

    #[test]
    fn what_was_paid_last_is_of_the_last_closed_epoch_or_the_one_before() {
        let view = view();
        let paid = |epoch, fee| PaidEpoch {
            epoch: Epoch(epoch),
            fee_nano: Nano(fee),
            quota_bytes: 7,
            pool_bps: Bps::ONE,
        };
        view.apply([Fact::Payer(PAYER), Fact::Paid(PAYER, paid(3, 30))], 1);
        assert_eq!(view.payers_without_fee(Epoch(4)), vec![PAYER]);
        assert_eq!(view.paid_before(PAYER, Epoch(3)), None, "it is not over");
        assert_eq!(view.paid_before(PAYER, Epoch(4)), Some(paid(3, 30)));
        assert_eq!(view.paid_before(PAYER, Epoch(5)), Some(paid(3, 30)), "4 is not closed");
        assert_eq!(view.paid_before(PAYER, Epoch(6)), None, "too long ago");
        view.apply([Fact::Paid(PAYER, paid(4, 40))], 1);
        assert_eq!(view.paid_before(PAYER, Epoch(5)), Some(paid(4, 40)));
        assert!(view.payers_without_fee(Epoch(4)).is_empty());
        view.forget_before(Epoch(5));
        assert_eq!(view.paid_before(PAYER, Epoch(4)), None);
        assert_eq!(view.paid_before(PAYER, Epoch(5)), Some(paid(4, 40)));
    }
}
