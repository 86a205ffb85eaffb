//! Hands receipts from the durable outbox to the aggregator.
//!
//! Invariant: a receipt leaves the outbox only by an answer to it. A rejection that a later block can
//! lift (the aggregator may follow the chain more slowly than we) is tried again; others are final:
//! [`Answer::settles`] says which.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, TryStreamExt};
use rand::Rng;
use tatum_database::NodeStore;
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::receipts::Answer;
use tatum_receipt::{ReceiptKey, SignedReceipt, Witnessed};

use crate::NodeError;
use crate::error::in_full;

/// Receipts handed in at once.
const BATCH: u32 = 1_000;
/// Batches on their way at the same time.
const UNDER_WAY: usize = 8;
const LAST_BACKOFF: Duration = Duration::from_secs(30);
/// A rejection that may pass is tried again after this.
const RETRY_REJECTED: Duration = Duration::from_secs(3);

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
    Rejected,
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
                Ok(Round::Rejected) => RETRY_REJECTED.max(self.every),
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
                    Ok(Round::Done | Round::Rejected) => return,
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

    /// Hands in all that waits, several batches at a time: while one is checked there, another is written there, and the answers
    /// to a third are recorded here.
    async fn round(&self) -> Result<Round, String> {
        let (mut under_way, mut last) = (FuturesUnordered::new(), None);
        let mut round = Round::Done;
        loop {
            while under_way.len() < UNDER_WAY {
                let batch = self.waiting(last.as_ref()).await?;
                let Some(newest) = batch.last() else { break };
                last = Some(newest.signed.receipt.key());
                under_way.push(self.hand_in(batch));
            }
            match under_way.try_next().await? {
                Some(true) => round = Round::Rejected,
                Some(false) => {}
                None => return Ok(round),
            }
        }
    }

    /// Hands in a batch and records the answers; says whether a rejection among them may pass.
    async fn hand_in(&self, batch: Vec<Witnessed>) -> Result<bool, String> {
        let answers = self.aggregator.hand_in(&batch).await.map_err(|error| in_full(&error))?;
        let receipts = batch.into_iter().map(|witnessed| witnessed.signed);
        let answered: Vec<_> = receipts.zip(answers).collect();
        self.record(&answered).await
    }

    async fn waiting(&self, after: Option<&ReceiptKey>) -> Result<Vec<Witnessed>, String> {
        self.store.to_hand_in(after, BATCH).await.map_err(|error| error.to_string())
    }

    /// Records answers on disk; says whether a rejection among them may pass.
    async fn record(&self, answered: &[(SignedReceipt, Answer)]) -> Result<bool, String> {
        self.store.record_answers(answered).await.map_err(|error| error.to_string())?;
        Ok(self.count(answered))
    }

    /// Counts what was answered; says whether a rejection among it may pass.
    fn count(&self, answered: &[(SignedReceipt, Answer)]) -> bool {
        let (mut rejected, mut passing) = (0, false);
        for (signed, answer) in answered {
            let Some(reason) = answer.reason() else { continue };
            rejected = u64::saturating_add(rejected, 1);
            if answer.settles(&signed.receipt) {
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
