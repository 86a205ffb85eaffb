//! `GET /v1/epochs…`: how far each epoch has come, and what anybody can check of it; as the aggregator has it.
//!
//! Invariant: what is passed on was read as the type that is promised; what never changes any more says so by its ETag.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tatum_primitives::{Address, Epoch, OperatorId};
use tatum_protocol::schema::{self, AddressText};
use tatum_protocol::web::OperatorProofText;
use tatum_protocol::{EpochSummary, PayerUse, Payout, ReceiptPage};
use utoipa::IntoParams;

use super::extract::{Number, Path, Query, at_most};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Epochs in one answer, at most.
const MOST_EPOCHS: u32 = 500;
/// Receipts in one answer, at most.
const MOST_RECEIPTS: u64 = 1_000;

const fn epoch_of(number: Number) -> Epoch {
    Epoch(number.0)
}

/// Which epochs to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only epochs before this one.
    #[param(value_type = Option<schema::Number>)]
    before: Option<Number>,
    /// At most so many.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// The newest epochs first.
#[utoipa::path(get, path = "/v1/epochs", tag = "auditors", operation_id = "epochs", params(Page), responses(
    (status = 200, description = "The epochs", body = Vec<EpochSummary>), Problems
))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(page): Query<Page>,
) -> Result<Json<Vec<EpochSummary>>, ApiError> {
    let limit = at_most(page.limit, 50, MOST_EPOCHS)?;
    Ok(Json(api.shared.aggregator.epochs_before(page.before.map(epoch_of), limit).await?))
}

/// An epoch.
#[utoipa::path(get, path = "/v1/epochs/{epoch}", tag = "auditors", operation_id = "epoch",
    params(("epoch" = schema::Number, Path, description = "The epoch")),
    responses((status = 200, description = "The epoch", body = EpochSummary), Problems)
)]
pub(super) async fn show(
    State(api): State<Api>,
    Path(epoch): Path<Number>,
) -> Result<Json<EpochSummary>, ApiError> {
    Ok(Json(api.shared.aggregator.epoch(epoch_of(epoch)).await?))
}

/// What an operator has earned until an epoch, with the proof that it claims by.
#[utoipa::path(get, path = "/v1/epochs/{epoch}/operators/{operator}", tag = "operators", operation_id = "operator_proof",
    params(
        ("epoch" = schema::Number, Path, description = "The epoch"),
        ("operator" = schema::OperatorNumber, Path, description = "The operator's id"),
    ),
    responses(
        (status = 200, description = "The proof", body = OperatorProofText),
        (status = 304, description = "It is the one whose ETag was sent along"),
        Problems,
    )
)]
pub(super) async fn proof(
    State(api): State<Api>,
    Path((epoch, operator)): Path<(Number, OperatorId)>,
    asked: HeaderMap,
) -> Result<Response, ApiError> {
    let proof = api.shared.aggregator.operator_proof(epoch_of(epoch), operator).await?;
    // One root has one proof for each operator.
    let tag = format!("\"{}-{operator}\"", proof.root.0);
    let known = asked.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag.as_str());
    let mut headers = HeaderMap::new();
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, tag);
    }
    if known {
        return Ok((StatusCode::NOT_MODIFIED, headers).into_response());
    }
    Ok((headers, Json(proof)).into_response())
}

/// Why an operator is paid what it is paid for an epoch: a page of its edges, and what the rule makes of all of them.
#[utoipa::path(get, path = "/v1/epochs/{epoch}/payouts/{operator}", tag = "auditors", operation_id = "payout",
    params(
        ("epoch" = schema::Number, Path, description = "The epoch"),
        ("operator" = schema::OperatorNumber, Path, description = "The operator's id"),
        Places,
    ),
    responses((status = 200, description = "The payout", body = Payout), Problems)
)]
pub(super) async fn payout(
    State(api): State<Api>,
    Path((epoch, operator)): Path<(Number, OperatorId)>,
    Query(places): Query<Places>,
) -> Result<Json<Payout>, ApiError> {
    let limit = at_most(places.limit, MOST_RECEIPTS, MOST_RECEIPTS)?;
    let offset = places.offset.unwrap_or_default().0;
    Ok(Json(api.shared.aggregator.payout(epoch_of(epoch), operator, offset, limit).await?))
}

/// Which receipts or edges to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Places {
    /// The first one's place.
    #[param(value_type = Option<schema::Number>)]
    offset: Option<Number>,
    /// At most so many.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u64>,
}

/// The receipts that an epoch was paid by, in canonical order.
#[utoipa::path(get, path = "/v1/epochs/{epoch}/receipts", tag = "auditors", operation_id = "receipts",
    params(("epoch" = schema::Number, Path, description = "The epoch"), Places),
    responses((status = 200, description = "Some receipts", body = ReceiptPage), Problems)
)]
pub(super) async fn receipts(
    State(api): State<Api>,
    Path(epoch): Path<Number>,
    Query(places): Query<Places>,
) -> Result<Json<ReceiptPage>, ApiError> {
    let limit = at_most(places.limit, 100, MOST_RECEIPTS)?;
    let offset = places.offset.unwrap_or_default().0;
    Ok(Json(api.shared.aggregator.receipts(epoch_of(epoch), offset, limit).await?))
}

/// What a payer used of its quota in an epoch, as far as receipts were handed in.
#[utoipa::path(get, path = "/v1/epochs/{epoch}/payers/{payer}", tag = "publishers", operation_id = "payer_use",
    params(
        ("epoch" = schema::Number, Path, description = "The epoch"),
        ("payer" = AddressText, Path, description = "The payer"),
    ),
    responses((status = 200, description = "What was used", body = PayerUse), Problems)
)]
pub(super) async fn payer(
    State(api): State<Api>,
    Path((epoch, payer)): Path<(Number, Address)>,
) -> Result<Json<PayerUse>, ApiError> {
    Ok(Json(api.shared.aggregator.payer_use(epoch_of(epoch), payer).await?))
}
