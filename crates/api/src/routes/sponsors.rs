//! `GET /v1/sponsors[/{vault}[/{address}]]` and `/v1/accounts/{address}/sponsored`: sponsors' vaults, and what somebody has of them.
//!
//! Invariant: events say where to look, as far as they are relied on; what is there is told as the vault has it now.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use tatum_primitives::{Address, Epoch};
use tatum_protocol::schema::AddressText;
use tatum_protocol::web::{SponsorHolding, SponsorHoldings, Sponsorship, VaultSummary, Vaults};
use utoipa::IntoParams;

use super::delegations::Requests;
use super::extract::{Path, Query, at_most, page};
use crate::error::ApiError;
use crate::refusals::Problems;
use crate::state::Api;

/// Vaults of an account in one answer, at most: each takes several reads of the chain.
const MOST_PARTS: usize = 50;
/// Requests in one answer, at most: each takes two.
const MOST_REQUESTS: usize = 50;
/// Vaults in one list, at most: none takes any.
const MOST_LISTED: usize = 200;
/// As many of each as are told to who does not say.
const USUAL: usize = 20;

/// Which vaults to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Listed {
    /// Only those for this owner's streams.
    #[param(value_type = Option<AddressText>)]
    owner: Option<Address>,
    /// Only those after this vault.
    #[param(value_type = Option<AddressText>)]
    after: Option<Address>,
    /// At most so many.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<usize>,
}

/// Which of an account's parts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct AfterVault {
    /// Only those after this vault.
    #[param(value_type = Option<AddressText>)]
    after: Option<Address>,
    /// At most so many.
    #[param(minimum = 1, maximum = 50)]
    limit: Option<usize>,
}

/// Sponsors' vaults, by address: whose streams each pays for, which, and until when.
#[utoipa::path(get, path = "/v1/sponsors", tag = "sponsors", operation_id = "sponsor_vaults",
    params(Listed),
    responses((status = 200, description = "Some of the vaults", body = Vaults), Problems)
)]
pub(super) async fn list(
    State(api): State<Api>,
    Query(asked): Query<Listed>,
) -> Result<Json<Vaults>, ApiError> {
    let limit = at_most(asked.limit, USUAL, MOST_LISTED)?;
    let as_of = api.as_of()?;
    let more = limit.saturating_add(1);
    let (vaults, next) =
        page(api.shared.view.sponsor_vaults(asked.owner, asked.after, more), limit);
    let next = next.map(|last: VaultSummary| last.vault);
    Ok(Json(Vaults { as_of, vaults, next }))
}

/// A sponsors' vault: its stake, quotas, shares, end and keys.
#[utoipa::path(get, path = "/v1/sponsors/{vault}", tag = "sponsors", operation_id = "sponsor_vault",
    params(("vault" = AddressText, Path, description = "The vault")),
    responses((status = 200, description = "The vault", body = Sponsorship), Problems)
)]
pub(super) async fn vault(
    State(api): State<Api>,
    Path(vault): Path<Address>,
) -> Result<Json<Sponsorship>, ApiError> {
    let (as_of, vault) = api.vault(vault).await?;
    Ok(Json(Sponsorship { as_of, vault, next: None }))
}

/// The same, with what an account has of it: shares, and what it asked back and has not redeemed.
#[utoipa::path(get, path = "/v1/sponsors/{vault}/{address}", tag = "sponsors", operation_id = "sponsor",
    params(
        ("vault" = AddressText, Path, description = "The vault"),
        ("address" = AddressText, Path, description = "The sponsor"),
        Requests,
    ),
    responses((status = 200, description = "The vault, and the sponsor's part", body = Sponsorship), Problems)
)]
pub(super) async fn of_sponsor(
    State(api): State<Api>,
    Path((vault, account)): Path<(Address, Address)>,
    Query(asked): Query<Requests>,
) -> Result<Json<Sponsorship>, ApiError> {
    let limit = at_most(asked.limit, USUAL, MOST_REQUESTS)?;
    let before = asked.before.map(|before| Epoch(before.0));
    let (as_of, mut status) = api.vault(vault).await?;
    let more = limit.saturating_add(1);
    let epochs = api.shared.view.sponsor_requests_of(vault, account, before, more);
    let (mut epochs, next) = page(epochs, limit);
    // As the command line tells them: oldest first.
    epochs.reverse();
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        Ok(api.shared.chain.sponsor_with(vault, account, epochs).await?)
    });
    let key = (vault, account, before, limit);
    status.sponsor = Some(api.shared.sponsors.get(as_of.hash, key, read).await?);
    Ok(Json(Sponsorship { as_of, vault: status, next }))
}

/// The vaults that an account has, or had, shares of.
#[utoipa::path(get, path = "/v1/accounts/{address}/sponsored", tag = "sponsors", operation_id = "sponsored",
    params(("address" = AddressText, Path, description = "The sponsor"), AfterVault),
    responses((status = 200, description = "What it has of some vaults", body = SponsorHoldings), Problems)
)]
pub(super) async fn of_account(
    State(api): State<Api>,
    Path(account): Path<Address>,
    Query(asked): Query<AfterVault>,
) -> Result<Json<SponsorHoldings>, ApiError> {
    let limit = at_most(asked.limit, USUAL, MOST_PARTS)?;
    let as_of = api.as_of()?;
    let vaults = api.shared.view.sponsored_by(account, asked.after, limit.saturating_add(1));
    let (vaults, next) = page(vaults, limit);
    let mut sponsored = Vec::with_capacity(vaults.len());
    for vault in vaults {
        sponsored.push(part(&api, vault, account).await?);
    }
    Ok(Json(SponsorHoldings { as_of, sponsored, next }))
}

async fn part(api: &Api, vault: Address, account: Address) -> Result<SponsorHolding, ApiError> {
    let read = Box::pin(async {
        let _turn = api.turn().await?;
        Ok(api.shared.chain.sponsor_holding(vault, account).await?)
    });
    api.shared.sponsored.get(api.as_of()?.hash, (vault, account), read).await
}
