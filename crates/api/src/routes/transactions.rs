//! `POST /v1/transactions` and `GET /v1/transactions/{hash}`: signed ones are passed on, and followed.
//!
//! Invariant: only what calls the deployment's contracts, a pool of delegators or a sponsors' vault, is passed on.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use tatum_chain::Became;
use tatum_primitives::B256;
use tatum_protocol::schema::WordText;
use tatum_protocol::web::{SignedTransaction, TransactionHash, TransactionStatus};

use super::extract::{Body, Path};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Bytes of a transaction; ours have a tenth of it at most.
const MOST_BYTES: usize = 131_072;

/// Passes on a transaction that a wallet signed.
#[utoipa::path(post, path = "/v1/transactions", tag = "actions", operation_id = "pass_on_transaction", request_body = SignedTransaction, responses(
    (status = 202, description = "It was passed on", body = TransactionHash), Problems
))]
pub(super) async fn hand_over(
    State(api): State<Api>,
    Body(signed): Body<SignedTransaction>,
) -> Result<(StatusCode, Json<TransactionHash>), ApiError> {
    let wrong = || {
        let most = MOST_BYTES;
        ApiError::bad_request(format!("raw is hex with 0x, of at most {most} bytes"))
    };
    let digits = signed.raw.strip_prefix("0x").ok_or_else(wrong)?;
    if digits.len() > MOST_BYTES.saturating_mul(2) {
        return Err(wrong());
    }
    let raw = tatum_chain::hex::decode(digits).map_err(|_| wrong())?;
    let _turn = api.turn().await?;
    let view = &api.shared.view;
    let is_known = |to| view.is_delegation_pool(to) || view.sponsor_vault(to).is_some();
    let hash = api.shared.chain.pass_on(&raw, is_known).await?;
    Ok((StatusCode::ACCEPTED, Json(TransactionHash { hash })))
}

/// What became of a transaction.
#[utoipa::path(get, path = "/v1/transactions/{hash}", tag = "actions", operation_id = "transaction",
    params(("hash" = WordText, Path, description = "The transaction's hash")),
    responses((status = 200, description = "What became of it", body = TransactionStatus), Problems)
)]
pub(super) async fn status(
    State(api): State<Api>,
    Path(hash): Path<B256>,
) -> Result<Json<TransactionStatus>, ApiError> {
    let _turn = api.turn().await?;
    let became = api.shared.chain.became(hash, api.shared.asked_transactions.of(hash)).await?;
    let Became { state, block, reason, turn } = became;
    if let Some(turn) = turn {
        api.shared.asked_transactions.keep(hash, turn);
    }
    let as_of = api.as_of()?;
    let on_top = |block: u64| as_of.block.saturating_add(1).saturating_sub(block);
    // It may be in a block after the newest one that is known here.
    let confirmations = block.map_or(0, |block| on_top(block).max(1));
    Ok(Json(TransactionStatus { as_of, hash, state, block, confirmations, reason }))
}
