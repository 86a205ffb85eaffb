//! `/v1/epochs/{epoch}/assent[/receipts]`: the list that waits for signatures, its receipts, and operators' words for it.

use std::path::PathBuf;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use tatum_primitives::Epoch;
use tatum_protocol::{AssentStanding, OfferedList};

use super::{Gathering, Refusal, files};
use crate::http::{ApiError, Path, Query};

/// A word has some 400 bytes.
const WORD_BYTES: usize = 4096;

/// What the routes read.
#[derive(Clone, Debug)]
pub(crate) struct AssentDesk {
    pub(crate) gathering: Gathering,
    pub(crate) datasets: PathBuf,
}

/// Which receipts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct From {
    #[serde(default)]
    from: u32,
}

/// The routes.
pub(crate) fn router(desk: AssentDesk) -> Router {
    Router::new()
        .route("/v1/epochs/{epoch}/assent", get(offered).post(assent))
        .layer(DefaultBodyLimit::max(WORD_BYTES))
        .route("/v1/epochs/{epoch}/assent/receipts", get(receipts))
        .with_state(desk)
}

async fn offered(
    State(desk): State<AssentDesk>,
    Path(epoch): Path<Epoch>,
) -> Result<Json<OfferedList>, ApiError> {
    desk.offered(epoch).map(Json)
}

async fn receipts(
    State(desk): State<AssentDesk>,
    Path(epoch): Path<Epoch>,
    Query(page): Query<From>,
) -> Result<Response, ApiError> {
    let list = desk.offered(epoch)?.receipts;
    let reading =
        tokio::task::spawn_blocking(move || files::read_page(&desk.datasets, &list, page.from));
    let failed = |error: std::io::Error| ApiError::internal("reading the offered list", &error);
    let page = reading.await.map_err(|_| ApiError::Internal)?.map_err(failed)?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], page).into_response())
}

async fn assent(
    State(desk): State<AssentDesk>,
    Path(epoch): Path<Epoch>,
    body: Bytes,
) -> Result<Json<AssentStanding>, ApiError> {
    let word = serde_json::from_slice(&body).map_err(|error| {
        ApiError::BadRequest(format!("the body is no operator's word: {error}"))
    })?;
    desk.gathering.take(epoch, &word).map(Json).map_err(|refusal| match refusal {
        Refusal::NotOffered(_) => ApiError::NotYet(refusal.to_string()),
        _ => ApiError::BadRequest(refusal.to_string()),
    })
}

impl AssentDesk {
    fn offered(&self, epoch: Epoch) -> Result<OfferedList, ApiError> {
        let missing = || ApiError::NotYet(Refusal::NotOffered(epoch).to_string());
        self.gathering.offered(epoch).ok_or_else(missing)
    }
}
