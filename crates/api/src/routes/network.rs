//! `GET /v1/network` and `/v1/prices`: the deployment, its rules, and what a DATA bought.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_protocol::web::{Contracts, Network, QuotaPrices};
use utoipa::IntoParams;

use super::extract::{Query, at_most};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Epochs whose prices are told, at most.
const MOST_PRICES: usize = 120;

/// The deployment as of now: contracts, token, rules, and where its epochs are.
#[utoipa::path(get, path = "/v1/network", tag = "network", operation_id = "network", responses(
    (status = 200, description = "The deployment", body = Network), Problems
))]
pub(super) async fn network(State(api): State<Api>) -> Result<Json<Network>, ApiError> {
    let as_of = api.as_of()?;
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        let chain = &api.shared.chain;
        let (terms, schedule) = (chain.terms().await?, api.shared.view.schedule());
        let at = chain.deployment();
        Ok(Network {
            as_of,
            chain_id: at.chain_id,
            deployment: Contracts {
                token: at.token,
                stake_pool: at.stake_pool,
                operator_registry: at.operator_registry,
                distributor: at.distributor,
                channel_hub: at.channel_hub,
                overage: at.overage,
                delegation_factory: at.delegation_factory,
                sponsor_factory: at.sponsor_factory,
            },
            token: chain.token_summary().await?,
            epoch: terms.epoch,
            epoch_started_at_s: schedule.start_ms(terms.epoch) / 1_000,
            epoch_ends_at_s: schedule.end_ms(terms.epoch) / 1_000,
            epoch_length_s: schedule.length_s,
            closed_epochs: terms.closed_epochs,
            finalized_epoch: chain.finalized_epoch().await?,
            fee_rate_ppb: terms.fee_rate_ppb,
            quota_bytes_per_data: terms.quota_bytes_per_data,
            next_quota_bytes_per_data: terms.next_quota_bytes_per_data,
            minimum_stake_wei: terms.minimum_stake_wei,
            minimum_bond_wei: terms.minimum_bond_wei,
            unbonding_epochs: terms.unbonding_epochs,
            operators: api.shared.view.operator_total(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    });
    Ok(Json(api.shared.networks.get(as_of.hash, (), read).await?))
}

/// How many prices.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Count {
    /// At most so many.
    #[param(minimum = 1, maximum = 120)]
    limit: Option<usize>,
}

/// What a DATA staked bought in the newest epochs, and buys in the running one.
#[utoipa::path(get, path = "/v1/prices", tag = "network", operation_id = "prices", params(Count), responses(
    (status = 200, description = "The prices", body = QuotaPrices), Problems
))]
pub(super) async fn prices(
    State(api): State<Api>,
    Query(count): Query<Count>,
) -> Result<Json<QuotaPrices>, ApiError> {
    let limit = at_most(count.limit, 60, MOST_PRICES)?;
    let as_of = api.as_of()?;
    let read = async {
        let _turn = api.turn().await?;
        let most = u64::try_from(MOST_PRICES).unwrap_or(u64::MAX);
        Ok(api.shared.chain.quota_prices(most).await?)
    };
    let mut prices = api.shared.prices.get(as_of.hash, (), read).await?;
    prices.drain(..prices.len().saturating_sub(limit));
    Ok(Json(QuotaPrices { as_of, prices }))
}
