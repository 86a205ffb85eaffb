//! Follows the contracts' events into a [`ChainView`], a range of blocks at a time.
//!
//! Invariant: what the view holds comes from one chain of blocks. Before anything is added, the block that was read last is
//! asked for again: if its hash has changed, everything after the newest checkpoint that still stands is read anew and
//! replaced at once. Quotas and fees are read once per payer and epoch, never per receipt, and each is kept as soon as it is known.

use std::collections::VecDeque;
use std::time::Duration;

use alloy::providers::Provider;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use futures_util::{StreamExt, stream};
use tatum_primitives::{Address, B256, Bps, Epoch, EpochSchedule, NodeId, OperatorId, U256};

use crate::bindings::OperatorRegistry::{
    ExitRequested, NodeAdded, NodeRemoved, OperatorOwnerChanged, OperatorRegistered,
};
use crate::bindings::StakePool::{
    SessionKeyAuthorized, SessionKeyRevoked, Staked, UnstakeRequested,
};
use crate::channel_view::channel_fact;
use crate::view::{Fact, Facts};
use crate::{Chain, ChainError, ChainView, Result};

mod money;

/// Blocks between checkpoints. Two are kept, so a reorganisation of this depth is undone without reading from the start.
const CHECKPOINT_BLOCKS: u64 = 64;
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
    start(chain, confirmations, interval, More::default()).await
}

/// The same, with what everybody paid in the last closed epoch: a call or two more for each payer and epoch.
pub async fn follow_with_fees(
    chain: Chain,
    confirmations: u64,
    interval: Duration,
) -> Result<(ChainView, Follower)> {
    let fees = Some(chain.pool_bps().await?);
    start(chain, confirmations, interval, More { fees, money: false }).await
}

/// The same with bills, delegations, sponsors, and operators' names and offers, which rules of receipts do not ask for: three to five requests more for each range of blocks.
pub async fn follow_with_money(
    chain: Chain,
    confirmations: u64,
    interval: Duration,
) -> Result<(ChainView, Follower)> {
    let fees = Some(chain.pool_bps().await?);
    start(chain, confirmations, interval, More { fees, money: true }).await
}

/// What is read beyond the facts that rules of receipts ask for.
#[derive(Clone, Copy, Debug, Default)]
struct More {
    /// The pool share, if fees are read.
    fees: Option<Bps>,
    /// Bills, delegations, sponsors, and operators' names and offers.
    money: bool,
}

