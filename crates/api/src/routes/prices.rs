//! `GET /v1/prices/payers` and `/v1/prices/asks`: what payers paid for a GiB of their quotas, and what relays ask for one.
//!
//! Invariant: prices are the chain's, of one closed epoch, and those that relays decline by; an ask is its relay's own word.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_chain::{PaidLast, median, payer_price};
use tatum_primitives::Address;
use tatum_protocol::schema::AddressText;
use tatum_protocol::web::{Asks, PayerPrice, RealisedPrices};
use utoipa::IntoParams;

use super::extract::{Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Payers in one answer, at most.
const MOST_PAYERS: usize = 200;
/// As many as are told to who does not say.
const PAYERS: usize = 50;

/// Which payers to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Payers {
    /// Only those after this one.
    #[param(value_type = Option<AddressText>)]
    after: Option<Address>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// What payers paid for a GiB of their quotas in the newest closed epoch.
#[utoipa::path(get, path = "/v1/prices/payers", tag = "network", operation_id = "realised_prices", params(Payers), responses(
    (status = 200, description = "The prices of some payers, and the median of all", body = RealisedPrices), Problems
))]
pub(super) async fn payers(
    State(api): State<Api>,
    Query(asked): Query<Payers>,
) -> Result<Json<RealisedPrices>, ApiError> {
    let limit = at_most(asked.limit, PAYERS, MOST_PAYERS)?;
    let as_of = api.as_of()?;
    let Some(last) = api.shared.view.paid_last() else {
        let (epoch, is_complete, median_nano_per_gib, next) = (None, true, None, None);
        let payers = Vec::new();
        return Ok(Json(RealisedPrices {
            as_of,
            epoch,
            is_complete,
            median_nano_per_gib,
            payers,
            next,
        }));
    };
    let (payers, last_shown) =
        page(priced(&api, last, asked.after, limit.saturating_add(1))?, limit);
    // Once for a block and what is known at it: it looks at every payer.
    let work = async { median_of_all(&api, last) };
    let median_nano_per_gib = api.shared.medians.get(as_of.hash, last, work).await?;
    Ok(Json(RealisedPrices {
        as_of,
        epoch: Some(last.epoch),
        is_complete: last.known >= last.payers,
        median_nano_per_gib,
        payers,
        next: last_shown.map(|shown| shown.payer),
    }))
}

/// What relays ask for a GiB, as far as this service was told to ask them.
#[utoipa::path(get, path = "/v1/prices/asks", tag = "network", operation_id = "asks", responses(
    (status = 200, description = "The asks", body = Asks), Problems
))]
pub(super) async fn asks(State(api): State<Api>) -> Json<Asks> {
    Json(api.shared.asks.told(&api.shared.view))
}

fn priced(
    api: &Api,
    last: PaidLast,
    after: Option<Address>,
    limit: usize,
) -> Result<Vec<PayerPrice>, ApiError> {
    let paid = api.shared.view.paid_in_epoch(last.epoch, after, limit).into_iter();
    Ok(paid.map(|(payer, paid)| payer_price(payer, paid)).collect::<Result<_, _>>()?)
}

fn median_of_all(api: &Api, last: PaidLast) -> Result<Option<u128>, ApiError> {
    let all = priced(api, last, None, usize::MAX)?;
    Ok(median(all.into_iter().filter_map(|of| of.nano_per_gib).collect()))
}
