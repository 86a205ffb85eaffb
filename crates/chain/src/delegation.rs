//! What delegators, owners and anybody do with an operator's pool of delegators.
//!
//! Invariant: whatever the pool would refuse is found out before any allowance is given or transaction sent; a delegation names the fewest
//! shares that it takes, so a price that changes meanwhile costs nothing but the gas.

use alloy::primitives::TxHash;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Data, Epoch, OperatorId, U256};
use tatum_protocol::web::DelegationStatus;

use crate::bindings::DelegationPool::Withdraw;
use crate::client::{Delegations, Registry};
use crate::shares::least_shares;
use crate::{Chain, ChainError, Result};

/// The most that a pool's owner may keep of an income, in parts of ten thousand.
pub const MOST_CUT_BPS: u16 = 5_000;

impl Chain {
    /// Where the pool of an operator is, or would be.
    pub async fn delegation_pool(&self, operator: OperatorId) -> Result<Address> {
        let pool = self.delegation_factory.poolOf(operator.0).call().await;
        pool.map_err(|e| ChainError::from_call("reading the pool of delegators", e))
    }

    /// Whether an operator has its pool.
    pub async fn has_delegation_pool(&self, operator: OperatorId) -> Result<bool> {
        let created = self.delegation_factory.isCreated(operator.0).call().await;
        created.map_err(|e| ChainError::from_call("reading the pool of delegators", e))
    }

    /// The operator's pool, which there is.
    pub(crate) async fn pool_of(&self, operator: OperatorId) -> Result<Delegations> {
        if !self.has_delegation_pool(operator).await? {
            let reason = format!(
                "operator {operator} has no pool of delegators; its owner makes one with `tatum delegate create`"
            );
            return Err(ChainError::Refused { action: "looking for the pool", reason });
        }
        Ok(Delegations::new(self.delegation_pool(operator).await?, self.provider.clone()))
    }

    /// Who takes what an operator's owner may do: the registry, or the pool, which has functions of the same names.
    pub(crate) async fn seat_of(&self, operator: OperatorId) -> Result<Registry> {
        let (owner, is_pool) = self.owner_or_pool(operator).await?;
        let at = if is_pool { owner } else { self.deployment().operator_registry };
        Ok(Registry::new(at, self.provider.clone()))
    }

    /// Whose an operator is, and whether that is its pool.
    pub(crate) async fn owner_or_pool(&self, operator: OperatorId) -> Result<(Address, bool)> {
        let owner = self.operator_owner(operator).await?;
        Ok((owner, owner == self.delegation_pool(operator).await?))
    }

    /// Makes sure that our account can make the operator's pool.
    pub async fn check_create_pool(&self, operator: OperatorId) -> Result<()> {
        let action = "making the pool";
        let (owner, is_pool) = self.owner_or_pool(operator).await?;
        let account = self.account()?;
        let reason = if is_pool {
            format!("operator {operator} has its pool already, {owner}")
        } else if owner != account {
            format!("operator {operator} is {owner}'s, not {account}'s")
        } else {
            return Ok(());
        };
        Err(ChainError::Refused { action, reason })
    }

    /// Hands our operator over to a pool of its own, whose owner we are.
    pub async fn create_delegation_pool(
        &self,
        operator: OperatorId,
        cut_bps: u16,
    ) -> Result<TxHash> {
        self.check_create_pool(operator).await?;
        self.offer_operator(operator, self.delegation_pool(operator).await?).await?;
        let call = self.delegation_factory.create(operator.0, cut_bps);
        self.send("making the pool", call).await.map(|r| r.transaction_hash)
    }

    /// Makes sure that our account can delegate so much; says how many shares that would buy now.
    pub async fn check_delegation(&self, operator: OperatorId, amount_wei: U256) -> Result<U256> {
        let action = "delegating";
        let status = self.delegation_status(operator, None).await?;
        let room_wei = status.max_delegation_wei;
        if status.retired {
            let reason = format!("operator {operator} has asked to leave");
            return Err(ChainError::Refused { action, reason });
        }
        if status.owner != self.account()? && amount_wei > room_wei {
            let (amount, room) = (Data(amount_wei), Data(room_wei));
            let reason = format!(
                "{amount} are more than the {room} that operator {operator}'s own stake leaves room for"
            );
            return Err(ChainError::Refused { action, reason });
        }
        self.check_holds(amount_wei).await?;
        self.shares_bought(operator, amount_wei).await
    }

    /// How many shares of an operator's pool an amount would buy now.
    pub(crate) async fn shares_bought(
        &self,
        operator: OperatorId,
        amount_wei: U256,
    ) -> Result<U256> {
        let pool = self.pool_of(operator).await?;
        let shares = pool.previewDeposit(amount_wei).call().await;
        shares.map_err(|e| ChainError::from_call("reading the price of shares", e))
    }

    /// Delegates from our account.
    pub async fn delegate(&self, operator: OperatorId, amount_wei: U256) -> Result<TxHash> {
        let shares = self.check_delegation(operator, amount_wei).await?;
        let pool = self.pool_of(operator).await?;
        self.approve(*pool.address(), amount_wei).await?;
        let call = pool.delegate(amount_wei, least_shares(shares));
        self.send("delegating", call).await.map(|r| r.transaction_hash)
    }

    /// Asks for what shares of our account stand for (`U256::MAX` for all), and has it taken out of the bond.
    pub async fn request_delegation(&self, operator: OperatorId, shares: U256) -> Result<TxHash> {
        let pool = self.pool_of(operator).await?;
        let account = self.account()?;
        let call = pool.requestRedeem(shares, account, account);
        let sent = self.send("asking for the delegation back", call).await?;
        // So that the money is there when the unbonding is over; anybody could.
        self.send("taking it out of the bond", pool.rebalance()).await?;
        Ok(sent.transaction_hash)
    }

    /// Pays out what our account asked for in an epoch; the transaction, and how much it was.
    pub async fn redeem_delegation(
        &self,
        operator: OperatorId,
        requested: Epoch,
    ) -> Result<(TxHash, U256)> {
        let pool = self.pool_of(operator).await?;
        let call = pool.redeem(requested.0, self.account()?);
        let receipt = self.send("redeeming", call).await?;
        let paid = |log: &alloy::rpc::types::Log| Withdraw::decode_log(&log.inner).ok();
        let paid = receipt.inner.logs().iter().find_map(paid);
        Ok((receipt.transaction_hash, paid.map(|paid| paid.data.assets).unwrap_or_default()))
    }

    /// Takes in what came to an operator's pool, and moves money into and out of its bond. Anyone may.
    pub async fn collect_delegation(&self, operator: OperatorId) -> Result<TxHash> {
        let pool = self.pool_of(operator).await?;
        let call = pool.rebalance();
        self.send("collecting", call).await.map(|r| r.transaction_hash)
    }

    /// Lowers the cut of our pool at once, or announces a rise.
    pub async fn set_delegation_cut(&self, operator: OperatorId, cut_bps: u16) -> Result<TxHash> {
        let pool = self.pool_of(operator).await?;
        let call = pool.setCut(cut_bps);
        self.send("changing the cut", call).await.map(|r| r.transaction_hash)
    }

    /// What stands in an operator's pool, and what `account` has of it.
    pub async fn delegation_status(
        &self,
        operator: OperatorId,
        account: Option<Address>,
    ) -> Result<DelegationStatus> {
        let pool = self.pool_of(operator).await?;
        self.read_delegation(&pool, operator, account).await
    }
}
