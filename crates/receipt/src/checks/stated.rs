//! Chain facts that are stated rather than followed: for tests and benchmarks.
//!
//! Invariant: what was not stated is not so. Facts do not depend on the epoch, but that they may end with one.

use std::collections::{HashMap, HashSet};

use tatum_primitives::{Address, Epoch, NodeId, OperatorId};

use super::{ChainFacts, OpenChannel, PaidEpoch};

/// A chain as somebody states it.
#[derive(Clone, Debug, Default)]
pub struct StatedFacts {
    operators: HashSet<OperatorId>,
    nodes: HashMap<NodeId, OperatorId>,
    quotas: HashMap<Address, u64>,
    quota_of_others: Option<u64>,
    unread: HashSet<Address>,
    keys: HashSet<(Address, Address)>,
    channels: HashMap<(Address, OperatorId), OpenChannel>,
    paid: HashMap<Address, PaidEpoch>,
    last: Option<Epoch>,
}

impl StatedFacts {
    /// An operator, bonded.
    #[must_use]
    pub fn operator(mut self, operator: OperatorId) -> Self {
        self.operators.insert(operator);
        self
    }

    /// A node of an operator, which is bonded.
    #[must_use]
    pub fn node(mut self, node: NodeId, operator: OperatorId) -> Self {
        self.nodes.insert(node, operator);
        self.operator(operator)
    }

    /// What a payer's stake allows; nothing, if it does not count.
    #[must_use]
    pub fn quota(mut self, payer: Address, bytes: u64) -> Self {
        self.quotas.insert(payer, bytes);
        self
    }

    /// What the stake of every other payer allows.
    #[must_use]
    pub const fn quota_of_others(mut self, bytes: u64) -> Self {
        self.quota_of_others = Some(bytes);
        self
    }

    /// A payer whose quota was not read yet.
    #[must_use]
    pub fn unread_quota(mut self, payer: Address) -> Self {
        self.unread.insert(payer);
        self
    }

    /// A session key of a payer.
    #[must_use]
    pub fn session_key(mut self, payer: Address, key: Address) -> Self {
        self.keys.insert((payer, key));
        self
    }

    /// A channel that a payer has open with an operator.
    #[must_use]
    pub fn channel(mut self, payer: Address, operator: OperatorId, open: OpenChannel) -> Self {
        self.channels.insert((payer, operator), open);
        self
    }

    /// What a payer paid in an epoch: the last one before each that comes after it.
    #[must_use]
    pub fn paid(mut self, payer: Address, paid: PaidEpoch) -> Self {
        self.paid.insert(payer, paid);
        self
    }

    /// Everything holds up to this epoch, and nothing after it.
    #[must_use]
    pub const fn until(mut self, last: Epoch) -> Self {
        self.last = Some(last);
        self
    }

    fn hold(&self, epoch: Epoch) -> bool {
        self.last.is_none_or(|last| epoch <= last)
    }
}

impl ChainFacts for StatedFacts {
    fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId> {
        self.nodes.get(&node).copied().filter(|_| self.hold(epoch))
    }

    fn is_bonded(&self, operator: OperatorId, epoch: Epoch) -> bool {
        self.operators.contains(&operator) && self.hold(epoch)
    }

    fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        let bytes = self.quotas.get(&payer).copied().or(self.quota_of_others);
        bytes.filter(|bytes| *bytes > 0 && self.hold(epoch))
    }

    fn knows_quota(&self, payer: Address, _: Epoch) -> bool {
        !self.unread.contains(&payer)
    }

    fn open_channel(&self, payer: Address, operator: OperatorId) -> Option<OpenChannel> {
        self.channels.get(&(payer, operator)).copied()
    }

    fn paid_before(&self, payer: Address, epoch: Epoch) -> Option<PaidEpoch> {
        self.paid.get(&payer).copied().filter(|paid| paid.epoch < epoch)
    }

    fn is_session_key(&self, payer: Address, key: Address, epoch: Epoch) -> bool {
        self.keys.contains(&(payer, key)) && self.hold(epoch)
    }
}
