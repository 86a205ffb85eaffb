//! The page: the files that `scripts/web` builds, embedded.
//!
//! Invariant: a path names one of the embedded files or none. Files with their content's hash in the name never change and are
//! kept for ever; `index.html` is asked for anew each time. No script or style from elsewhere runs in it, and nobody frames it. The style and the
//! script that stand in `index.html` itself, so that it is read without another round trip, are allowed by what they are: by their hashes.

use std::fmt::Write;
use std::sync::LazyLock;

use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use crate::error::ApiError;

#[derive(RustEmbed)]
#[folder = "../../web/dist"]
#[allow_missing = true]
struct Files;

/// Our own files and what stands in `index.html`, and nothing else.
static POLICY: LazyLock<String> = LazyLock::new(|| {
    let page = Files::get("index.html").map(|file| file.data).unwrap_or_default();
    policy(&String::from_utf8_lossy(&page))
});
const POLICY_OF_THE_REST: &str = "img-src 'self' data:; connect-src 'self'; worker-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// The verifier's worker compiles WebAssembly; it alone may, and it has no document in which anything else could run.
const VERIFIER_POLICY: &str =
    "default-src 'none'; script-src 'wasm-unsafe-eval'; connect-src 'self'; frame-ancestors 'none'";

/// The policy of a page with these bytes.
fn policy(page: &str) -> String {
    let (scripts, styles) = (hashes(page, "script"), hashes(page, "style"));
    format!(
        "default-src 'none'; script-src 'self'{scripts}; style-src 'self'{styles}; {POLICY_OF_THE_REST}"
    )
}

/// What stands between the tags of an element that has no attributes, hashed as CSP has it.
fn hashes(page: &str, element: &str) -> String {
    let (open, close) = (format!("<{element}>"), format!("</{element}>"));
    let mut sources = String::new();
    for text in page.split(&open).skip(1).filter_map(|rest| rest.split(&close).next()) {
        // Writing to a string does not fail.
        let _ = write!(sources, " 'sha256-{}'", STANDARD.encode(Sha256::digest(text)));
    }
    sources
}

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
    let policy =
        if path.starts_with("assets/verifier-") { VERIFIER_POLICY } else { POLICY.as_str() };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_the_page_is_allowed_by_its_hash_and_nothing_else_is() {
        // By `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`.
        let hash = "'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='";
        let page = "<script src=x></script><script>alert(1)</script><style></style>";
        let told = policy(page);
        let empty = "'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='";
        let expected =
            format!("default-src 'none'; script-src 'self' {hash}; style-src 'self' {empty}; img");
        assert!(told.starts_with(&expected), "{told}");
        assert!(policy("").contains("script-src 'self'; style-src 'self';"));
        assert!(!told.contains("unsafe"));
    }
}
