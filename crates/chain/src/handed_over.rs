//! Transactions that others signed: passed on, and what became of them.
//!
//! Invariant: only what is signed for this chain and calls one of the deployment's contracts, or a pool of delegators or a sponsors' vault of its,
//! is passed on.

use alloy::consensus::{Transaction, TxEnvelope};
use alloy::eips::eip2718::Decodable2718;
use alloy::network::TransactionResponse;
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use tatum_primitives::{Address, B256};
use tatum_protocol::web::TransactionState;

use crate::revert_reasons::words_of;
use crate::{Chain, ChainError, Result};

/// What became of a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Became {
    /// What.
    pub state: TransactionState,
    /// The block it is in.
    pub block: Option<u64>,
    /// Why it was reverted, as far as can be told.
    pub reason: Option<String>,
    /// Whose it is and its number there, if the endpoint knows it: another one of that number replaces it.
    pub turn: Option<(Address, u64)>,
}

impl Chain {
    /// Passes on a transaction that somebody signed; `is_known` knows the pools of delegators and the sponsors' vaults.
    pub async fn pass_on(&self, raw: &[u8], is_known: impl Fn(Address) -> bool) -> Result<B256> {
        let action = "passing on the transaction";
        let refused = |reason: String| ChainError::Refused { action, reason };
        let mut rest = raw;
        let envelope = TxEnvelope::decode_2718(&mut rest).ok().filter(|_| rest.is_empty());
        let envelope =
            envelope.ok_or_else(|| refused("these bytes are no signed transaction".into()))?;
        let expected = self.deployment().chain_id;
        if envelope.chain_id() != Some(expected) {
            let got = envelope.chain_id().map_or("no chain".to_owned(), |id| format!("chain {id}"));
            return Err(refused(format!("it is signed for {got}, and this is chain {expected}")));
        }
        let is_ours = |to: Address| self.deployment().contracts().contains(&to) || is_known(to);
        if !envelope.to().is_some_and(is_ours) {
            return Err(refused("it calls none of the deployment's contracts".into()));
        }
        let hash = *envelope.tx_hash();
        match self.provider.send_raw_transaction(raw).await {
            Ok(_) => Ok(hash),
            Err(error) => match error.as_error_resp() {
                Some(answer) if answer.message.to_lowercase().contains("already known") => Ok(hash),
                Some(answer) => Err(refused(answer.message.to_string())),
                None => Err(error.into()),
            },
        }
    }

    /// What became of a transaction; `turn` is what an earlier answer said of it.
    pub async fn became(&self, hash: B256, turn: Option<(Address, u64)>) -> Result<Became> {
        if let Some(receipt) = self.provider.get_transaction_receipt(hash).await? {
            return self.mined(&receipt).await;
        }
        let known = self.provider.get_transaction_by_hash(hash).await?;
        let turn = known.as_ref().map(|tx| (tx.from(), tx.nonce())).or(turn);
        let state = match turn {
            Some((account, nonce)) => {
                let used = self.provider.get_transaction_count(account).await?;
                match (used > nonce, known) {
                    // It may have been mined since it was asked for first.
                    (true, _) => match self.provider.get_transaction_receipt(hash).await? {
                        Some(receipt) => return self.mined(&receipt).await,
                        None => TransactionState::Replaced,
                    },
                    (false, Some(_)) => TransactionState::Pending,
                    (false, None) => TransactionState::Unknown,
                }
            }
            None => TransactionState::Unknown,
        };
        Ok(Became { state, block: None, reason: None, turn })
    }

    async fn mined(&self, receipt: &TransactionReceipt) -> Result<Became> {
        let (state, reason) = if receipt.status() {
            (TransactionState::Succeeded, None)
        } else {
            (TransactionState::Reverted, self.reason_of(receipt).await)
        };
        Ok(Became { state, block: receipt.block_number, reason, turn: None })
    }

    /// Asks for the same again, as of the block before: the transactions ahead of it in its own block are not in that.
    async fn reason_of(&self, receipt: &TransactionReceipt) -> Option<String> {
        let transaction =
            self.provider.get_transaction_by_hash(receipt.transaction_hash).await.ok()??;
        let request = TransactionRequest::default()
            .from(receipt.from)
            .to(receipt.to?)
            .input(transaction.input().clone().into());
        if receipt.gas_used == transaction.gas_limit() {
            return Some("it ran out of gas".to_owned());
        }
        let before = receipt.block_number?.saturating_sub(1);
        let error = self.provider.call(request).block(before.into()).await.err()?;
        let data = error.as_error_resp()?.as_revert_data()?;
        Some(words_of(&data))
    }
}
