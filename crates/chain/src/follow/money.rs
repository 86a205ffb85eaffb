//! The events of money, and of what operators say of themselves, that no rule of receipts asks for.
//!
//! Invariant: a pool is one that the factory says is its operator's, a vault is where the factory would put it; what any other contract
//! tells is not asked for.

use std::collections::BTreeSet;

use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, OperatorId};

use crate::bindings::DelegationPool::{OwnerChanged, PoolCreated, RedeemRequest, Transfer};
use crate::bindings::OperatorRegistry::{
    MetadataChanged, OperatorOwnerChanged, OperatorOwnerOffered, OperatorRegistered,
};
use crate::bindings::overage::Overage::OverageBilled;
use crate::overage::billed;
use crate::view::{Fact, MoneyFact, ProfileFact};
use crate::{Chain, Result};

mod sponsors;

/// Pools, or vaults, asked for at once: endpoints take no filter of any length.
const AT_ONCE: usize = 256;

/// What a range of blocks says of operators' names and offers, of bills, of pools and sponsors' vaults that there are by then, and who has a part in them; in an order
/// that can be folded.
pub(super) async fn between(
    chain: &Chain,
    (mut pools, vaults): (BTreeSet<Address>, BTreeSet<Address>),
    from: u64,
    to: u64,
) -> Result<Vec<Fact>> {
    let at = chain.deployment();
    let filter =
        Filter::new().address(vec![at.operator_registry, at.overage]).event_signature(vec![
            OperatorRegistered::SIGNATURE_HASH,
            MetadataChanged::SIGNATURE_HASH,
            OperatorOwnerOffered::SIGNATURE_HASH,
            OperatorOwnerChanged::SIGNATURE_HASH,
            OverageBilled::SIGNATURE_HASH,
        ]);
    let (mut facts, mut profiles) = (Vec::new(), Vec::new());
    for log in chain.logs(&filter, from, to).await? {
        profiles.extend(profile(&log).map(Fact::Profile));
        facts.extend(bill(&log));
        let Ok(changed) = log.log_decode::<OperatorOwnerChanged>() else { continue };
        let OperatorOwnerChanged { operatorId, owner } = changed.inner.data;
        // Any contract may own an operator; the pool is at the one address.
        if chain.delegation_pool(OperatorId(operatorId)).await? == owner {
            pools.insert(owner);
            facts.push(MoneyFact::Pool(owner, OperatorId(operatorId)));
        }
    }
    let pools: Vec<Address> = pools.into_iter().collect();
    for some in pools.chunks(AT_ONCE) {
        let filter = Filter::new().address(some.to_vec()).event_signature(vec![
            PoolCreated::SIGNATURE_HASH,
            OwnerChanged::SIGNATURE_HASH,
            Transfer::SIGNATURE_HASH,
            RedeemRequest::SIGNATURE_HASH,
        ]);
        facts.extend(chain.logs(&filter, from, to).await?.iter().filter_map(part));
    }
    let mut facts: Vec<Fact> = facts.into_iter().map(Fact::Money).collect();
    facts.extend(profiles);
    facts.extend(sponsors::between(chain, vaults, from, to).await?);
    Ok(facts)
}

fn profile(log: &Log) -> Option<ProfileFact> {
    if let Ok(made) = log.log_decode::<OperatorRegistered>() {
        let OperatorRegistered { operatorId, metadata, .. } = made.inner.data;
        return Some(ProfileFact::Named(OperatorId(operatorId), metadata));
    }
    if let Ok(named) = log.log_decode::<MetadataChanged>() {
        let MetadataChanged { operatorId, metadata } = named.inner.data;
        return Some(ProfileFact::Named(OperatorId(operatorId), metadata));
    }
    if let Ok(offered) = log.log_decode::<OperatorOwnerOffered>() {
        let OperatorOwnerOffered { operatorId, candidate } = offered.inner.data;
        return Some(ProfileFact::Offered(OperatorId(operatorId), candidate));
    }
    let accepted = log.log_decode::<OperatorOwnerChanged>().ok()?.inner.data;
    Some(ProfileFact::Accepted(OperatorId(accepted.operatorId)))
}

fn bill(log: &Log) -> Option<MoneyFact> {
    let event = log.log_decode::<OverageBilled>().ok()?.inner.data;
    Some(MoneyFact::Billed(billed(event)))
}

/// Who has a part in a pool, or had; or whose it is.
fn part(log: &Log) -> Option<MoneyFact> {
    let pool = log.address();
    if let Ok(made) = log.log_decode::<PoolCreated>() {
        return Some(MoneyFact::PoolOwner(pool, made.inner.data.owner));
    }
    if let Ok(changed) = log.log_decode::<OwnerChanged>() {
        return Some(MoneyFact::PoolOwner(pool, changed.inner.data.owner));
    }
    if let Ok(given) = log.log_decode::<Transfer>() {
        let to = given.inner.data.to;
        return (to != Address::ZERO).then_some(MoneyFact::Holder(pool, to));
    }
    let asked = log.log_decode::<RedeemRequest>().ok()?.inner.data;
    let epoch = Epoch(asked.requestId.saturating_to());
    Some(MoneyFact::Asked(pool, asked.controller, epoch))
}
