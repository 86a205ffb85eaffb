//! `GET /v1/rejections?payer=` and `/v1/identity`: what was refused and why, signed, and by whom.
//!
//! Invariant: a statement is signed only for what the database says was refused.

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tatum_database::{RejectedReceipt, RejectionQuery};
use tatum_primitives::{Address, B256, Domain, Epoch};
use tatum_receipt::{Rejection, RejectionStatement, SignedReceipt};

use super::Publication;
use crate::Identity;
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
    /// The aggregator's word for it, which anybody can check offline.
    pub statement: RejectionStatement,
}

impl RefusalSummary {
    fn new(refused: RejectedReceipt, identity: &Identity) -> Self {
        let code = refused.rejection.code();
        Self {
            statement: identity.rejected(refused.id, code, refused.last_ms),
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
    let signed = |refused| RefusalSummary::new(refused, &publication.identity);
    Ok(Json(refusals.into_iter().map(signed).collect()))
}

/// Who signs.
#[derive(Debug, Serialize)]
pub(super) struct IdentitySummary {
    /// ed25519 public key.
    signer: B256,
    chain_id: u64,
    stake_pool: Address,
}

pub(super) async fn identity(State(publication): State<Publication>) -> Json<IdentitySummary> {
    let Domain { chain_id, stake_pool } = publication.identity.domain();
    Json(IdentitySummary { signer: publication.identity.signer(), chain_id, stake_pool })
}
