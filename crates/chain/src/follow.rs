//! Follows the contracts' events into a [`ChainView`], a range of blocks at a time.
//!
//! Invariant: facts are applied in chain order and only up to `confirmations` blocks below the head, so that what the
//! rules rely on is not reorganised away. Quotas are read once per payer and epoch, never per receipt.

use std::time::Duration;

use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use futures_util::{StreamExt, TryStreamExt, stream};
use tatum_primitives::{Address, Epoch, EpochSchedule, NodeId, OperatorId, U256};

use crate::bindings::OperatorRegistry::{
    ExitRequested, NodeAdded, NodeRemoved, OperatorRegistered,
};
use crate::bindings::StakePool::{SessionKeyAuthorized, SessionKeyRevoked, Staked};
use crate::view::Fact;
use crate::{Chain, ChainError, ChainView, Result};

/// Blocks asked for at once; public endpoints refuse more than a few thousand.
pub(crate) const BLOCKS_PER_QUERY: u64 = 2_000;
/// Calls under way at once.
const PARALLEL_READS: usize = 16;

/// Keeps a view current until it is dropped.
#[derive(Debug)]
pub struct Follower {
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Builds the view up to now, then keeps it current every `interval` until the follower is dropped.
pub async fn follow(
    chain: Chain,
    confirmations: u64,
    interval: Duration,
) -> Result<(ChainView, Follower)> {
    let view = ChainView::new(chain.schedule().await?);
    let mut cursor = Cursor { chain, view: view.clone(), next_block: 0, confirmations };
    cursor.next_block = cursor.chain.deployment().deploy_block;
    cursor.advance().await?;
    let task = tokio::spawn(async move {
        loop {
            tokio::time::sleep(interval).await;
            if let Err(error) = cursor.advance().await {
                tracing::warn!(%error, "following the chain failed; trying again");
            }
        }
    });
    Ok((view, Follower { task }))
}

struct Cursor {
    chain: Chain,
    view: ChainView,
    next_block: u64,
    confirmations: u64,
}

impl Cursor {
    async fn advance(&mut self) -> Result<()> {
        let (head, head_time_s) = self.chain.head().await?;
        let last = head.saturating_sub(self.confirmations);
        while self.next_block <= last {
            let to = last.min(self.next_block.saturating_add(BLOCKS_PER_QUERY - 1));
            let facts = self.facts(self.next_block, to).await?;
            self.view.apply(facts, to);
            self.next_block = to.saturating_add(1);
        }
        let running = self.view.schedule().epoch_at_ms(head_time_s.saturating_mul(1000));
        self.read_quotas(running).await
    }

    /// The facts of a range of blocks, in chain order.
    async fn facts(&self, from: u64, to: u64) -> Result<Vec<Fact>> {
        let deployment = self.chain.deployment();
        let filter = Filter::new()
            .address(vec![deployment.stake_pool, deployment.operator_registry])
            .from_block(from)
            .to_block(to);
        let mut facts = Vec::new();
        for log in self.chain.provider.get_logs(&filter).await? {
            let time_s = match (log.topic0(), log.block_timestamp) {
                // Only this one needs the time; most endpoints send it along.
                (Some(&OperatorRegistered::SIGNATURE_HASH), None) => self.time_of(&log).await?,
                (_, time_s) => time_s.unwrap_or_default(),
            };
            facts.extend(fact(&log, self.view.schedule(), time_s));
        }
        Ok(facts)
    }

    async fn time_of(&self, log: &Log) -> Result<u64> {
        let number = log.block_number.unwrap_or_default();
        let block = self.chain.provider.get_block_by_number(number.into()).await?;
        let missing = || ChainError::OutOfRange { what: "block", value: number.to_string() };
        Ok(block.ok_or_else(missing)?.header.timestamp)
    }

    /// Reads the quotas of the running epoch and, while it may still take receipts, of the one before.
    async fn read_quotas(&self, running: Epoch) -> Result<()> {
        for epoch in running.previous().into_iter().chain([running]) {
            let quotas: Vec<Fact> = stream::iter(self.view.payers_without_quota(epoch))
                .map(|payer| self.quota(payer, epoch))
                .buffered(PARALLEL_READS)
                .try_collect()
                .await?;
            self.view.apply(quotas, 0);
        }
        self.view.forget_before(Epoch(running.0.saturating_sub(1)));
        Ok(())
    }

    async fn quota(&self, payer: Address, epoch: Epoch) -> Result<Fact> {
        let call = self.chain.pool.quotaOf(payer, epoch.0);
        let quota: U256 =
            call.call().await.map_err(|e| ChainError::from_call("reading a quota", e))?;
        Ok(Fact::Quota(payer, epoch, quota.saturating_to()))
    }
}

/// What one event means to the rules, if anything.
fn fact(log: &Log, schedule: EpochSchedule, time_s: u64) -> Option<Fact> {
    fn data<E: SolEvent>(log: &Log) -> Option<E> {
        log.log_decode::<E>().ok().map(|decoded| decoded.inner.data)
    }
    let epoch = schedule.epoch_at_ms(time_s.saturating_mul(1000));
    match *log.topic0()? {
        OperatorRegistered::SIGNATURE_HASH => data(log).map(|e: OperatorRegistered| {
            // It can work from the epoch after.
            Fact::Operator(OperatorId(e.operatorId), epoch.next())
        }),
        ExitRequested::SIGNATURE_HASH => data(log)
            .map(|e: ExitRequested| Fact::Exit(OperatorId(e.operatorId), Epoch(e.exitEpoch))),
        NodeAdded::SIGNATURE_HASH => data(log).map(|e: NodeAdded| {
            Fact::NodeAdded(OperatorId(e.operatorId), NodeId(e.node), Epoch(e.fromEpoch))
        }),
        NodeRemoved::SIGNATURE_HASH => data(log).map(|e: NodeRemoved| {
            Fact::NodeRemoved(OperatorId(e.operatorId), NodeId(e.node), Epoch(e.lastEpoch))
        }),
        Staked::SIGNATURE_HASH => data(log).map(|e: Staked| Fact::Payer(e.user)),
        SessionKeyAuthorized::SIGNATURE_HASH => data(log)
            .map(|e: SessionKeyAuthorized| Fact::Authorized(e.payer, e.key, Epoch(e.fromEpoch))),
        SessionKeyRevoked::SIGNATURE_HASH => {
            data(log).map(|e: SessionKeyRevoked| Fact::Revoked(e.payer, e.key, Epoch(e.lastEpoch)))
        }
        _ => None,
    }
}
