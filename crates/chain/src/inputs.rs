//! The chain inputs of an epoch's roll-up: facts that are frozen since the block that closed it.
//!
//! Invariant: everything is as the block named in the result had it, so whoever asks later reads the same numbers. That block's state is
//! read only while nodes without an archive have it; afterwards a newer block is asked, whose contracts keep the history of each fact by epoch
//! (`test_Frozen_*`, `docs/contracts/OperatorRegistry.md`).

use alloy::eips::BlockId;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Bps, Epoch, NodeId, OperatorId, U256};

use crate::bindings::StakePool::{EpochClosed, EpochsClosed, Staked};
use crate::follow::facts_between;
use crate::{Chain, ChainError, ChainView, Result, reads};

/// So long a block's own state is read. Nodes without an archive keep 128 blocks, and reading takes its time.
const RECENT_BLOCKS: u64 = 64;
/// Payers that are read at one block.
const PAYERS_AT_ONCE: usize = 512;

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
    /// Which nodes were whose at any time of the epoch, in order.
    pub nodes: Vec<(NodeId, OperatorId)>,
    /// (payer, key): the session key could sign receipts of the epoch for the payer; in order.
    pub session_keys: Vec<(Address, Address)>,
    /// The sum of all bonds that count in the epoch.
    pub total_bond_wei: U256,
    /// The sum of all capacities that count in the epoch.
    pub total_capacity_bytes: U256,
    /// The part of every fee that goes to the common pool.
    pub pool_bps: Bps,
    /// The most that an operator gets of the common pool, as a share of what it is paid for its work; zero is no limit.
    pub pool_limit_bps: Bps,
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

/// An operator in an epoch: facts that no longer change once it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorInput {
    /// The operator.
    pub id: OperatorId,
    /// Where it is paid for the epoch.
    pub payout: Address,
    /// The bond that counts in the epoch; zero if there is none, too little, or it left.
    pub bond_wei: u128,
    /// The capacity that counts in the epoch, in bytes: what it declared, up to what the bond backs.
    pub capacity_bytes: u64,
}

impl Chain {
    /// Reads the inputs of `epoch`; [`ChainError::NotClosed`] until the epoch is closed.
    pub async fn epoch_inputs(&self, epoch: Epoch) -> Result<EpochInputs> {
        let closed = self.closing_log(epoch).await?;
        let not_closed = || ChainError::NotClosed { epoch };
        let block_number = closed.block_number.ok_or_else(not_closed)?;
        let block_hash = closed.block_hash.ok_or_else(not_closed)?;
        let block = self.frozen_since(block_number).await?;
        let read = |e| ChainError::from_call("reading the epoch's inputs", e);
        let pot = self.pool.potOf(epoch.0).block(block).call().await.map_err(read)?;
        let funded = self.pool.fundedThroughWei(epoch.0).block(block).call().await.map_err(read)?;
        let bond = self.registry.totalBondAt(epoch.0).block(block).call().await.map_err(read)?;
        let capacity =
            self.registry.totalCapacityAt(epoch.0).block(block).call().await.map_err(read)?;
        let view = self.view_at(block_number).await?;
        Ok(EpochInputs {
            epoch,
            block_number,
            block_hash,
            payers: self.payers_at(epoch, block_number).await?,
            operators: self.operators_at(epoch, self.frozen_since(block_number).await?).await?,
            nodes: view.nodes_in(epoch),
            session_keys: view.session_keys_in(epoch),
            total_bond_wei: bond,
            total_capacity_bytes: capacity,
            pool_bps: self.pool_bps().await?,
            pool_limit_bps: self.pool_limit_bps().await?,
            pot_wei: pot,
            funded_through_wei: funded,
        })
    }

    /// A block whose state nodes have, and in which facts that are frozen since `closed` are what they were there.
    async fn frozen_since(&self, closed: u64) -> Result<BlockId> {
        let (head, _) = self.head().await?;
        let is_recent = head.saturating_sub(closed) <= RECENT_BLOCKS;
        Ok(if is_recent { closed } else { head }.into())
    }

    /// The event that closed `epoch`: its own, or the one of a catch-up over many epochs that it was part of.
    async fn closing_log(&self, epoch: Epoch) -> Result<Log> {
        let first = self.deployment().deploy_block;
        let pool = Filter::new().address(self.deployment().stake_pool);
        let own =
            pool.clone().event_signature(EpochClosed::SIGNATURE_HASH).topic1(U256::from(epoch.0));
        if let Some(log) = self.logs_since(&own, first).await?.into_iter().next() {
            return Ok(log);
        }
        let catch_ups = pool.event_signature(EpochsClosed::SIGNATURE_HASH);
        let covers = |log: &Log| {
            let event = log.log_decode::<EpochsClosed>().map(|decoded| decoded.inner.data);
            event.is_ok_and(|e| (e.firstEpoch..=e.lastEpoch).contains(&epoch.0))
        };
        let mut logs = self.logs_since(&catch_ups, first).await?.into_iter();
        logs.find(covers).ok_or(ChainError::NotClosed { epoch })
    }

