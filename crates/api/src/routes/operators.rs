//! `GET /v1/operators[/{operator}]`: who runs nodes, and what they can claim.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{B256, Epoch, Nano, OperatorId};
use tatum_protocol::Earnings;
use tatum_protocol::schema::OperatorNumber;
use tatum_protocol::web::{Earned, Operator, OperatorPage};
use utoipa::IntoParams;

use super::extract::{Path, Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Operators in one answer, at most: each takes several reads of the chain.
const MOST_OPERATORS: usize = 50;
/// Epochs whose earnings are told, at most.
const MOST_EPOCHS: u32 = 100;

/// Which operators to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Page {
    /// Only those after this one.
    #[param(value_type = Option<OperatorNumber>)]
    after: Option<OperatorId>,
    /// At most so many.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// Operators by id: owner, payout address, bond, capacity, what was claimed.
#[utoipa::path(get, path = "/v1/operators", tag = "operators", operation_id = "operators", params(Page), responses(
    (status = 200, description = "Some operators", body = OperatorPage), Problems
))]
pub(super) async fn list(
    State(api): State<Api>,
    Query(asked): Query<Page>,
) -> Result<Json<OperatorPage>, ApiError> {
    let limit = at_most(asked.limit, 20, MOST_OPERATORS)?;
    let as_of = api.as_of()?;
    // One more than is shown, to know whether there are more.
    let ids = api.shared.view.operators_after(asked.after, limit.saturating_add(1));
    let (ids, next) = page(ids, limit);
    let mut operators = Vec::with_capacity(ids.len());
    for id in &ids {
        operators.push(api.operator(*id).await?.1);
    }
    Ok(Json(OperatorPage { as_of, operators, next }))
}

/// An operator with its nodes, and what it can claim of the newest final distribution.
#[utoipa::path(get, path = "/v1/operators/{operator}", tag = "operators", operation_id = "operator",
    params(("operator" = OperatorNumber, Path, description = "The operator's id")),
    responses((status = 200, description = "The operator", body = Operator), Problems)
)]
pub(super) async fn show(
    State(api): State<Api>,
    Path(id): Path<OperatorId>,
) -> Result<Json<Operator>, ApiError> {
    let (as_of, operator) = api.operator(id).await?;
    let earned = {
        let _turn = api.turn().await?;
        match final_distribution(&api).await? {
            Some(newest) => earned(&api, newest, id, operator.claimed_nano).await,
            None => None,
        }
    };
    let view = &api.shared.view;
    // Events are followed some blocks behind: whoever owns the operator by now has accepted.
    let candidate = view.candidate_of(id).filter(|candidate| *candidate != operator.owner);
    let name = view.name_of(id);
    let (pool_owner, nodes) = (view.pool_owner_of(id), view.nodes_of(id));
    Ok(Json(Operator { as_of, operator, name, candidate, pool_owner, nodes, earned }))
}

/// How many epochs.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Count {
    /// At most so many.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// What an operator earned, the newest epoch first.
#[utoipa::path(get, path = "/v1/operators/{operator}/earnings", tag = "operators", operation_id = "earnings",
    params(("operator" = OperatorNumber, Path, description = "The operator's id"), Count),
    responses((status = 200, description = "Epoch by epoch", body = Earnings), Problems)
)]
pub(super) async fn earnings(
    State(api): State<Api>,
    Path(id): Path<OperatorId>,
    Query(count): Query<Count>,
) -> Result<Json<Earnings>, ApiError> {
    let limit = at_most(count.limit, 30, MOST_EPOCHS)?;
    Ok(Json(api.shared.aggregator.earnings(id, limit).await?))
}

/// The distribution that claims are paid from.
#[derive(Clone, Copy, Debug)]
pub(super) struct FinalDistribution {
    epoch: Epoch,
    root: B256,
}

/// The newest final distribution, if there is one.
pub(super) async fn final_distribution(api: &Api) -> Result<Option<FinalDistribution>, ApiError> {
    let chain = &api.shared.chain;
    let Some(epoch) = chain.finalized_epoch().await? else { return Ok(None) };
    Ok(Some(FinalDistribution { epoch, root: chain.finalized_root().await? }))
}

/// What it gives an operator, if its proof can be had and holds.
pub(super) async fn earned(
    api: &Api,
    FinalDistribution { epoch, root }: FinalDistribution,
    id: OperatorId,
    claimed_nano: Nano,
) -> Option<Earned> {
    // An aggregator that does not answer, or that has another distribution, takes away no more than this figure.
    let proof = api.shared.aggregator.operator_proof(epoch, id).await.ok()?;
    if proof.verify().is_err() || proof.root.0 != root {
        return None;
    }
    let claimable_nano = Nano(proof.cumulative_nano.0.saturating_sub(claimed_nano.0));
    Some(Earned { claimable_nano, proof })
}
