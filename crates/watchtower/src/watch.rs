//! One look after the other: what is due, in what order, and what became of it.
//!
//! Invariant: what is due follows from what the chain and the receipts say at each look, so a restart, a reorganisation or a second
//! watchtower changes nothing: what is due is redeemed, and what is redeemed is due no more. Transactions that were sent and not seen
//! mined are in the account's journal. A folder or a channel that cannot be read holds up no other one.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tatum_chain::Chain;
use tatum_channel::{Channel, highest_of_lanes};
use tatum_primitives::{Address, Data, OperatorId, U256};
use tatum_receipt::SignedReceipt;

use crate::alarm::{Alarm, Alarms, Exit};
use crate::kept_receipts::REDEEMED_AT_ONCE;
use crate::seen::{Seen, wall_s};
use crate::sources::Sources;
use crate::status::{self, Status};

/// Channels that nobody is leaving are looked into for what is due once in so many looks: each of their lanes is a question.
const DUE_EVERY: u32 = 15;

/// After so long without a whole look nobody can tell whether an exit is answered: an alarm too. The shortest window is an hour.
const BLIND: Duration = Duration::from_secs(300);

/// What to watch, and how.
#[derive(Debug)]
pub struct Config {
    /// Nodes' folders.
    pub folders: Vec<PathBuf>,
    /// Files of receipts.
    pub files: Vec<PathBuf>,
    /// Only this operator's.
    pub operator: Option<OperatorId>,
    /// Redeem from open channels too, once so much is due in one of them.
    pub redeem_at_wei: Option<U256>,
    /// Lanes that less is due of are left: redeeming them would cost more than it brings.
    pub lane_least_wei: U256,
    /// How often to look.
    pub poll: Duration,
    /// How long before its end an exit that is not answered is an alarm.
    pub alarm_before_s: u64,
    /// Where alarms go.
    pub webhook: Option<String>,
    /// Where it tells how it is.
    pub listen: Option<SocketAddr>,
    /// Look once and end.
    pub once: bool,
}

/// Watches until `shutdown`, or once.
pub async fn run(
    chain: Chain,
    config: Config,
    shutdown: impl Future<Output = ()>,
) -> anyhow::Result<Seen> {
    let status = Arc::new(Status::default());
    let serving = match config.listen {
        Some(address) => Some(status::serve(address, Arc::clone(&status)).await?),
        None => None,
    };
    let sources = Sources::new(&config.folders, &config.files);
    let alarms = Alarms::new(config.webhook.clone());
    let mut watch =
        Watch { chain, config, status, sources, alarms, looks: 0, whole_at: Instant::now() };
    let ended = tokio::select! {
        ended = watch.until_done() => ended,
        () = shutdown => Ok(Seen::default()),
    };
    if let Some(serving) = serving {
        serving.abort();
    }
    ended
}

/// How old the newest block is, if that is as bad as not seeing.
fn behind_s(head_s: u64, wall_s: u64) -> Option<u64> {
    let behind_s = wall_s.saturating_sub(head_s);
    (behind_s >= BLIND.as_secs()).then_some(behind_s)
}

/// A payer and an operator.
type Pair = (Address, OperatorId);

struct Watch {
    chain: Chain,
    config: Config,
    status: Arc<Status>,
    sources: Sources,
    alarms: Alarms,
    looks: u32,
    /// When everything could be read last.
    whole_at: Instant,
}

/// What is due of one channel.
struct Due {
    receipts: Vec<SignedReceipt>,
    wei: U256,
    /// When receipts stop counting, if its payer is leaving.
    ends_s: Option<u64>,
}

impl Watch {
    /// Looks on and on; only a single look that was asked for ends.
    async fn until_done(&mut self) -> anyhow::Result<Seen> {
        loop {
            let looked = self.look().await;
            if self.config.once {
                self.alarms.deliver().await;
                return looked;
            }
            match looked {
                Ok(seen) if seen.unread == 0 => self.whole(),
                Ok(seen) => self.not_whole(&format!("{} could not be read", seen.unread)),
                Err(error) => {
                    self.status.failed();
                    let reason = format!("{error:#}");
                    tracing::warn!(reason, "looking failed; trying again");
                    self.not_whole(&reason);
                }
            }
            self.alarms.deliver().await;
            self.status.alarmed(self.alarms.standing());
            tokio::time::sleep(self.config.poll).await;
        }
    }

    fn whole(&mut self) {
        self.whole_at = Instant::now();
        self.alarms.sees_again();
    }

    fn not_whole(&mut self, reason: &str) {
        if self.whole_at.elapsed() >= BLIND {
            self.alarms.raise(Alarm::Blind { reason: reason.to_owned() });
        }
    }

