//! `GET /problems/{code}`: the page that a problem's `type` names: what it means and what to do.

use axum::response::{Html, IntoResponse, Response};
use tatum_protocol::ProblemKind;

use crate::error::ApiError;
use crate::routes::Path;

/// The page of a problem.
pub(crate) async fn problem(Path(code): Path<String>) -> Response {
    let Some(kind) = ProblemKind::ALL.into_iter().find(|kind| kind.code() == code) else {
        return ApiError::not_found("no problem is called so").into_response();
    };
    let (title, status, advice) = (kind.title(), kind.status().as_u16(), kind.advice());
    // All of it is ours: nothing of the request is in the page.
    Html(format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title><main><h1>{title}</h1><p><code>{code}</code>, HTTP status {status}</p><p>{advice}</p></main></html>\n",
        code = kind.code()
    ))
    .into_response()
}
