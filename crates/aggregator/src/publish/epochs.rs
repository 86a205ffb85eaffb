//! `GET /v1/epochs` and `/v1/epochs/{epoch}`: how far each epoch has come.
//!
//! Invariant: amounts are decimal text, for most JSON readers stop at 2^53.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_database::EpochRecord;
use tatum_primitives::{B256, Epoch};
use tatum_protocol::EpochSummary;

use super::Publication;
use crate::http::{ApiError, Path, Query};

/// Epochs in one answer, at most.
const MAX_EPOCHS: u32 = 500;

/// An epoch as published.
fn summary(record: EpochRecord) -> EpochSummary {
    let rolled = record.rolled.as_ref();
    EpochSummary {
        epoch: record.epoch,
        state: record.state,
        receipts: rolled.map(|rolled| rolled.receipts),
        block_number: rolled.map(|rolled| rolled.block_number),
        block_hash: rolled.map(|rolled| rolled.block_hash),
        manifest_hash: rolled.map(|rolled| rolled.manifest_hash),
        root: rolled.map(|rolled| rolled.root),
        receipts_root: rolled.map(|rolled| rolled.receipts_root),
        pot_nano: rolled.map(|rolled| rolled.pot.0.to_string()),
        distributed_nano: rolled.map(|rolled| rolled.distributed.0.to_string()),
        uri: rolled.map(|rolled| rolled.uri.clone()),
        proposer: record.proposer,
        propose_tx: record.propose_tx,
        finalizable_at_s: record.finalizable_at_s,
        finalize_tx: record.finalize_tx,
        note: record.note,
        updated_ms: record.updated_ms,
    }
}

/// Which epochs to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Only epochs before this one.
    before: Option<Epoch>,
    /// At most so many.
    limit: Option<u32>,
}

pub(super) async fn list(
    State(publication): State<Publication>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<EpochSummary>>, ApiError> {
    let limit = page.limit.unwrap_or(100).min(MAX_EPOCHS);
    let records = publication.database.epochs(page.before, limit).await?;
    Ok(Json(records.into_iter().map(summary).collect()))
}

pub(super) async fn show(
    State(publication): State<Publication>,
    Path(epoch): Path<Epoch>,
) -> Result<Json<EpochSummary>, ApiError> {
    record(&publication, epoch).await.map(|record| Json(summary(record)))
}

/// The record of an epoch, or the answer that there is none.
pub(super) async fn record(
    publication: &Publication,
    epoch: Epoch,
) -> Result<EpochRecord, ApiError> {
    let missing =
        || ApiError::NotFound(format!("epoch {epoch} has no receipts and was not closed here"));
    publication.database.epoch(epoch).await?.ok_or_else(missing)
}

/// The manifest hash of an epoch that is rolled up.
pub(super) async fn manifest_hash(
    publication: &Publication,
    epoch: Epoch,
) -> Result<B256, ApiError> {
    let record = record(publication, epoch).await?;
    let state = record.state;
    let not_yet = || ApiError::NotYet(format!("epoch {epoch} is {state}: it has no dataset"));
    record.rolled.map(|rolled| rolled.manifest_hash).ok_or_else(not_yet)
}
