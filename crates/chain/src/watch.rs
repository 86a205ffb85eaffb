//! What an auditor reads and files at the distributor besides challenges of a decrease: every proposal's fate, wrong
//! payout addresses, operators that do not exist, bonds of demands that are over.
//!
//! Invariant: events are given in chain order; a bond is reclaimed only after the contract was asked whether it is still
//! there, for a cancellation may have paid it back without an event of its own. Source: `IDistributor`.

use alloy::primitives::TxHash;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, B256, Epoch, OperatorId};

use crate::bindings::Distributor;
use crate::proposals::proposed;
use crate::{Chain, ChainError, Proposal, ProposedEvent, Result};

/// Something that happened to a distribution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DistributionEvent {
    /// It was proposed.
    Proposed(ProposedEvent),
    /// It became final.
    Finalized {
        /// Its epoch.
        epoch: Epoch,
        /// Its root.
        root: B256,
    },
    /// It was cancelled.
    Cancelled {
        /// Its epoch.
        epoch: Epoch,
        /// Its root.
        root: B256,
    },
}

/// A demand of ours whose proposal is no longer pending, so that its bond can be had back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StrandedDemand {
    /// The commitment of the proposal that was cancelled.
    pub commitment: B256,
    /// Whose entry was demanded.
    pub operator_id: OperatorId,
}

impl Chain {
    /// What happened to distributions in the blocks `from ..= to`, in chain order.
    pub async fn distribution_events(&self, from: u64, to: u64) -> Result<Vec<DistributionEvent>> {
        let signatures = [
            Distributor::Proposed::SIGNATURE_HASH,
            Distributor::Finalized::SIGNATURE_HASH,
            Distributor::ProposalCancelled::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(signatures.to_vec());
        let from = from.max(self.deployment().deploy_block);
        Ok(self.logs(&filter, from, to).await?.iter().filter_map(event).collect())
    }

    /// Where the operator is paid for `epoch`.
    pub async fn payout_at(&self, operator: OperatorId, epoch: Epoch) -> Result<Address> {
        let call = self.registry.payoutAt(operator.0, epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading a payout address", e))
    }

    /// Cancels a proposal whose `entry`, with its siblings, pays an address that the operator never named.
    pub async fn challenge_payout(
        &self,
        proposal: Proposal,
        entry: B256,
        siblings: Vec<B256>,
    ) -> Result<TxHash> {
        let call = self.distributor.challengePayout(proposal.into(), entry, siblings);
        self.send("challenging a payout address", call).await.map(|r| r.transaction_hash)
    }

    /// Cancels a proposal with a sum in the word at `operator`, an id that nobody had in its epoch.
    pub async fn challenge_unknown_operator(
        &self,
        proposal: Proposal,
        operator: OperatorId,
        leaf: B256,
        siblings: Vec<B256>,
    ) -> Result<TxHash> {
        let proposal = proposal.into();
        let call = self.distributor.challengeUnknownOperator(proposal, operator.0, leaf, siblings);
        self.send("challenging an unknown operator", call).await.map(|r| r.transaction_hash)
    }

    /// Our demands that were open when their proposal was cancelled, and whose bonds are still to be had.
    pub async fn stranded_demands(&self) -> Result<Vec<StrandedDemand>> {
        let demander = B256::left_padding_from(self.account()?.as_slice());
        let demanded = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(Distributor::EntryDemanded::SIGNATURE_HASH)
            .topic3(demander);
        let logs = self.logs_since(&demanded, self.deployment().deploy_block).await?;
        let ours = logs.iter().filter_map(|log| {
            let event = log.log_decode::<Distributor::EntryDemanded>().ok()?.inner.data;
            let operator_id = OperatorId(event.operatorId);
            Some(StrandedDemand { commitment: event.commitment, operator_id })
        });
        let mut stranded = Vec::new();
        for demand in ours {
            // The contract knows best: answered, paid back or still pending, it refuses.
            let call = self.distributor.reclaimDemandBond(demand.commitment, demand.operator_id.0);
            match call.call().await.map_err(|e| ChainError::from_call("reading a demand", e)) {
                Ok(_) => stranded.push(demand),
                Err(ChainError::Refused { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(stranded)
    }

    /// Has the bond of a stranded demand paid back to its demander.
    pub async fn reclaim_demand_bond(&self, demand: StrandedDemand) -> Result<TxHash> {
        let call = self.distributor.reclaimDemandBond(demand.commitment, demand.operator_id.0);
        self.send("reclaiming a demand's bond", call).await.map(|r| r.transaction_hash)
    }
}

fn event(log: &Log) -> Option<DistributionEvent> {
    if let Ok(event) = log.log_decode::<Distributor::Proposed>() {
        let epoch = Epoch(event.inner.data.epoch);
        return Some(DistributionEvent::Proposed(proposed(epoch, event.inner.data, log)));
    }
    if let Ok(event) = log.log_decode::<Distributor::Finalized>() {
        let Distributor::Finalized { epoch, root } = event.inner.data;
        return Some(DistributionEvent::Finalized { epoch: Epoch(epoch), root });
    }
    let event = log.log_decode::<Distributor::ProposalCancelled>().ok()?.inner.data;
    Some(DistributionEvent::Cancelled { epoch: Epoch(event.epoch), root: event.root })
}
