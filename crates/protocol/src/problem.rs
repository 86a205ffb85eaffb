//! How every service says that it does not do what was asked of it: RFC 9457 problem details.
//!
//! Invariant: one form for all services. What went wrong is a [`ProblemKind`], which has one code, one title and one HTTP
//! status; only `detail` differs from case to case.

use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use serde::{Deserialize, Serialize};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The media type of a problem.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// What a kind's code is appended to, to make the `type` that RFC 9457 wants: a page of the web API that says what to do.
const TYPE: &str = "/problems/";
/// How long who is turned away for a moment waits before the next request.
const RETRY_AFTER_S: &str = "1";

/// Why a request is not answered with what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProblemKind {
    /// The request makes no sense.
    BadRequest,
    /// The asker did not prove who it is.
    Unauthorized,
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
    /// A contract, or the chain, would not take it.
    Refused,
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
    /// The service pays nobody's gas.
    RelayOff,
    /// What the service pays of gas is spent for now.
    RelaySpent,
    /// The account that pays for gas has too little.
    RelayEmpty,
}

impl ProblemKind {
    /// All kinds.
    pub const ALL: [Self; 20] = [
        Self::BadRequest,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Timeout,
        Self::Outdated,
        Self::NotYet,
        Self::Refused,
        Self::TooLarge,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::TooManyRejections,
        Self::Internal,
        Self::Busy,
        Self::NotOffered,
        Self::Full,
        Self::RelayOff,
        Self::RelaySpent,
        Self::RelayEmpty,
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
            Self::Unauthorized => {
                ("unauthorized", "The asker did not prove who it is", StatusCode::UNAUTHORIZED)
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
            Self::Refused => ("refused", "The chain would not take it", StatusCode::CONFLICT),
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
            Self::RelayOff => {
                ("relay_off", "This service pays nobody's gas", StatusCode::FORBIDDEN)
            }
            Self::RelaySpent => (
                "relay_spent",
                "What this service pays of gas is spent for now",
                StatusCode::TOO_MANY_REQUESTS,
            ),
            Self::RelayEmpty => (
                "relay_empty",
                "The account that pays for gas has too little",
                StatusCode::SERVICE_UNAVAILABLE,
            ),
        }
    }

    /// What whoever asked can do about it.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::BadRequest => {
                "Read the detail: it names the part that cannot be read and how it looks. Then send it in that form."
            }
            Self::Unauthorized => {
                "Send the service's token as Authorization: Bearer TOKEN. It is in the file that the service names when it starts."
            }
            Self::Forbidden => {
                "Ask with a key or an address that has the right, or ask the owner for it."
            }
            Self::NotFound => {
                "Check the path, the address or the number. The lists show what there is."
            }
            Self::MethodNotAllowed => {
                "The description at /openapi.json names the methods of each path."
            }
            Self::Timeout => {
                "Send the request again, over a faster connection or in smaller parts."
            }
            Self::Outdated => "Ask for what is kept and go on from there.",
            Self::NotYet => {
                "Wait: an epoch is rolled up after its end and its grace, and can be claimed from when its challenge window is over."
            }
            Self::Refused => {
                "The detail has the contract's reason in words. Nothing was sent and nothing was paid; change what it names and ask again."
            }
            Self::TooLarge => {
                "Ask for less at once: the limits are in the description at /openapi.json."
            }
            Self::UnsupportedMediaType => {
                "Send the type that the detail names, and say so in Content-Type."
            }
            Self::TooManyRequests => {
                "Wait for the seconds in Retry-After, then ask less often. Answers hold until the next block."
            }
            Self::TooManyRejections => {
                "See why receipts were rejected, mend that, and send less of them meanwhile."
            }
            Self::Internal => {
                "It is not your fault. The operator of the service finds the reason in its log by the time and the X-Request-Id."
            }
            Self::Busy => {
                "Wait for the seconds in Retry-After and ask again. If it stays, the service's chain endpoint or aggregator is down."
            }
            Self::NotOffered => "Ask another service, or ask this one's operator to switch it on.",
            Self::Full => "Wait until something has ended, or ask another service.",
            Self::RelayOff => {
                "Send the transaction from a wallet that has the chain's coin, or ask a service whose GET /v1/relay says that it pays. Who runs this one switches it on with --relay-key."
            }
            Self::RelaySpent => {
                "Wait for the seconds in Retry-After and ask again, or send the transaction from a wallet that has the chain's coin. The detail says whose part is spent: the service's, that of the account that is paid for, or that of your address."
            }
            Self::RelayEmpty => {
                "Send the transaction from a wallet that has the chain's coin, or tell who runs the service: the account that GET /v1/relay names needs some."
            }
        }
    }

    /// Whether the same request may succeed in a moment.
    #[must_use]
    pub const fn may_pass(self) -> bool {
        match self {
            Self::Timeout
            | Self::TooManyRequests
            | Self::TooManyRejections
            | Self::Busy
            | Self::RelaySpent
            | Self::RelayEmpty => true,
            Self::BadRequest
            | Self::Unauthorized
            | Self::Forbidden
            | Self::NotFound
            | Self::MethodNotAllowed
            | Self::Outdated
            | Self::NotYet
            | Self::Refused
            | Self::TooLarge
            | Self::UnsupportedMediaType
            | Self::Internal
            | Self::NotOffered
            | Self::Full
            | Self::RelayOff => false,
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
        if self.kind == ProblemKind::Unauthorized {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if self.kind.may_pass() {
            headers.insert(RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S));
        }
        response
    }
}

/// The members of RFC 9457, and the code.
#[derive(Serialize, Deserialize, ToSchema)]
struct Text {
    /// A page that says what to do.
    #[serde(rename = "type")]
    uri: String,
    /// What the kind is called, for people.
    title: String,
    /// The HTTP status.
    status: u16,
    /// What is the matter in this case, for people.
    detail: String,
    /// The kind's stable name.
    code: String,
}

impl PartialSchema for Problem {
    fn schema() -> RefOr<Schema> {
        Text::schema()
    }
}

impl ToSchema for Problem {}

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
