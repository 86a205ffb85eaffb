//! `GET /v1/accounts/{address}/overages` and `/v1/epochs/{epoch}/overages`: what payers were billed, and what they owe, that signed for
//! more than their quotas.
//!
//! Invariant: what was billed is the chain's; who owes is the aggregator's, what that comes to and whether it can be filed is the chain's.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_chain::OverageClaim;
use tatum_primitives::{Address, Epoch};
use tatum_protocol::schema::{self, AddressText};
use tatum_protocol::web::{BilledOverages, OwedOverage, OwedOverages};
use tatum_protocol::{OverageLine, ProblemKind};
use utoipa::IntoParams;

use super::extract::{Number, Path, Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Bills in one answer, at most.
const MOST_BILLS: usize = 200;
/// As many as are told to who does not say.
const BILLS: usize = 50;
/// Payers in one answer, at most: each takes two reads of the chain.
const MOST_PAYERS: usize = 50;
/// As many as are told to who does not say.
const PAYERS: usize = 20;

/// Which bills to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Bills {
    /// Only those of epochs before this one.
    #[param(value_type = Option<schema::Number>)]
    before: Option<Number>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Which payers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Payers {
    /// Only those after this one.
    #[param(value_type = Option<AddressText>)]
    after: Option<Address>,
    /// At most so many.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// What an account was billed for overage, the newest epoch first: what the rule said, and what of it was there.
#[utoipa::path(get, path = "/v1/accounts/{address}/overages", tag = "publishers", operation_id = "billed_overages",
    params(("address" = AddressText, Path, description = "The payer"), Bills),
    responses((status = 200, description = "Some bills", body = BilledOverages), Problems)
)]
pub(super) async fn billed(
    State(api): State<Api>,
    Path(payer): Path<Address>,
    Query(asked): Query<Bills>,
) -> Result<Json<BilledOverages>, ApiError> {
    let limit = at_most(asked.limit, BILLS, MOST_BILLS)?;
    let before = asked.before.map(|before| Epoch(before.0));
    let as_of = api.as_of()?;
    let bills = api.shared.view.overages_of(payer, before, limit.saturating_add(1));
    let (overages, last) = page(bills, limit);
    Ok(Json(BilledOverages { as_of, overages, next: last.map(|bill| bill.epoch) }))
}

/// Who signed for more than its quota in an epoch, what that comes to, and whether it was billed.
#[utoipa::path(get, path = "/v1/epochs/{epoch}/overages", tag = "auditors", operation_id = "owed_overages",
    params(("epoch" = schema::Number, Path, description = "The epoch"), Payers),
    responses((status = 200, description = "Some payers", body = OwedOverages), Problems)
)]
pub(super) async fn owed(
    State(api): State<Api>,
    Path(epoch): Path<Number>,
    Query(asked): Query<Payers>,
) -> Result<Json<OwedOverages>, ApiError> {
    let limit = at_most(asked.limit, PAYERS, MOST_PAYERS)?;
    let (as_of, epoch) = (api.as_of()?, Epoch(epoch.0));
    let mut told = api.shared.aggregator.overages(epoch, asked.after, limit).await?;
    // Whatever it answers, it makes no more work than was asked for.
    told.overages.truncate(limit);
    let _turn = api.turn().await?;
    let final_hash = api.shared.chain.final_receipts_hash(epoch).await?;
    let mut overages = Vec::with_capacity(told.overages.len());
    for line in told.overages {
        overages.push(priced(&api, epoch, line).await?);
    }
    let is_final = final_hash == told.receipts.word();
    Ok(Json(OwedOverages { as_of, epoch, is_final, overages, next: told.next }))
}

async fn priced(api: &Api, epoch: Epoch, line: OverageLine) -> Result<OwedOverage, ApiError> {
    let OverageLine { payer, quota_bytes, units } = line;
    let chain = &api.shared.chain;
    let bill_wei = chain.overage_bill_wei(payer, epoch, units.saturating_to()).await?;
    let is_filed = chain.is_overage_billed(payer, epoch).await?;
    Ok(OwedOverage { payer, quota_bytes, units, bill_wei, is_filed })
}

/// What files a payer's overage of an epoch, which has to be final on chain with the same receipts.
pub(super) async fn proven(
    api: &Api,
    epoch: Epoch,
    payer: Address,
) -> Result<OverageClaim, ApiError> {
    let proof = api.shared.aggregator.overage_proof(epoch, payer).await?;
    if api.shared.chain.final_receipts_hash(epoch).await? != proof.receipts.word() {
        let detail = format!(
            "the chain has other receipts as final for epoch {epoch} than the aggregator, or none yet"
        );
        return Err(ApiError::new(ProblemKind::NotYet, detail));
    }
    Ok(OverageClaim { epoch, receipts: proof.receipts, behind: proof.behind })
}
