//! Transactions: written down before they are sent, followed by their hash, sent again with a higher fee, never made twice.
//!
//! Invariant: what was signed is in the journal before any provider sees it and leaves it only when its nonce is used up on
//! chain. So "not known yet" is never taken for "refused", and whoever tries again after a crash first learns what became of
//! the try before. All of one account's transactions go through one lock, so no nonce is given out twice.

mod carrying;
mod fees;
mod waiting;

pub use carrying::{Carried, Cost, Priced};

use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::contract::{CallBuilder, CallDecoder};
use alloy::network::{Ethereum, EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::primitives::TxHash;
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::SignerSync;
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use tatum_primitives::{Address, B256};
use tokio::sync::Mutex;

use self::fees::Fees;
use crate::journal::{Journal, Sent};
use crate::{ChainError, Result};

/// How often a receipt is asked for, at an endpoint on this machine and elsewhere.
const POLL_LOCAL: Duration = Duration::from_millis(25);
const POLL: Duration = Duration::from_secs(3);
/// What a call may need beyond what it was estimated at, besides a quarter: mined in the next epoch it closes the one before
/// (90 000) and begins new entries in histories (22 100 each, four at most). What is not used is not paid.
const NEXT_EPOCH_GAS: u64 = 200_000;
/// How often a nonce that a lagging provider told is asked for again.
const NONCE_TRIES: u32 = 5;

/// What sends for one account.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    signer: PrivateKeySigner,
    wallet: EthereumWallet,
    provider: DynProvider,
    poll: Duration,
    /// Whoever holds it may give out a nonce.
    turn: Arc<Mutex<Turn>>,
    /// What is written down.
    journal: Arc<std::sync::Mutex<Journal>>,
    /// The last one of ours that was seen mined.
    mined_last: Arc<std::sync::Mutex<Option<TxHash>>>,
}

#[derive(Debug, Default)]
struct Turn {
    /// The nonce after the last one that was used.
    next_nonce: u64,
}

impl Sender {
    pub(crate) fn new(signer: PrivateKeySigner, provider: DynProvider, journal: Journal) -> Self {
        let poll = if provider.client().is_local() { POLL_LOCAL } else { POLL };
        Self {
            wallet: EthereumWallet::from(signer.clone()),
            signer,
            provider,
            poll,
            turn: Arc::default(),
            journal: Arc::new(std::sync::Mutex::new(journal)),
            mined_last: Arc::default(),
        }
    }

    pub(crate) fn account(&self) -> Address {
        self.signer.address()
    }

    /// The account's signature of what is no transaction, such as a permit.
    pub(crate) fn sign(
        &self,
        action: &'static str,
        digest: B256,
    ) -> Result<tatum_receipt::Signature> {
        let signed = self.signer.sign_hash_sync(&digest);
        let refused = |error: alloy::signers::Error| ChainError::Refused {
            action,
            reason: error.to_string(),
        };
        Ok(tatum_receipt::Signature(signed.map_err(refused)?.as_bytes()))
    }

    /// Sends a transaction and waits until it is mined and has succeeded.
    pub(crate) async fn send<P: Provider, D: CallDecoder>(
        &self,
        action: &'static str,
        call: CallBuilder<P, D, Ethereum>,
    ) -> Result<TransactionReceipt> {
        let call = call.from(self.account());
        let gas = call.estimate_gas().await.map_err(|e| ChainError::from_call(action, e))?;
        let request = call.into_transaction_request().with_gas_limit(most_gas(gas));
        let sent = {
            // First what an earlier process left open, then this one: their nonces follow each other.
            let mut turn = self.turn.lock().await;
            self.resume().await?;
            self.submit(&mut turn, action, request).await?
        };
        let receipt = self.settled(sent).await?;
        let hash = receipt.transaction_hash;
        if receipt.status() { Ok(receipt) } else { Err(ChainError::Reverted { action, hash }) }
    }

    /// Finds out what became of transactions that nobody waited for to the end.
    pub(crate) async fn settle_open(&self) -> Result<()> {
        let _turn = self.turn.lock().await;
        self.resume().await
    }

    /// Signs, writes down and hands over, for what the market asks; retries while the provider's nonce lags behind what is mined.
    async fn submit(
        &self,
        turn: &mut Turn,
        action: &'static str,
        request: TransactionRequest,
    ) -> Result<Sent> {
        let fees = Fees::of_market(&self.provider).await?;
        self.submit_at(turn, action, request, (fees, false)).await
    }