async fn start(
    chain: Chain,
    confirmations: u64,
    interval: Duration,
    more: More,
) -> Result<(ChainView, Follower)> {
    let view = ChainView::new(chain.schedule().await?);
    let mut cursor = Cursor {
        chain,
        view: view.clone(),
        confirmations,
        more,
        read: None,
        checkpoints: VecDeque::new(),
    };
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
    confirmations: u64,
    more: More,
    /// The newest block whose facts are in the view.
    read: Option<Block>,
    /// Oldest first.
    checkpoints: VecDeque<Checkpoint>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Block {
    number: u64,
    hash: B256,
}

/// The facts as they were after a block.
struct Checkpoint {
    block: Block,
    facts: Facts,
}

impl Cursor {
    async fn advance(&mut self) -> Result<()> {
        let (head, head_time_s) = self.chain.head().await?;
        let last = head.saturating_sub(self.confirmations);
        // An endpoint that is behind what was read already has nothing to say.
        if self.read.is_none_or(|read| read.number <= last) {
            self.read_until(last).await?;
        }
        let running = self.view.schedule().epoch_at_ms(head_time_s.saturating_mul(1000));
        self.read_quotas(running).await?;
        match self.more.fees {
            Some(pool_bps) => self.read_fees(running, pool_bps).await,
            None => Ok(()),
        }
    }

    async fn read_until(&mut self, last: u64) -> Result<()> {
        let reorganised = match self.read {
            Some(read) => !self.stands(read).await?,
            None => false,
        };
        if reorganised {
            tracing::warn!(
                block = self.view.block(),
                "the chain was reorganised; reading it again"
            );
            self.drop_checkpoints().await?;
        }
        let base =
            if reorganised { self.checkpoints.back().map(|point| point.block) } else { self.read };
        let first = base
            .map_or(self.chain.deployment().deploy_block, |block| block.number.saturating_add(1));
        if first > last && !reorganised {
            return Ok(());
        }
        // The hash is read on both sides of the facts, so that facts of another branch are not taken for this one's.
        let tip = self.block(last).await?;
        let mut facts = facts_between(&self.chain, self.view.schedule(), first, last).await?;
        if self.more.money {
            // A pool or vault of a branch that was left is asked for once too often, and says nothing.
            let parts = (self.view.delegation_pools(), self.view.vault_addresses());
            facts.extend(money::between(&self.chain, parts, first, last).await?);
        }
        if self.block(last).await? != tip {
            return Ok(());
        }
        if reorganised {
            let kept = self.checkpoints.back().map(|point| point.facts.clone());
            self.view.replace(kept.unwrap_or_default(), facts, last);
        } else {
            self.view.apply(facts, last);
        }
        self.read = Some(tip);
        self.keep_checkpoint(tip);
        Ok(())
    }

    /// Forgets the checkpoints on branches that were left.
    async fn drop_checkpoints(&mut self) -> Result<()> {
        while let Some(newest) = self.checkpoints.back() {
            if self.stands(newest.block).await? {
                break;
            }
            self.checkpoints.pop_back();
        }
        Ok(())
    }

    fn keep_checkpoint(&mut self, block: Block) {
        let newest = self.checkpoints.back().map(|point| point.block.number);
        if newest.is_some_and(|newest| block.number < newest.saturating_add(CHECKPOINT_BLOCKS)) {
            return;
        }
        self.checkpoints.push_back(Checkpoint { block, facts: self.view.facts() });
        if self.checkpoints.len() > 2 {
            self.checkpoints.pop_front();
        }
    }

    async fn stands(&self, block: Block) -> Result<bool> {
        Ok(self.block(block.number).await? == block)
    }

    async fn block(&self, number: u64) -> Result<Block> {
        let block = self.chain.provider.get_block_by_number(number.into()).await?;
        let missing = || ChainError::OutOfRange { what: "block", value: number.to_string() };
        Ok(Block { number, hash: block.ok_or_else(missing)?.header.hash })
    }

    /// Reads the quotas of the running epoch and, while it may still take receipts, of the one before. What one payer's failed
    /// call leaves unknown is asked for again next time; the others' answers stay.
    async fn read_quotas(&self, running: Epoch) -> Result<()> {
        let mut read = Ok(());
        for epoch in running.previous().into_iter().chain([running]) {
            let unknown = self.view.payers_without_quota(epoch);
            let quotas = unknown.into_iter().map(|payer| self.quota(payer, epoch));
            read = self.keep_each(quotas).await.and(read);
        }
        self.view.forget_before(Epoch(running.0.saturating_sub(1)));
        read
    }

    /// Keeps each fact as soon as it is read, also where another cannot be.
    async fn keep_each(
        &self,
        reads: impl Iterator<Item = impl Future<Output = Result<Fact>>>,
    ) -> Result<()> {
        let mut failed = None;
        let mut facts = stream::iter(reads).buffer_unordered(PARALLEL_READS);
        while let Some(fact) = facts.next().await {
            match fact {
                Ok(fact) => self.view.apply([fact], 0),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Reads what payers paid in the last epoch; in the one before it, as long as nobody has closed the last.
    async fn read_fees(&self, running: Epoch, pool_bps: Bps) -> Result<()> {
        let Some(last) = running.previous() else { return Ok(()) };
        if self.view.payers_without_fee(last).is_empty() {
            return Ok(());
        }
        let Some(closed) = self.chain.last_closed_epoch().await? else { return Ok(()) };
        let epoch = last.min(closed);
        if epoch.next() < last {
            return Ok(());
        }
        let unknown = self.view.payers_without_fee(epoch);
        self.keep_each(unknown.into_iter().map(|payer| self.fee(payer, (epoch, pool_bps)))).await
    }

    async fn fee(&self, payer: Address, of: (Epoch, Bps)) -> Result<Fact> {
        let quota = self.view.read_quota(payer, of.0);
        Ok(Fact::Paid(payer, self.chain.paid_in(payer, of, quota).await?))
    }

    async fn quota(&self, payer: Address, epoch: Epoch) -> Result<Fact> {
        let call = self.chain.pool.quotaOf(payer, epoch.0);
        let quota: U256 =
            call.call().await.map_err(|e| ChainError::from_call("reading a quota", e))?;
        Ok(Fact::Quota(payer, epoch, quota.saturating_to()))
    }
}

/// The facts of a range of blocks, in chain order.
pub(crate) async fn facts_between(
    chain: &Chain,
    schedule: EpochSchedule,
    from: u64,
    to: u64,
) -> Result<Vec<Fact>> {
    let deployment = chain.deployment();
    let contracts =
        vec![deployment.stake_pool, deployment.operator_registry, deployment.channel_hub];
    let filter = Filter::new().address(contracts);
    let mut facts = Vec::new();
    for log in chain.logs(&filter, from, to).await? {
        let time_s = match (log.topic0(), log.block_timestamp) {
            // Only this one needs the time; most endpoints send it along.
            (Some(&OperatorRegistered::SIGNATURE_HASH), None) => time_of(chain, &log).await?,
            (_, time_s) => time_s.unwrap_or_default(),
        };
        facts.extend(facts_of(&log, schedule, time_s));
    }
    Ok(facts)
}

async fn time_of(chain: &Chain, log: &Log) -> Result<u64> {
    let number = log.block_number.unwrap_or_default();
    let block = chain.provider.get_block_by_number(number.into()).await?;
    let missing = || ChainError::OutOfRange { what: "block", value: number.to_string() };
    Ok(block.ok_or_else(missing)?.header.timestamp)
}

/// What one event means, if anything.
fn facts_of(log: &Log, schedule: EpochSchedule, time_s: u64) -> Vec<Fact> {
    let owner = match log.topic0() {
        // One event that says two things.
        Some(&OperatorRegistered::SIGNATURE_HASH) => log
            .log_decode::<OperatorRegistered>()
            .ok()
            .map(|log| Fact::Owner(OperatorId(log.inner.operatorId), log.inner.owner)),
        _ => None,
    };
    fact(log, schedule, time_s).into_iter().chain(owner).collect()
}

/// What one event means to the rules, if anything.
pub(crate) fn fact(log: &Log, schedule: EpochSchedule, time_s: u64) -> Option<Fact> {
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
        OperatorOwnerChanged::SIGNATURE_HASH => {
            data(log).map(|e: OperatorOwnerChanged| Fact::Owner(OperatorId(e.operatorId), e.owner))
        }
        UnstakeRequested::SIGNATURE_HASH => data(log).map(|e: UnstakeRequested| {
            Fact::Leaving(e.user, e.amountWei, Epoch(e.withdrawableEpoch))
        }),
        _ => channel_fact(log).map(|(id, fact)| Fact::Channel(id, fact)),
    }
}
