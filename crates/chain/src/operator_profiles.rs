//! What operators say of themselves that no contract reads: their names and their nodes, folded from the registry's events.
//!
//! Invariant: a node is an operator's here from the event that named it until the one that took it off, which is when it stops
//! working for it; receipts of the epoch in which it is taken off still count.

use std::collections::BTreeMap;

use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use tatum_primitives::{NodeId, OperatorId, U256};

use crate::bindings::OperatorRegistry::{
    MetadataChanged, NodeAdded, NodeRemoved, OperatorRegistered,
};
use crate::inputs::narrow;
use crate::{Chain, Result};

/// What an operator says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperatorProfile {
    /// Its name for people, as it gave it last; empty if it has none.
    pub name: String,
    /// The nodes that it has named and not taken off again, in the order in which it named them.
    pub nodes: Vec<NodeId>,
}

impl OperatorProfile {
    fn note(&mut self, log: &Log) {
        // Both events of nodes have the node in the second topic.
        let node = log.topics().get(2).copied().map(NodeId);
        match (log.topic0(), node) {
            (Some(&NodeAdded::SIGNATURE_HASH), Some(node)) => self.nodes.push(node),
            (Some(&NodeRemoved::SIGNATURE_HASH), Some(node)) => {
                self.nodes.retain(|known| *known != node);
            }
            (Some(&OperatorRegistered::SIGNATURE_HASH), _) => {
                let event = log.log_decode::<OperatorRegistered>();
                self.name = event.map(|log| log.inner.data.metadata).unwrap_or_default();
            }
            (Some(&MetadataChanged::SIGNATURE_HASH), _) => {
                let event = log.log_decode::<MetadataChanged>();
                self.name = event.map(|log| log.inner.data.metadata).unwrap_or_default();
            }
            _ => {}
        }
    }
}

impl Chain {
    /// What every operator says of itself: one reading of the registry's events for all.
    pub async fn operator_profiles(&self) -> Result<BTreeMap<OperatorId, OperatorProfile>> {
        self.profiles_in(self.registry_events()).await
    }

    /// What one operator says of itself.
    pub async fn operator_profile(&self, id: OperatorId) -> Result<OperatorProfile> {
        let of_one = self.registry_events().topic1(U256::from(id.0));
        Ok(self.profiles_in(of_one).await?.remove(&id).unwrap_or_default())
    }

    /// The nodes that an operator has named and not taken off again, in the order in which it named them.
    pub async fn nodes_of(&self, id: OperatorId) -> Result<Vec<NodeId>> {
        Ok(self.operator_profile(id).await?.nodes)
    }

    fn registry_events(&self) -> Filter {
        let events = vec![
            OperatorRegistered::SIGNATURE_HASH,
            MetadataChanged::SIGNATURE_HASH,
            NodeAdded::SIGNATURE_HASH,
            NodeRemoved::SIGNATURE_HASH,
        ];
        Filter::new().address(self.deployment().operator_registry).event_signature(events)
    }

    async fn profiles_in(&self, filter: Filter) -> Result<BTreeMap<OperatorId, OperatorProfile>> {
        let mut profiles: BTreeMap<OperatorId, OperatorProfile> = BTreeMap::new();
        for log in &self.logs_since(&filter, self.deployment().deploy_block).await? {
            // All four events have the operator in the first topic.
            let Some(id) = log.topics().get(1) else { continue };
            let id = OperatorId(narrow("operator id", (*id).into())?);
            profiles.entry(id).or_default().note(log);
        }
        Ok(profiles)
    }
}
