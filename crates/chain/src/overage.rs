//! Overage: what payers are billed that signed for more than their quota, and what they were.
//!
//! Invariant: what a bill comes to, and whether it was filed, is the contract's word; nothing is worked out here. Source: `IOverage`.

use alloy::contract::SolCallBuilder;
use alloy::primitives::TxHash;
use alloy::providers::DynProvider;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_merkle::{Gap, ListCommitment};
use tatum_primitives::{Address, B256, Epoch, U256};
use tatum_protocol::web::BilledOverage;

use crate::bindings::overage::Overage::{OverageBilled, fileCall};
use crate::{Chain, ChainError, Result};

/// What puts a payer's overage before the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverageClaim {
    /// In which epoch.
    pub epoch: Epoch,
    /// The list of its receipts that became final.
    pub receipts: ListCommitment,
    /// The place behind the payer's last line there.
    pub behind: Gap,
}

impl Chain {
    /// What a payer owes if its receipts of a closed epoch state `units` bytes on time.
    pub async fn overage_bill_wei(
        &self,
        payer: Address,
        epoch: Epoch,
        units: u128,
    ) -> Result<U256> {
        let call = self.overage.billWei(payer, epoch.0, U256::from(units));
        call.call().await.map_err(|e| ChainError::from_call("reading an overage", e))
    }

    /// Whether a payer's overage of `epoch` was filed.
    pub async fn is_overage_billed(&self, payer: Address, epoch: Epoch) -> Result<bool> {
        let call = self.overage.isBilled(payer, epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading an overage", e))
    }

    /// The list of receipts that became final for `epoch`, in one word; zero if none is final.
    pub async fn final_receipts_hash(&self, epoch: Epoch) -> Result<B256> {
        let call = self.distributor.receiptsHashOf(epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading the final receipts", e))
    }

    /// Bills the payer of the line left of the gap in the final list of an epoch. A tenth is ours.
    pub async fn file_overage(&self, claim: OverageClaim) -> Result<TxHash> {
        let call = self.filing_call(claim);
        self.send("filing an overage", call).await.map(|r| r.transaction_hash)
    }

    /// The call that does, whoever sends it.
    pub(crate) fn filing_call(
        &self,
        claim: OverageClaim,
    ) -> SolCallBuilder<&DynProvider, fileCall> {
        let OverageClaim { epoch, receipts, behind } = claim;
        self.overage.file(epoch.0, receipts.top, receipts.count, behind.into())
    }

    /// All bills of `payer` that were ever filed, oldest first.
    pub async fn overages_billed(&self, payer: Address) -> Result<Vec<BilledOverage>> {
        let filter = Filter::new()
            .address(self.deployment().overage)
            .event_signature(OverageBilled::SIGNATURE_HASH)
            .topic1(payer.into_word());
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let decoded = logs.iter().filter_map(|log| log.log_decode::<OverageBilled>().ok());
        Ok(decoded.map(|log| billed(log.inner.data)).collect())
    }
}

/// The bill that an event tells of.
pub(crate) fn billed(event: OverageBilled) -> BilledOverage {
    let OverageBilled { payer, epoch, prover, billWei, chargedWei } = event;
    BilledOverage { payer, epoch: Epoch(epoch), prover, bill_wei: billWei, charged_wei: chargedWei }
}
