//! Exits: begun, answered in time, over, settled. The operator is away for most of a window, and has the last blocks of it to answer.

use anyhow::{Context, ensure};
use tatum_primitives::{B256, OperatorId};

use super::run::{DEPTH, Run};
use super::world::HONEST;

/// The operator's watchtower has so long before a window is over, at least: 125 blocks.
const LAST_S: u64 = 1_500;
/// It must not be later than this that an exit is answered for good.
const GUARD_S: u64 = 1_000;
/// What a watchtower may need to answer all exits, with transactions lost and fees that jump: a window of an hour has 300.
const ANSWERED_WITHIN: usize = 40;

/// An exit from a channel with the honest operator.
struct Exit {
    channel: B256,
    ends_s: u64,
    due_wei: u128,
}

impl Run<'_> {
    async fn exits(&self) -> anyhow::Result<Vec<Exit>> {
        let mut exits = Vec::new();
        for (_, operator, channel) in self.channels().await? {
            let Some(open) = channel.state().filter(|_| operator == HONEST) else { continue };
            let Some(ends_s) = open.exit_ends_s else { continue };
            let due_wei = self.honest.owed_wei(channel.id()).saturating_sub(open.paid_wei);
            exits.push(Exit { channel: channel.id(), ends_s, due_wei });
        }
        Ok(exits)
    }

    /// The end of the first window that is not over yet.
    async fn first_end_s(&self) -> anyhow::Result<Option<u64>> {
        let now_s = self.weather.now_s().await?;
        let ends = self.exits().await?.into_iter().map(|exit| exit.ends_s);
        Ok(ends.filter(|&ends_s| ends_s > now_s).min())
    }

    pub(crate) async fn exit(&mut self, payer: usize, operator: OperatorId) -> anyhow::Result<()> {
        let channel = self.channel(payer, operator).await?;
        if channel.state().is_none() {
            return Ok(());
        }
        let was_leaving = channel.state().is_some_and(|open| open.exit_ends_s.is_some());
        // A payer that cheats redeems an old receipt itself, as if that were its newest.
        if operator == HONEST && !was_leaving && self.dice.percent(30) {
            let of_channel =
                |signed: &&tatum_receipt::SignedReceipt| signed.receipt.channel == channel.id();
            if let Some(old) = self.made.iter().find(of_channel).cloned() {
                let chain = self.payers[payer].chain.clone();
                let redeeming = chain.redeem_receipts(std::slice::from_ref(&old));
                let redeemed = self.weather.with_blocks(redeeming).await?;
                self.done("old receipts redeemed by leaving payers", redeemed);
            }
        }
        let chain = self.payers[payer].chain.clone();
        let left = self.weather.with_blocks(chain.exit_channel(operator)).await?;
        ensure!(!(was_leaving && left.is_ok()), "a channel was left twice");
        if self.done("exits", left) && operator == HONEST {
            let due = self.exits().await?.into_iter().find(|exit| exit.channel == channel.id());
            let has_due = due.is_some_and(|exit| exit.due_wei > 0);
            self.counts.add("exits with something due", usize::from(has_due));
        }
        Ok(())
    }

    /// Ends a channel whose exit is over, or tries to before; says whether it is settled.
    pub(crate) async fn settle(
        &mut self,
        payer: usize,
        operator: OperatorId,
    ) -> anyhow::Result<bool> {
        let channel = self.channel(payer, operator).await?;
        let Some(open) = channel.state().cloned() else { return Ok(false) };
        let now_s = self.weather.now_s().await?;
        let is_over = open.exit_ends_s.is_some_and(|ends_s| ends_s <= now_s);
        if is_over && operator == HONEST {
            let owed_wei = self.honest.owed_wei(channel.id());
            ensure!(
                open.paid_wei >= owed_wei,
                "the window is over: {} wei of {owed_wei} were paid",
                open.paid_wei
            );
        }
        let (anybody, address) = (self.anybody.clone(), self.payers[payer].address());
        let settled = self.weather.with_blocks(anybody.settle_channel(address, operator)).await?;
        // Some blocks came meanwhile.
        let is_early = open.exit_ends_s.is_none_or(|ends_s| ends_s > now_s + 1_200);
        ensure!(!(is_early && settled.is_ok()), "a channel was settled too early");
        Ok(self.done("settled", settled))
    }

    /// Time goes by, while a watchtower runs or not, but it has the last part of each window.
    pub(crate) async fn away(&mut self) -> anyhow::Result<()> {
        let now_s = self.weather.now_s().await?;
        let wanted_s = now_s + self.dice.within(60, 5_000);
        let latest_s = self.first_end_s().await?.map_or(u64::MAX, |ends_s| ends_s - LAST_S);
        let until_s = wanted_s.min(latest_s);
        if until_s > now_s {
            self.weather.block_at(until_s).await?;
        }
        Ok(())
    }

    /// The first window ends; whatever was due of it is answered by then.
    pub(crate) async fn late(&mut self) -> anyhow::Result<()> {
        let Some(ends_s) = self.first_end_s().await? else { return Ok(()) };
        self.answer_all().await?;
        if self.weather.now_s().await? < ends_s {
            self.weather.block_at(ends_s).await?;
        }
        Ok(())
    }

    /// Before a window is over its exit is answered for good, whatever was done before.
    pub(crate) async fn guard_exits(&mut self) -> anyhow::Result<()> {
        let soon_s = self.weather.now_s().await? + GUARD_S;
        if self.first_end_s().await?.is_some_and(|ends_s| ends_s < soon_s) {
            self.answer_all().await?;
            // All that are over soon are over now, so that nothing is thrown back into them.
            if let Some(ends_s) = self.first_end_s().await?.filter(|&ends_s| ends_s < soon_s) {
                self.weather.block_at(ends_s).await?;
            }
        }
        Ok(())
    }

    /// A watchtower runs, and blocks come until all exits are answered, and some more. That is what it promises.
    pub(crate) async fn answer_all(&mut self) -> anyhow::Result<()> {
        self.start_tower(0).await?;
        if self.dice.percent(25) {
            self.weather.storm(ANSWERED_WITHIN);
            self.note("base fee times twenty");
        }
        let mut blocks = 0;
        let mut quiet = 0;
        let were_due = self.due_exits().await?.len();
        self.counts.add("exits that were still due late in the window", were_due);
        while quiet <= DEPTH {
            let due = self.due_exits().await?;
            quiet = if due.is_empty() { quiet + 1 } else { 0 };
            let left: Vec<_> = due.iter().map(|exit| (exit.channel, exit.due_wei)).collect();
            ensure!(blocks < ANSWERED_WITHIN, "not answered within {blocks} blocks: {left:?}");
            blocks += usize::from(!due.is_empty());
            self.weather.block().await?;
            self.towers[0].looks(self.world).await?;
        }
        if were_due > 0 {
            self.counts.most("blocks until all exits were answered, at most", blocks);
            self.counts.add("blocks until all exits were answered, in all", blocks);
        }
        Ok(())
    }

    async fn due_exits(&self) -> anyhow::Result<Vec<Exit>> {
        let now_s = self.weather.now_s().await?;
        let mut exits = self.exits().await?;
        exits.retain(|exit| exit.due_wei > 0);
        let missed = exits.iter().find(|exit| exit.ends_s <= now_s);
        ensure!(missed.is_none(), "a window is over with something due");
        Ok(exits)
    }

    /// Everybody leaves without a word; exits are answered and settled.
    pub(crate) async fn everybody_leaves(&mut self) -> anyhow::Result<()> {
        for (payer, operator, _) in self.channels().await? {
            for attempt in 0.. {
                let open = self.channel(payer, operator).await?.state().cloned();
                if open.is_none_or(|open| open.exit_ends_s.is_some()) {
                    break;
                }
                ensure!(attempt < 10, "payer {payer} cannot leave operator {operator}");
                self.exit(payer, operator).await.context("leaving")?;
            }
        }
        self.answer_all().await?;
        let ends = self.channels().await?.into_iter();
        let ends = ends.filter_map(|(_, _, channel)| channel.state()?.exit_ends_s);
        let (last_s, now_s) = (ends.max().unwrap_or_default(), self.weather.now_s().await?);
        if last_s > now_s {
            self.weather.block_at(last_s).await?;
        }
        for (payer, operator, _) in self.channels().await? {
            for attempt in 0.. {
                if self.channel(payer, operator).await?.state().is_none() {
                    break;
                }
                ensure!(attempt < 10, "payer {payer} and operator {operator} cannot settle");
                self.settle(payer, operator).await.context("settling")?;
            }
        }
        Ok(())
    }
}
