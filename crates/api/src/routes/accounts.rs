//! `GET /v1/accounts/{address}`: what an account holds, staked, used, and owns.

use axum::Json;
use axum::extract::State;
use tatum_primitives::Address;
use tatum_protocol::schema::AddressText;
use tatum_protocol::web::Account;

use super::extract::Path;
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// An account as of now: wallet, stake, quota and its use, session keys, operators.
#[utoipa::path(get, path = "/v1/accounts/{address}", tag = "publishers", operation_id = "account",
    params(("address" = AddressText, Path, description = "The account")),
    responses((status = 200, description = "The account", body = Account), Problems)
)]
pub(super) async fn account(
    State(api): State<Api>,
    Path(address): Path<Address>,
) -> Result<Json<Account>, ApiError> {
    let as_of = api.as_of()?;
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        let (chain, view) = (&api.shared.chain, &api.shared.view);
        let stake = chain.stake_status_with(address, view.leaving_of(address)).await?;
        // The aggregator only adds to the picture: without it the rest still stands.
        let used = api.shared.aggregator.payer_use(stake.epoch, address).await.ok();
        Ok(Account {
            as_of,
            address,
            coin_wei: chain.gas_balance_wei(address).await?,
            balance_wei: stake.balance_wei,
            allowance_wei: chain.allowance_wei(address).await?,
            stake,
            used,
            session_keys: view.session_keys_of(address),
            operators: view.run_by(address),
        })
    });
    Ok(Json(api.shared.accounts.get(as_of.hash, address, read).await?))
}
