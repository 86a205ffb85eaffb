//! Forced receipts: what is put on chain because it would be left out of a distribution.
//!
//! Invariant: [`Forced::hash`] is the rolling hash over exactly the receipts beside it, in the order in which they were forced,
//! so that a proposal made from them states the hash that belongs to them. Source: `IForcedReceipts`.

use alloy::primitives::TxHash;
use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{B256, Epoch, U256, keccak256};
use tatum_receipt::SignedReceipt;

use crate::bindings::ForcedReceipts;
use crate::{Chain, ChainError, Result};

/// What was forced in an epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forced {
    /// The rolling hash.
    pub hash: B256,
    /// The hash of each, in order.
    pub signed_hashes: Vec<B256>,
    /// Those that can be read as receipts, admissible or not.
    pub receipts: Vec<SignedReceipt>,
}

impl Forced {
    fn push(&mut self, bytes: &[u8]) {
        let signed_hash = keccak256(bytes);
        self.hash = keccak256([self.hash.0, signed_hash.0].as_flattened());
        self.signed_hashes.push(signed_hash);
        // What is no receipt is nobody's; it stays in the hash.
        let signed = SignedReceipt::decode(bytes).ok();
        self.receipts.extend(signed);
    }
}

impl Chain {
    /// What was forced in `epoch`, from the chain's events.
    pub async fn forced(&self, epoch: Epoch) -> Result<Forced> {
        let filter = Filter::new()
            .address(self.deployment().forced_receipts)
            .event_signature(ForcedReceipts::ReceiptForced::SIGNATURE_HASH)
            .topic1(U256::from(epoch.0));
        let mut forced = Forced::default();
        for log in &self.logs_since(&filter, self.deployment().deploy_block).await? {
            if let Ok(event) = log.log_decode::<ForcedReceipts::ReceiptForced>() {
                forced.push(&event.inner.data.receipt);
            }
        }
        Ok(forced)
    }

    /// The rolling hash of what was forced in `epoch`, as the contract has it.
    pub async fn forced_hash(&self, epoch: Epoch) -> Result<B256> {
        let call = self.forced_receipts.hashOf(epoch.0);
        call.call().await.map_err(|e| ChainError::from_call("reading the forced receipts", e))
    }

    /// Forces receipts of `epoch`; those that are forced already are passed over.
    pub async fn force_receipts(&self, epoch: Epoch, receipts: &[SignedReceipt]) -> Result<TxHash> {
        let receipts = receipts.iter().map(|signed| signed.encode().to_vec().into()).collect();
        let call = self.forced_receipts.forceReceipts(epoch.0, receipts);
        self.send("forcing receipts", call).await.map(|r| r.transaction_hash)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_receipt_counts_in_the_hash_alone() {
        let mut forced = Forced::default();
        forced.push(&[7; 278]);
        assert_eq!(forced.receipts, []);
        let word = keccak256([7; 278]);
        assert_eq!(forced.signed_hashes, [word]);
        assert_eq!(forced.hash, keccak256([[0; 32], word.0].as_flattened()));
    }
}
