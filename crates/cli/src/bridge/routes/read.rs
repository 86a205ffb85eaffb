//! `GET /v1/streams/{stream}/messages`: the messages as NDJSON, or as server-sent events.
//!
//! Invariant: an answer has no orderly end: it stops in the middle when the reader is cut off or the bridge ends, so that no
//! reader takes that for the end of the stream. Who comes back with the last `id` misses nothing that relays still keep.

use std::io::{Error, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_TYPE};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::{Stream, StreamExt, stream};
use serde::Deserialize;
use tatum_primitives::StreamKey;

use super::{About, Bridge, Refused};
use crate::bridge::message::{Told, after};
use crate::bridge::queue::Receiver;
use crate::bridge::readers::Beginning;
use crate::formats::{MOST_HISTORY, parse_from};

/// So often something is sent, so that whoever is in between does not take the silence for the end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
const LAST_EVENT_ID: &str = "last-event-id";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    #[serde(rename = "partition")]
    _partition: Option<String>,
    from: Option<String>,
    after: Option<String>,
}

impl Asked {
    /// Where the reader begins: from now on, unless it says where; after a message with its chain, and at the oldest with others.
    pub(super) fn beginning(
        &self,
        headers: &HeaderMap,
        stream: StreamKey,
    ) -> Result<Beginning, Refused> {
        let header = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
        let last = header.or(self.after.as_deref()).filter(|last| !last.is_empty());
        let after =
            last.map(|last| after(last, stream)).transpose().map_err(Refused::bad_request)?;
        let unsaid = if after.is_some() { MOST_HISTORY } else { 0 };
        let history = self.from.as_deref().map(parse_from).transpose();
        let history = history.map_err(|reason| Refused::bad_request(format!("from: {reason}")))?;
        Ok(Beginning { history: history.unwrap_or(unsaid), after })
    }
}

pub(super) async fn read(
    State(bridge): State<Arc<Bridge>>,
    about: About<Asked>,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let beginning = about.query.beginning(&headers, about.stream.key())?;
    let told = told(bridge.readers.read(about.stream, beginning).await?);
    if wants_events(&headers) {
        let events = told.map(|told| told.map(event));
        let alive = KeepAlive::new().interval(KEEP_ALIVE);
        return Ok(Sse::new(events).keep_alive(alive).into_response());
    }
    let lines = Body::from_stream(told.map(|told| told.map(Told::line)));
    let headers = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")];
    Ok((headers, lines).into_response())
}

fn wants_events(headers: &HeaderMap) -> bool {
    let accepted = headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    accepted.flat_map(|value| value.split(',')).any(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("text/event-stream")
    })
}

/// What comes, and an error where it stops.
fn told(items: Receiver) -> impl Stream<Item = Result<Told, Error>> {
    stream::unfold(Some(items), async |items| {
        let mut items = items?;
        Some(match items.next().await {
            Some(item) => (Ok(Told::of(&item)), Some(items)),
            None => (Err(Error::new(ErrorKind::ConnectionAborted, "cut off")), None),
        })
    })
}

fn event(told: Told) -> Event {
    let event = Event::default().event(told.kind).data(told.json.to_string());
    match told.name {
        Some(name) => event.id(name),
        None => event,
    }
}

#[cfg(test)]
mod tests {
    use tatum_primitives::B256;

    use super::*;

    fn beginning(
        from: Option<&str>,
        after: Option<&str>,
        header: Option<&str>,
    ) -> Option<(u64, Option<u64>)> {
        let mut headers = HeaderMap::new();
        if let Some(id) = header {
            headers.insert(LAST_EVENT_ID, id.parse().unwrap());
        }
        let [from, after] = [from, after].map(|text| text.map(str::to_owned));
        let asked = Asked { _partition: None, from, after };
        let beginning = asked.beginning(&headers, StreamKey(B256::ZERO)).ok()?;
        Some((beginning.history, beginning.after.map(|after| after.next)))
    }

    #[test]
    fn a_reader_begins_now_or_where_it_says() {
        let name = |number| format!("0x{}/5/{number}", "ab".repeat(20));
        assert_eq!(beginning(None, None, None), Some((0, None)));
        assert_eq!(beginning(Some("last:3"), None, None), Some((3, None)));
        assert_eq!(beginning(None, Some(&name(8)), None), Some((MOST_HISTORY, Some(9))));
        // What a browser says when it comes back is newer than the address that it was given at first.
        let both = beginning(Some("now"), Some(&name(8)), Some(&name(20)));
        assert_eq!(both, Some((0, Some(21))));
        assert_eq!(beginning(Some("yesterday"), None, None), None);
        assert_eq!(beginning(None, Some("8"), None), None);
    }

    #[test]
    fn events_are_for_who_asks_for_them() {
        let wants =
            |accept: &str| wants_events(&HeaderMap::from_iter([(ACCEPT, accept.parse().unwrap())]));
        assert!(wants("text/event-stream") && wants("text/html, Text/Event-Stream;q=0.9"));
        assert!(
            !wants("*/*") && !wants("application/x-ndjson") && !wants_events(&HeaderMap::new())
        );
    }
}
