//! Surveys for a tracker: how operators served in the epochs that became final last, by the code of `tatum audit service`.
//!
//! Invariant: a survey that cannot be had changes nothing, is logged, and is asked for again, ever more seldom, for as long as it would
//! count. One is fetched at a time, within [`LIMITS`], beside the tracker's own work.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tatum_aggregator::audit::{self, FetchLimits};
use tatum_chain::Chain;
use tatum_node::Clock;
use tatum_node::tracker::{Finding, JUDGED_EPOCHS, Surveys};
use tatum_primitives::Epoch;
use tokio::sync::watch;

/// How often the chain is asked what became final.
const LOOK: Duration = Duration::from_secs(5);
/// How long to wait after a survey that failed, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(600);
/// What one survey may fetch: a proposer names the place.
const LIMITS: FetchLimits = FetchLimits { seconds: 300, bytes: 2 << 30 };

/// Who fetches surveys.
pub(super) struct Surveyor {
    pub(super) chain: Chain,
    pub(super) clock: Arc<dyn Clock>,
    /// Where datasets are; otherwise where their proposers published them.
    pub(super) place: Option<String>,
    /// Below which completeness an operator is judged.
    pub(super) least_ppm: u64,
    pub(super) surveys: watch::Sender<Surveys>,
}

/// When to ask again for what could not be had, and how long was waited before.
type Again = BTreeMap<Epoch, (Instant, Duration)>;

impl Surveyor {
    /// Surveys what becomes final, until the task is aborted.
    pub(super) async fn run(self) {
        let mut again = Again::new();
        loop {
            match self.due(&mut again).await {
                Err(error) => tracing::warn!(%error, "the chain does not say what is final"),
                Ok(None) => {}
                Ok(Some(epoch)) => {
                    self.attend(epoch, &mut again).await;
                    continue;
                }
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The newest epoch that is final, would still count and is not surveyed.
    async fn due(&self, again: &mut Again) -> Result<Option<Epoch>, tatum_chain::ChainError> {
        let Some(newest) = self.chain.finalized_epoch().await? else { return Ok(None) };
        let oldest = Epoch(self.clock.epoch().0.saturating_sub(JUDGED_EPOCHS));
        again.retain(|epoch, _| *epoch >= oldest);
        self.surveys.send_if_modified(|surveys| {
            surveys.retain(|epoch, _| *epoch >= oldest);
            false
        });
        let now = Instant::now();
        let waits = |epoch: &Epoch| again.get(epoch).is_some_and(|(until, _)| *until > now);
        let known = self.surveys.borrow();
        let mut all = (oldest.0..=newest.0).rev().map(Epoch);
        Ok(all.find(|epoch| !known.contains_key(epoch) && !waits(epoch)))
    }

    async fn attend(&self, epoch: Epoch, again: &mut Again) {
        match self.survey(epoch).await {
            Ok(found) => {
                again.remove(&epoch);
                for finding in &found {
                    tell(epoch, finding);
                }
                tracing::info!(%epoch, operators = found.len(), "an epoch's service was surveyed");
                self.surveys.send_modify(|surveys| drop(surveys.insert(epoch, found)));
            }
            Err(error) => {
                let waited = again.get(&epoch).map_or(LOOK, |(_, waited)| *waited);
                let wait = waited.saturating_mul(2).min(LONGEST_WAIT);
                let error = format!("{error:#}");
                tracing::warn!(%epoch, error, "no survey; everybody is recruited as before");
                again.insert(epoch, (later(wait), wait));
            }
        }
    }

    async fn survey(&self, epoch: Epoch) -> anyhow::Result<Vec<Finding>> {
        let surveying = audit::service(&self.chain, epoch, None, self.place.as_deref(), LIMITS);
        let report = match surveying.await.context("fetching the dataset")? {
            Ok(report) => report,
            Err(differences) => bail!("the dataset is not to be believed: {differences}"),
        };
        let found = report.findings(self.least_ppm).into_iter();
        Ok(found
            .map(|found| Finding {
                operator_id: found.operator_id,
                stream: found.stream,
                completeness_ppm: found.completeness_ppm,
                sole_payer: found.sole_payer,
            })
            .collect())
    }
}

fn later(wait: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(wait).unwrap_or(now)
}

fn tell(epoch: Epoch, finding: &Finding) {
    let Finding { operator_id, stream, completeness_ppm, sole_payer } = finding;
    match sole_payer {
        None => tracing::warn!(
            %operator_id, %epoch, %stream, completeness_ppm,
            "by an epoch's receipts an operator served a stream badly: it gets no new ones"
        ),
        Some(payer) => tracing::warn!(
            %operator_id, %epoch, %stream, completeness_ppm, %payer,
            "one payer says that an operator served a stream badly: it gets no new ones if others complain"
        ),
    }
}