    async fn look(&mut self) -> anyhow::Result<Seen> {
        // What an earlier run sent comes first: judged beside it, its receipts would be sent again.
        self.chain.settle_open().await?;
        let (_, now_s) = self.chain.head().await?;
        let (receipts, unread) = self.sources.read().await;
        let by_pair = self.by_channel(receipts);
        let with_open = self.config.redeem_at_wei.is_some() && self.looks.is_multiple_of(DUE_EVERY);
        self.looks = self.looks.wrapping_add(1);
        let mut seen = Seen { channels: by_pair.len(), unread, ..Seen::default() };
        if let Some(behind_s) = behind_s(now_s, wall_s()) {
            // An exit that was begun since is not there yet, however well the old blocks are read.
            tracing::warn!(
                behind_s,
                "the endpoint's newest block is old: ask another one with --rpc"
            );
            seen.unread += 1;
        }
        let (due, mut unsure) = self.all_due(by_pair, with_open).await;
        seen.unread += unsure.len();
        let together = self.redeem_together(&due, &mut seen).await;
        for (pair, found) in due {
            let answered = if together.contains(&pair) {
                Ok(())
            } else {
                self.redeem(pair, &found, &mut seen).await
            };
            if let Some(ends_s) = found.ends_s {
                seen.exits += 1;
                seen.answered += usize::from(answered.is_ok());
                unsure.extend(answered.is_err().then_some(pair));
                self.note_exit(pair, &found, (ends_s, now_s), answered);
            } else if let Err(error) = answered {
                tracing::warn!(payer = %pair.0, error = format!("{error:#}"), "redeeming failed");
            }
        }
        self.alarms.settle(&unsure, now_s);
        self.status.looked(&seen);
        Ok(seen)
    }

    /// The newest receipt of each lane, by channel.
    fn by_channel(&self, receipts: Vec<SignedReceipt>) -> BTreeMap<Pair, Vec<SignedReceipt>> {
        let mut by_pair: BTreeMap<Pair, Vec<SignedReceipt>> = BTreeMap::new();
        for signed in highest_of_lanes(receipts) {
            let pair = (signed.receipt.payer, signed.receipt.operator_id);
            if self.config.operator.is_none_or(|operator| operator == pair.1) {
                by_pair.entry(pair).or_default().push(signed);
            }
        }
        by_pair
    }

    /// What is due, that whose window ends first before all other; and of which channels the chain did not tell.
    async fn all_due(
        &self,
        by_pair: BTreeMap<Pair, Vec<SignedReceipt>>,
        with_open: bool,
    ) -> (Vec<(Pair, Due)>, BTreeSet<Pair>) {
        let (mut due, mut unsure) = (Vec::new(), BTreeSet::new());
        let pairs: Vec<Pair> = by_pair.keys().copied().collect();
        let channels = self.chain.channels(&pairs).await;
        for ((pair, receipts), channel) in by_pair.into_iter().zip(channels) {
            let found = match channel {
                Ok(channel) => self.due_of(&channel, &receipts, with_open).await,
                Err(error) => Err(error.into()),
            };
            match found {
                Ok(found) => due.extend(found.map(|found| (pair, found))),
                Err(error) => {
                    let (payer, operator) = pair;
                    let error = format!("{error:#}");
                    tracing::warn!(%payer, %operator, error, "a channel could not be read");
                    unsure.insert(pair);
                }
            }
        }
        due.sort_by_key(|(pair, found)| (found.ends_s.unwrap_or(u64::MAX), *pair));
        (due, unsure)
    }

    /// What is to be redeemed of a channel now, if anything.
    async fn due(
        &self,
        pair: Pair,
        receipts: &[SignedReceipt],
        with_open: bool,
    ) -> anyhow::Result<Option<Due>> {
        self.due_of(&self.chain.channel(pair.0, pair.1).await?, receipts, with_open).await
    }

