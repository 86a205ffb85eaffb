//! Watches payment channels for their operators: answers exits, redeems when it pays, says when something is wrong.
//!
//! Invariant: nothing is remembered but what the chain and the receipts say at each look, so a restart, a reorganisation or a second
//! watchtower changes nothing: what is due is redeemed, and what is redeemed is due no more. Transactions that were sent and not seen
//! mined are in the account's journal.

mod alarm;
mod status;

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::U256;
use anyhow::Context;
use serde::Serialize;
use tatum_chain::Chain;
use tatum_channel::highest_of_lanes;
use tatum_primitives::{Address, B256, OperatorId};
use tatum_receipt::SignedReceipt;

use crate::amounts::format_data;
use crate::kept_receipts::{in_file, in_folder};
use alarm::{Alarm, Alarms};
use status::Status;

/// Receipts that one transaction redeems, at most: some two million gas.
const REDEEMED_AT_ONCE: usize = 100;
/// Channels that nobody is leaving are looked into for what is due once in so many looks: each of their lanes is a question.
const DUE_EVERY: u32 = 15;

/// What to watch, and how.
#[derive(Debug)]
pub(crate) struct Config {
    /// Nodes' folders.
    pub(crate) folders: Vec<PathBuf>,
    /// Files of receipts.
    pub(crate) files: Vec<PathBuf>,
    /// Only this operator's.
    pub(crate) operator: Option<OperatorId>,
    /// Redeem from open channels too, once so much is due in one of them.
    pub(crate) redeem_at_wei: Option<U256>,
    /// How often to look.
    pub(crate) poll: Duration,
    /// How long before its end an exit that is not answered is an alarm.
    pub(crate) alarm_before_s: u64,
    /// Where alarms go.
    pub(crate) webhook: Option<String>,
    /// Where it tells how it is.
    pub(crate) listen: Option<SocketAddr>,
    /// Look once and end.
    pub(crate) once: bool,
}

/// What the last look saw and did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Seen {
    /// Channels that there are receipts for.
    pub(crate) channels: usize,
    /// Those whose payers are leaving, with something due.
    pub(crate) exits: usize,
    /// Those of them that nothing is due of any more.
    pub(crate) answered: usize,
    /// What was redeemed, in wei.
    #[serde(with = "tatum_primitives::decimal")]
    pub(crate) redeemed_wei: U256,
}

impl Seen {
    /// For people.
    pub(crate) fn rows(&self) -> Vec<(&'static str, String)> {
        vec![
            ("channels", self.channels.to_string()),
            ("exits with something due", self.exits.to_string()),
            ("answered", self.answered.to_string()),
            ("redeemed", format_data(self.redeemed_wei)),
        ]
    }
}

