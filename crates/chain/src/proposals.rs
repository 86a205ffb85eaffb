//! What proposers and auditors do at the distributor: propose, look, finalize.

use alloy::primitives::TxHash;
use alloy::rpc::types::{Filter, Log};
use alloy::sol_types::SolEvent;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Epoch, U256};

use crate::bindings::Distributor;
use crate::bindings::IDistributor;
use crate::{Chain, ChainError, Result};

/// A distribution as it is put before the contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The newest epoch it covers.
    pub epoch: Epoch,
    /// The sum tree's root word.
    pub root: B256,
    /// Root of the tree over the epoch's receipts.
    pub receipts_root: B256,
    /// keccak256 of `manifest.json`.
    pub manifest_hash: B256,
    /// Where the dataset is published.
    pub uri: String,
}

/// A proposal as the chain recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProposedEvent {
    /// What was proposed.
    pub proposal: Proposal,
    /// By whom.
    pub proposer: Address,
    /// When it may be finalized, seconds of chain time.
    pub finalizable_at_s: u64,
    /// How many proposals there were before it, in the lowest 24 bits: no two have the same commitment.
    pub counter: u32,
    /// The block it was proposed in.
    pub block_number: u64,
}

/// Where an epoch's distribution stands on chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum ProposalStatus {
    /// Nobody proposed yet, or every proposal was cancelled.
    Missing,
    /// In its challenge window, or waiting to be finalized.
    Pending(ProposedEvent),
    /// Final: claims are paid from it, or from a newer one.
    Finalized(ProposedEvent),
}

impl From<Proposal> for IDistributor::Proposal {
    fn from(proposal: Proposal) -> Self {
        Self {
            epoch: proposal.epoch.0,
            root: proposal.root,
            receiptsRoot: proposal.receipts_root,
            manifestHash: proposal.manifest_hash,
            uri: proposal.uri,
        }
    }
}

impl Chain {
    /// Posts our proposer bond unless enough of it is there already.
    pub async fn ensure_proposer_bond(&self) -> Result<()> {
        let read = |e| ChainError::from_call("reading the proposer bond", e);
        let needed: U256 = self.distributor.proposerBondWei().call().await.map_err(read)?;
        self.ensure_bond_of(needed).await
    }

    /// Adds to our proposer bond what it lacks.
    pub async fn ensure_bond_of(&self, needed: U256) -> Result<()> {
        let account = self.account()?;
        let held = self.proposer_bond_of_wei(account).await?;
        let Some(missing) = needed.checked_sub(held).filter(|missing| !missing.is_zero()) else {
            return Ok(());
        };
        self.approve(self.deployment().distributor, missing).await?;
        let call = self.distributor.depositProposerBond(missing);
        self.send("posting the proposer bond", call).await.map(drop)
    }

    /// Puts a distribution before the contract.
    pub async fn propose(&self, proposal: Proposal) -> Result<TxHash> {
        let call = self.distributor.propose(proposal.into());
        self.send("proposing", call).await.map(|r| r.transaction_hash)
    }

    /// Makes a proposal whose window is over the root that claims are paid from.
    pub async fn finalize(&self, proposal: Proposal) -> Result<TxHash> {
        let call = self.distributor.finalize(proposal.into());
        self.send("finalizing", call).await.map(|r| r.transaction_hash)
    }

    /// The root that claims are paid from.
    pub async fn finalized_root(&self) -> Result<B256> {
        let call = self.distributor.finalizedRoot();
        call.call().await.map_err(|e| ChainError::from_call("reading the finalized root", e))
    }

    /// The newest epoch that claims are paid for, if any.
    pub async fn finalized_epoch(&self) -> Result<Option<Epoch>> {
        let call = self.distributor.finalizedEpoch();
        let answer = call.call().await;
        let answer = answer.map_err(|e| ChainError::from_call("reading the finalized epoch", e))?;
        Ok(answer.any.then_some(Epoch(answer.epoch)))
    }

    /// The roots of `epoch` that a challenge cancelled.
    pub async fn cancelled_roots(&self, epoch: Epoch) -> Result<Vec<B256>> {
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(Distributor::ProposalCancelled::SIGNATURE_HASH)
            .topic1(U256::from(epoch.0));
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let events =
            logs.iter().filter_map(|log| log.log_decode::<Distributor::ProposalCancelled>().ok());
        Ok(events.map(|event| event.inner.data.root).collect())
    }

    /// Where the distribution of `epoch` stands, from the contract's events in their order.
    pub async fn proposal_status(&self, epoch: Epoch) -> Result<ProposalStatus> {
        let events = [
            Distributor::Proposed::SIGNATURE_HASH,
            Distributor::Finalized::SIGNATURE_HASH,
            Distributor::ProposalCancelled::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(events.to_vec())
            .topic1(U256::from(epoch.0));
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        Ok(logs.iter().fold(ProposalStatus::Missing, |status, log| after(status, epoch, log)))
    }
}

/// The status after one more event of the epoch.
fn after(status: ProposalStatus, epoch: Epoch, log: &Log) -> ProposalStatus {
    if let Ok(event) = log.log_decode::<Distributor::Proposed>() {
        return ProposalStatus::Pending(proposed(epoch, event.inner.data, log));
    }
    match (log.topic0(), status) {
        (Some(&Distributor::Finalized::SIGNATURE_HASH), ProposalStatus::Pending(event)) => {
            ProposalStatus::Finalized(event)
        }
        (Some(&Distributor::ProposalCancelled::SIGNATURE_HASH), ProposalStatus::Pending(_)) => {
            ProposalStatus::Missing
        }
        (_, status) => status,
    }
}

pub(crate) fn proposed(epoch: Epoch, event: Distributor::Proposed, log: &Log) -> ProposedEvent {
    ProposedEvent {
        proposal: Proposal {
            epoch,
            root: event.root,
            receipts_root: event.receiptsRoot,
            manifest_hash: event.manifestHash,
            uri: event.uri,
        },
        proposer: event.proposer,
        finalizable_at_s: event.finalizableAt,
        counter: event.counter.to::<u32>(),
        block_number: log.block_number.unwrap_or_default(),
    }
}