    async fn due_of(
        &self,
        channel: &Channel,
        receipts: &[SignedReceipt],
        with_open: bool,
    ) -> anyhow::Result<Option<Due>> {
        let Some(open) = channel.state() else { return Ok(None) };
        if open.left_wei() == 0 || (open.exit_ends_s.is_none() && !with_open) {
            return Ok(None);
        }
        // Those of channels that are closed redeem nothing ever.
        let own = receipts.iter().filter(|signed| signed.receipt.channel == channel.id());
        let own: Vec<SignedReceipt> = own.cloned().collect();
        let mut due = Due { receipts: Vec::new(), wei: U256::ZERO, ends_s: open.exit_ends_s };
        for judged in self.chain.judge_channel_receipts(&own).await? {
            if let Ok(wei) = judged.verdict
                && U256::from(wei) >= self.config.lane_least_wei
            {
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

    /// Redeems what is due of several channels in each transaction, so that who leaves many channels at once does not keep us busy past
    /// their windows; gives those that nothing is due of any more. What did not go through as a whole is for [`Watch::redeem`], one by one.
    async fn redeem_together(&self, due: &[(Pair, Due)], seen: &mut Seen) -> BTreeSet<Pair> {
        let mut done = BTreeSet::new();
        for some in together(due) {
            let receipts: Vec<SignedReceipt> =
                some.iter().flat_map(|(_, due)| due.receipts.clone()).collect();
            match self.chain.redeem_receipts(&receipts).await {
                Ok(redeemed) if redeemed.receipts == receipts.len() => {
                    let (transaction, channels) = (redeemed.transaction, some.len());
                    tracing::info!(%transaction, channels, "redeemed together");
                    let wei = some.iter().map(|(_, due)| due.wei);
                    seen.redeemed_wei = wei.fold(seen.redeemed_wei, U256::saturating_add);
                    done.extend(some.iter().map(|(pair, _)| *pair));
                }
                Ok(_) => tracing::info!("not all was redeemed together: somebody was before us"),
                Err(error) => tracing::warn!(%error, "redeeming together failed; one by one"),
            }
        }
        done
    }

    async fn redeem(&self, pair: Pair, due: &Due, seen: &mut Seen) -> anyhow::Result<()> {
        let (payer, operator) = pair;
        for some in due.receipts.chunks(REDEEMED_AT_ONCE) {
            let redeemed = match self.chain.redeem_receipts(some).await {
                Ok(redeemed) => redeemed,
                // Another watchtower may have been before us.
                Err(_) if matches!(self.due(pair, &due.receipts, true).await, Ok(None)) => {
                    tracing::info!(%payer, %operator, "somebody else redeemed it");
                    return Ok(());
                }
                Err(error) => return Err(error).context("redeeming"),
            };
            let (transaction, amount) = (redeemed.transaction, Data(due.wei).to_string());
            tracing::info!(%payer, %operator, %transaction, amount, exit = due.ends_s.is_some(), "redeemed");
        }
        seen.redeemed_wei = seen.redeemed_wei.saturating_add(due.wei);
        Ok(())
    }

    /// An exit was answered, or was not: if it is late, that is an alarm.
    fn note_exit(
        &mut self,
        (payer, operator): Pair,
        due: &Due,
        (ends_s, now_s): (u64, u64),
        answered: anyhow::Result<()>,
    ) {
        let (Some(first), Err(error)) = (due.receipts.first(), answered) else { return };
        let (channel, reason, due_wei) = (first.receipt.channel, format!("{error:#}"), due.wei);
        tracing::warn!(%payer, %operator, reason, ends_s, "an exit could not be answered; trying again");
        if self.config.once || now_s.saturating_add(self.config.alarm_before_s) >= ends_s {
            let exit = Exit { channel, payer, operator, due_wei, ends_s, reason };
            self.alarms.raise(Alarm::Exit(exit));
        }
    }
}

/// Neighbours whose receipts fit one transaction: two channels at least, for one goes alone.
fn together(mut due: &[(Pair, Due)]) -> impl Iterator<Item = &[(Pair, Due)]> {
    std::iter::from_fn(move || {
        while !due.is_empty() {
            let mut receipts = 0usize;
            let fits = due.iter().take_while(|(_, found)| {
                receipts = receipts.saturating_add(found.receipts.len());
                receipts <= REDEEMED_AT_ONCE
            });
            let count = fits.count();
            let (some, rest) = due.split_at_checked(count.max(1))?;
            due = rest;
            if count > 1 {
                return Some(some);
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_go_together_as_far_as_their_receipts_fit_one_transaction() {
        let receipt = SignedReceipt {
            receipt: tatum_receipt::DeliveryReceipt::default(),
            signature: tatum_receipt::Signature([0; 65]),
        };
        let due = |receipts: &[usize]| -> Vec<(Pair, Due)> {
            let of = |(n, count): (u32, &usize)| {
                let receipts = vec![receipt.clone(); *count];
                ((Address::ZERO, OperatorId(n)), Due { receipts, wei: U256::ZERO, ends_s: None })
            };
            (0..).zip(receipts).map(of).collect()
        };
        let groups = |receipts: &[usize]| -> Vec<Vec<u32>> {
            let due = due(receipts);
            together(&due).map(|some| some.iter().map(|(pair, _)| pair.1.0).collect()).collect()
        };
        assert_eq!(groups(&[]), Vec::<Vec<u32>>::new());
        assert_eq!(groups(&[7]), Vec::<Vec<u32>>::new());
        assert_eq!(groups(&[1, 1, 1]), [vec![0, 1, 2]]);
        assert_eq!(groups(&[60, 40, 1, 99, 100, 101, 5, 5]), [vec![0, 1], vec![2, 3], vec![6, 7]]);
        assert_eq!(groups(&[1; 250]).iter().map(Vec::len).collect::<Vec<_>>(), [100, 100, 50]);
    }

    #[test]
    fn a_chain_that_stands_still_is_not_seen_and_one_that_is_ahead_is() {
        let blind_s = BLIND.as_secs();
        assert_eq!(behind_s(1_000, 1_000 + blind_s - 1), None);
        assert_eq!(behind_s(1_000, 1_000 + blind_s), Some(blind_s));
        assert_eq!(behind_s(u64::MAX, 0), None);
        assert_eq!(behind_s(0, u64::MAX), Some(u64::MAX));
    }
}
