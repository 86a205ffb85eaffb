//! Hands alarms to a webhook, each until it is taken.
//!
//! Invariant: an alarm leaves the state file only after an answer of 2xx, so each is delivered at least once, in order.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tatum_protocol::client::http;
use tokio::sync::Notify;

use super::state::Store;
use super::status::AuditorMetrics;
use crate::http::error::chain_of;

/// How long the receiver may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait after the first failure.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// How long to wait after a failure, at most.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The webhook and what waits for it.
#[derive(Clone, Debug)]
pub(super) struct Webhook {
    url: String,
    client: Client,
    store: Arc<Store>,
    metrics: Arc<AuditorMetrics>,
    /// Told when an alarm was added.
    added: Arc<Notify>,
}

impl Webhook {
    pub(super) fn new(url: String, store: Arc<Store>, metrics: Arc<AuditorMetrics>) -> Self {
        let client = http().timeout(TIMEOUT).build().unwrap_or_default();
        Self { url, client, store, metrics, added: Arc::default() }
    }

    /// There is an alarm to deliver.
    pub(super) fn wake(&self) {
        self.added.notify_one();
    }

    /// Delivers for ever.
    pub(super) async fn run(self) {
        loop {
            self.deliver_all().await;
            self.added.notified().await;
        }
    }

    /// Delivers what waits, trying again until all of it is taken.
    pub(super) async fn deliver_all(&self) {
        let mut wait = FIRST_WAIT;
        loop {
            match self.deliver_next().await {
                Ok(true) => wait = FIRST_WAIT,
                Ok(false) => return,
                Err(reason) => {
                    self.metrics.webhook_failed();
                    // The address may hold a secret, so it stays out of the log.
                    tracing::warn!(
                        reason,
                        wait_s = wait.as_secs(),
                        "the webhook did not take an alarm; trying again"
                    );
                    tokio::time::sleep(wait).await;
                    wait = wait.saturating_mul(2).min(LONGEST_WAIT);
                }
            }
        }
    }

    /// Delivers the oldest alarm. False if none waits.
    async fn deliver_next(&self) -> Result<bool, String> {
        let Some(alarm) = self.store.state().undelivered.first().cloned() else {
            return Ok(false);
        };
        let answer = self.client.post(&self.url).json(&alarm).send().await;
        let answer = answer.map_err(|error| chain_of(&error.without_url()))?;
        if !answer.status().is_success() {
            return Err(format!("it answered {}", answer.status()));
        }
        let taken = self.store.change(|state| {
            state.undelivered.retain(|waiting| waiting.id != alarm.id);
            state.undelivered.len()
        });
        self.metrics.undelivered(taken.map_err(|error| format!("{error:#}"))?);
        tracing::info!(id = %alarm.id, kind = alarm.kind.name(), "the webhook took an alarm");
        Ok(true)
    }
}
