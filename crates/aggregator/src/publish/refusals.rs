//! `GET /v1/rejections?payer=`: what was refused, and why.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tatum_database::{RejectedReceipt, RejectionQuery};
use tatum_primitives::{Address, B256, Epoch};
use tatum_receipt::{Rejection, SignedReceipt};

use super::Publication;
use crate::http::{ApiError, Query};

/// Refusals in one answer, at most.
const MAX_REFUSALS: u32 = 500;

/// A refusal as published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusalSummary {
    /// Names the refusal.
    pub id: B256,
    /// Why, for machines.
    pub reason: Rejection,
    /// Why, for people.
    pub message: String,
    /// The payer named.
    pub payer: Option<Address>,
    /// The epoch named.
    pub epoch: Option<Epoch>,
    /// The receipt, if what was handed in is one.
    pub receipt: Option<SignedReceipt>,
    /// How often it was handed in.
    pub times: u64,
    /// When first, milliseconds since 1970.
    pub first_ms: u64,
    /// When last.
    pub last_ms: u64,
}

impl From<RejectedReceipt> for RefusalSummary {
    fn from(refused: RejectedReceipt) -> Self {
        Self {
            id: refused.id,
            message: refused.rejection.to_string(),
            reason: refused.rejection,
            payer: refused.payer,
            epoch: refused.epoch,
            receipt: SignedReceipt::decode(&refused.bytes).ok(),
            times: refused.times,
            first_ms: refused.first_ms,
            last_ms: refused.last_ms,
        }
    }
}

/// Which refusals to list.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    payer: Option<Address>,
    before_ms: Option<u64>,
    limit: Option<u32>,
}

pub(super) async fn list(
    State(publication): State<Publication>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<RefusalSummary>>, ApiError> {
    let query = RejectionQuery {
        payer: page.payer,
        before_ms: page.before_ms,
        limit: page.limit.unwrap_or(100).min(MAX_REFUSALS),
    };
    let refusals = publication.database.rejections(query).await?;
    Ok(Json(refusals.into_iter().map(RefusalSummary::from).collect()))
}
