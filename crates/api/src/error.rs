//! Every refusal, and the problem that it is answered with.
//!
//! Invariant: what went wrong inside is logged and never sent; what a contract would say is sent in words.

use axum::response::{IntoResponse, Response};
use tatum_chain::ChainError;
use tatum_protocol::client::ClientError;
use tatum_protocol::{Problem, ProblemKind};

/// Why a request is not answered with what it asks for.
#[derive(Debug)]
pub(crate) struct ApiError(Problem);

impl ApiError {
    pub(crate) fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self(Problem::new(kind, detail))
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
        self.0.response().into_response()
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
            ClientError::Problem { problem, .. } => Self(problem),
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
