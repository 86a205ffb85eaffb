//! How every service says that it does not do what was asked of it: RFC 9457 problem details.
//!
//! Invariant: one form for all services. What went wrong is a [`ProblemKind`], which has one code, one title and one HTTP
//! status; only `detail` differs from case to case.

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What a kind's code is appended to, to make the `type` that RFC 9457 wants.
const TYPE: &str = "urn:tatum:problem:";
/// How long who is turned away for a moment waits before the next request.
const RETRY_AFTER_S: &str = "1";

/// Why a request is not answered with what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The request makes no sense.
    BadRequest,
    /// The asker has no right to it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The route takes another method.
    MethodNotAllowed,
    /// The body did not arrive in time.
    Timeout,
    /// What is there is newer than what was sent.
    Outdated,
    /// The thing asked for is not there yet.
    NotYet,
    /// The body, or what is in it, is too large.
    TooLarge,
    /// The body is not of a type that the route takes.
    UnsupportedMediaType,
    /// The client has too many requests under way, or makes too many.
    TooManyRequests,
    /// Nearly all that the client sends is rejected.
    TooManyRejections,
    /// Something failed inside; it is in the log.
    Internal,
    /// The service has all it can carry, or what it needs does not answer.
    Busy,
    /// This service does not do that, as it is set up.
    NotOffered,
    /// There is no room for more.
    Full,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::BadRequest,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Outdated,
        Self::NotYet,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::TooManyRejections,
        Self::Internal,
        Self::Busy,
        Self::NotOffered,
        Self::Full,
    ];

    /// The stable, machine-readable name.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.said().0
    }

    /// What the kind is called, for people.
    #[must_use]
    pub const fn title(self) -> &'static str {
        self.said().1
    }

    /// The HTTP status of the answer.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.said().2
    }

    const fn said(self) -> (&'static str, &'static str, StatusCode) {
        match self {
            Self::BadRequest => {
                ("bad_request", "The request makes no sense", StatusCode::BAD_REQUEST)
            }
            Self::Forbidden => ("forbidden", "The asker may not do this", StatusCode::FORBIDDEN),
            Self::NotFound => ("not_found", "There is no such thing", StatusCode::NOT_FOUND),
            Self::MethodNotAllowed => (
                "method_not_allowed",
                "The route takes another method",
                StatusCode::METHOD_NOT_ALLOWED,
            ),
            Self::Timeout => {
                ("timeout", "The body did not arrive in time", StatusCode::REQUEST_TIMEOUT)
            }
            Self::Outdated => ("outdated", "A newer one is kept", StatusCode::CONFLICT),
            Self::NotYet => ("not_yet", "It is not there yet", StatusCode::CONFLICT),
            Self::TooLarge => {
                ("too_large", "The request is too large", StatusCode::PAYLOAD_TOO_LARGE)
            }
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                "The body has another type than the route takes",
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ),
            Self::TooManyRequests => {
                ("too_many_requests", "Too many requests", StatusCode::TOO_MANY_REQUESTS)
            }
            Self::TooManyRejections => (
                "too_many_rejections",
                "Most of what this client sends is rejected",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Self::Internal => (
                "internal",
                "The service failed; the reason is in its log",
                StatusCode::INTERNAL_SERVER_ERROR,
            ),
            Self::Busy => ("busy", "The service is busy", StatusCode::SERVICE_UNAVAILABLE),
            Self::NotOffered => {
                ("not_offered", "This service does not do that", StatusCode::NOT_IMPLEMENTED)
            }
            Self::Full => ("full", "There is no room for more", StatusCode::INSUFFICIENT_STORAGE),
        }
    }

    /// Whether the same request may succeed in a moment.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Timeout | Self::TooManyRequests | Self::TooManyRejections | Self::Busy => true,
            Self::BadRequest
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Outdated
            | Self::NotYet
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Internal
            | Self::NotOffered
            | Self::Full => false,
        }
    }
}

/// A problem as it is sent: what is the matter, and with what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(into = "Text", try_from = "Text")]
#[error("{detail}")]
pub struct Problem {
    /// What is the matter.
    pub kind: ProblemKind,
    /// What is the matter in this case, for people.
    pub detail: String,
}

impl Problem {
    /// A problem of `kind`.
    #[must_use]
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }

    /// The answer that says so.
    #[must_use]
    pub fn response(&self) -> Response<String> {
        let body = serde_json::to_string(self).unwrap_or_default();
        let mut response = Response::new(body);
        *response.status_mut() = self.kind.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
        if self.kind.may_pass() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

/// The members of RFC 9457, and the code.
#[derive(Serialize, Deserialize)]
struct Text {
    #[serde(rename = "type")]
    uri: String,
    title: String,
    status: u16,
    detail: String,
    code: String,
}

impl From<Problem> for Text {
    fn from(Problem { kind, detail }: Problem) -> Self {
        let (code, title, status) = kind.said();
        Self {
            uri: format!("{TYPE}{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail,
            code: code.to_owned(),
        }
    }
}

impl TryFrom<Text> for Problem {
    type Error = String;

    fn try_from(Text { detail, code, .. }: Text) -> Result<Self, String> {
        let kind = ProblemKind::ALL.into_iter().find(|kind| kind.code() == code);
        kind.map(|kind| Self { kind, detail })
            .ok_or_else(|| format!("no problem is called {code:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_read_back_by_its_own_code() {
        for kind in ProblemKind::ALL {
            let problem = Problem::new(kind, "because");
            let response = problem.response();
            assert_eq!(response.status(), kind.status());
            assert_eq!(response.headers()[CONTENT_TYPE], PROBLEM_JSON);
            assert_eq!(response.headers().contains_key(RETRY_AFTER), kind.may_pass());
            assert_eq!(serde_json::from_str::<Problem>(response.body()).unwrap(), problem);
        }
    }

    #[test]
    fn a_code_that_nobody_knows_is_no_problem() {
        let text = serde_json::to_string(&Problem::new(ProblemKind::Busy, "")).unwrap();
        assert!(serde_json::from_str::<Problem>(&text.replace("\"busy\"", "\"lazy\"")).is_err());
    }
}
