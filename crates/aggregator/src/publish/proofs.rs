//! `GET /v1/epochs/{epoch}/operators/{operator}`, `/v1/epochs/{epoch}/payouts/{operator}` and
//! `/v1/epochs/{epoch}/receipts[/{leaf}]`: what anybody can check without trusting us.
//!
//! Invariant: a proof is answered in its one spelling, byte for byte what `audit receipt` reads.

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tatum_primitives::{B256, Epoch, OperatorId};
use tatum_protocol::{CountedReceipt, OperatorProof, Payout, ReceiptPage};

use super::Publication;
use super::dataset_store::OpenDataset;
use super::epochs::manifest_hash;
use crate::http::{ApiError, Path, Query};

/// Receipts or edges in one answer, at most.
const MAX_ROWS: u64 = 1000;
/// As many as are told to who does not say.
const ROWS: u64 = 100;

/// Which rows to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// The first one's place.
    offset: Option<u64>,
    /// At most so many.
    limit: Option<u64>,
}

impl Page {
    fn limit(&self) -> u64 {
        self.limit.unwrap_or(ROWS).clamp(1, MAX_ROWS)
    }
}

pub(super) async fn operator(
    State(publication): State<Publication>,
    Path((epoch, operator)): Path<(Epoch, OperatorId)>,
) -> Result<Json<OperatorProof>, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    publication.datasets.read(hash, move |dataset| dataset.operator(operator)).await.map(Json)
}

pub(super) async fn payout(
    State(publication): State<Publication>,
    Path((epoch, operator)): Path<(Epoch, OperatorId)>,
    Query(page): Query<Page>,
) -> Result<Json<Payout>, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    let (offset, limit) = (page.offset.unwrap_or(0), page.limit());
    let explain = move |dataset: &OpenDataset| dataset.payout(operator, offset, limit);
    publication.datasets.read(hash, explain).await.map(Json)
}

pub(super) async fn receipts(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
    Query(page): Query<Page>,
) -> Result<Json<ReceiptPage>, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    let offset = page.offset.unwrap_or(0);
    let limit = page.limit();
    let found =
        publication.datasets.read(hash, move |dataset| dataset.receipts(offset, limit)).await?;
    let is_full = u64::try_from(found.len()) == Ok(limit);
    let next_offset = is_full.then(|| offset.saturating_add(limit));
    let counted = |signed: tatum_receipt::SignedReceipt| CountedReceipt {
        leaf: signed.leaf(),
        receipt: signed.receipt,
        signature: signed.signature,
    };
    let receipts = found.into_iter().map(counted).collect();
    Ok(Json(ReceiptPage { epoch, receipts, next_offset }))
}

pub(super) async fn receipt(
    State(publication): State<Publication>,
    Path((epoch, leaf)): Path<(Epoch, B256)>,
) -> Result<Response, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    let proof = publication.datasets.read(hash, move |dataset| dataset.receipt(leaf)).await?;
    let body = proof.encode().map_err(|error| ApiError::internal("encoding a proof", &error))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
