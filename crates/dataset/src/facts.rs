//! What a dataset's own tables say of the chain, for the rules of receipts.
//!
//! Invariant: whoever writes and whoever verifies a dataset judges its receipts by the same facts. What the tables do not
//! say (whose a node is, which keys may sign) is taken as claimed, and left to the caller.

use std::collections::HashMap;

use alloy_primitives::{Address, U256};
use tatum_primitives::{Epoch, Nano, NodeId, OperatorId};
use tatum_receipt::checks::{self, ChainFacts, EpochWindow};
use tatum_receipt::{DeliveryReceipt, Rejection, SignedReceipt, Signers};

use crate::{Operator, Parameters, Payer};

/// The rules every receipt of a dataset must pass.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    epoch: Epoch,
    operators: usize,
    /// Of payers whose stake counts.
    quotas: HashMap<Address, u64>,
}

impl Rules {
    pub(crate) fn new(parameters: &Parameters, payers: &[Payer], operators: &[Operator]) -> Self {
        Self {
            epoch: parameters.epoch,
            operators: operators.len(),
            quotas: payers.iter().filter_map(quota).collect(),
        }
    }

    /// Passes receipts through every rule and gives the signer of each.
    pub(crate) fn signers(
        &self,
        receipts: &[&SignedReceipt],
        signers: &Signers,
    ) -> Vec<Result<Address, Rejection>> {
        let checked = checks::check_all(receipts, signers, EpochWindow::only(self.epoch), self);
        checked.into_iter().map(|checked| checked.map(|checked| checked.signer())).collect()
    }

    /// Passes a receipt whose signature was checked before through the other rules.
    pub(crate) fn stated(&self, receipt: &DeliveryReceipt) -> Result<(), Rejection> {
        checks::check_stated(receipt, EpochWindow::only(self.epoch), self)
    }
}

/// The payer's quota, if its stake counts; one beyond 64 bits allows as much as one of them.
fn quota(payer: &Payer) -> Option<(Address, u64)> {
    let pays = payer.fee_wei >= Nano(1).to_wei();
    let bytes = payer.quota_bytes.min(U256::from(u64::MAX)).try_into().unwrap_or(u64::MAX);
    (pays && bytes > 0).then_some((payer.payer, bytes))
}

impl ChainFacts for Rules {
    /// The tables name nobody's nodes.
    fn operator_of_node(&self, _: NodeId, _: Epoch) -> Option<OperatorId> {
        None
    }

    fn is_node_of(&self, _: OperatorId, _: NodeId, _: Epoch) -> bool {
        true
    }

    fn is_bonded(&self, operator: OperatorId, _: Epoch) -> bool {
        usize::try_from(operator.0).is_ok_and(|id| id < self.operators)
    }

    fn quota_bytes(&self, payer: Address, _: Epoch) -> Option<u64> {
        self.quotas.get(&payer).copied()
    }

    fn is_session_key(&self, _: Address, _: Address, _: Epoch) -> bool {
        true
    }
}
