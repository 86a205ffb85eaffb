//! What stands in a pool of delegators, and what somebody has of it.
//!
//! Invariant: amounts are the pool's own views at the newest block, an unnoticed slash included; nothing is worked out here.

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, OperatorId, U256};
use tatum_protocol::web::{DelegationRequest, DelegationStatus, Delegator, Holding};

use crate::bindings::DelegationPool::RedeemRequest;
use crate::client::Delegations;
use crate::inputs::narrow;
use crate::shares::Held;
use crate::{Chain, ChainError, Result, reads};

/// The shares of `holding` that stand for an amount, rounded down: never more than were asked for.
pub fn shares_for_down(holding: &Holding, account: Address, amount_wei: U256) -> Result<U256> {
    let Holding { operator, shares, worth_wei, .. } = *holding;
    let of = format!("operator {operator}'s pool");
    let held = Held { account, of: &of, shares, worth_wei };
    held.shares_for_down("asking for the delegation back", amount_wei)
}

impl Chain {
    pub(crate) async fn read_delegation(
        &self,
        pool: &Delegations,
        operator: OperatorId,
        account: Option<Address>,
    ) -> Result<DelegationStatus> {
        let now = pool.status().call().await.map_err(reading)?;
        let epoch = Epoch(self.pool.currentEpoch().call().await.map_err(reading)?);
        let rises = now.nextCutFrom > epoch.0;
        let delegator = match account {
            Some(account) => Some(self.delegator(pool, account, epoch).await?),
            None => None,
        };
        Ok(DelegationStatus {
            pool: *pool.address(),
            operator,
            owner: now.owner,
            active_wei: now.activeWei,
            shares: now.shares,
            own_shares: now.ownShares,
            unreleased_wei: now.unreleasedWei,
            release_ends_s: now.releaseEnds,
            leaving_wei: now.leavingWei,
            uncollected_wei: now.uncollectedWei,
            bond_wei: now.bondWei,
            releasing_wei: now.releasingWei,
            balance_wei: now.balanceWei,
            cut_bps: now.cutBps,
            next_cut_bps: rises.then_some(now.nextCutBps),
            next_cut_from: rises.then_some(Epoch(now.nextCutFrom)),
            retired: now.retired,
            max_delegation_wei: pool.maxDeposit(Address::ZERO).call().await.map_err(reading)?,
            unbonding_epochs: pool.unbondingEpochs().call().await.map_err(reading)?,
            epoch,
            delegator,
        })
    }

    async fn delegator(
        &self,
        pool: &Delegations,
        account: Address,
        epoch: Epoch,
    ) -> Result<Delegator> {
        let asked = self.requested_epochs(pool, account).await?;
        self.read_delegator(pool, account, asked, epoch).await
    }

    /// What somebody has of a pool, and what became of what was asked for in each of `asked`.
    async fn read_delegator(
        &self,
        pool: &Delegations,
        account: Address,
        asked: Vec<Epoch>,
        epoch: Epoch,
    ) -> Result<Delegator> {
        let (shares, worth_wei) = self.shares_of(pool, account).await?;
        let unbonding = pool.unbondingEpochs().call().await.map_err(reading)?;
        let read = |requested: Epoch| async move {
            self.delegation_request(pool, account, requested, unbonding, epoch).await
        };
        let requests = reads::each(asked, read).await?.into_iter().flatten().collect();
        Ok(Delegator { account, shares, worth_wei, requests })
    }

    /// What somebody has of an operator's pool in the running epoch: of the requests, those of the epochs named, which are few, and no
    /// past is searched.
    pub async fn delegator_with(
        &self,
        operator: OperatorId,
        account: Address,
        asked: Vec<Epoch>,
        running: Epoch,
    ) -> Result<Delegator> {
        let pool = self.pool_of(operator).await?;
        self.read_delegator(&pool, account, asked, running).await
    }

    /// What somebody has of an operator's pool, without what was asked back.
    pub async fn delegation_holding(
        &self,
        operator: OperatorId,
        account: Address,
    ) -> Result<Holding> {
        let pool = self.pool_of(operator).await?;
        let (shares, worth_wei) = self.shares_of(&pool, account).await?;
        Ok(Holding { operator, pool: *pool.address(), shares, worth_wei })
    }

    async fn shares_of(&self, pool: &Delegations, account: Address) -> Result<(U256, U256)> {
        let shares = pool.balanceOf(account).call().await.map_err(reading)?;
        let worth_wei = pool.convertToAssets(shares).call().await.map_err(reading)?;
        Ok((shares, worth_wei))
    }

    /// The epochs in which somebody asked for anything.
    async fn requested_epochs(&self, pool: &Delegations, account: Address) -> Result<Vec<Epoch>> {
        let filter = Filter::new()
            .address(*pool.address())
            .event_signature(RedeemRequest::SIGNATURE_HASH)
            .topic1(account.into_word());
        let mut epochs = Vec::new();
        for log in self.logs_since(&filter, self.deployment().deploy_block).await? {
            let [_, _, _, id] = log.topics() else { continue };
            epochs.push(Epoch(narrow("request id", (*id).into())?));
        }
        epochs.sort_unstable();
        epochs.dedup();
        Ok(epochs)
    }

    /// None if it was redeemed.
    async fn delegation_request(
        &self,
        pool: &Delegations,
        account: Address,
        requested: Epoch,
        unbonding: u64,
        epoch: Epoch,
    ) -> Result<Option<DelegationRequest>> {
        let id = U256::from(requested.0);
        let pending = pool.pendingRedeemRequest(id, account).call().await.map_err(reading)?;
        let due = pool.claimableRedeemRequest(id, account).call().await.map_err(reading)?;
        let shares = pending.max(due);
        if shares == U256::ZERO {
            return Ok(None);
        }
        let redeemable_from = Epoch(requested.0.saturating_add(unbonding));
        Ok(Some(DelegationRequest {
            requested,
            shares,
            worth_wei: pool.requestWorthWei(id, account).call().await.map_err(reading)?,
            redeemable_from,
            redeemable: epoch >= redeemable_from,
        }))
    }
}

fn reading(error: alloy::contract::Error) -> ChainError {
    ChainError::from_call("reading the pool of delegators", error)
}
