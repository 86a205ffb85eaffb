//! The events of sponsors' vaults.
//!
//! Invariant: what a stranger sends that looks like a new vault costs no call of its own.

use std::collections::BTreeSet;

use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch};

use super::AT_ONCE;
use crate::bindings::SponsorVault::{Sponsored, WithdrawRequested};
use crate::sponsor_vaults::created_filter;
use crate::view::{Fact, SponsorFact};
use crate::{Chain, Result};

/// What a range of blocks says of vaults that there are by then, and who has a part in them.
pub(super) async fn between(
    chain: &Chain,
    mut vaults: BTreeSet<Address>,
    from: u64,
    to: u64,
) -> Result<Vec<Fact>> {
    let mut facts = Vec::new();
    let created = chain.logs(&created_filter(), from, to).await?;
    if !created.is_empty() {
        let maker = chain.vault_maker().await?;
        for vault in created.iter().filter_map(|log| maker.created(log)) {
            vaults.insert(vault.vault);
            facts.push(SponsorFact::Vault(vault));
        }
    }
    let vaults: Vec<Address> = vaults.into_iter().collect();
    for some in vaults.chunks(AT_ONCE) {
        let events = vec![Sponsored::SIGNATURE_HASH, WithdrawRequested::SIGNATURE_HASH];
        let filter = Filter::new().address(some.to_vec()).event_signature(events);
        facts.extend(chain.logs(&filter, from, to).await?.iter().filter_map(part));
    }
    Ok(facts.into_iter().map(Fact::Sponsors).collect())
}

/// Who has a part in a vault, or had.
fn part(log: &Log) -> Option<SponsorFact> {
    let vault = log.address();
    if let Ok(put_in) = log.log_decode::<Sponsored>() {
        return Some(SponsorFact::Sponsor(vault, put_in.inner.data.sponsor));
    }
    let asked = log.log_decode::<WithdrawRequested>().ok()?.inner.data;
    Some(SponsorFact::Asked(vault, asked.sponsor, Epoch(asked.requestId)))
}
