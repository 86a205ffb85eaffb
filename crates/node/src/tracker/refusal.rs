//! How the tracker's HTTP says that it does not do what was asked.

use axum::Router;
use axum::response::{IntoResponse, Response};
use tatum_protocol::{Problem, ProblemKind};

/// A problem as an answer.
#[derive(Debug)]
pub(super) struct Refusal(Problem);

/// A refusal of `kind` because of `reason`.
pub(super) fn refused(kind: ProblemKind, reason: impl ToString) -> Refusal {
    Refusal(Problem::new(kind, reason.to_string()))
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.0.response().into_response()
    }
}

/// Gives `router` an answer in our own form for what it does not know.
pub(super) fn with_fallbacks<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    let unknown = async || refused(ProblemKind::NotFound, "there is nothing at this path");
    let method = async || refused(ProblemKind::MethodNotAllowed, "the route does not take this");
    router.fallback(unknown).method_not_allowed_fallback(method)
}
