//! What operators do, for wallets that are not ours.
//!
//! Invariant: what the owner of an operator's pool may have the operator do goes through the pool, by the same calls as the command
//! line's. An operator is offered to its pool only where the pool's making lacks nothing else.

use alloy::sol_types::SolInterface;
use tatum_primitives::{Address, OperatorId};
use tatum_protocol::web::Action;

use super::{Call, call};
use crate::bindings::OperatorRegistry::OperatorRegistryErrors;
use crate::client::Registry;
use crate::{Chain, ChainError, Result};

impl Chain {
    /// The calls of an operator's `action`, in their order; none for any other.
    pub(super) async fn operating(&self, account: Address, action: &Action) -> Result<Vec<Call>> {
        let single = match *action {
            Action::AddNode { operator, node } => {
                let seat = self.seat_or_registry(operator).await?;
                let sent = seat.addNode(operator.0, node.0);
                call("add the node", *seat.address(), sent.calldata())
            }
            Action::RemoveNode { operator, node } => {
                let seat = self.seat_or_registry(operator).await?;
                let sent = seat.removeNode(operator.0, node.0);
                call("remove the node", *seat.address(), sent.calldata())
            }
            Action::DeclareCapacity { operator, capacity_bytes } => {
                let seat = self.seat_or_registry(operator).await?;
                let sent = seat.declareCapacity(operator.0, capacity_bytes);
                call("declare the capacity", *seat.address(), sent.calldata())
            }
            Action::RenameOperator { operator, ref metadata } => {
                let seat = self.seat_or_registry(operator).await?;
                let sent = seat.setMetadata(operator.0, metadata.clone());
                call("change the name", *seat.address(), sent.calldata())
            }
            Action::Leave { operator } => {
                let seat = self.seat_or_registry(operator).await?;
                call("leave", *seat.address(), seat.requestExit(operator.0).calldata())
            }
            Action::CreateDelegationPool { operator, cut_bps } => {
                return self.pooling(account, operator, cut_bps).await;
            }
            Action::SetDelegationCut { operator, cut_bps } => {
                let pool = self.pool_of(operator).await?;
                call("change the cut", *pool.address(), pool.setCut(cut_bps).calldata())
            }
            _ => return Ok(Vec::new()),
        };
        Ok(vec![single])
    }

    /// As [`Chain::seat_of`]; of an operator that there is none of, the registry, which says so.
    async fn seat_or_registry(&self, operator: OperatorId) -> Result<Registry> {
        match self.seat_of(operator).await {
            Err(ChainError::Refused { .. }) => Ok(self.registry.clone()),
            seat => seat,
        }
    }

    /// The making of an operator's pool, and before it the offer of the operator to the pool.
    async fn pooling(
        &self,
        account: Address,
        operator: OperatorId,
        cut_bps: u16,
    ) -> Result<Vec<Call>> {
        let at = self.deployment();
        let pool = self.delegation_pool(operator).await?;
        if self.has_delegation_pool(operator).await? {
            let reason = format!("operator {operator} has its pool already, {pool}");
            return Err(ChainError::Refused { action: "making the pool", reason });
        }
        let making = self.delegation_factory.create(operator.0, cut_bps).from(account);
        let make = call("make the pool", at.delegation_factory, making.calldata());
        // The offer is the last thing that the factory's call looks at: without it, and with all else, it ends there.
        let lacks_offer = match making.call().await {
            Err(error) => error.as_revert_data().is_some_and(|data| is_not_offered(&data)),
            Ok(_) => false,
        };
        if !lacks_offer {
            return Ok(vec![make]);
        }
        let offering = self.registry.offerOperator(operator.0, pool);
        let offer =
            call("offer the operator to its pool", at.operator_registry, offering.calldata());
        Ok(vec![offer, make])
    }
}

fn is_not_offered(data: &[u8]) -> bool {
    let said = OperatorRegistryErrors::abi_decode(data);
    matches!(said, Ok(OperatorRegistryErrors::CallerNotCandidate(_)))
}
