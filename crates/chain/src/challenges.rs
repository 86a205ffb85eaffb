//! What keeps a proposer honest: challenges of the pending proposal, and demands to see an operator's entry in it.
//!
//! Invariant: a demand counts as open only for the very proposal that is pending, which its commitment names; one for
//! another proposal of the same epoch is never mistaken for it. Source: `IDistributor`.

use alloy::primitives::{TxHash, keccak256};
use alloy::rpc::types::Filter;
use alloy::sol_types::{SolEvent, SolValue};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, B256, Nano, OperatorId, U256};

use crate::bindings::{Distributor, IDistributor};
use crate::{Chain, ChainError, Proposal, ProposedEvent, Result};

/// A demand to see an operator's entry. Left unanswered, it costs the proposer its bond.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    /// Whose entry is to be shown.
    pub operator_id: OperatorId,
    /// Who wants to see it.
    pub demander: Address,
    /// What the entry must promise at least: what the final one does.
    pub minimum_nano: Nano,
    /// The last moment for an answer, seconds of chain time.
    pub answer_by_s: u64,
    /// Whether the entry was shown.
    pub answered: bool,
}

/// Shows that a proposal promises an operator less than the final distribution does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decrease {
    /// The operator's entry in the final tree.
    pub entry: B256,
    /// Its sibling words there, from the leaf up.
    pub entry_proof: Vec<B256>,
    /// The word at the same place of the proposed tree, or, in a tree too shallow to have it, at the place modulo its width.
    pub leaf: B256,
    /// The word's siblings there, from the leaf up.
    pub leaf_proof: Vec<B256>,
}

impl ProposedEvent {
    /// What the contract knows the proposal by while it is pending.
    pub fn commitment(&self) -> B256 {
        let proposal = IDistributor::Proposal::from(self.proposal.clone());
        let at_s = self.finalizable_at_s;
        keccak256((proposal, self.proposer, at_s, self.counter).abi_encode_params())
    }
}

impl Chain {
    /// The demands of a proposal that nobody has answered, in the order they were made; none once it is no longer pending.
    pub async fn open_demands(&self, event: &ProposedEvent) -> Result<Vec<Demand>> {
        let read = |e| ChainError::from_call("reading the pending proposal", e);
        if self.distributor.pendingProposal().call().await.map_err(read)?.openDemands.is_zero() {
            return Ok(vec![]);
        }
        if self.distributor.pendingCommitment().call().await.map_err(read)? != event.commitment() {
            return Ok(vec![]);
        }
        let mut demands = self.demands(event).await?;
        demands.retain(|demand| !demand.answered);
        Ok(demands)
    }

    /// All demands that were ever made of a proposal, in order.
    pub async fn demands(&self, event: &ProposedEvent) -> Result<Vec<Demand>> {
        let signatures = [
            Distributor::EntryDemanded::SIGNATURE_HASH,
            Distributor::DemandAnswered::SIGNATURE_HASH,
        ];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(signatures.to_vec())
            .topic1(event.commitment());
        let mut demands: Vec<Demand> = Vec::new();
        for log in &self.logs_since(&filter, event.block_number).await? {
            if let Ok(demanded) = log.log_decode::<Distributor::EntryDemanded>() {
                demands.push(demand(&demanded.inner.data));
            } else if let Ok(answered) = log.log_decode::<Distributor::DemandAnswered>() {
                // Nobody can demand the same entry of a proposal twice.
                let answered = OperatorId(answered.inner.data.operatorId);
                let of_operator = |demand: &&mut Demand| demand.operator_id == answered;
                demands.iter_mut().filter(of_operator).for_each(|demand| demand.answered = true);
            }
        }
        Ok(demands)
    }

    /// Shows a demanded entry, with its sibling words in the proposed tree from the leaf up.
    pub async fn answer_demand(
        &self,
        proposal: Proposal,
        entry: B256,
        siblings: Vec<B256>,
    ) -> Result<TxHash> {
        let call = self.distributor.answerDemand(proposal.into(), entry, siblings);
        self.send("answering a demand", call).await.map(|r| r.transaction_hash)
    }

    /// What a demand costs its demander if the entry is shown.
    pub async fn demand_bond_wei(&self) -> Result<U256> {
        let read = |e| ChainError::from_call("reading the demand bond", e);
        self.distributor.demandBondWei().call().await.map_err(read)
    }

    /// Demands to see the proposed entry of the operator whose `entry`, with its siblings, stands in the final tree. Posts
    /// the demand's bond.
    pub async fn demand_entry(
        &self,
        proposal: Proposal,
        entry: B256,
        siblings: Vec<B256>,
    ) -> Result<TxHash> {
        let bond_wei = self.demand_bond_wei().await?;
        self.approve(self.deployment().distributor, bond_wei).await?;
        let call = self.distributor.demandEntry(proposal.into(), entry, siblings);
        self.send("demanding an entry", call).await.map(|r| r.transaction_hash)
    }

    /// Cancels a proposal whose proposer did not answer in time; the demander gets its bond back and the reward.
    pub async fn cancel_unanswered(
        &self,
        proposal: Proposal,
        operator: OperatorId,
    ) -> Result<TxHash> {
        let call = self.distributor.cancelUnanswered(proposal.into(), operator.0);
        self.send("cancelling a proposal", call).await.map(|r| r.transaction_hash)
    }

    /// Cancels a proposal that promises an operator less than the final distribution; the reward is ours.
    pub async fn challenge_decrease(
        &self,
        proposal: Proposal,
        decrease: Decrease,
    ) -> Result<TxHash> {
        let Decrease { entry, entry_proof, leaf, leaf_proof } = decrease;
        let proposal = proposal.into();
        let call =
            self.distributor.challengeDecrease(proposal, entry, entry_proof, leaf, leaf_proof);
        self.send("challenging a proposal", call).await.map(|r| r.transaction_hash)
    }

    /// What `proposer` has at stake.
    pub async fn proposer_bond_of_wei(&self, proposer: Address) -> Result<U256> {
        let read = |e| ChainError::from_call("reading the proposer bond", e);
        self.distributor.proposerBondOf(proposer).call().await.map_err(read)
    }
}

fn demand(event: &Distributor::EntryDemanded) -> Demand {
    Demand {
        operator_id: OperatorId(event.operatorId),
        demander: event.demander,
        minimum_nano: Nano(event.minimumNano),
        answer_by_s: event.answerBy,
        answered: false,
    }
}
