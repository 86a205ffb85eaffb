//! What can be asked of the bridge.
//!
//! Invariant: every refusal is a problem of RFC 9457, and what cannot be read is refused before anything is published.

mod publish;
mod read;
mod socket;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use tatum_node::client::Stream;
use tatum_protocol::{Problem, ProblemKind};

use super::Bridge;
use super::door::{self, Door};
use crate::args::StreamArg;

/// Bytes of a body with many messages, at most.
const MOST_BODY_BYTES: usize = 1 << 20;

/// A problem as an answer.
#[derive(Debug)]
struct Refused(Problem);

impl Refused {
    fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Problem::new(kind, detail))
    }

    fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.response().into_response()
    }
}

pub(super) fn router(bridge: Arc<Bridge>, door: Door) -> Router {
    Router::new()
        .route("/v1/streams/{stream}/messages", post(publish::publish).get(read::read))
        .route("/v1/streams/{stream}/socket", get(socket::open))
        .route(door::HEALTH, get(async || "ok\n"))
        .method_not_allowed_fallback(async || {
            Refused::new(ProblemKind::MethodNotAllowed, "the route does not take this method")
        })
        .fallback(async || Refused::new(ProblemKind::NotFound, "the bridge has no such route"))
        .layer(DefaultBodyLimit::max(MOST_BODY_BYTES))
        .with_state(bridge)
        .layer(from_fn_with_state(Arc::new(door), door::admit))
}

/// The stream partition that a request is about, and the rest of its query.
struct About<Q> {
    stream: Stream,
    query: Q,
}

#[derive(Deserialize)]
struct Partition {
    partition: Option<String>,
}

impl<S: Send + Sync, Q: for<'de> Deserialize<'de> + Send> FromRequestParts<S> for About<Q> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        let Path(id) = path.map_err(|error| Refused::bad_request(error.body_text()))?;
        let query = |error: axum::extract::rejection::QueryRejection| {
            Refused::bad_request(error.body_text())
        };
        let Query(Partition { partition }) =
            Query::from_request_parts(parts, state).await.map_err(query)?;
        let Query(rest) = Query::<Q>::from_request_parts(parts, state).await.map_err(query)?;
        let named = format!("{id}#{}", partition.as_deref().unwrap_or("0"));
        let stream: StreamArg = named.parse().map_err(Refused::bad_request)?;
        Ok(Self { stream: stream.named(), query: rest })
    }
}
