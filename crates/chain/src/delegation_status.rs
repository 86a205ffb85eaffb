//! What stands in a pool of delegators, and what somebody has of it.
//!
//! Invariant: amounts are the pool's own views at the newest block, an unnoticed slash included; nothing is worked out here.

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use serde::Serialize;
use tatum_primitives::{Address, Epoch, OperatorId, U256};

use crate::bindings::DelegationPool::RedeemRequest;
use crate::client::Delegations;
use crate::inputs::narrow;
use crate::{Chain, ChainError, Result, reads};

/// A pool of delegators as of now.
#[derive(Clone, Debug, Serialize)]
pub struct DelegationStatus {
    /// Where it is.
    pub pool: Address,
    /// Behind which operator.
    pub operator: OperatorId,
    /// Who runs the operator.
    pub owner: Address,
    /// What all shares stand for.
    #[serde(with = "tatum_primitives::decimal")]
    pub active_wei: U256,
    /// All shares, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    pub shares: U256,
    /// The owner's shares, a twentieth at least.
    #[serde(with = "tatum_primitives::decimal")]
    pub own_shares: U256,
    /// Income that is still to be released.
    #[serde(with = "tatum_primitives::decimal")]
    pub unreleased_wei: U256,
    /// When all of it will be, in seconds since 1970.
    pub release_ends_s: u64,
    /// What was asked for and is not redeemed yet.
    #[serde(with = "tatum_primitives::decimal")]
    pub leaving_wei: U256,
    /// Income that came in and was not collected yet.
    #[serde(with = "tatum_primitives::decimal")]
    pub uncollected_wei: U256,
    /// The operator's bond.
    #[serde(with = "tatum_primitives::decimal")]
    pub bond_wei: U256,
    /// What was taken out of the bond and is not back yet.
    #[serde(with = "tatum_primitives::decimal")]
    pub releasing_wei: U256,
    /// What lies in the pool itself.
    #[serde(with = "tatum_primitives::decimal")]
    pub balance_wei: U256,
    /// The owner's part of every income, in parts of ten thousand.
    pub cut_bps: u16,
    /// What an announced rise makes of it.
    pub next_cut_bps: Option<u16>,
    /// The epoch from which the rise counts.
    pub next_cut_from: Option<Epoch>,
    /// Whether the operator has asked to leave for good.
    pub retired: bool,
    /// What others can still delegate, given what the owner holds.
    #[serde(with = "tatum_primitives::decimal")]
    pub max_delegation_wei: U256,
    /// Epochs between a request and its redemption.
    pub unbonding_epochs: u64,
    /// The running epoch.
    pub epoch: Epoch,
    /// What somebody has of it, if that was asked.
    pub delegator: Option<Delegator>,
}

/// What somebody has of a pool.
#[derive(Clone, Debug, Serialize)]
pub struct Delegator {
    /// Who.
    pub account: Address,
    /// Shares, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    pub shares: U256,
    /// What they stand for.
    #[serde(with = "tatum_primitives::decimal")]
    pub worth_wei: U256,
    /// What was asked for and is not redeemed, oldest first.
    pub requests: Vec<DelegationRequest>,
}

/// What was asked for in one epoch.
#[derive(Clone, Debug, Serialize)]
pub struct DelegationRequest {
    /// The epoch, which is the request's id.
    pub requested: Epoch,
    /// The shares that were given for it, in 1e-9.
    #[serde(with = "tatum_primitives::decimal")]
    pub shares: U256,
    /// What it is worth now.
    #[serde(with = "tatum_primitives::decimal")]
    pub worth_wei: U256,
    /// The first epoch in which it can be redeemed.
    pub redeemable_from: Epoch,
    /// Whether that has come.
    pub redeemable: bool,
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
        let shares = pool.balanceOf(account).call().await.map_err(reading)?;
        let worth_wei = pool.convertToAssets(shares).call().await.map_err(reading)?;
        let unbonding = pool.unbondingEpochs().call().await.map_err(reading)?;
        let read = |requested: Epoch| async move {
            self.delegation_request(pool, account, requested, unbonding, epoch).await
        };
        let asked = self.requested_epochs(pool, account).await?;
        let requests = reads::each(asked, read).await?.into_iter().flatten().collect();
        Ok(Delegator { account, shares, worth_wei, requests })
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
