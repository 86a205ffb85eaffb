//! Every refusal, and the problem that it is answered with.
//!
//! Invariant: what went wrong inside is logged and never sent; what a contract would say is sent in words.

use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::response::{IntoResponse, Response};
use tatum_chain::ChainError;
use tatum_protocol::client::ClientError;
use tatum_protocol::{Problem, ProblemKind};

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Problem,
    /// When to ask again, if that is not in a moment.
    after_s: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Problem::new(kind, detail).into()
    }

    /// The same, to be asked again after so many seconds.
    pub(crate) fn after(self, seconds: u64) -> Self {
        Self { after_s: Some(seconds), ..self }
    }

    pub(crate) fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::BadRequest, detail)
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::NotFound, detail)
    }

    pub(crate) fn busy(detail: impl Into<String>) -> Self {
        Self::new(ProblemKind::Busy, detail)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.problem.response().into_response();
        if let Some(seconds) = self.after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem, after_s: None }
    }
}

impl From<ChainError> for ApiError {
    fn from(error: ChainError) -> Self {
        match &error {
            ChainError::Refused { .. } | ChainError::NotTaken { .. } => {
                Self::new(ProblemKind::Refused, error.to_string())
            }
            // The endpoint's own words may hold its address, which may hold a token.
            other => {
                tracing::warn!(error = %chain_of(other), "the chain's endpoint failed a request");
                Self::busy("the chain's endpoint does not answer as it should; try again shortly")
            }
        }
    }
}

impl From<ClientError> for ApiError {
    fn from(error: ClientError) -> Self {
        match error {
            ClientError::Problem { problem, .. } => problem.into(),
            other => {
                tracing::warn!(error = %chain_of(&other), "the aggregator failed a request");
                Self::busy("the aggregator does not answer as it should; try again shortly")
            }
        }
    }
}

/// `error` and its sources in one line.
fn chain_of(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
