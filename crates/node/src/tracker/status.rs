//! What a tracker tells whoever asks: how it is, its streams, and one stream's graph.
//!
//! Invariant: an answer has a bound that strangers cannot move, but for a graph's, which is its stream's size.

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State as AxumState};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tatum_primitives::StreamKey;
use tatum_protocol::status::{Health, TrackerStatus};
use tatum_protocol::{Graph, MOST_LISTED, ProblemKind, StreamList};

use super::Shared;
use super::refusal::{Refusal, refused};

pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/health", get(health))
        .route("/status", get(status))
        .route("/v1/streams", get(streams))
        .route("/v1/streams/{stream}", get(graph))
}

async fn health() -> Json<Health> {
    Json(Health::ok())
}

async fn status(AxumState(shared): AxumState<Shared>) -> Json<TrackerStatus> {
    let now = shared.config.clock.now();
    let (summary, mut judged) = {
        let mind = shared.lock();
        (mind.tracker.summary(&now), mind.tracker.judged(&now))
    };
    judged.truncate(MOST_LISTED);
    Json(TrackerStatus { tracker: shared.config.key.id(), summary, judged })
}

/// Which streams are asked for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// Those after this one.
    after: Option<StreamKey>,
}

async fn streams(
    AxumState(shared): AxumState<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Json<StreamList>, Refusal> {
    let asked = asked.map_err(|error| refused(ProblemKind::BadRequest, error.body_text()))?;
    let now = shared.config.clock.now();
    Ok(Json(shared.lock().tracker.streams_after(asked.0.after, &now)))
}

async fn graph(
    AxumState(shared): AxumState<Shared>,
    stream: Result<Path<StreamKey>, PathRejection>,
) -> Result<Json<Graph>, Refusal> {
    let stream = stream.map_err(|error| refused(ProblemKind::BadRequest, error.body_text()))?;
    Ok(Json(shared.lock().tracker.graph(stream.0)))
}
