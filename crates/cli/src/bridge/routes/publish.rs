//! `POST /v1/streams/{stream}/messages`: publishes the body as one message, or each line of NDJSON as one.
//!
//! Invariant: 200 says that a relay accepted every message. Any other answer that comes after something was published says so.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use tatum_node::client::{Acceptance, MAX_PAYLOAD_BYTES};
use tatum_protocol::{Problem, ProblemKind};
use tokio::time::{Instant, timeout, timeout_at};

use super::{About, Bridge, Refused};
use crate::bridge::accept::{RELAY_PATIENCE, unanswered};
use crate::bridge::message::name_of;
use crate::bridge::publishers::Publishing;
use crate::formats::InputFormat;

/// Lines of a body, at most.
const MOST_LINES: usize = 4_096;
/// How long a body may take to come.
const BODY_PATIENCE: Duration = Duration::from_secs(30);
const NDJSON: &str = "application/x-ndjson";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(rename = "partition")]
    _partition: Option<String>,
}

/// What was accepted.
#[derive(Debug, Serialize)]
pub(super) struct Accepted {
    /// How many messages.
    accepted: usize,
    /// Their names, in order.
    ids: Vec<String>,
}

pub(super) async fn publish(
    State(bridge): State<Arc<Bridge>>,
    about: About<Asked>,
    request: Request,
) -> Result<Json<Accepted>, Refused> {
    let has_lines = is_ndjson(request.headers());
    let body = body(request).await?;
    let payloads = if has_lines { lines(&body)? } else { vec![whole(&body)?] };
    let publishing = bridge.publishers.of(about.stream).await?;
    let deadline = Instant::now() + RELAY_PATIENCE;
    let waiting = timeout_at(deadline, published(&publishing, payloads));
    let waiting = waiting.await.unwrap_or_else(|_| Err(unanswered(0, None)))?;
    let mut ids = Vec::with_capacity(waiting.len());
    for mut acceptance in waiting {
        match timeout_at(deadline, acceptance.told()).await {
            Ok(Ok(())) => ids.push(name_of(&acceptance)),
            Ok(Err(_)) | Err(_) => return Err(unanswered(ids.len(), acceptance.refusal()).into()),
        }
    }
    Ok(Json(Accepted { accepted: ids.len(), ids }))
}

/// Hands all of them over.
async fn published(
    publishing: &Publishing,
    payloads: Vec<Vec<u8>>,
) -> Result<Vec<Acceptance>, Problem> {
    let mut waiting = Vec::with_capacity(payloads.len());
    for payload in payloads {
        waiting.push(publishing.publish(payload).await?);
    }
    Ok(waiting)
}

fn is_ndjson(headers: &HeaderMap) -> bool {
    let given = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = given.and_then(|given| given.split(';').next()).unwrap_or_default();
    kind.trim().eq_ignore_ascii_case(NDJSON)
}

async fn body(request: Request) -> Result<Bytes, Refused> {
    let read = timeout(BODY_PATIENCE, Bytes::from_request(request, &())).await;
    let late = |_| Refused::new(ProblemKind::Timeout, "the body did not come in time");
    read.map_err(late)?.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            Refused::new(ProblemKind::TooLarge, "a body has 1 MiB at most")
        }
        _ => Refused::bad_request(error.body_text()),
    })
}

/// The whole body as a message.
fn whole(body: &[u8]) -> Result<Vec<u8>, Refused> {
    fits(body.to_vec()).map_err(|detail| Refused::new(ProblemKind::TooLarge, detail))
}

/// Each line as a message.
fn lines(body: &[u8]) -> Result<Vec<Vec<u8>>, Refused> {
    let body = body.strip_suffix(b"\n").unwrap_or(body);
    let mut payloads = Vec::new();
    for (index, line) in body.split(|byte| *byte == b'\n').enumerate() {
        if index >= MOST_LINES {
            let detail = format!("a body has {MOST_LINES} lines at most; nothing was published");
            return Err(Refused::new(ProblemKind::TooLarge, detail));
        }
        let named = |reason| format!("line {}: {reason}; nothing was published", index + 1);
        let payload = InputFormat::Json.payload(line);
        let payload = payload.map_err(|reason| Refused::bad_request(named(reason)))?;
        let too_large = |reason| Refused::new(ProblemKind::TooLarge, named(reason));
        payloads.push(fits(payload).map_err(too_large)?);
    }
    Ok(payloads)
}

/// `payload`, if a message can hold it.
pub(super) fn fits(payload: Vec<u8>) -> Result<Vec<u8>, String> {
    let got = payload.len();
    if got > MAX_PAYLOAD_BYTES {
        return Err(format!("it has {got} bytes; a message holds {MAX_PAYLOAD_BYTES}"));
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(body: &[u8]) -> (u16, String) {
        let Refused(problem) = lines(body).unwrap_err();
        (problem.kind.status().as_u16(), problem.detail)
    }

    #[test]
    fn each_line_is_a_message_and_one_that_is_none_spoils_all() {
        assert_eq!(lines(b"{\"a\": 1}\r\n2\n").unwrap(), [b"{\"a\": 1}".to_vec(), b"2".to_vec()]);
        assert_eq!(lines(b"null").unwrap(), [b"null".to_vec()]);
        let (status, detail) = refused(b"1\n{\n3\n");
        assert!(status == 400 && detail.starts_with("line 2: it is no JSON"), "{detail}");
        assert_eq!(refused(b"").0, 400);
        assert_eq!(refused(b"1\n\n2").0, 400);
        let long = format!("1\n\"{}\"\n", "x".repeat(MAX_PAYLOAD_BYTES));
        let (status, detail) = refused(long.as_bytes());
        assert!(status == 413 && detail.contains("line 2: it has 32754 bytes"), "{detail}");
        assert_eq!(lines("1\n".repeat(MOST_LINES).as_bytes()).unwrap().len(), MOST_LINES);
        assert_eq!(refused("1\n".repeat(MOST_LINES + 1).as_bytes()).0, 413);
    }
}
