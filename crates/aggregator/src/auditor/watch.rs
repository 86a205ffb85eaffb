//! The loop: what happened on chain, what an audit says of it, what is done about it.
//!
//! Invariant: a look ends either with everything that happened attended to and the place in the chain recorded, or it is
//! made again; blocks near the head are read again each time, so a reorganisation hides nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use tatum_chain::{Chain, Fate, Record};
use tatum_primitives::{B256, Epoch};
use tatum_protocol::AlarmKind;

use super::state::{Case, Store, Verdict};
use super::status::Status;
use super::webhook::Webhook;
use super::{Config, alarm};
use crate::audit::{self, Audited, DatasetSource, Datasets};
use crate::http::error::chain_of;
use crate::judge::{Challenge, challenge};

/// Blocks below the head that are read again with each look.
const REORGANISED: u64 = 64;
/// How long until what does not hold is audited again, at most: while it can be challenged, and when it is final.
const AGAIN_PENDING: Duration = Duration::from_secs(60);
const AGAIN_FINAL: Duration = Duration::from_secs(6 * 3600);
/// How long to wait after a look that failed, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// An auditor at work.
#[derive(Debug)]
pub(super) struct Watch {
    config: Config,
    chain: Chain,
    store: Arc<Store>,
    status: Status,
    webhook: Option<Webhook>,
    /// When to audit again what did not hold, and how long was waited before, by counter.
    again: HashMap<u64, (Instant, Duration)>,
}

impl Watch {
    pub(super) fn new(
        config: Config,
        chain: Chain,
        store: Arc<Store>,
        status: Status,
        webhook: Option<Webhook>,
    ) -> Self {
        Self { config, chain, store, status, webhook, again: HashMap::new() }
    }

