//! What delegators do, for wallets that are not ours.
//!
//! Invariant: as the command line has it: a delegation names the fewest shares that it takes, and what is asked back is taken out of the
//! bond at once.

use tatum_primitives::{Address, OperatorId, U256};
use tatum_protocol::web::Action;

use super::{Call, call};
use crate::client::Delegations;
use crate::delegation_status::shares_for_down;
use crate::shares::least_shares;
use crate::{Chain, Result};

impl Chain {
    /// The calls of a delegator's `action`, in their order; none for any other.
    pub(super) async fn delegating(&self, account: Address, action: &Action) -> Result<Vec<Call>> {
        match *action {
            Action::Delegate { operator, amount_wei } => {
                let amount_wei = U256::from(amount_wei);
                let pool = self.pool_of(operator).await?;
                let least = least_shares(self.shares_bought(operator, amount_wei).await?);
                let sent = pool.delegate(amount_wei, least);
                let delegate = call("delegate", *pool.address(), sent.calldata());
                self.after_approval(account, *pool.address(), amount_wei, delegate).await
            }
            Action::RequestDelegation { operator, amount_wei } => {
                let holding = self.delegation_holding(operator, account).await?;
                let shares = shares_for_down(&holding, account, U256::from(amount_wei))?;
                self.requesting(account, operator, shares).await
            }
            Action::RequestDelegationAll { operator } => {
                self.requesting(account, operator, U256::MAX).await
            }
            Action::RedeemDelegation { operator, requested } => {
                let pool = self.pool_of(operator).await?;
                let sent = pool.redeem(requested.0, account);
                Ok(vec![call("redeem the delegation", *pool.address(), sent.calldata())])
            }
            Action::CollectDelegation { operator } => {
                Ok(vec![rebalancing(&self.pool_of(operator).await?)])
            }
            _ => Ok(Vec::new()),
        }
    }

    async fn requesting(
        &self,
        account: Address,
        operator: OperatorId,
        shares: U256,
    ) -> Result<Vec<Call>> {
        let pool = self.pool_of(operator).await?;
        let sent = pool.requestRedeem(shares, account, account);
        let request = call("ask for the delegation back", *pool.address(), sent.calldata());
        Ok(vec![request, rebalancing(&pool)])
    }
}

/// Takes in what came to the pool, and moves money into and out of its bond.
fn rebalancing(pool: &Delegations) -> Call {
    call("move money between the pool and its bond", *pool.address(), pool.rebalance().calldata())
}