    /// What the events up to a block say.
    async fn view_at(&self, block: u64) -> Result<ChainView> {
        let view = ChainView::new(self.schedule().await?);
        let first = self.deployment().deploy_block;
        view.apply(facts_between(self, view.schedule(), first, block).await?, block);
        Ok(view)
    }

    async fn payers_at(&self, epoch: Epoch, block: u64) -> Result<Vec<PayerInput>> {
        let mut payers = self.stakers_until(block).await?;
        payers.sort_unstable();
        payers.dedup();
        let counts = |p: &PayerInput| !p.fee_wei.is_zero() || !p.quota_bytes.is_zero();
        let mut inputs = Vec::new();
        for some in payers.chunks(PAYERS_AT_ONCE) {
            // Asked anew: while very many are read, blocks pass.
            let at = self.frozen_since(block).await?;
            let read = reads::each(some.to_vec(), |payer| self.payer_at(payer, epoch, at)).await?;
            inputs.extend(read.into_iter().filter(counts));
        }
        Ok(inputs)
    }

    pub(crate) async fn stakers_until(&self, block: u64) -> Result<Vec<Address>> {
        let filter = Filter::new()
            .address(self.deployment().stake_pool)
            .event_signature(Staked::SIGNATURE_HASH);
        let logs = self.logs(&filter, self.deployment().deploy_block, block).await?;
        let users = logs.iter().filter_map(|log| log.log_decode::<Staked>().ok());
        Ok(users.map(|log| log.inner.data.user).collect())
    }

    async fn payer_at(&self, payer: Address, epoch: Epoch, block: BlockId) -> Result<PayerInput> {
        let read = |e| ChainError::from_call("reading a payer's fee", e);
        let fee_wei = self.pool.feeOf(payer, epoch.0).block(block).call().await.map_err(read)?;
        let quota = self.pool.quotaOf(payer, epoch.0).block(block).call().await.map_err(read)?;
        Ok(PayerInput { payer, fee_wei, quota_bytes: quota })
    }

    async fn operators_at(&self, epoch: Epoch, block: BlockId) -> Result<Vec<OperatorInput>> {
        let read = |e| ChainError::from_call("reading the operators", e);
        let call = self.registry.operatorCount(epoch.0);
        let count = call.block(block).call().await.map_err(read)?;
        reads::each(0..count, |id| self.operator_at(OperatorId(id), epoch, block)).await
    }

    /// How many operators have an entry in the distribution of `epoch`. Who registered too late has none, not even an empty one: anybody could
    /// challenge it.
    pub async fn operators_in(&self, epoch: Epoch) -> Result<u32> {
        let count = self.registry.operatorCount(epoch.0).call().await;
        count.map_err(|e| ChainError::from_call("counting the operators", e))
    }

    async fn operator_at(
        &self,
        id: OperatorId,
        epoch: Epoch,
        block: BlockId,
    ) -> Result<OperatorInput> {
        let read = |e| ChainError::from_call("reading an operator", e);
        let payout = self.registry.payoutAt(id.0, epoch.0).block(block).call().await;
        let bond = self.registry.bondAt(id.0, epoch.0).block(block).call().await;
        let capacity = self.registry.capacityAt(id.0, epoch.0).block(block).call().await;
        Ok(OperatorInput {
            id,
            payout: payout.map_err(read)?,
            bond_wei: narrow("bond", bond.map_err(read)?)?,
            capacity_bytes: narrow("capacity", capacity.map_err(read)?)?,
        })
    }

    /// The part of every fee that goes to the common pool.
    pub async fn pool_bps(&self) -> Result<Bps> {
        let bps = self.pool.poolBps().call().await;
        bps_of("pool share", bps.map_err(|e| ChainError::from_call("reading the pool share", e))?)
    }

    /// The most that an operator gets of the common pool, as a share of what it is paid for its work; zero is no limit.
    pub async fn pool_limit_bps(&self) -> Result<Bps> {
        let bps = self.pool.poolLimitBps().call().await;
        bps_of("pool limit", bps.map_err(|e| ChainError::from_call("reading the pool limit", e))?)
    }
}

/// A number of the chain's in fewer bits.
pub(crate) fn narrow<T: TryFrom<U256>>(what: &'static str, value: U256) -> Result<T> {
    T::try_from(value).map_err(|_| ChainError::OutOfRange { what, value: value.to_string() })
}

fn bps_of(what: &'static str, bps: u16) -> Result<Bps> {
    Bps::new(bps).ok_or_else(|| ChainError::OutOfRange { what, value: bps.to_string() })
}
