//! Every refusal of a request, and the problem it is answered with.
//!
//! Invariant: what went wrong inside is logged and never sent.

use std::error::Error;

use axum::Router;
use axum::response::{IntoResponse, Response};
use tatum_database::DatabaseError;
use tatum_protocol::{Problem, ProblemKind};

/// Why a request is not answered with what it asks for.
#[derive(Debug, thiserror::Error)]
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
    /// The route takes another method.
    #[error("the route does not take this method")]
    Method,
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

    const fn kind(&self) -> ProblemKind {
        match self {
            Self::BadRequest(_) => ProblemKind::BadRequest,
            Self::MediaType { .. } => ProblemKind::UnsupportedMediaType,
            Self::TooLarge { .. } => ProblemKind::TooLarge,
            Self::Timeout { .. } => ProblemKind::Timeout,
            Self::TooManyRequests => ProblemKind::TooManyRequests,
            Self::Rejections => ProblemKind::TooManyRejections,
            Self::Busy => ProblemKind::Busy,
            Self::NotFound(_) => ProblemKind::NotFound,
            Self::Method => ProblemKind::MethodNotAllowed,
            Self::NotYet(_) => ProblemKind::NotYet,
            Self::Internal => ProblemKind::Internal,
        }
    }
}

/// `error` and its sources in one line.
pub(crate) fn chain_of(error: &(dyn Error + 'static)) -> String {
    let sources = std::iter::successors(Some(error), |&error| error.source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        Problem::new(self.kind(), self.to_string()).response().into_response()
    }
}

/// Gives `router` an answer in our own form for what it does not know.
pub(crate) fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let unknown = async || ApiError::NotFound("there is nothing at this path".to_owned());
    router.fallback(unknown).method_not_allowed_fallback(async || ApiError::Method)
}

impl From<DatabaseError> for ApiError {
    fn from(error: DatabaseError) -> Self {
        match error {
            // Whoever asks for it names a number that was never given out.
            DatabaseError::TooLarge { value } => {
                Self::NotFound(format!("there is nothing of number {value}"))
            }
            other => Self::internal("the database failed a request", &other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_no_column_holds_is_nothing_that_is_there() {
        let error = ApiError::from(DatabaseError::TooLarge { value: 1 << 63 });
        assert_eq!(error.kind(), ProblemKind::NotFound, "{error}");
    }
}