    /// The same for these fees; one that is `fixed` is never made dearer.
    async fn submit_at(
        &self,
        turn: &mut Turn,
        action: &'static str,
        request: TransactionRequest,
        (fees, fixed): (Fees, bool),
    ) -> Result<Sent> {
        let chain_id = self.provider.get_chain_id().await?;
        let request = fees.applied_to(request).with_chain_id(chain_id);
        let mut tries = 0_u32;
        loop {
            let nonce = self.free_nonce(turn).await?;
            let envelope = self.signed(request.clone().with_nonce(nonce)).await;
            let envelope = envelope.map_err(|reason| ChainError::NotTaken { action, reason })?;
            let sent = Sent { fixed, ..Sent::new(action, &envelope) };
            self.journal().open(&sent)?;
            match self.hand_over(&sent).await {
                Ok(()) => {
                    turn.next_nonce = nonce.saturating_add(1);
                    return Ok(sent);
                }
                // An endpoint that gave no answer had taken it, and the next one sees its nonce used up by it.
                Err(error) if is_nonce_used(&error) && self.is_mined(sent.hash).await => {
                    turn.next_nonce = nonce.saturating_add(1);
                    return Ok(sent);
                }
                Err(error) if is_nonce_used(&error) && tries < NONCE_TRIES => {
                    // The provider that told the nonce is behind the one that takes transactions.
                    self.journal().close(sent.nonce)?;
                    turn.next_nonce = nonce.saturating_add(1);
                    tries = tries.saturating_add(1);
                }
                Err(error) if matches!(error, TransportError::ErrorResp(_)) => {
                    self.journal().close(sent.nonce)?;
                    return Err(ChainError::NotTaken { action, reason: error.to_string() });
                }
                // No answer: it may have been taken, so it stays in the journal.
                Err(_) => {
                    turn.next_nonce = nonce.saturating_add(1);
                    return Ok(sent);
                }
            }
        }
    }

    /// The nonce that is next. A provider may lag behind what it mined of ours; but if that is gone, the chain was reorganised, and its
    /// number is free again: one that is given out above it would never come to its turn.
    async fn free_nonce(&self, turn: &Turn) -> Result<u64> {
        let known = self.provider.get_transaction_count(self.account()).pending().await?;
        let mined_last = *self.mined_last.lock().unwrap_or_else(PoisonError::into_inner);
        let mut nonce = known;
        if known < turn.next_nonce {
            let stands = match mined_last {
                Some(hash) => self.provider.get_transaction_receipt(hash).await?.is_some(),
                None => true,
            };
            nonce = if stands { turn.next_nonce } else { known };
        }
        while self.journal().is_open(nonce) {
            nonce = nonce.saturating_add(1);
        }
        Ok(nonce)
    }

    /// Finds out what became of transactions that nobody waited for to the end.
    async fn resume(&self) -> Result<()> {
        let strays = self.journal().strays();
        for versions in strays {
            let Some(Sent { action, nonce, hash, .. }) = versions.last().cloned() else { continue };
            let used = self.provider.get_transaction_count(self.account()).await?;
            // One whose turn has not come waits for others that nobody knows any more.
            if used == nonce {
                tracing::warn!(action, %hash, "an earlier transaction is still open; waiting for it");
                match self.mined(versions).await {
                    Ok(receipt) => self.remember(&receipt),
                    Err(error) => {
                        // Dearer versions are nobody's now either.
                        self.journal().abandon(nonce);
                        return Err(error);
                    }
                }
            }
            self.journal().close(nonce)?;
        }
        Ok(())
    }

    /// What became of `sent`, and writes that down.
    async fn settled(&self, sent: Sent) -> Result<TransactionReceipt> {
        let nonce = sent.nonce;
        let mined = self.mined(vec![sent]).await;
        match &mined {
            Ok(receipt) => {
                self.remember(receipt);
                self.journal().close(nonce)?;
            }
            Err(_) => self.journal().abandon(nonce),
        }
        mined
    }

    fn remember(&self, receipt: &TransactionReceipt) {
        let mut last = self.mined_last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some(receipt.transaction_hash);
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn is_mined(&self, hash: TxHash) -> bool {
        matches!(self.provider.get_transaction_receipt(hash).await, Ok(Some(_)))
    }

    async fn signed(&self, request: TransactionRequest) -> std::result::Result<TxEnvelope, String> {
        let built = request.with_from(self.account()).build(&self.wallet).await;
        built.map_err(|error| error.to_string())
    }
}

/// How much gas to allow what was estimated at `gas`.
pub(crate) const fn most_gas(gas: u64) -> u64 {
    (gas.saturating_mul(5) / 4).saturating_add(NEXT_EPOCH_GAS)
}

fn is_nonce_used(error: &TransportError) -> bool {
    says(error, "nonce too low")
}

fn says(error: &TransportError, words: &str) -> bool {
    error.as_error_resp().is_some_and(|answer| answer.message.to_lowercase().contains(words))
}
