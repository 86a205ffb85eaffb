//! `GET /v1/epochs/{epoch}/overages[/{payer}]`: which payers signed for more than their quotas, and what puts that before the contract.
//!
//! Invariant: as the dataset has it. What is owed, and whether the list is final, is for the asker to ask of the chain.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{Address, Epoch};
use tatum_protocol::{OveragePage, OverageProof};

use super::Publication;
use super::dataset_store::OpenDataset;
use super::epochs::manifest_hash;
use crate::http::{ApiError, Path, Query};

/// Payers in one answer, at most.
const MOST_PAYERS: usize = 1_000;
/// As many as are told to who does not say.
const PAYERS: usize = 100;

/// Which payers to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Only those after this one.
    after: Option<Address>,
    /// At most so many.
    limit: Option<usize>,
}

pub(super) async fn list(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
    Query(page): Query<Page>,
) -> Result<Json<OveragePage>, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    let (after, limit) = (page.after, page.limit.unwrap_or(PAYERS).clamp(1, MOST_PAYERS));
    let read = move |dataset: &OpenDataset| dataset.overages(after, limit);
    publication.datasets.read(hash, read).await.map(Json)
}

pub(super) async fn proof(
    State(publication): State<Publication>,
    Path((epoch, payer)): Path<(Epoch, Address)>,
) -> Result<Json<OverageProof>, ApiError> {
    let hash = manifest_hash(&publication, epoch).await?;
    let found = publication.datasets.read(hash, move |dataset| dataset.overage(payer)).await?;
    let missing = || ApiError::NotFound(format!("{payer} owes no overage of epoch {epoch}"));
    found.map(Json).ok_or_else(missing)
}
