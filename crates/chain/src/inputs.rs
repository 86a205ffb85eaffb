//! The chain inputs of an epoch's roll-up, read at the block that closed it.
//!
//! Invariant: everything comes from one block, named in the result, so whoever asks later reads the same numbers.

use alloy::eips::BlockId;
use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, OperatorId, U256};

use crate::bindings::StakePool::{EpochClosed, EpochsClosed, Staked};
use crate::follow::BLOCKS_PER_QUERY;
use crate::{Chain, ChainError, Result};

const PARALLEL_READS: usize = 32;

/// What the chain says about a closed epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochInputs {
    /// The epoch.
    pub epoch: Epoch,
    /// The block that closed it.
    pub block_number: u64,
    /// That block's hash.
    pub block_hash: B256,
    /// Everybody with a fee or a quota in the epoch, by address.
    pub payers: Vec<PayerInput>,
    /// All operators that can have worked in the epoch, by id, without gaps.
    pub operators: Vec<OperatorInput>,
    /// The epoch's pot.
    pub pot_wei: U256,
    /// The pots of all epochs up to this one.
    pub funded_through_wei: U256,
}

/// A payer in an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerInput {
    /// The payer.
    pub payer: Address,
    /// What was taken from its stake.
    pub fee_wei: U256,
    /// Payload bytes its stake allowed.
    pub quota_bytes: U256,
}

/// An operator at the block that closed an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInput {
    /// The operator.
    pub id: OperatorId,
    /// Where its tokens go.
    pub payout: Address,
    /// Its bond.
    pub bond_wei: u128,
    /// Whether it was bonded for the whole epoch.
    pub eligible: bool,
}

impl Chain {
    /// Reads the inputs of `epoch`; [`ChainError::NotClosed`] until the epoch is closed.
    pub async fn epoch_inputs(&self, epoch: Epoch) -> Result<EpochInputs> {
        let closed = self.closing_log(epoch).await?;
        let not_closed = || ChainError::NotClosed { epoch };
        let block_number = closed.block_number.ok_or_else(not_closed)?;
        let block_hash = closed.block_hash.ok_or_else(not_closed)?;
        let block = BlockId::from(block_number);
        let read = |e| ChainError::from_call("reading the epoch's inputs", e);
        let pot = self.pool.potOf(epoch.0).block(block).call().await.map_err(read)?;
        let funded = self.pool.fundedThroughWei(epoch.0).block(block).call().await.map_err(read)?;
        Ok(EpochInputs {
            epoch,
            block_number,
            block_hash,
            payers: self.payers_at(epoch, block_number).await?,
            operators: self.operators_at(epoch, block).await?,
            pot_wei: pot,
            funded_through_wei: funded,
        })
    }

    /// The event that closed `epoch`: its own, or the one of a catch-up over many epochs that it was part of.
    async fn closing_log(&self, epoch: Epoch) -> Result<Log> {
        let from_block = self.deployment().deploy_block;
        let pool = Filter::new().address(self.deployment().stake_pool).from_block(from_block);
        let own =
            pool.clone().event_signature(EpochClosed::SIGNATURE_HASH).topic1(U256::from(epoch.0));
        if let Some(log) = self.provider.get_logs(&own).await?.into_iter().next() {
            return Ok(log);
        }
        let catch_ups = pool.event_signature(EpochsClosed::SIGNATURE_HASH);
        let covers = |log: &Log| {
            let event = log.log_decode::<EpochsClosed>().map(|decoded| decoded.inner.data);
            event.is_ok_and(|e| (e.firstEpoch..=e.lastEpoch).contains(&epoch.0))
        };
        let mut logs = self.provider.get_logs(&catch_ups).await?.into_iter();
        logs.find(covers).ok_or(ChainError::NotClosed { epoch })
    }

    async fn payers_at(&self, epoch: Epoch, block: u64) -> Result<Vec<PayerInput>> {
        let mut payers = self.stakers_until(block).await?;
        payers.sort_unstable();
        payers.dedup();
        let inputs: Vec<PayerInput> = stream::iter(payers)
            .map(|payer| self.payer_at(payer, epoch, block.into()))
            .buffered(PARALLEL_READS)
            .try_collect()
            .await?;
        let counts = |p: &PayerInput| !p.fee_wei.is_zero() || !p.quota_bytes.is_zero();
        Ok(inputs.into_iter().filter(counts).collect())
    }

    async fn stakers_until(&self, block: u64) -> Result<Vec<Address>> {
        let mut stakers = Vec::new();
        let mut from = self.deployment().deploy_block;
        while from <= block {
            let to = block.min(from.saturating_add(BLOCKS_PER_QUERY - 1));
            let filter = Filter::new()
                .address(self.deployment().stake_pool)
                .event_signature(Staked::SIGNATURE_HASH)
                .from_block(from)
                .to_block(to);
            let logs = self.provider.get_logs(&filter).await?;
            let users = logs.iter().filter_map(|log| log.log_decode::<Staked>().ok());
            stakers.extend(users.map(|log| log.inner.data.user));
            from = to.saturating_add(1);
        }
        Ok(stakers)
    }

    async fn payer_at(&self, payer: Address, epoch: Epoch, block: BlockId) -> Result<PayerInput> {
        let read = |e| ChainError::from_call("reading a payer's fee", e);
        let fee_wei = self.pool.feeOf(payer, epoch.0).block(block).call().await.map_err(read)?;
        let quota = self.pool.quotaOf(payer, epoch.0).block(block).call().await.map_err(read)?;
        Ok(PayerInput { payer, fee_wei, quota_bytes: quota })
    }

    async fn operators_at(&self, epoch: Epoch, block: BlockId) -> Result<Vec<OperatorInput>> {
        let read = |e| ChainError::from_call("reading the operators", e);
        let count = self.registry.operatorCount().block(block).call().await.map_err(read)?;
        let operators: Vec<Option<OperatorInput>> = stream::iter(0..count)
            .map(|id| self.operator_at(OperatorId(id), epoch, block))
            .buffered(PARALLEL_READS)
            .try_collect()
            .await?;
        // Who registered too late has no entry, not even an empty one: anybody could challenge it.
        Ok(operators.into_iter().map_while(|operator| operator).collect())
    }

    /// The operator, unless it registered too late to have worked in `epoch`; then so did all after it.
    async fn operator_at(
        &self,
        id: OperatorId,
        epoch: Epoch,
        block: BlockId,
    ) -> Result<Option<OperatorInput>> {
        let read = |e| ChainError::from_call("reading an operator", e);
        let operator = self.registry.operatorAt(id.0).block(block).call().await.map_err(read)?;
        if operator.firstEpoch > epoch.0 {
            return Ok(None);
        }
        let eligible = self.registry.isEligible(id.0, epoch.0).block(block).call().await;
        let (payout, bond_wei, eligible) =
            (operator.payout, operator.bondWei, eligible.map_err(read)?);
        Ok(Some(OperatorInput { id, payout, bond_wei, eligible }))
    }
}
