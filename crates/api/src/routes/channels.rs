//! `GET /v1/accounts/{address}/channels` and `/v1/operators/{operator}/channels[/{payer}]`: payment channels, from either side.
//!
//! Invariant: lists have the channels that are open, as far as events are relied on; each is told as the hub has it now.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{Address, OperatorId};
use tatum_protocol::schema::{AddressText, OperatorNumber};
use tatum_protocol::web::{ChannelShown, ChannelStatus, OperatorChannels, PayerChannels};
use utoipa::IntoParams;

use super::extract::{AfterOperator, Path, Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Channels in one answer, at most: each takes several reads of the chain.
const MOST_CHANNELS: usize = 50;
/// As many as are told to who does not say.
const CHANNELS: usize = 20;

/// Which of an operator's channels to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterPayer {
    /// Only those of payers after this one.
    #[param(value_type = Option<AddressText>)]
    after: Option<Address>,
    /// At most so many.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// An account's open payment channels, by operator.
#[utoipa::path(get, path = "/v1/accounts/{address}/channels", tag = "publishers", operation_id = "payer_channels",
    params(("address" = AddressText, Path, description = "The payer"), AfterOperator),
    responses((status = 200, description = "Some channels", body = PayerChannels), Problems)
)]
pub(super) async fn of_payer(
    State(api): State<Api>,
    Path(payer): Path<Address>,
    Query(asked): Query<AfterOperator>,
) -> Result<Json<PayerChannels>, ApiError> {
    let limit = at_most(asked.limit, CHANNELS, MOST_CHANNELS)?;
    let as_of = api.as_of()?;
    let view = &api.shared.view;
    let operators = view.channels_of_payer(payer, asked.after, limit.saturating_add(1));
    let (operators, next) = page(operators, limit);
    let mut channels = Vec::with_capacity(operators.len());
    for operator in operators {
        channels.push(channel(&api, payer, operator).await?);
    }
    Ok(Json(PayerChannels { as_of, channels, next }))
}

/// An operator's open payment channels, by payer.
#[utoipa::path(get, path = "/v1/operators/{operator}/channels", tag = "operators", operation_id = "operator_channels",
    params(("operator" = OperatorNumber, Path, description = "The operator's id"), AfterPayer),
    responses((status = 200, description = "Some channels", body = OperatorChannels), Problems)
)]
pub(super) async fn of_operator(
    State(api): State<Api>,
    Path(operator): Path<OperatorId>,
    Query(asked): Query<AfterPayer>,
) -> Result<Json<OperatorChannels>, ApiError> {
    let limit = at_most(asked.limit, CHANNELS, MOST_CHANNELS)?;
    api.ensure_operator(operator)?;
    let as_of = api.as_of()?;
    let view = &api.shared.view;
    let payers = view.channels_of_operator(operator, asked.after, limit.saturating_add(1));
    let (payers, next) = page(payers, limit);
    let mut channels = Vec::with_capacity(payers.len());
    for payer in payers {
        channels.push(channel(&api, payer, operator).await?);
    }
    Ok(Json(OperatorChannels { as_of, channels, next }))
}

/// The payment channel of an account with an operator: what came in, what was paid, when it ends. Also where there is none, or none
/// any more.
#[utoipa::path(get, path = "/v1/operators/{operator}/channels/{payer}", tag = "publishers", operation_id = "channel",
    params(
        ("operator" = OperatorNumber, Path, description = "The operator's id"),
        ("payer" = AddressText, Path, description = "The payer"),
    ),
    responses((status = 200, description = "The channel", body = ChannelShown), Problems)
)]
pub(super) async fn show(
    State(api): State<Api>,
    Path((operator, payer)): Path<(OperatorId, Address)>,
) -> Result<Json<ChannelShown>, ApiError> {
    api.ensure_operator(operator)?;
    let as_of = api.as_of()?;
    Ok(Json(ChannelShown { as_of, channel: channel(&api, payer, operator).await? }))
}

async fn channel(
    api: &Api,
    payer: Address,
    operator: OperatorId,
) -> Result<ChannelStatus, ApiError> {
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        Ok(api.shared.chain.channel_status(payer, operator).await?)
    });
    api.shared.channels.get(api.as_of()?.hash, (payer, operator), read).await
}
