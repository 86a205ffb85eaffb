//! `GET /v1/operators/{operator}/earnings`: what an operator earned, epoch by epoch.
//!
//! Invariant: each figure stands in the distribution of its epoch; an epoch that is not final says so by its state.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_database::EpochRecord;
use tatum_dataset::DistributionRow;
use tatum_primitives::{B256, OperatorId};
use tatum_protocol::{Earnings, EpochEarning};

use super::Publication;
use crate::http::{ApiError, Path, Query};

/// Epochs in one answer, at most: each has a file that is opened.
const MAX_EPOCHS: u32 = 200;
/// As many as are told to who does not say.
const EPOCHS: u32 = 30;

/// How many epochs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Newest {
    /// At most so many.
    limit: Option<u32>,
}

pub(super) async fn earnings(
    State(publication): State<Publication>,
    Path(operator): Path<OperatorId>,
    Query(newest): Query<Newest>,
) -> Result<Json<Earnings>, ApiError> {
    let limit = newest.limit.unwrap_or(EPOCHS).clamp(1, MAX_EPOCHS);
    let mut records = publication.database.epochs(None, limit).await?;
    records.retain(|record| record.rolled.is_some());
    let rolled = records.iter().filter_map(|record| record.rolled.as_ref());
    let hashes: Vec<B256> = rolled.map(|rolled| rolled.manifest_hash).collect();
    let read = move |dataset: &tatum_dataset::Dataset| dataset.distribution_row(operator);
    let rows = publication.datasets.glance(hashes, read).await?;
    let earned = records.iter().zip(rows).filter_map(|(record, row)| Some(earning(record, &row?)));
    Ok(Json(Earnings { operator, epochs: earned.collect() }))
}

const fn earning(record: &EpochRecord, row: &DistributionRow) -> EpochEarning {
    EpochEarning {
        epoch: record.epoch,
        state: record.state,
        work_nano: row.work_nano,
        paid_nano: row.paid_nano,
        pool_nano: row.pool_nano,
        total_nano: row.epoch_nano(),
        cumulative_nano: row.cumulative_nano,
    }
}
