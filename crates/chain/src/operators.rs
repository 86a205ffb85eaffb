//! What is known of operators: whose they are, what they bonded and declared.
//!
//! Invariant: a list of operators has every id that was given out, each once and in order, whatever became of it.

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, OperatorId, U256};
use tatum_protocol::web::OperatorStatus;

use crate::bindings::OperatorRegistry::{OperatorOwnerChanged, OperatorRegistered};
use crate::inputs::narrow;
use crate::{Chain, ChainError, Result, reads};

impl Chain {
    /// The least an operator must bond.
    pub async fn minimum_bond_wei(&self) -> Result<U256> {
        let call = self.registry.minimumBondWei();
        call.call().await.map_err(|e| ChainError::from_call("reading the minimum bond", e))
    }

    /// The operators that `account` owns and that have not asked to leave.
    pub async fn operators_of(&self, account: Address) -> Result<Vec<OperatorId>> {
        let registry = Filter::new().address(self.deployment().operator_registry);
        let events = vec![OperatorRegistered::SIGNATURE_HASH, OperatorOwnerChanged::SIGNATURE_HASH];
        // Both events have the id in the first topic and the owner in the second.
        let filter = registry.event_signature(events).topic2(account.into_word());
        let mut ids = Vec::new();
        for log in self.logs_since(&filter, self.deployment().deploy_block).await? {
            let Some(id) = log.topics().get(1) else { continue };
            ids.push(OperatorId(narrow("operator id", (*id).into())?));
        }
        ids.sort_unstable();
        ids.dedup();
        let mut owned = Vec::new();
        for id in ids {
            let read = |e| ChainError::from_call("reading the operator", e);
            let operator = self.registry.operatorAt(id.0).call().await.map_err(read)?;
            if operator.owner == account && operator.exitEpoch == u64::MAX {
                owned.push(id);
            }
        }
        Ok(owned)
    }

    /// How many operators had registered before `epoch` began: their ids are below this number.
    pub async fn operator_count(&self, epoch: Epoch) -> Result<u32> {
        let call = self.registry.operatorCount(epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading the operator count", e))
    }

    /// At most `limit` operators by id, those after `after`; also those that have left.
    pub async fn operators(
        &self,
        after: Option<OperatorId>,
        limit: u32,
    ) -> Result<Vec<OperatorStatus>> {
        let epoch = self.pool.currentEpoch().call().await;
        let epoch = epoch.map_err(|e| ChainError::from_call("reading the epoch", e))?;
        // Who registers in an epoch is there when the next one begins.
        let count = self.operator_count(Epoch(epoch).next()).await?;
        let first = after.map_or(0, |after| after.0.saturating_add(1));
        let last = first.saturating_add(limit).min(count);
        reads::each(first..last, |id| self.operator_status(OperatorId(id))).await
    }

    /// An operator's bond, payout address and claims.
    pub async fn operator_status(&self, id: OperatorId) -> Result<OperatorStatus> {
        let read = |e| ChainError::from_call("reading the operator", e);
        let operator = self.registry.operatorAt(id.0).call().await.map_err(read)?;
        let epoch = self.pool.currentEpoch().call().await.map_err(read)?;
        let answers = self.registry.answerEpochs().call().await.map_err(read)?;
        let exit_epoch = (operator.exitEpoch != u64::MAX).then_some(Epoch(operator.exitEpoch));
        Ok(OperatorStatus {
            id,
            owner: operator.owner,
            payout: operator.payout,
            bond_wei: U256::from(operator.bondWei),
            declared_bytes: operator.capacityBytes,
            capacity_bytes: self.capacity_at(id, Epoch(epoch)).await?,
            next_capacity_bytes: self.capacity_at(id, Epoch(epoch).next()).await?,
            exit_epoch,
            bond_free_from: exit_epoch.map(|exit| Epoch(exit.0.saturating_add(answers))),
            epoch: Epoch(epoch),
            claimed_nano: self.claimed_nano(id).await?,
            payout_balance_wei: self.balance_wei(operator.payout).await?,
        })
    }

    /// The capacity of an operator that counts in `epoch`, in bytes.
    pub async fn capacity_at(&self, id: OperatorId, epoch: Epoch) -> Result<u64> {
        let capacity = self.registry.capacityAt(id.0, epoch.0).call().await;
        let capacity = capacity.map_err(|e| ChainError::from_call("reading a capacity", e))?;
        narrow("capacity", capacity)
    }
}