/// Watches until `shutdown`, or once.
pub(crate) async fn run(
    chain: Chain,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Seen> {
    let status = Arc::new(Status::default());
    let serving = match config.listen {
        Some(address) => Some(status::serve(address, Arc::clone(&status)).await?),
        None => None,
    };
    let alarms = Alarms::new(config.webhook.clone());
    let mut watch = Watch { chain, config, status, alarms, looks: 0 };
    tokio::pin!(shutdown);
    let ended = loop {
        let looked = tokio::select! {
            looked = watch.look() => looked,
            () = &mut shutdown => break Ok(Seen::default()),
        };
        match looked {
            Ok(seen) if watch.config.once => break Ok(seen),
            Err(error) if watch.config.once => break Err(error),
            Ok(_) => {}
            Err(error) => {
                watch.status.failed();
                tracing::warn!(error = format!("{error:#}"), "looking failed; trying again");
            }
        }
        tokio::select! {
            () = tokio::time::sleep(watch.config.poll) => {}
            () = &mut shutdown => break Ok(Seen::default()),
        }
    };
    if let Some(serving) = serving {
        serving.abort();
    }
    ended
}

/// A payer and an operator.
type Pair = (Address, OperatorId);

struct Watch {
    chain: Chain,
    config: Config,
    status: Arc<Status>,
    alarms: Alarms,
    looks: u32,
}

/// What is due of one channel.
struct Due {
    receipts: Vec<SignedReceipt>,
    wei: U256,
    /// When receipts stop counting, if its payer is leaving.
    ends_s: Option<u64>,
}

impl Watch {
    async fn look(&mut self) -> anyhow::Result<Seen> {
        let by_pair = self.gather().await?;
        let with_open = self.config.redeem_at_wei.is_some() && self.looks.is_multiple_of(DUE_EVERY);
        self.looks = self.looks.wrapping_add(1);
        let mut seen = Seen { channels: by_pair.len(), ..Seen::default() };
        // Whose window ends first is answered first.
        let mut due = Vec::new();
        for (pair, receipts) in by_pair {
            if let Some(found) = self.due(pair, &receipts, with_open).await? {
                due.push((found.ends_s.unwrap_or(u64::MAX), pair, found));
            }
        }
        due.sort_unstable_by_key(|(ends_s, pair, _)| (*ends_s, *pair));
        for (_, pair, found) in due {
            let answered = self.redeem(pair, &found, &mut seen).await;
            if let Some(ends_s) = found.ends_s {
                seen.exits += 1;
                seen.answered += usize::from(answered.is_ok());
                self.note_exit(pair, &found, ends_s, answered).await;
            } else if let Err(error) = answered {
                tracing::warn!(payer = %pair.0, error = format!("{error:#}"), "redeeming failed");
            }
        }
        self.alarms.deliver().await;
        self.status.looked(&seen, self.alarms.standing());
        Ok(seen)
    }

    /// The newest receipt of each lane, by channel.
    async fn gather(&self) -> anyhow::Result<BTreeMap<Pair, Vec<SignedReceipt>>> {
        let mut all = Vec::new();
        for folder in &self.config.folders {
            all.extend(in_folder(folder).await?);
        }
        for file in &self.config.files {
            all.extend(in_file(file)?);
        }
        let mut by_pair: BTreeMap<Pair, Vec<SignedReceipt>> = BTreeMap::new();
        for signed in highest_of_lanes(all) {
            let pair = (signed.receipt.payer, signed.receipt.operator_id);
            if self.config.operator.is_none_or(|operator| operator == pair.1) {
                by_pair.entry(pair).or_default().push(signed);
            }
        }
        Ok(by_pair)
    }

    /// What is to be redeemed of a channel now, if anything.
    async fn due(
        &self,
        pair: Pair,
        receipts: &[SignedReceipt],
        with_open: bool,
    ) -> anyhow::Result<Option<Due>> {
        let channel = self.chain.channel(pair.0, pair.1).await?;
        let Some(open) = channel.state() else { return Ok(None) };
        if open.left_wei() == 0 || (open.exit_ends_s.is_none() && !with_open) {
            return Ok(None);
        }
        // Those of channels that are closed redeem nothing ever.
        let own = receipts.iter().filter(|signed| signed.receipt.channel == channel.id());
        let own: Vec<SignedReceipt> = own.cloned().collect();
        let mut due = Due { receipts: Vec::new(), wei: U256::ZERO, ends_s: open.exit_ends_s };
        for judged in self.chain.judge_channel_receipts(&own).await? {
            if let Ok(wei) = judged.verdict {
                due.wei = due.wei.saturating_add(U256::from(wei));
                due.receipts.push(judged.signed);
            }
        }
        let least_wei = match due.ends_s {
            Some(_) => U256::from(1),
            None => self.config.redeem_at_wei.unwrap_or(U256::MAX).max(U256::from(1)),
        };
        Ok((due.wei >= least_wei).then_some(due))
    }

    async fn redeem(&self, pair: Pair, due: &Due, seen: &mut Seen) -> anyhow::Result<()> {
        for some in due.receipts.chunks(REDEEMED_AT_ONCE) {
            let redeemed = self.chain.redeem_receipts(some).await.context("redeeming")?;
            let (payer, operator) = pair;
            let (transaction, amount) = (redeemed.transaction, format_data(due.wei));
            tracing::info!(%payer, %operator, %transaction, amount, exit = due.ends_s.is_some(), "redeemed");
        }
        seen.redeemed_wei = seen.redeemed_wei.saturating_add(due.wei);
        Ok(())
    }

    /// An exit was answered, or was not: if it is late, that is an alarm.
    async fn note_exit(
        &mut self,
        (payer, operator): Pair,
        due: &Due,
        ends_s: u64,
        answered: anyhow::Result<()>,
    ) {
        let channels: BTreeSet<B256> =
            due.receipts.iter().map(|signed| signed.receipt.channel).collect();
        let Some(channel) = channels.first().copied() else { return };
        let Err(error) = answered else { return self.alarms.clear(channel) };
        let reason = format!("{error:#}");
        tracing::warn!(%payer, %operator, reason, ends_s, "an exit could not be answered; trying again");
        // Without the chain's time, the worst is assumed.
        let now_s = self.chain.head().await.map_or(u64::MAX, |(_, now_s)| now_s);
        if self.config.once || now_s.saturating_add(self.config.alarm_before_s) >= ends_s {
            let due_wei = due.wei;
            self.alarms.raise(Alarm { channel, payer, operator, due_wei, ends_s, reason });
        }
    }
}
