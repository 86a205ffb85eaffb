//! What sponsors and streams' owners should know before they sign.

use tatum_protocol::web::{Action, VaultStatus};

/// What to know of an `action` with a vault.
pub(super) fn warnings(action: &Action, vault: Option<&VaultStatus>) -> Vec<String> {
    let Some(vault) = vault else { return Vec::new() };
    let (epoch, owner) = (vault.epoch, vault.stream_owner);
    let said = match action {
        Action::Sponsor { .. } => format!(
            "The vault pays a fee of {} % of its stake in every epoch, and is billed for what keys of {owner} sign beyond its quota. Asked for back, it can be redeemed {} epochs later at the earliest. It lies in the vault until it is staked, which anybody can do.",
            vault.fee_rate_ppb / 10_000_000,
            vault.unbonding_epochs
        ),
        Action::RequestSponsored { .. } | Action::RequestSponsoredAll { .. } => format!(
            "What of it is staked pays the fee of epoch {epoch}, answers for what keys of {owner} sign beyond the quota until it is redeemed, and can be redeemed {} epochs later at the earliest. There is no way to take the request back.",
            vault.unbonding_epochs
        ),
        Action::AuthorizeSponsoredKey { key, .. } => format!(
            "Whoever holds {key} spends the vault's quota, and what it signs beyond is billed to the sponsors. It can never be authorised by another payer."
        ),
        Action::RevokeSponsoredKey { key, .. } => {
            format!("Whoever holds {key} may finish the epochs that it may still sign for.")
        }
        _ => return Vec::new(),
    };
    vec![said]
}