    /// Looks until there is a reason to end.
    pub(super) async fn run(&mut self) -> anyhow::Result<()> {
        let (mut wait, mut said) = (self.config.poll, String::new());
        loop {
            match self.look().await {
                Ok(()) => {
                    (wait, said) = (self.config.poll, String::new());
                    let stands = self.store.state().standing() > 0;
                    if self.config.once || (self.config.exit_on_alarm && stands) {
                        return Ok(());
                    }
                    tokio::time::sleep(self.config.poll).await;
                }
                Err(error) if self.config.once => return Err(error),
                Err(error) => {
                    self.status.metrics.failed();
                    let text = format!("{error:#}");
                    if said != text {
                        tracing::warn!(error = text, "a look at the chain failed; trying again");
                        said = text;
                    }
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Attends to everything that happened since the last look, and to what is not over.
    async fn look(&mut self) -> anyhow::Result<()> {
        let (head, _) = self.chain.head().await?;
        self.status.pulse.beat();
        let mut epochs: BTreeSet<Epoch> = BTreeSet::new();
        let next = {
            let state = self.store.state();
            let open = state.cases.values().filter(|case| !case.is_settled());
            epochs.extend(open.map(Case::epoch));
            state.next_block
        };
        let from = next.saturating_sub(REORGANISED);
        epochs.extend(self.chain.settled_epochs(from, head).await?);
        let mut failed = None;
        for epoch in &epochs {
            // One that cannot be attended to keeps no other waiting.
            if let Err(error) = self.attend_epoch(*epoch).await {
                failed.get_or_insert(error.context(format!("epoch {epoch}")));
            }
        }
        if self.config.challenge {
            self.collect().await?;
        }
        if let Some(error) = failed {
            return Err(error);
        }
        self.store.change(|state| state.next_block = head.saturating_add(1))?;
        self.tidy();
        let newest = epochs.last().map_or(0, |epoch| epoch.0);
        self.status.metrics.looked(self.store.state().standing(), newest);
        Ok(())
    }

    /// Attends to every proposal of `epoch`.
    async fn attend_epoch(&mut self, epoch: Epoch) -> anyhow::Result<()> {
        if !self.store.state().concerns(epoch) {
            return Ok(());
        }
        let records = self.chain.proposals(epoch).await?;
        let over = records.iter().any(|record| record.fate == Fate::Final);
        let stands = |counter: &u64| records.iter().any(|r| r.proposal.counter == *counter);
        let gone: Vec<u64> = {
            let state = self.store.state();
            let of_epoch = state.cases.iter().filter(|(_, case)| case.epoch() == epoch);
            of_epoch.map(|(counter, _)| *counter).filter(|counter| !stands(counter)).collect()
        };
        for counter in gone {
            self.gone(counter)?;
        }
        let mut failed = None;
        for record in &records {
            // One that cannot be attended to keeps no other waiting.
            if let Err(error) = self.attend(record, over).await {
                let counter = record.proposal.counter;
                failed.get_or_insert(error.context(format!("proposal {counter}")));
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Audits a proposal, unless that was done, and does what follows from it.
    async fn attend(&mut self, record: &Record, over: bool) -> anyhow::Result<()> {
        let (proposal, counter) = (&record.proposal, record.proposal.counter);
        let (open, finalized) = (record.fate == Fate::Open, record.fate == Fate::Final);
        if !open && !finalized {
            return self.gone(counter);
        }
        let known = self.store.state().cases.get(&counter).cloned();
        let mut case = match known {
            Some(case) if case.proposal == *proposal => case,
            known => {
                if known.is_some() {
                    self.gone(counter)?;
                }
                let (epoch, proposer) = (proposal.draft.epoch, proposal.proposer);
                let uri = &proposal.uri;
                tracing::info!(%epoch, counter, %proposer, uri, finalized, "a proposal to audit");
                Case::new(proposal.clone())
            }
        };
        case.over = over;
        let acts = self.config.challenge && open;
        let asked = acts && self.chain.standing(counter).await?.open_demands > 0;
        let due = case.verdict != Verdict::Holds && self.is_due(counter, over);
        if due && case.verdict != Verdict::Unseen {
            // What was fetched before did not hold; perhaps it was not what was published.
            self.forget(case.proposal.draft.manifest_hash);
        }
        if due || asked {
            self.audit(&mut case, finalized, acts).await?;
        }
        if finalized && !case.finalized {
            case.finalized = true;
            self.became_final(&mut case)?;
        }
        self.keep(&case)
    }

    async fn audit(&self, case: &mut Case, finalized: bool, acts: bool) -> anyhow::Result<()> {
        let (epoch, counter) = (case.epoch(), case.proposal.counter);
        self.status.auditing.store(true, Ordering::Relaxed);
        let audited =
            audit::proposal(&self.chain, &case.proposal, finalized, self.datasets(epoch)).await;
        self.status.auditing.store(false, Ordering::Relaxed);
        let audited = audited.context("auditing")?;
        let (verdict, summary, differences) = match &audited.report {
            Ok(report) if report.ok => {
                let receipts = report.receipts;
                tracing::info!(%epoch, counter, receipts, finalized, "the proposal holds");
                (Verdict::Holds, String::new(), vec![])
            }
            Ok(report) => {
                let failed = report.checks.iter().filter(|check| !check.ok);
                let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
                let names = names.join(", ");
                let summary = format!("proposal {counter} of epoch {epoch} does not hold: {names}");
                (Verdict::Differs, summary, report.differences.clone())
            }
            Err(error) => {
                let summary =
                    format!("the dataset of proposal {counter} of epoch {epoch} is not to be had");
                (Verdict::Unavailable, summary, vec![chain_of(error)])
            }
        };
        self.judge(case, verdict, finalized, summary, differences)?;
        if acts { self.act(case, audited).await } else { Ok(()) }
    }

    /// Takes up what an audit came to, and raises the alarm if it came to something else before.
    fn judge(
        &self,
        case: &mut Case,
        verdict: Verdict,
        finalized: bool,
        summary: String,
        differences: Vec<String>,
    ) -> anyhow::Result<()> {
        self.status.metrics.audited(verdict);
        case.verdict = verdict;
        let kind = match verdict {
            Verdict::Differs if finalized => AlarmKind::Finalized,
            Verdict::Differs => AlarmKind::Differs,
            Verdict::Unavailable => AlarmKind::Unavailable,
            Verdict::Unseen | Verdict::Holds => {
                if case.alarm.take().is_some() {
                    let counter = case.proposal.counter;
                    let summary = format!("proposal {counter} holds after all");
                    self.raise(AlarmKind::Cleared, case, summary, vec![])?;
                }
                return Ok(());
            }
        };
        // A final distribution stays alarming when its dataset disappears as well.
        if case.alarm != Some(kind) && case.alarm != Some(AlarmKind::Finalized) {
            case.alarm = Some(kind);
            self.raise(kind, case, summary, differences)?;
        }
        Ok(())
    }

    /// A distribution that was audited as a proposal is final now.
    fn became_final(&self, case: &mut Case) -> anyhow::Result<()> {
        if case.verdict != Verdict::Differs || case.alarm == Some(AlarmKind::Finalized) {
            return Ok(());
        }
        let epoch = case.epoch();
        let summary = format!("the distribution of epoch {epoch}, which does not hold, is final");
        case.alarm = Some(AlarmKind::Finalized);
        self.raise(AlarmKind::Finalized, case, summary, vec![])
    }

    /// A proposal does not stand on chain any more.
    fn gone(&self, counter: u64) -> anyhow::Result<()> {
        let Some(case) = self.store.state().cases.get(&counter).cloned() else { return Ok(()) };
        let epoch = case.epoch();
        tracing::info!(%epoch, counter, "the proposal is gone");
        if case.alarm.is_some() {
            let summary = format!("proposal {counter}, which raised the alarm, is gone");
            self.raise(AlarmKind::Cleared, &case, summary, vec![])?;
        }
        self.store.change(|state| state.cases.remove(&counter)).map(drop)
    }

    /// Files what is to be filed. The next look sees what came of it.
    async fn act(&self, case: &Case, audited: Audited) -> anyhow::Result<()> {
        let Audited { demands, judged, .. } = audited;
        let means = self.config.means;
        let done = challenge(&self.chain, &case.proposal, &demands, judged, means).await;
        for done in done.context("challenging")? {
            match done {
                Challenge::Unfounded | Challenge::Awaited { .. } => {}
                Challenge::Exhausted { .. } | Challenge::Undecided { .. } => {
                    let (epoch, counter) = (case.epoch(), case.proposal.counter);
                    tracing::warn!(%epoch, counter, ?done, "nothing can be done about a proposal");
                }
                filed => {
                    let text = serde_json::to_string(&filed).unwrap_or_default();
                    let counter = case.proposal.counter;
                    let summary = format!("filed about proposal {counter}: {text}");
                    self.raise(AlarmKind::Acted, case, summary, vec![])?;
                }
            }
        }
        Ok(())
    }

    /// Has paid back what we offered for answers that never came, and withdraws what we earned.
    async fn collect(&self) -> anyhow::Result<()> {
        for asked in self.chain.stranded_demands().await.context("looking for our demands")? {
            let tx = self.chain.reclaim(&asked).await.context("reclaiming an offer")?;
            tracing::info!(counter = asked.counter, tree = ?asked.tree, %tx, "a demand's offer is back");
        }
        for counter in self.chain.due_rewards(0).await.context("looking for our rewards")? {
            let tx = self.chain.withdraw_reward(counter).await.context("withdrawing a reward")?;
            tracing::info!(counter, %tx, "withdrew what we earned by showing a wrong proposal");
        }
        Ok(())
    }

    /// Logs, counts and queues an alarm, together with the case that it is about.
    fn raise(
        &self,
        kind: AlarmKind,
        case: &Case,
        summary: String,
        differences: Vec<String>,
    ) -> anyhow::Result<()> {
        let deployment = self.chain.deployment();
        let alarm = alarm::about(kind, deployment, &case.proposal, summary, differences);
        alarm::log(&alarm);
        self.status.metrics.alarm(kind);
        let queued = self.store.change(|state| {
            state.cases.insert(case.proposal.counter, case.clone());
            if self.webhook.is_some() && state.undelivered.iter().all(|other| other.id != alarm.id)
            {
                state.undelivered.push(alarm);
            }
            state.undelivered.len()
        })?;
        self.status.metrics.undelivered(queued);
        if let Some(webhook) = &self.webhook {
            webhook.wake();
        }
        Ok(())
    }

    fn keep(&self, case: &Case) -> anyhow::Result<()> {
        let case = case.clone();
        self.store.change(|state| state.cases.insert(case.proposal.counter, case)).map(drop)
    }

    /// Whether what did not hold may be audited again; if so, later each time.
    fn is_due(&mut self, counter: u64, over: bool) -> bool {
        let longest = if over { AGAIN_FINAL } else { AGAIN_PENDING };
        let (now, poll) = (Instant::now(), self.config.poll);
        let (due, wait) = self.again.entry(counter).or_insert((now, poll));
        if now < *due {
            return false;
        }
        *wait = wait.saturating_mul(2).min(longest);
        *due = now.checked_add(*wait).unwrap_or(now);
        true
    }

    fn datasets(&self, epoch: Epoch) -> Datasets {
        let source = self.config.dataset.as_deref();
        let source = source.map(|text| DatasetSource::of_epoch(text, epoch));
        let window_s = self.chain.deployment().windows.challenge_s;
        let limits = self.config.limits.for_window(window_s);
        Datasets::new(source).kept_in(&self.folder()).within(limits)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.config.data_dir.join("datasets")
    }

    /// Removes a dataset that was fetched.
    fn forget(&self, manifest_hash: B256) {
        // If it stays, it is found not to hold again.
        let _ = std::fs::remove_dir_all(self.folder().join(manifest_hash.to_string()));
    }

    /// Keeps the datasets of proposals and of the newest final distribution, from which a challenge starts.
    fn tidy(&mut self) {
        let state = self.store.state();
        let newest = state.cases.values().rfind(|case| case.finalized);
        let pending = state.cases.values().filter(|case| !case.over);
        let kept: BTreeSet<String> = newest
            .into_iter()
            .chain(pending)
            .map(|case| case.proposal.draft.manifest_hash.to_string())
            .collect();
        let open = |counter: &u64| state.cases.get(counter).is_some_and(|case| !case.is_settled());
        self.again.retain(|counter, _| open(counter));
        drop(state);
        let Ok(found) = std::fs::read_dir(self.folder()) else { return };
        for folder in found.flatten() {
            let name = folder.file_name().to_string_lossy().into_owned();
            if name.parse::<B256>().is_ok() && !kept.contains(&name) {
                // Best effort: it costs only room, and the next look tries again.
                let _ = std::fs::remove_dir_all(folder.path());
            }
        }
    }
}
