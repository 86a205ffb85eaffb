//! `GET` and `POST /v1/relay`: stakes by permit and claims whose gas the service pays, where it is told to.
//!
//! Invariant: what is sent is made here, of what the chain and the aggregator say and of what a payer has signed; nobody's calldata is.

use std::net::SocketAddr;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::StatusCode;
use tatum_chain::Claim;
use tatum_primitives::{Data, OperatorId, U256, keccak256};
use tatum_protocol::ProblemKind;
use tatum_protocol::web::{PaidAction, Relay, TransactionHash};

use super::extract::Body;
use super::operators::{earned, final_distribution};
use crate::error::ApiError;
use crate::refusals::{Problems, RelayProblems};
use crate::relay::{Asked, Payee, Taken};
use crate::state::Api;

/// What a payer can do whose permit is not carried. If somebody else used it, the allowance that it gave is there.
const STAKE_YOURSELF: &str = "stake from the payer's own wallet: if the permit was used by somebody else, its allowance is there and needs no other permit";
const CLAIM_YOURSELF: &str = "claim from any wallet that has the chain's coin";

/// Whether the service pays for gas, and how much is left.
#[utoipa::path(get, path = "/v1/relay", tag = "actions", operation_id = "relay", responses(
    (status = 200, description = "What it pays", body = Relay), Problems
))]
pub(super) async fn terms(State(api): State<Api>) -> Result<Json<Relay>, ApiError> {
    let as_of = api.as_of()?;
    let _turn = api.turn().await?;
    let relay = match &api.shared.relay {
        Some(relay) => Some(relay.terms().await?),
        None => None,
    };
    Ok(Json(Relay { as_of, relay }))
}

/// Sends a stake by permit, or a claim, and pays the gas. The same request again is the same transaction.
#[utoipa::path(post, path = "/v1/relay", tag = "actions", operation_id = "pay_for", request_body = PaidAction, responses(
    (status = 202, description = "It was sent", body = TransactionHash), RelayProblems
))]
pub(super) async fn carry(
    State(api): State<Api>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    Body(action): Body<PaidAction>,
) -> Result<(StatusCode, Json<TransactionHash>), ApiError> {
    let Some(relay) = &api.shared.relay else {
        let detail =
            "this service pays nobody's gas; send it from a wallet that has the chain's coin";
        return Err(ApiError::new(ProblemKind::RelayOff, detail));
    };
    let payee = match action {
        PaidAction::StakeWithPermit { payer, .. } => Payee::Payer(payer),
        PaidAction::Claim { operator } => Payee::Operator(operator),
    };
    // It is written in one way only, so the same request has the same one.
    let text = serde_json::to_vec(&action)
        .map_err(|_| ApiError::bad_request("the request cannot be written down"))?;
    let fingerprint = keccak256(text);
    let taken = match relay.repeated(payee, fingerprint) {
        Some(taken) => taken,
        None => {
            let (call, instead) = match action {
                PaidAction::StakeWithPermit { payer, amount_wei, permit } => {
                    check_worth("a stake", amount_wei, relay.least_wei())?;
                    let chain = &api.shared.chain;
                    (chain.carrying_permit(payer, amount_wei, &permit), STAKE_YOURSELF)
                }
                PaidAction::Claim { operator } => {
                    let claim = claim(&api, operator, relay.least_wei()).await?;
                    (api.shared.chain.carrying_claim(claim), CLAIM_YOURSELF)
                }
            };
            relay.carry(Asked { payee, fingerprint, call, instead }, from.ip()).await?
        }
    };
    let Taken { hash, nonce } = taken;
    api.shared.asked_transactions.keep(hash, (relay.account(), nonce));
    Ok((StatusCode::ACCEPTED, Json(TransactionHash { hash })))
}

/// What an operator can claim of the newest final distribution, by a proof that holds.
async fn claim(api: &Api, operator: OperatorId, least_wei: U256) -> Result<Claim, ApiError> {
    api.ensure_operator(operator)?;
    let _turn = api.turn().await?;
    let nothing = || {
        let detail = "there is nothing to claim: no distribution is final that gives more than was claimed, or its proof cannot be had now";
        ApiError::new(ProblemKind::NotYet, detail)
    };
    let newest = final_distribution(api).await?.ok_or_else(nothing)?;
    let claimed_nano = api.shared.chain.claimed_nano(operator).await?;
    let earned = earned(api, newest, operator, claimed_nano).await;
    let earned = earned.filter(|earned| earned.claimable_nano.0 > 0).ok_or_else(nothing)?;
    check_worth("a claim", earned.claimable_nano.to_wei(), least_wei)?;
    Ok(earned.proof.into())
}

/// Gas costs the service the same however little it moves.
fn check_worth(what: &str, wei: U256, least_wei: U256) -> Result<(), ApiError> {
    if wei < least_wei {
        let (least, got) = (Data(least_wei), Data(wei));
        let detail = format!(
            "the gas of {what} is paid from {least} on; this is {got}. Wait for more, or send it from a wallet that has the chain's coin"
        );
        return Err(ApiError::new(ProblemKind::Refused, detail));
    }
    Ok(())
}
