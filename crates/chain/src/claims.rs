//! Claims: what operators earned, from the newest final root to their payout addresses, one by one or a run of neighbours at once.
//!
//! Invariant: anybody may claim for anybody, and whoever sends it takes nothing: a claim pays the operator's payout address what its
//! entry promises beyond what it has claimed, whether it stands alone or in a run.

use alloy::primitives::TxHash;
use alloy::providers::Provider;
use tatum_merkle::RangeProof;
use tatum_primitives::{B256, Nano, OperatorId, U256};

use crate::{Chain, ChainError, Result};

/// An entry of the finalized tree, ready to claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// `operatorId ‖ payout ‖ cumulative nano`.
    pub entry: B256,
    /// The sibling words from the leaf up.
    pub proof: Vec<B256>,
}

/// The entries of neighbouring operators, ready to claim together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangeClaim {
    /// In order of id, without gaps.
    pub entries: Vec<B256>,
    /// Their proof.
    pub proof: RangeProof,
}

impl RangeClaim {
    fn words(self) -> (Vec<B256>, Vec<B256>, U256) {
        let boundary = self.proof.boundary.iter().map(|word| word.0).collect();
        (self.entries, boundary, U256::from(self.proof.depth))
    }
}

impl Chain {
    /// What an operator has claimed so far.
    pub async fn claimed_nano(&self, id: OperatorId) -> Result<Nano> {
        let call = self.distributor.claimedNano(id.0);
        let claimed = call.call().await;
        claimed.map(Nano).map_err(|e| ChainError::from_call("reading the claims", e))
    }

    /// Claims for one operator. Anyone may; the tokens go to the operator's payout address.
    pub async fn claim(&self, claim: Claim) -> Result<TxHash> {
        let call = self.distributor.claim(claim.entry, claim.proof);
        self.send("claiming", call).await.map(|r| r.transaction_hash)
    }

    /// Claims for a run of neighbours. One whose transfer the token refuses is passed over, as is one that is owed nothing.
    pub async fn claim_range(&self, claim: RangeClaim) -> Result<TxHash> {
        let (entries, boundary, depth) = claim.words();
        let call = self.distributor.claimRange(entries, boundary, depth);
        self.send("claiming", call).await.map(|r| r.transaction_hash)
    }

    /// The gas that a claim would take now.
    pub async fn claim_gas(&self, claim: Claim) -> Result<u64> {
        let call = self.distributor.claim(claim.entry, claim.proof);
        call.estimate_gas().await.map_err(|e| ChainError::from_call("estimating a claim", e))
    }

    /// The gas that a claim for a run of neighbours would take now.
    pub async fn claim_range_gas(&self, claim: RangeClaim) -> Result<u64> {
        let (entries, boundary, depth) = claim.words();
        let call = self.distributor.claimRange(entries, boundary, depth);
        call.estimate_gas().await.map_err(|e| ChainError::from_call("estimating a claim", e))
    }

    /// What a unit of gas costs now, in the chain's coin.
    pub async fn gas_price_wei(&self) -> Result<u128> {
        Ok(self.provider.get_gas_price().await?)
    }
}
