//! `GET /v1/operators/{operator}/delegation[/{address}]` and `/v1/accounts/{address}/delegations`: pools of delegators, and what somebody
//! has of them.
//!
//! Invariant: events say where to look, as far as they are relied on; what is there is told as the pool has it now.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{Address, Epoch, OperatorId};
use tatum_protocol::schema::{self, AddressText, OperatorNumber};
use tatum_protocol::web::{Delegation, Holding, Holdings};
use utoipa::IntoParams;

use super::extract::{AfterOperator, Number, Path, Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Pools in one answer, at most: each takes several reads of the chain.
const MOST_POOLS: usize = 50;
/// Requests in one answer, at most: each takes up to three.
const MOST_REQUESTS: usize = 50;
/// As many of either as are told to who does not say.
const USUAL: usize = 20;

/// Which requests to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Requests {
    /// Only those made before this epoch.
    #[param(value_type = Option<schema::Number>)]
    pub(super) before: Option<Number>,
    /// Of at most so many epochs, the newest; those that were redeemed count and are not told.
    #[param(minimum = 1, maximum = 50)]
    pub(super) limit: Option<usize>,
}

/// An operator's pool of delegators: shares, what they stand for, cut and announced cut, what is leaving.
#[utoipa::path(get, path = "/v1/operators/{operator}/delegation", tag = "delegators", operation_id = "delegation_pool",
    params(("operator" = OperatorNumber, Path, description = "The operator's id")),
    responses((status = 200, description = "The pool", body = Delegation), Problems)
)]
pub(super) async fn pool(
    State(api): State<Api>,
    Path(operator): Path<OperatorId>,
) -> Result<Json<Delegation>, ApiError> {
    let (as_of, pool) = api.pool(operator).await?;
    Ok(Json(Delegation { as_of, pool, next: None }))
}

/// The same, with what an account has of it: shares, and what it asked back and has not redeemed.
#[utoipa::path(get, path = "/v1/operators/{operator}/delegation/{address}", tag = "delegators", operation_id = "delegation",
    params(
        ("operator" = OperatorNumber, Path, description = "The operator's id"),
        ("address" = AddressText, Path, description = "The delegator"),
        Requests,
    ),
    responses((status = 200, description = "The pool, and the delegator's part", body = Delegation), Problems)
)]
pub(super) async fn of_delegator(
    State(api): State<Api>,
    Path((operator, account)): Path<(OperatorId, Address)>,
    Query(asked): Query<Requests>,
) -> Result<Json<Delegation>, ApiError> {
    let limit = at_most(asked.limit, USUAL, MOST_REQUESTS)?;
    let before = asked.before.map(|before| Epoch(before.0));
    let (as_of, mut pool) = api.pool(operator).await?;
    let view = &api.shared.view;
    let epochs = view.delegation_requests_of(operator, account, before, limit.saturating_add(1));
    let (mut epochs, next) = page(epochs, limit);
    // As the command line tells them: oldest first.
    epochs.reverse();
    let key = (operator, account, before, limit);
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        Ok(api.shared.chain.delegator_with(operator, account, epochs, pool.epoch).await?)
    });
    pool.delegator = Some(api.shared.delegators.get(as_of.hash, key, read).await?);
    Ok(Json(Delegation { as_of, pool, next }))
}

/// The pools that an account has, or had, shares of.
#[utoipa::path(get, path = "/v1/accounts/{address}/delegations", tag = "delegators", operation_id = "delegations",
    params(("address" = AddressText, Path, description = "The delegator"), AfterOperator),
    responses((status = 200, description = "What it has of some pools", body = Holdings), Problems)
)]
pub(super) async fn of_account(
    State(api): State<Api>,
    Path(account): Path<Address>,
    Query(asked): Query<AfterOperator>,
) -> Result<Json<Holdings>, ApiError> {
    let limit = at_most(asked.limit, USUAL, MOST_POOLS)?;
    let as_of = api.as_of()?;
    let view = &api.shared.view;
    let operators = view.delegated_by(account, asked.after, limit.saturating_add(1));
    let (operators, next) = page(operators, limit);
    let mut delegations = Vec::with_capacity(operators.len());
    for operator in operators {
        delegations.push(holding(&api, operator, account).await?);
    }
    Ok(Json(Holdings { as_of, delegations, next }))
}

async fn holding(api: &Api, operator: OperatorId, account: Address) -> Result<Holding, ApiError> {
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        Ok(api.shared.chain.delegation_holding(operator, account).await?)
    });
    api.shared.holdings.get(api.as_of()?.hash, (operator, account), read).await
}
