//! Hands receipts from the durable outbox to the aggregator.
//!
//! Invariant: a receipt leaves the outbox only by an answer to it. A rejection that a later block can
//! lift (the aggregator may follow the chain more slowly than we) is tried again; others are final:
//! [`Answer::is_final`] says which.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rand::Rng;
use tatum_database::NodeStore;
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_receipt::{ReceiptKey, SignedReceipt};

use crate::NodeError;
use crate::error::in_full;

/// Receipts handed in at once.
const BATCH: u32 = 2_000;
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A rejection that may pass is tried again after this.
const RETRY_REFUSED: Duration = Duration::from_secs(3);

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) handed_in: AtomicU64,
    pub(crate) rejected: AtomicU64,
    pub(crate) failures: AtomicU64,
}

/// Hands in what waits in a store.
#[derive(Debug, Clone)]
pub(crate) struct Submitter {
    aggregator: AggregatorClient,
    store: NodeStore,
    every: Duration,
    pub(crate) totals: Arc<Totals>,
}

/// How a round went.
#[derive(Debug, PartialEq, Eq)]
enum Round {
    /// All that waited was answered.
    Done,
    /// Some of it was rejected for now.
    Refused,
}

impl Submitter {
    pub(crate) fn new(base: &str, store: NodeStore, every: Duration) -> Result<Self, NodeError> {
        let wrong = |_| NodeError::Url { what: "the aggregator", given: base.to_owned() };
        let aggregator = AggregatorClient::new(base).map_err(wrong)?;
        Ok(Self { aggregator, store, every, totals: Arc::default() })
    }

    /// Hands in until the task is aborted.
    pub(crate) async fn run(self) {
        let mut backoff = self.every;
        loop {
            let wait = match self.round().await {
                Ok(Round::Done) => self.every,
                Ok(Round::Refused) => RETRY_REFUSED.max(self.every),
                Err(reason) => {
                    self.totals.failures.fetch_add(1, Ordering::Relaxed);
                    tracing::warn!(
                        url = self.aggregator.base(),
                        reason,
                        "handing in receipts failed; trying again"
                    );
                    backoff = backoff.saturating_mul(2).min(LAST_BACKOFF);
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
                    Ok(Round::Done | Round::Refused) => return,
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

    /// Hands in all that waits. While a batch is on its way, the answers to the one before it are recorded and the one after
    /// it is read.
    async fn round(&self) -> Result<Round, String> {
        let (mut answered, mut is_passing) = (Vec::new(), false);
        let mut batch = self.waiting(None).await?;
        while let Some(last) = batch.last() {
            let after = last.receipt.key();
            let (answers, recorded, next) = tokio::join!(
                self.aggregator.hand_in(&batch),
                self.record(&answered),
                self.waiting(Some(&after)),
            );
            is_passing |= recorded?;
            let answers = answers.map_err(|error| in_full(&error))?;
            answered = batch.into_iter().zip(answers).collect();
            batch = next?;
        }
        is_passing |= self.record(&answered).await?;
        Ok(if is_passing { Round::Refused } else { Round::Done })
    }

    async fn waiting(&self, after: Option<&ReceiptKey>) -> Result<Vec<SignedReceipt>, String> {
        self.store.to_hand_in(after, BATCH).await.map_err(|error| error.to_string())
    }

    /// Records answers on disk; says whether a rejection among them may pass.
    async fn record(&self, answered: &[(SignedReceipt, Answer)]) -> Result<bool, String> {
        if answered.is_empty() {
            return Ok(false);
        }
        self.store.record_answers(answered).await.map_err(|error| error.to_string())?;
        Ok(self.count(answered))
    }

    /// Counts what was answered; says whether a rejection among it may pass.
    fn count(&self, answered: &[(SignedReceipt, Answer)]) -> bool {
        let (mut rejected, mut passing) = (0, false);
        for (_, answer) in answered {
            let Some(reason) = answer.reason() else { continue };
            rejected = u64::saturating_add(rejected, 1);
            if answer.is_final() {
                tracing::warn!(reason, "the aggregator rejected a receipt for good");
            } else {
                passing = true;
            }
        }
        let counted = (answered.len() as u64).saturating_sub(rejected);
        self.totals.handed_in.fetch_add(counted, Ordering::Relaxed);
        self.totals.rejected.fetch_add(rejected, Ordering::Relaxed);
        passing
    }
}
