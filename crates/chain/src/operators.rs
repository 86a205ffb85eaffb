//! What operators do: register, add nodes, look at their earnings, claim.

use alloy::primitives::TxHash;
use serde::Serialize;
use tatum_primitives::{Address, B256, Epoch, Nano, NodeId, OperatorId, U256};

use crate::bindings::OperatorRegistry::OperatorRegistered;
use crate::inputs::narrow;
use crate::{Chain, ChainError, Result};

/// An operator as of now.
#[derive(Clone, Debug, Serialize)]
pub struct OperatorStatus {
    /// The operator's id.
    pub id: OperatorId,
    /// Who may act for it.
    pub owner: Address,
    /// Where its tokens go.
    pub payout: Address,
    /// Its bond.
    pub bond_wei: U256,
    /// What it declared that its nodes carry in an epoch.
    pub declared_bytes: u64,
    /// What counts of that in the running epoch.
    pub capacity_bytes: u64,
    /// What will count of it in the next.
    pub next_capacity_bytes: u64,
    /// First epoch it is no longer bonded for; `u64::MAX` while it stays.
    pub exit_epoch: u64,
    /// What it has claimed so far.
    pub claimed_nano: Nano,
    /// DATA at its payout address.
    pub payout_balance_wei: U256,
}

/// An entry of the finalized tree, ready to claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `operatorId ‖ payout ‖ cumulative nano`.
    pub entry: B256,
    /// The sibling words from the leaf up.
    pub proof: Vec<B256>,
}

impl Chain {
    /// Registers our account as an operator and posts its bond; `u64::MAX` declares all the capacity that the bond backs.
    pub async fn register_operator(
        &self,
        payout: Address,
        bond_wei: u128,
        capacity_bytes: u64,
        metadata: String,
    ) -> Result<OperatorId> {
        self.approve(self.deployment().operator_registry, U256::from(bond_wei)).await?;
        let call = self.registry.register(payout, bond_wei, capacity_bytes, metadata);
        let receipt = self.send("registering the operator", call).await?;
        let event = receipt.decoded_log::<OperatorRegistered>().ok_or(ChainError::Reverted {
            action: "registering the operator",
            hash: receipt.transaction_hash,
        })?;
        Ok(OperatorId(event.operatorId))
    }

    /// Registers a node's key to our operator.
    pub async fn add_node(&self, operator: OperatorId, node: NodeId) -> Result<TxHash> {
        let call = self.registry.addNode(operator.0, node.0);
        self.send("adding the node", call).await.map(|r| r.transaction_hash)
    }

    /// Declares what our operator's nodes carry in an epoch; it counts from the next one on.
    pub async fn declare_capacity(
        &self,
        operator: OperatorId,
        capacity_bytes: u64,
    ) -> Result<TxHash> {
        let call = self.registry.declareCapacity(operator.0, capacity_bytes);
        self.send("declaring the capacity", call).await.map(|r| r.transaction_hash)
    }

    /// Takes a node's key off our operator.
    pub async fn remove_node(&self, operator: OperatorId, node: NodeId) -> Result<TxHash> {
        let call = self.registry.removeNode(operator.0, node.0);
        self.send("removing the node", call).await.map(|r| r.transaction_hash)
    }

    /// The least an operator must bond.
    pub async fn minimum_bond_wei(&self) -> Result<U256> {
        let call = self.registry.minimumBondWei();
        call.call().await.map_err(|e| ChainError::from_call("reading the minimum bond", e))
    }

    /// How many operators had registered before `epoch` began: their ids are below this number.
    pub async fn operator_count(&self, epoch: Epoch) -> Result<u32> {
        let call = self.registry.operatorCount(epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading the operator count", e))
    }

    /// An operator's bond, payout address and claims.
    pub async fn operator_status(&self, id: OperatorId) -> Result<OperatorStatus> {
        let read = |e| ChainError::from_call("reading the operator", e);
        let operator = self.registry.operatorAt(id.0).call().await.map_err(read)?;
        let epoch = self.pool.currentEpoch().call().await.map_err(read)?;
        Ok(OperatorStatus {
            id,
            owner: operator.owner,
            payout: operator.payout,
            bond_wei: U256::from(operator.bondWei),
            declared_bytes: operator.capacityBytes,
            capacity_bytes: self.capacity_at(id, Epoch(epoch)).await?,
            next_capacity_bytes: self.capacity_at(id, Epoch(epoch).next()).await?,
            exit_epoch: operator.exitEpoch,
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

    /// What an operator has claimed so far.
    pub async fn claimed_nano(&self, id: OperatorId) -> Result<Nano> {
        let call = self.distributor.claimedNano(id.0);
        let claimed = call.call().await;
        claimed.map(Nano).map_err(|e| ChainError::from_call("reading the claims", e))
    }

    /// Claims for one operator. Anyone may; the tokens go to the operator's payout address.
    pub async fn claim(&self, claim: Claim) -> Result<TxHash> {
        let call = self.distributor.claim(claim.entry, claim.proof);
        self.send("claiming", call).await.map(|r| r.transaction_hash)
    }
}
