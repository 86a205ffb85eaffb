//! `GET /health`, `/ready` and `/metrics`.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use serde::Serialize;
use tatum_protocol::Problem;
use utoipa::ToSchema;

use crate::heads::since_1970;
use crate::refusals::Problems;
use crate::state::Api;

/// A newest block older than this says that the chain, or its endpoint, stands still.
const STALE_S: u64 = 300;

/// Whether the process answers.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// Always.
    ok: bool,
}

/// Whether the service can do its work.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Readiness {
    /// Whether all below is so.
    ready: bool,
    /// Whether a newest block is known that is no more than five minutes old; the chain of one machine stands as it pleases.
    chain: bool,
}

/// Whether the process answers.
#[utoipa::path(get, path = "/health", tag = "service", responses(
    (status = 200, description = "It does", body = Health), Problems
))]
pub(super) async fn health() -> Json<Health> {
    Json(Health { ok: true })
}

/// Whether the service can do its work.
#[utoipa::path(get, path = "/ready", tag = "service", responses(
    (status = 200, description = "It can", body = Readiness),
    (status = 429, description = "Too many requests", body = Problem, content_type = "application/problem+json"),
    (status = 503, description = "It cannot", body = Readiness),
))]
pub(super) async fn ready(State(api): State<Api>) -> (StatusCode, Json<Readiness>) {
    let local = api.shared.chain.deployment().is_local();
    let now_s = since_1970() / 1_000;
    let newest = api.shared.heads.newest();
    let chain = newest.is_some_and(|head| local || head.time_s.saturating_add(STALE_S) >= now_s);
    let status = if chain { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Readiness { ready: chain, chain }))
}

/// Counters, as Prometheus reads them.
#[utoipa::path(get, path = "/metrics", tag = "service", responses(
    (status = 200, description = "Counters", body = String, content_type = "text/plain"), Problems
))]
pub(super) async fn metrics(State(api): State<Api>) -> ([(HeaderName, &'static str); 1], String) {
    let heads = &api.shared.heads;
    let mut text = api.shared.metrics.render(heads.listeners(), heads.newest());
    if let Some(relay) = &api.shared.relay {
        text.push_str(&relay.render());
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
