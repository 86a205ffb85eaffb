//! What the chain says, shared between tasks.

use std::sync::Arc;

use tatum_primitives::{Address, Epoch, NodeId, OperatorId};
use tatum_receipt::checks::{ChainFacts, OpenChannel, PaidEpoch};

/// Chain facts that can be shared between tasks; `tatum_chain::ChainView` is one.
pub trait Facts: ChainFacts + Send + Sync {}

impl<T: ChainFacts + Send + Sync> Facts for T {}

/// Shared chain facts.
#[derive(Clone)]
pub struct SharedFacts(Arc<dyn Facts>);

impl SharedFacts {
    /// Shares `facts`.
    #[must_use]
    pub fn new(facts: impl Facts + 'static) -> Self {
        Self(Arc::new(facts))
    }

    /// The operator that `node` works for.
    #[must_use]
    pub fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId> {
        self.0.operator_of_node(node, epoch)
    }

    /// As the receipt rules take them.
    pub(crate) const fn facts(&self) -> &Arc<dyn Facts> {
        &self.0
    }

    /// The block that they were followed to.
    pub(crate) fn block(&self) -> Option<u64> {
        self.0.block()
    }

    pub(crate) fn is_authorized(&self, payer: Address, key: Address, epoch: Epoch) -> bool {
        self.0.is_authorized(payer, key, epoch)
    }

    /// Whether receipts for a node are paid for in an epoch: those of a registered operator are
    /// while it is bonded. For a node without an operator nobody owes any.
    pub(crate) fn counts(&self, node: NodeId, epoch: Epoch) -> bool {
        let operator = self.0.operator_of_node(node, epoch);
        operator.is_none_or(|operator| self.0.is_bonded(operator, epoch))
    }

    pub(crate) fn open_channel(&self, payer: Address, operator: OperatorId) -> Option<OpenChannel> {
        self.0.open_channel(payer, operator)
    }

    pub(crate) fn paid_before(&self, payer: Address, epoch: Epoch) -> Option<PaidEpoch> {
        self.0.paid_before(payer, epoch)
    }

    pub(crate) fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        self.0.quota_bytes(payer, epoch)
    }

    pub(crate) fn knows_quota(&self, payer: Address, epoch: Epoch) -> bool {
        self.0.knows_quota(payer, epoch)
    }
}

impl std::fmt::Debug for SharedFacts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedFacts")
    }
}
