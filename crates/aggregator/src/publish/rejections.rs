//! `GET /v1/rejections?payer=` and `/v1/identity`: what was rejected and why, signed, and by whom.
//!
//! Invariant: a statement is signed only for what the database says was rejected.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_database::{RejectedReceipt, RejectionQuery};
use tatum_primitives::{Address, Domain};
use tatum_protocol::{IdentitySummary, RejectionSummary};
use tatum_receipt::SignedReceipt;

use super::Publication;
use crate::Identity;
use crate::http::{ApiError, Query};

/// Rejections in one answer, at most.
const MAX_REJECTIONS: u32 = 500;

/// A rejection as published.
fn summary(rejected: RejectedReceipt, identity: &Identity) -> RejectionSummary {
    let code = rejected.rejection.code();
    RejectionSummary {
        statement: identity.rejected(rejected.id, code, rejected.last_ms),
        id: rejected.id,
        message: rejected.rejection.to_string(),
        reason: rejected.rejection,
        payer: rejected.payer,
        epoch: rejected.epoch,
        receipt: SignedReceipt::decode(&rejected.bytes).ok(),
        times: rejected.times,
        first_ms: rejected.first_ms,
        last_ms: rejected.last_ms,
    }
}

/// Which rejections to list.
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
) -> Result<Json<Vec<RejectionSummary>>, ApiError> {
    let query = RejectionQuery {
        payer: page.payer,
        before_ms: page.before_ms,
        limit: page.limit.unwrap_or(100).min(MAX_REJECTIONS),
    };
    let rejections = publication.database.rejections(query).await?;
    let signed = |rejected| summary(rejected, &publication.identity);
    Ok(Json(rejections.into_iter().map(signed).collect()))
}

pub(super) async fn identity(State(publication): State<Publication>) -> Json<IdentitySummary> {
    let Domain { chain_id, stake_pool } = publication.identity.domain();
    Json(IdentitySummary { signer: publication.identity.signer(), chain_id, stake_pool })
}
