//! `POST /v1/receipts`.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::routing::post;
use axum::{Json, Router};
use tatum_database::{Outcome, SubmitError, Writer};
use tatum_protocol::receipts::{self, Answer, BatchError, Element, RECEIPTS};

use super::admission::Gate;
use super::{Checker, Limits};
use crate::http::ApiError;
use crate::metrics::Metrics;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a request waits that is turned away for the client's record.
const HOLD_OFF: Duration = Duration::from_secs(1);
/// As so many rejected receipts counts a body that cannot be read.
const UNREADABLE: usize = 64;

/// Everything the intake needs.
#[derive(Clone, Debug)]
pub struct Ingest {
    gate: Gate,
    checker: Checker,
    writer: Writer,
    metrics: Arc<Metrics>,
}

impl Ingest {
    /// An intake that checks with `checker` and stores with `writer`.
    pub fn new(limits: Limits, checker: Checker, writer: Writer, metrics: Arc<Metrics>) -> Self {
        Self { gate: Gate::new(limits), checker, writer, metrics }
    }

    /// Checks and stores receipts, and answers for each once that is on disk.
    pub async fn submit(
        &self,
        client: IpAddr,
        elements: Vec<Element>,
    ) -> Result<Vec<Answer>, ApiError> {
        let started = Instant::now();
        let candidates = self.checker.check_all(client, elements).await;
        let candidates = candidates.ok_or(ApiError::Rejections)?;
        let outcomes = self.writer.submit(candidates).await.map_err(|error| match error {
            SubmitError::Stopped => ApiError::Busy,
            other => {
                // The submission changed nothing; the client sends it again.
                tracing::error!(error = %crate::http::error::chain_of(&other), "receipts were not stored");
                ApiError::Busy
            }
        })?;
        for outcome in &outcomes {
            self.metrics.outcome(outcome);
        }
        self.metrics.submission(started.elapsed());
        Ok(outcomes.into_iter().map(answer).collect())
    }

    /// Keeps a client that sends garbage waiting before it is told `error`: as many of its requests as it may have under
    /// way cost nothing meanwhile, and a client that waits for answers is slowed down by it.
    async fn turn_away(&self, client: IpAddr, error: ApiError) -> ApiError {
        if matches!(error, ApiError::Busy | ApiError::TooManyRequests | ApiError::Rejections) {
            self.metrics.turned_away();
        }
        if self.checker.queue().is_poor(client)
            && let Ok(_held) = self.gate.admit(client, Some(0), false)
        {
            tokio::time::sleep(HOLD_OFF).await;
        }
        error
    }
}

/// The intake's routes. Serve them with connection info, by which clients are told apart.
pub fn router(ingest: Ingest) -> Router {
    Router::new().route("/v1/receipts", post(receive)).with_state(ingest)
}

async fn receive(
    State(ingest): State<Ingest>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Vec<Answer>>, ApiError> {
    if media_type(&headers) != RECEIPTS {
        return Err(ApiError::MediaType { expected: RECEIPTS });
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let client = client.ip();
    let queue = ingest.checker.queue();
    if !queue.may_send(client, Instant::now()) {
        return Err(ingest.turn_away(client, ApiError::Rejections).await);
    }
    let admission = match ingest.gate.admit(client, length, queue.is_poor(client)) {
        Ok(admission) => admission,
        Err(error) => return Err(ingest.turn_away(client, error).await),
    };
    let body = whole(body, ingest.gate.limits.body_bytes).await?;
    let most = ingest.gate.limits.receipts_per_request;
    let read = move || receipts::decode(&body, most);
    let elements = ingest.checker.work(client, read).await.ok_or(ApiError::Busy)?;
    let elements = elements.map_err(|error| match error {
        BatchError::TooMany { most, .. } => {
            ApiError::TooLarge { what: "the number of receipts", limit: most }
        }
        BatchError::Empty | BatchError::Version { .. } | BatchError::Trailing { .. } => {
            queue.note(client, 0, UNREADABLE, Instant::now());
            ApiError::BadRequest(error.to_string())
        }
    })?;
    let answers = ingest.submit(client, elements).await;
    drop(admission);
    match answers {
        Ok(answers) => Ok(Json(answers)),
        Err(error) => Err(ingest.turn_away(client, error).await),
    }
}

fn media_type(headers: &HeaderMap) -> &str {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    given.split(';').next().unwrap_or("").trim()
}

/// What the submitter is told.
fn answer(outcome: Outcome) -> Answer {
    match outcome {
        Outcome::Accepted => Answer::Accepted,
        Outcome::Superseded => Answer::Superseded,
        Outcome::Duplicate => Answer::Duplicate,
        Outcome::Evidence => Answer::Evidence,
        Outcome::Rejected(reason) => Answer::rejected(reason),
    }
}

async fn whole(body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let read = tokio::time::timeout(BODY_TIMEOUT, to_bytes(body, limit));
    let timeout = ApiError::Timeout { seconds: BODY_TIMEOUT.as_secs() };
    // A body that breaks off has nobody left to answer; what remains is one that is too long.
    let too_large = |_| ApiError::TooLarge { what: "the body in bytes", limit };
    read.await.map_err(|_| timeout)?.map_err(too_large)
}
