//! The loop: what happened on chain, what an audit says of it, what is done about it.
//!
//! Invariant: a look ends either with everything that happened attended to and the place in the chain recorded, or it is
//! made again; blocks near the head are read again each time, so a reorganisation hides nothing.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Context;
use tatum_chain::{Chain, DistributionEvent, ProposalStatus, ProposedEvent};
use tatum_primitives::{B256, Epoch};
use tatum_protocol::AlarmKind;

use super::state::{Case, Store, Verdict};
use super::status::Status;
use super::webhook::Webhook;
use super::{Config, alarm};
use crate::audit::{self, AuditError, Challenge, DatasetSource, Datasets};
use crate::http::error::chain_of;

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
    /// When to audit again what did not hold, and how long was waited before.
    again: HashMap<Epoch, (Instant, Duration)>,
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
            let open = state.cases.iter().filter(|(_, case)| !case.is_settled());
            epochs.extend(open.map(|(epoch, _)| *epoch));
            state.next_block
        };
        let from = next.saturating_sub(REORGANISED);
        for event in self.chain.distribution_events(from, head).await? {
            epochs.insert(match event {
                DistributionEvent::Proposed(event) => event.proposal.epoch,
                DistributionEvent::Finalized { epoch, .. }
                | DistributionEvent::Cancelled { epoch, .. } => epoch,
            });
        }
        let mut failed = None;
        for epoch in &epochs {
            // One that cannot be attended to keeps no other waiting.
            if let Err(error) = self.attend(*epoch).await {
                failed.get_or_insert(error.context(format!("epoch {epoch}")));
            }
        }
        if self.config.challenge {
            self.reclaim().await?;
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

    /// Audits what stands on chain for `epoch`, unless that was done, and does what follows from it.
    async fn attend(&mut self, epoch: Epoch) -> anyhow::Result<()> {
        if !self.store.state().concerns(epoch) {
            return Ok(());
        }
        let (event, finalized) = match self.chain.proposal_status(epoch).await? {
            ProposalStatus::Missing => return self.gone(epoch, None),
            ProposalStatus::Pending(event) => (event, false),
            ProposalStatus::Finalized(event) => (event, true),
        };
        let known = self.store.state().cases.get(&epoch).cloned();
        let mut case = match known {
            Some(case) if case.event.commitment() == event.commitment() => case,
            Some(_) => {
                self.gone(epoch, Some(&event))?;
                Case::new(event.clone())
            }
            None => {
                let (root, proposer, uri) =
                    (event.proposal.root, event.proposer, &event.proposal.uri);
                tracing::info!(%epoch, %root, %proposer, uri, finalized, "a distribution to audit");
                Case::new(event.clone())
            }
        };
        if case.verdict != Verdict::Holds && self.is_due(epoch, finalized) {
            self.audit(&mut case, finalized).await?;
        }
        if finalized && !case.finalized {
            case.finalized = true;
            self.became_final(&mut case)?;
        }
        self.keep(&case)?;
        if self.config.challenge && !finalized && case.verdict != Verdict::Holds {
            self.challenge(&case).await?;
        }
        Ok(())
    }

    async fn audit(&self, case: &mut Case, finalized: bool) -> anyhow::Result<()> {
        let epoch = case.event.proposal.epoch;
        if case.verdict != Verdict::Unseen {
            // What was fetched before did not hold; perhaps it was not what was published.
            self.forget(case.event.proposal.manifest_hash);
        }
        self.status.auditing.store(true, Ordering::Relaxed);
        let audited = audit::epoch(&self.chain, epoch, self.datasets(epoch)).await;
        self.status.auditing.store(false, Ordering::Relaxed);
        let (verdict, summary, differences) = match audited {
            Ok(report) if report.ok => {
                let receipts = report.receipts;
                tracing::info!(%epoch, root = %report.root, receipts, finalized, "the distribution holds");
                (Verdict::Holds, String::new(), vec![])
            }
            Ok(report) => {
                let failed = report.checks.iter().filter(|check| !check.ok);
                let names: Vec<&str> = failed.map(|check| check.name.as_str()).collect();
                let summary = format!(
                    "the distribution of epoch {epoch} does not hold: {}",
                    names.join(", ")
                );
                (Verdict::Differs, summary, report.differences)
            }
            Err(AuditError::Fetch { source, .. }) => {
                let summary = format!("the dataset of epoch {epoch} is not to be had");
                (Verdict::Unavailable, summary, vec![chain_of(&source)])
            }
            Err(error) => return Err(error).context("auditing"),
        };
        self.status.metrics.audited(verdict);
        case.verdict = verdict;
        let kind = match verdict {
            Verdict::Differs if finalized => AlarmKind::Finalized,
            Verdict::Differs => AlarmKind::Differs,
            Verdict::Unavailable => AlarmKind::Unavailable,
            Verdict::Unseen | Verdict::Holds => {
                if case.alarm.take().is_some() {
                    let summary = format!("the distribution of epoch {epoch} holds after all");
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
        let epoch = case.event.proposal.epoch;
        let summary = format!("the distribution of epoch {epoch}, which does not hold, is final");
        case.alarm = Some(AlarmKind::Finalized);
        self.raise(AlarmKind::Finalized, case, summary, vec![])
    }

    /// What stood on chain for `epoch` does not any more; `instead` does.
    fn gone(&self, epoch: Epoch, instead: Option<&ProposedEvent>) -> anyhow::Result<()> {
        let Some(case) = self.store.state().cases.get(&epoch).cloned() else { return Ok(()) };
        let root = case.event.proposal.root;
        tracing::info!(%epoch, %root, replaced = instead.is_some(), "the proposal is gone");
        if case.alarm.is_some() {
            let summary = format!("the proposal of epoch {epoch} that raised the alarm is gone");
            self.raise(AlarmKind::Cleared, &case, summary, vec![])?;
        }
        self.store.change(|state| state.cases.remove(&epoch)).map(drop)
    }

    /// Files what the contract lets us file. The next look sees what came of it.
    async fn challenge(&self, case: &Case) -> anyhow::Result<()> {
        let epoch = case.event.proposal.epoch;
        let filed = audit::challenge(&self.chain, epoch, self.datasets(epoch)).await;
        let challenge = match filed {
            // Somebody else was faster.
            Err(AuditError::NotPending { .. }) => return Ok(()),
            filed => filed.context("challenging")?,
        };
        match challenge {
            Challenge::Unfounded | Challenge::Awaited { .. } => Ok(()),
            filed => {
                let text = serde_json::to_string(&filed).unwrap_or_default();
                let summary = format!("filed against the proposal of epoch {epoch}: {text}");
                self.raise(AlarmKind::Acted, case, summary, vec![])
            }
        }
    }

    /// Has bonds paid back that we posted for demands whose proposals are cancelled.
    async fn reclaim(&self) -> anyhow::Result<()> {
        for demand in self.chain.stranded_demands().await.context("looking for our demands")? {
            let tx = self.chain.reclaim_demand_bond(demand).await.context("reclaiming a bond")?;
            let operator_id = demand.operator_id;
            tracing::info!(%operator_id, commitment = %demand.commitment, %tx, "a demand's bond is back");
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
        let alarm = alarm::about(kind, deployment, &case.event, summary, differences);
        alarm::log(&alarm);
        self.status.metrics.alarm(kind);
        let queued = self.store.change(|state| {
            state.cases.insert(case.event.proposal.epoch, case.clone());
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
        self.store.change(|state| state.cases.insert(case.event.proposal.epoch, case)).map(drop)
    }

    /// Whether what did not hold may be audited again; if so, later each time.
    fn is_due(&mut self, epoch: Epoch, finalized: bool) -> bool {
        let longest = if finalized { AGAIN_FINAL } else { AGAIN_PENDING };
        let (now, poll) = (Instant::now(), self.config.poll);
        let (due, wait) = self.again.entry(epoch).or_insert((now, poll));
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
        Datasets::new(source).kept_in(&self.folder()).within(self.config.limits)
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
        let pending = state.cases.values().filter(|case| !case.finalized);
        let kept: BTreeSet<String> = newest
            .into_iter()
            .chain(pending)
            .map(|case| case.event.proposal.manifest_hash.to_string())
            .collect();
        self.again.retain(|epoch, _| state.cases.get(epoch).is_some_and(|case| !case.is_settled()));
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
