//! Which roots became final, for whoever compares somebody's word with the chain.

use std::collections::BTreeMap;

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_merkle::Word;
use tatum_primitives::Epoch;

use crate::bindings::Distributor;
use crate::{Chain, Result};

impl Chain {
    /// The roots that became final for epochs from `first` on.
    pub async fn final_roots(&self, first: Epoch) -> Result<BTreeMap<Epoch, Word>> {
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(Distributor::Finalized::SIGNATURE_HASH);
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let events = logs.iter().filter_map(|log| log.log_decode::<Distributor::Finalized>().ok());
        let roots = events.map(|log| (Epoch(log.inner.data.epoch), Word(log.inner.data.root)));
        Ok(roots.filter(|(epoch, _)| *epoch >= first).collect())
    }
}
