//! `GET /v1/events`: what happens, as server-sent events.
//!
//! Invariant: who comes back with `Last-Event-ID` is told what it missed, as far as that is kept; who does not read fast
//! enough is cut off; there are no more listeners than were allowed, in all and of one client.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::{ConnectInfo, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event as Sent, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use tatum_protocol::ProblemKind;
use tatum_protocol::web::Event;

use crate::error::ApiError;
use crate::heads::Numbered;
use crate::listeners::Full;
use crate::refusals::Problems;
use crate::state::Api;

/// So often something is sent, so that whoever is in between does not take the silence for the end.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What happens, as it happens: `head`, `epoch_opened`, `finalized`.
#[utoipa::path(get, path = "/v1/events", tag = "network", operation_id = "events",
    params(("Last-Event-ID" = Option<u64>, Header, description = "The last event that was seen")),
    responses((status = 200, description = "Events", body = Event, content_type = "text/event-stream"), Problems)
)]
pub(super) async fn listen(
    State(api): State<Api>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    asked: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Sent, Infallible>>>, ApiError> {
    let place = api.shared.listeners.enter(from.ip()).map_err(|full| match full {
        Full::InAll => ApiError::busy("as many listen already as can be served"),
        Full::OfTheClient => {
            let detail = "as many listen from this address already as may; close one first";
            ApiError::new(ProblemKind::TooManyRequests, detail)
        }
    })?;
    let last = asked.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let (missed, happening) = api.shared.heads.listen(last);
    let coming = stream::unfold((happening, place), async |(mut happening, place)| {
        // Lagging behind ends it, as the end of the service does.
        let numbered = happening.recv().await.ok()?;
        Some((numbered, (happening, place)))
    });
    let events = stream::iter(missed).chain(coming).map(|numbered| Ok(sent(numbered)));
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)))
}

fn sent((number, event): Numbered) -> Sent {
    let data = serde_json::to_string(&event).unwrap_or_default();
    Sent::default().id(number.to_string()).event(event.name()).data(data)
}
