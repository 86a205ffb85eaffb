//! Hands receipts from the durable outbox to the aggregator.
//!
//! Invariant: a receipt leaves the outbox only by an answer to it. A refusal that a later block can
//! lift (the aggregator may follow the chain more slowly than we) is tried again; others are final.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;
use serde::Deserialize;
use serde_json::Value;
use tatum_database::{Answer, NodeStore};
use tatum_receipt::SignedReceipt;

use crate::NodeError;

/// Receipts handed in at once.
const BATCH: u32 = 200;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A refusal that may pass is tried again after this.
const RETRY_REFUSED: Duration = Duration::from_secs(3);
/// Reasons that the aggregator's next block may lift.
const PASSING: [&str; 5] =
    ["future_epoch", "unknown_operator", "unknown_node", "no_stake", "unauthorized_signer"];

/// The aggregator's answer for one receipt.
#[derive(Debug, Deserialize)]
struct Told {
    outcome: String,
    #[serde(default)]
    reason: Value,
    #[serde(default)]
    message: Option<String>,
}

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) handed_in: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// Hands in what waits in a store.
#[derive(Debug, Clone)]
pub(crate) struct Submitter {
    client: reqwest::Client,
    url: String,
    store: NodeStore,
    every: Duration,
    pub(crate) totals: Arc<Totals>,
}

/// How a round went.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    Empty,
    Done { more: bool },
    Refused,
}

impl Submitter {
    pub(crate) fn new(base: &str, store: NodeStore, every: Duration) -> Result<Self, NodeError> {
        let wrong = || NodeError::Url { what: "the aggregator", given: base.to_owned() };
        if !(base.starts_with("http://") || base.starts_with("https://")) {
            return Err(wrong());
        }
        let client =
            reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build().map_err(|_| wrong())?;
        let url = format!("{}/v1/receipts", base.trim_end_matches('/'));
        Ok(Self { client, url, store, every, totals: Arc::default() })
    }

    /// Hands in until the task is aborted.
    pub(crate) async fn run(self) {
        let mut backoff = self.every;
        loop {
            let wait = match self.round().await {
                Ok(Round::Done { more: true }) => Duration::ZERO,
                Ok(Round::Empty | Round::Done { more: false }) => self.every,
                Ok(Round::Refused) => RETRY_REFUSED.max(self.every),
                Err(reason) => {
                    self.totals.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        url = self.url,
                        reason,
                        "handing in receipts failed; trying again"
                    );
                    backoff = (backoff * 2).min(LAST_BACKOFF);
                    let jitter = rand::rng().random_range(0.5..1.0);
                    tokio::time::sleep(backoff.mul_f64(jitter)).await;
                    continue;
                }
            };
            backoff = self.every;
            tokio::time::sleep(wait).await;
        }
    }

    /// Hands in what is left before the process ends. What does not get through waits on disk.
    pub(crate) async fn hand_in_last(&self, patience: Duration) {
        let rounds = async {
            loop {
                match self.round().await {
                    Ok(Round::Done { more: true }) => {}
                    Ok(_) => return,
                    Err(_) => tokio::time::sleep(Duration::from_millis(300)).await,
                }
            }
        };
        if tokio::time::timeout(patience, rounds).await.is_err() {
            tracing::warn!(
                "receipts are left in the outbox; they are handed in after the next start"
            );
        }
    }

    async fn round(&self) -> Result<Round, String> {
        let waiting = self.store.to_hand_in(BATCH).await.map_err(|error| error.to_string())?;
        if waiting.is_empty() {
            return Ok(Round::Empty);
        }
        let told = self.post(&waiting).await?;
        if told.len() != waiting.len() {
            return Err(format!("{} answers for {} receipts", told.len(), waiting.len()));
        }
        let more = waiting.len() == BATCH as usize;
        let answers: Vec<Answer> =
            waiting.into_iter().zip(told).map(|(signed, told)| answer(signed, &told)).collect();
        let refused = answers.iter().filter(|answer| answer.refused.is_some()).count();
        let passing = answers.iter().any(|answer| answer.refused.is_some() && !answer.is_final);
        for answer in answers.iter().filter(|answer| answer.is_final) {
            if let Some(reason) = &answer.refused {
                tracing::warn!(reason, "the aggregator refused a receipt for good");
            }
        }
        self.store.record_answers(&answers).await.map_err(|error| error.to_string())?;
        let counted = answers.len() - refused;
        self.totals.handed_in.fetch_add(counted as u64, Ordering::Relaxed);
        self.totals.refused.fetch_add(refused as u64, Ordering::Relaxed);
        Ok(if passing { Round::Refused } else { Round::Done { more } })
    }

    async fn post(&self, receipts: &[SignedReceipt]) -> Result<Vec<Told>, String> {
        let response = self.client.post(&self.url).json(receipts).send().await;
        let response = response.map_err(|error| error.to_string())?;
        let status = response.status();
        if !status.is_success() {
            let body = response.text().await.unwrap_or_default();
            return Err(format!("{status}: {}", body.chars().take(200).collect::<String>()));
        }
        response.json().await.map_err(|error| error.to_string())
    }
}

fn answer(signed: SignedReceipt, told: &Told) -> Answer {
    match told.outcome.as_str() {
        "accepted" | "superseded" | "duplicate" => Answer { signed, refused: None, is_final: true },
        _ => {
            let code = told.reason.get("code").and_then(Value::as_str).unwrap_or("unknown");
            let message = told.message.clone().unwrap_or_else(|| told.reason.to_string());
            let is_final = !PASSING.contains(&code) && told.outcome == "rejected";
            Answer { signed, refused: Some(format!("{code}: {message}")), is_final }
        }
    }
}
