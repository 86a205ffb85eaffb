//! `GET /v1/streams[/{stream}]`: the streams that the deployment's trackers know, and who carries one of them for whom.
//!
//! Invariant: no tracker is asked for a stream that none has listed.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{StreamId, StreamKey};
use tatum_protocol::schema::{StreamIdText, WordText};
use tatum_protocol::web::{StreamNode, StreamStatus, Streams};
use utoipa::IntoParams;

use super::extract::{Path, Query, at_most};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Streams in one answer, at most.
const MOST_STREAMS: usize = 200;
/// As many as are told to who does not say.
const STREAMS: usize = 50;

/// Which streams to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those after this one.
    #[param(value_type = Option<WordText>)]
    after: Option<StreamKey>,
    /// Only the partitions of the stream with this name.
    #[param(value_type = Option<StreamIdText>)]
    id: Option<StreamId>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Stream partitions by key, of the trackers that this service was told to ask.
#[utoipa::path(get, path = "/v1/streams", tag = "network", operation_id = "streams", params(Page), responses(
    (status = 200, description = "Some streams", body = Streams), Problems
))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(asked): Query<Page>,
) -> Result<Json<Streams>, ApiError> {
    let limit = at_most(asked.limit, STREAMS, MOST_STREAMS)?;
    let as_of = api.as_of()?;
    Ok(Json(api.shared.streams.told(as_of, (asked.after, asked.id.as_ref()), limit)))
}

/// A stream partition: who carries it for whom, and how late messages come to relays that this service was told to ask.
#[utoipa::path(get, path = "/v1/streams/{stream}", tag = "network", operation_id = "stream",
    params(("stream" = WordText, Path, description = "The stream partition's key")),
    responses((status = 200, description = "The stream and its graph", body = StreamStatus), Problems)
)]
pub(super) async fn show(
    State(api): State<Api>,
    Path(stream): Path<StreamKey>,
) -> Result<Json<StreamStatus>, ApiError> {
    let as_of = api.as_of()?;
    let unknown = || ApiError::not_found("no tracker that answered knows this stream");
    let (shown, trackers) = api.shared.streams.known(stream).ok_or_else(unknown)?;
    let drawn = api.shared.streams.graphs().of(stream, &trackers).await?;
    let (relays_asked_at_s, carried) = api.shared.asks.carried(stream);
    let nodes = drawn.nodes.iter().map(|(node, is_relay)| {
        let said = carried.get(node).filter(|_| *is_relay);
        StreamNode {
            node: *node,
            is_relay: *is_relay,
            operator: api.shared.view.operator_of(*node),
            delay_ms: said.map(|said| said.delay_ms),
            messages: said.map(|said| said.messages),
        }
    });
    Ok(Json(StreamStatus {
        as_of,
        asked_at_s: drawn.asked_at_s,
        relays_asked_at_s,
        shown,
        is_cut: drawn.is_cut,
        nodes: nodes.collect(),
        links: drawn.links.clone(),
    }))
}
