//! Every refusal of a request, and the status it is answered with.
//!
//! Invariant: what went wrong inside is logged and never sent; the answer's body is `{"error": {"code", "message"}}`.

use std::error::Error;

use axum::Json;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request is not answered with what it asks for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiError {
    /// The request makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// The body's type is not one the route takes.
    #[error("send {expected}")]
    MediaType {
        /// What the route takes.
        expected: &'static str,
    },
    /// The body, or what is in it, is too large.
    #[error("{what} is larger than the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// The body did not arrive in time.
    #[error("the request's body did not arrive within {seconds} s")]
    Timeout {
        /// How long was waited.
        seconds: u64,
    },
    /// This client has too many requests under way.
    #[error("too many requests of this client are under way; wait for their answers")]
    TooManyRequests,
    /// Nearly all that this client sends is rejected.
    #[error(
        "most of what this client sends is rejected, and nothing of this request was stored; see the reasons, and send less of it"
    )]
    Rejections,
    /// The service has all it can carry.
    #[error("the service has as much work as it can carry; try again shortly")]
    Busy,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// The thing asked for is not there yet.
    #[error("{0}")]
    NotYet(String),
    /// Something failed here; it is in the log.
    #[error("an internal error; it has been logged")]
    Internal,
}

impl ApiError {
    /// Logs `error`, which stays inside.
    pub fn internal(context: &'static str, error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %chain_of(error), "{context}");
        Self::Internal
    }

    fn status(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::MediaType { .. } => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type")
            }
            Self::TooLarge { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Timeout { .. } => (StatusCode::REQUEST_TIMEOUT, "timeout"),
            Self::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::Rejections => (StatusCode::TOO_MANY_REQUESTS, "too_many_rejections"),
            Self::Busy => (StatusCode::SERVICE_UNAVAILABLE, "busy"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::NotYet(_) => (StatusCode::CONFLICT, "not_yet"),
            Self::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    fn retry_after(&self) -> Option<HeaderValue> {
        matches!(self, Self::TooManyRequests | Self::Rejections | Self::Busy | Self::Timeout { .. })
            .then(|| HeaderValue::from_static("1"))
    }
}

/// `error` and its sources in one line.
pub(crate) fn chain_of(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code) = self.status();
        let body = json!({ "error": { "code": code, "message": self.to_string() } });
        let mut response = (status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after() {
            response.headers_mut().insert(RETRY_AFTER, seconds);
        }
        response
    }
}

impl From<tatum_database::DatabaseError> for ApiError {
    fn from(error: tatum_database::DatabaseError) -> Self {
        Self::internal("the database failed a request", &error)
    }
}
