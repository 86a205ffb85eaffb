//! The page: the files that `scripts/web` builds, embedded.
//!
//! Invariant: a path names one of the embedded files or none. Files with their content's hash in the name never change and are
//! kept for ever; `index.html` is asked for anew each time. No script or style from elsewhere runs in it, and nobody frames it.

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use rust_embed::RustEmbed;

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Our own files and nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The verifier's worker compiles WebAssembly; it alone may, and it has no document in which anything else could run.
const VERIFIER_POLICY: &str =
    "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'none'";

/// A file of the page.
pub(crate) async fn file(uri: Uri, asked: HeaderMap) -> Response {
    let path = uri.path().trim_start_matches('/');
    let path = if path.is_empty() { "index.html" } else { path };
    let Some(file) = Files::get(path) else {
        let detail = if path == "index.html" {
            "the page was not built into this program: run scripts/setup, then build again"
        } else {
            "there is nothing at this path"
        };
        return ApiError::not_found(detail).into_response();
    };
    let hash: String =
        file.metadata.sha256_hash().iter().take(16).map(|b| format!("{b:02x}")).collect();
    let tag = format!("\"{hash}\"");
    let kept = if path.starts_with("assets/") {
        "public, max-age=31536000, immutable"
    } else {
        "no-cache"
    };
    let policy = if path.starts_with("assets/verifier-") { VERIFIER_POLICY } else { POLICY };
    let headers = [
        (CONTENT_TYPE, file.metadata.mimetype().to_owned()),
        (CACHE_CONTROL, kept.to_owned()),
        (ETAG, tag.clone()),
        (CONTENT_SECURITY_POLICY, policy.to_owned()),
    ];
    if asked.get(IF_NONE_MATCH).is_some_and(|known| known == tag.as_str()) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    (headers, file.data.into_owned()).into_response()
}
