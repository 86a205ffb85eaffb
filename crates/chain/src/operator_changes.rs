//! What operators send: their registration, and every later change of bond, payout, capacity, nodes and owner.
//!
//! Invariant: nothing that costs money is sent before the contract is known to take it; an allowance is asked for last. Of an operator with a
//! pool of delegators, the pool's owner does what it may through the pool, by the same calls.

use alloy::primitives::TxHash;
use tatum_primitives::{Address, Data, NodeId, OperatorId, U256};

use crate::bindings::OperatorRegistry::OperatorRegistered;
use crate::{Chain, ChainError, Result};

impl Chain {
    /// Registers our account as an operator and posts its bond; `u64::MAX` declares all the capacity that the bond backs.
    pub async fn register_operator(
        &self,
        payout: Address,
        bond_wei: u128,
        capacity_bytes: u64,
        metadata: String,
    ) -> Result<OperatorId> {
        let minimum_wei = self.minimum_bond_wei().await?;
        if U256::from(bond_wei) < minimum_wei {
            let (got, least) = (Data(U256::from(bond_wei)), Data(minimum_wei));
            let reason = format!("the bond is {got}; it has to be {least}");
            return Err(ChainError::Refused { action: "registering the operator", reason });
        }
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
        let seat = self.seat_of(operator).await?;
        let call = seat.addNode(operator.0, node.0);
        self.send("adding the node", call).await.map(|r| r.transaction_hash)
    }

    /// Declares what our operator's nodes carry in an epoch; it counts from the next one on.
    pub async fn declare_capacity(
        &self,
        operator: OperatorId,
        capacity_bytes: u64,
    ) -> Result<TxHash> {
        let seat = self.seat_of(operator).await?;
        let call = seat.declareCapacity(operator.0, capacity_bytes);
        self.send("declaring the capacity", call).await.map(|r| r.transaction_hash)
    }

    /// Takes a node's key off our operator.
    pub async fn remove_node(&self, operator: OperatorId, node: NodeId) -> Result<TxHash> {
        let seat = self.seat_of(operator).await?;
        let call = seat.removeNode(operator.0, node.0);
        self.send("removing the node", call).await.map(|r| r.transaction_hash)
    }

    /// Adds to an operator's bond from our account; it counts from the next epoch on.
    pub async fn add_bond(&self, operator: OperatorId, amount_wei: u128) -> Result<TxHash> {
        if self.operator_status(operator).await?.exit_epoch.is_some() {
            let reason = format!("operator {operator} has asked to leave");
            return Err(ChainError::Refused { action: "adding to the bond", reason });
        }
        self.approve(self.deployment().operator_registry, U256::from(amount_wei)).await?;
        let call = self.registry.addBond(operator.0, amount_wei);
        self.send("adding to the bond", call).await.map(|r| r.transaction_hash)
    }

    /// Names where our operator is paid, for the running epoch and later ones.
    pub async fn set_payout(&self, operator: OperatorId, payout: Address) -> Result<TxHash> {
        let call = self.registry.setPayout(operator.0, payout);
        self.send("changing the payout address", call).await.map(|r| r.transaction_hash)
    }

    /// Gives our operator another name for people.
    pub async fn set_metadata(&self, operator: OperatorId, metadata: String) -> Result<TxHash> {
        let seat = self.seat_of(operator).await?;
        let call = seat.setMetadata(operator.0, metadata);
        self.send("changing the name", call).await.map(|r| r.transaction_hash)
    }

    /// Offers our operator to `candidate`, who has to accept.
    pub async fn offer_operator(&self, operator: OperatorId, candidate: Address) -> Result<TxHash> {
        let call = self.registry.offerOperator(operator.0, candidate);
        self.send("offering the operator", call).await.map(|r| r.transaction_hash)
    }

    /// Takes over an operator that was offered to our account.
    pub async fn accept_operator(&self, operator: OperatorId) -> Result<TxHash> {
        let call = self.registry.acceptOperator(operator.0);
        self.send("taking over the operator", call).await.map(|r| r.transaction_hash)
    }

    /// Asks to leave: bond and capacity no longer count from the next epoch on. There is no way back under the same id.
    pub async fn leave(&self, operator: OperatorId) -> Result<TxHash> {
        let seat = self.seat_of(operator).await?;
        let call = seat.requestExit(operator.0);
        self.send("leaving", call).await.map(|r| r.transaction_hash)
    }

    /// Takes the bond out of an operator that has left for long enough.
    pub async fn withdraw_bond(&self, operator: OperatorId) -> Result<TxHash> {
        let call = self.registry.withdrawBond(operator.0);
        self.send("withdrawing the bond", call).await.map(|r| r.transaction_hash)
    }
}
