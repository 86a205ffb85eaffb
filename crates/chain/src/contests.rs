//! Contests: proposals for one epoch that outbid each other, and what becomes of their stakes.
//!
//! Invariant: only rounds of contests that are over are told as unsettled, so that settling them succeeds. Source:
//! `IDistributor.outbid`.

use std::collections::BTreeSet;

use alloy::primitives::TxHash;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{B256, U256};

use crate::bindings::Distributor;
use crate::{Chain, ChainError, Proposal, Result};

/// A round of a contest: one proposal that was outbid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Round {
    /// The commitment of the first proposal that was outbid.
    pub contest: B256,
    /// Its number, from 0. It staked the proposer bond, doubled so many times.
    pub number: U256,
}

impl Chain {
    /// What the pending proposal stakes; zero if none is pending. A rival stakes twice as much.
    pub async fn pending_stake_wei(&self) -> Result<U256> {
        let read = |e| ChainError::from_call("reading the pending proposal", e);
        Ok(self.distributor.pendingProposal().call().await.map_err(read)?.stakeWei)
    }

    /// Replaces the pending proposal by another root for the same epoch. The stake must be in our bond.
    pub async fn outbid(&self, pending: Proposal, rival: Proposal) -> Result<TxHash> {
        let call = self.distributor.outbid(pending.into(), rival.into());
        self.send("outbidding a proposal", call).await.map(|r| r.transaction_hash)
    }

    /// Gives a proposal's stake back, or divides it, once its contest is over.
    pub async fn settle_round(&self, round: Round) -> Result<TxHash> {
        let call = self.distributor.settleRound(round.contest, round.number);
        self.send("settling a contest", call).await.map(|r| r.transaction_hash)
    }

    /// The rounds that can be settled and were not.
    pub async fn unsettled_rounds(&self) -> Result<Vec<Round>> {
        let signatures =
            [Distributor::Outbid::SIGNATURE_HASH, Distributor::RoundSettled::SIGNATURE_HASH];
        let filter = Filter::new()
            .address(self.deployment().distributor)
            .event_signature(signatures.to_vec());
        let mut rounds = BTreeSet::new();
        let mut newest = None;
        for log in &self.logs_since(&filter, self.deployment().deploy_block).await? {
            if let Ok(outbid) = log.log_decode::<Distributor::Outbid>() {
                let Distributor::Outbid { contest, round, .. } = outbid.inner.data;
                rounds.insert(Round { contest, number: round });
                newest = Some(contest);
            } else if let Ok(settled) = log.log_decode::<Distributor::RoundSettled>() {
                let Distributor::RoundSettled { contest, round, .. } = settled.inner.data;
                rounds.remove(&Round { contest, number: round });
            }
        }
        // A pending proposal that outbid another is what the newest contest waits for.
        let read = |e| ChainError::from_call("reading the proposer bond", e);
        let single = self.distributor.proposerBondWei().call().await.map_err(read)?;
        if self.pending_stake_wei().await? > single {
            rounds.retain(|round| Some(round.contest) != newest);
        }
        Ok(rounds.into_iter().collect())
    }
}
