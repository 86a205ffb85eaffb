//! `POST /v1/actions`: what an account wants done, as transactions and messages that its own wallet signs.
//!
//! Invariant: nothing is changed by asking. Each transaction is tried before it is answered, so whoever signs knows what the
//! contract would say; one that needs another before it cannot be tried yet and says nothing.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use tatum_chain::{Allowed, Call, Claim, MOST_CUT_BPS, Proven, Tried};
use tatum_primitives::{Address, OperatorId, U256};
use tatum_protocol::web::{Action, Prepared, Request, StakeBy, Step};
use tatum_protocol::{OperatorProof, ProblemKind};

use super::extract::Body;
use super::operators::{earned, final_distribution};
use super::overages;
use super::warnings::{About, warnings};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// For so long a permit can be used: time for a wallet on a phone, and no longer.
const PERMIT_S: u64 = 30 * 60;
/// Operators claimed for at once, at most.
const MOST_CLAIMS: usize = 50;
/// Bytes of an operator's name.
const MOST_METADATA: usize = 256;

/// What an action comes to: ready to sign, and tried.
#[utoipa::path(post, path = "/v1/actions", tag = "actions", operation_id = "prepare_action", request_body = Request, responses(
    (status = 200, description = "What to sign, in this order", body = Prepared), Problems
))]
pub(super) async fn prepare(
    State(api): State<Api>,
    Body(Request { account, action }): Body<Request>,
) -> Result<Json<Prepared>, ApiError> {
    check_bounds(&action)?;
    let as_of = api.as_of()?;
    // Before the turn: it has one of its own.
    let pool = match delegated_to(&action) {
        Some(operator) => Some(api.pool(operator).await?.1),
        None => None,
    };
    let vault = match action.vault() {
        Some(vault) => Some(api.vault(vault).await?.1),
        None => None,
    };
    let _turn = api.turn().await?;
    let proofs = match &action {
        Action::Claim { operators } => proofs(&api, operators).await?,
        _ => Vec::new(),
    };
    let overage = match action {
        Action::FileOverage { epoch, payer } => Some(overages::proven(&api, epoch, payer).await?),
        _ => None,
    };
    let about = About { proofs: &proofs, pool: pool.as_ref(), vault: vault.as_ref() };
    let warnings = warnings(&api, account, &action, about).await?;
    let proven = Proven { claims: proofs.into_iter().map(Claim::from).collect(), overage };
    let steps = match permitted(&api, &action) {
        Some((spender, label, amount_wei)) => {
            let deadline_s = as_of.time_s.saturating_add(PERMIT_S);
            let allowed = Allowed { owner: account, spender, amount_wei, deadline_s };
            vec![permit(&api, label, allowed).await?]
        }
        None => {
            let calls = api.shared.chain.calls(account, &action, proven).await?;
            tried(&api, account, calls, matches!(action, Action::Claim { .. })).await?
        }
    };
    let chain_id = api.shared.chain.deployment().chain_id;
    Ok(Json(Prepared { as_of, chain_id, account, warnings, steps }))
}

/// Refuses what is longer or larger than any contract takes, before the chain is asked.
fn check_bounds(action: &Action) -> Result<(), ApiError> {
    let detail = match action {
        Action::RegisterOperator { metadata, .. } | Action::RenameOperator { metadata, .. }
            if metadata.len() > MOST_METADATA =>
        {
            format!("a name has at most {MOST_METADATA} bytes")
        }
        Action::CreateDelegationPool { cut_bps, .. } | Action::SetDelegationCut { cut_bps, .. }
            if *cut_bps > MOST_CUT_BPS =>
        {
            format!("a cut is at most {MOST_CUT_BPS} parts of ten thousand")
        }
        _ => return Ok(()),
    };
    Err(ApiError::bad_request(detail))
}

/// Whose pool of delegators an action is about.
const fn delegated_to(action: &Action) -> Option<OperatorId> {
    match action {
        Action::SetDelegationCut { operator, .. }
        | Action::Delegate { operator, .. }
        | Action::RequestDelegation { operator, .. }
        | Action::RequestDelegationAll { operator }
        | Action::RedeemDelegation { operator, .. }
        | Action::CollectDelegation { operator } => Some(*operator),
        _ => None,
    }
}

/// Whom a permit that has to be signed first allows to take how much.
fn permitted(api: &Api, action: &Action) -> Option<(Address, &'static str, U256)> {
    match action {
        Action::Stake { amount_wei, by: StakeBy::Permit, permit: None } => {
            let pool = api.shared.chain.deployment().stake_pool;
            Some((pool, "let the stake pool take the amount, once", *amount_wei))
        }
        Action::Sponsor { vault, amount_wei, by: StakeBy::Permit, permit: None } => {
            Some((*vault, "let the vault take the amount, once", U256::from(*amount_wei)))
        }
        _ => None,
    }
}

async fn permit(api: &Api, label: &str, allowed: Allowed) -> Result<Step, ApiError> {
    let typed_data = api.shared.chain.permit(allowed).await?;
    Ok(Step::Sign { label: label.to_owned(), typed_data, answer: "permit".to_owned() })
}

/// The calls with what would become of them; those after the first need it, unless they are `independent`.
async fn tried(
    api: &Api,
    account: Address,
    calls: Vec<Call>,
    independent: bool,
) -> Result<Vec<Step>, ApiError> {
    let mut steps = Vec::with_capacity(calls.len());
    for (place, call) in calls.into_iter().enumerate() {
        let outcome = if place == 0 || independent {
            Some(api.shared.chain.tried(account, &call).await?)
        } else {
            None
        };
        let (gas, refused) = match outcome {
            Some(Tried::Passes { gas }) => (Some(gas), None),
            Some(Tried::Refused { reason }) => (None, Some(reason)),
            None => (None, None),
        };
        steps.push(Step::Send {
            label: call.label.to_owned(),
            to: call.to,
            data: call.data.to_string(),
            value_wei: U256::ZERO,
            gas,
            refused,
        });
    }
    Ok(steps)
}

/// The proofs of operators that have something to claim.
async fn proofs(api: &Api, operators: &[OperatorId]) -> Result<Vec<OperatorProof>, ApiError> {
    if operators.is_empty() || operators.len() > MOST_CLAIMS {
        let detail = format!("name 1 to {MOST_CLAIMS} operators");
        return Err(ApiError::bad_request(detail));
    }
    if let Some(id) = operators.iter().find(|id| !api.shared.view.has_operator(**id)) {
        return Err(ApiError::not_found(format!("there is no operator {id}")));
    }
    // Each once: the second claim of an operator would be sent, paid for with gas, and refused.
    let operators: BTreeSet<OperatorId> = operators.iter().copied().collect();
    let mut proofs = Vec::new();
    if let Some(newest) = final_distribution(api).await? {
        for id in operators {
            let claimed = api.shared.chain.claimed_nano(id).await?;
            let earned = earned(api, newest, id, claimed).await;
            proofs.extend(earned.filter(|it| it.claimable_nano.0 > 0).map(|it| it.proof));
        }
    }
    if proofs.is_empty() {
        let detail = "there is nothing to claim: no distribution is final that gives more than was claimed, or its proofs cannot be had now";
        return Err(ApiError::new(ProblemKind::NotYet, detail));
    }
    Ok(proofs)
}
