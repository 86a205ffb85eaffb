//! Transactions: written down before they are sent, followed by their hash, sent again with a higher fee, never made twice.
//!
//! Invariant: what was signed is in the journal before any provider sees it and leaves it only when its nonce is used up on
//! chain. So "not known yet" is never taken for "refused", and whoever tries again after a crash first learns what became of
//! the try before. All of one account's transactions go through one lock, so no nonce is given out twice.
//! Source: EIP-1559; the ten per cent that a replacement must add are the rule of every client's pool.

use std::sync::Arc;
use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::contract::{CallBuilder, CallDecoder};
use alloy::eips::eip2718::Decodable2718;
use alloy::network::{Ethereum, EthereumWallet, NetworkTransactionBuilder, TransactionBuilder};
use alloy::providers::{DynProvider, Provider};
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::signers::local::PrivateKeySigner;
use alloy::transports::TransportError;
use tatum_primitives::Address;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::journal::{Journal, Sent};
use crate::{ChainError, Result};

/// How long a transaction is waited for before the caller is told that it is not known.
const MINED_WITHIN: Duration = Duration::from_secs(180);
/// After this long without being mined a transaction is sent again with a higher fee.
const RAISED_AFTER: Duration = Duration::from_secs(45);
/// How often a receipt is asked for, at an endpoint on this machine and elsewhere.
const POLL_LOCAL: Duration = Duration::from_millis(100);
const POLL: Duration = Duration::from_secs(3);
/// What a call may need beyond what it was estimated at, besides a quarter: mined in the next epoch it closes the one before
/// (90 000) and begins new entries in histories (22 100 each, four at most). What is not used is not paid.
const NEXT_EPOCH_GAS: u64 = 200_000;
/// A replacement pays a quarter more than what it replaces.
const RAISE_PERCENT: u128 = 125;
/// How often a nonce that a lagging provider told is asked for again.
const NONCE_TRIES: u32 = 5;

/// What sends for one account.
#[derive(Clone, Debug)]
pub(crate) struct Sender {
    account: Address,
    wallet: EthereumWallet,
    provider: DynProvider,
    poll: Duration,
    /// The nonce after the last one that we used, and what is written down.
    turn: Arc<Mutex<Turn>>,
}

#[derive(Debug)]
struct Turn {
    next_nonce: u64,
    journal: Journal,
}

impl Sender {
    pub(crate) fn new(signer: PrivateKeySigner, provider: DynProvider, journal: Journal) -> Self {
        let poll = if provider.client().is_local() { POLL_LOCAL } else { POLL };
        Self {
            account: signer.address(),
            wallet: EthereumWallet::from(signer),
            provider,
            poll,
            turn: Arc::new(Mutex::new(Turn { next_nonce: 0, journal })),
        }
    }

    pub(crate) fn account(&self) -> Address {
        self.account
    }

    /// Sends a transaction and waits until it is mined and has succeeded.
    pub(crate) async fn send<P: Provider, D: CallDecoder>(
        &self,
        action: &'static str,
        call: CallBuilder<P, D, Ethereum>,
    ) -> Result<TransactionReceipt> {
        let call = call.from(self.account);
        let gas = call.estimate_gas().await.map_err(|e| ChainError::from_call(action, e))?;
        let request = call.into_transaction_request().with_gas_limit(most_gas(gas));
        let sent = {
            // First what an earlier process left open, then this one: their nonces follow each other.
            let mut turn = self.turn.lock().await;
            self.resume(&mut turn).await?;
            self.submit(&mut turn, action, request).await?
        };
        let receipt = self.settled(&sent).await?;
        let hash = receipt.transaction_hash;
        if receipt.status() { Ok(receipt) } else { Err(ChainError::Reverted { action, hash }) }
    }

    /// Finds out what became of transactions that nobody waited for to the end.
    pub(crate) async fn settle_open(&self) -> Result<()> {
        self.resume(&mut *self.turn.lock().await).await
    }

    /// Signs, writes down and hands over; retries while the provider's nonce lags behind what is mined.
    async fn submit(
        &self,
        turn: &mut Turn,
        action: &'static str,
        request: TransactionRequest,
    ) -> Result<Sent> {
        let fees = self.fees().await?;
        let chain_id = self.provider.get_chain_id().await?;
        let request = fees.applied_to(request).with_chain_id(chain_id);
        let mut tries = 0_u32;
        loop {
            let known = self.provider.get_transaction_count(self.account).pending().await?;
            let nonce = known.max(turn.next_nonce);
            let envelope = self.signed(request.clone().with_nonce(nonce)).await;
            let envelope = envelope.map_err(|reason| ChainError::NotTaken { action, reason })?;
            let sent = Sent::new(action, &envelope);
            turn.journal.open(&sent)?;
            match self.hand_over(&sent).await {
                Ok(()) => {
                    turn.next_nonce = nonce.saturating_add(1);
                    return Ok(sent);
                }
                // An endpoint that gave no answer had taken it, and the next one sees its nonce used up by it.
                Err(error) if is_nonce_used(&error) && self.is_mined(&sent).await => {
                    turn.next_nonce = nonce.saturating_add(1);
                    return Ok(sent);
                }
                Err(error) if is_nonce_used(&error) && tries < NONCE_TRIES => {
                    // The provider that told the nonce is behind the one that takes transactions.
                    turn.journal.close(&sent)?;
                    turn.next_nonce = nonce.saturating_add(1);
                    tries = tries.saturating_add(1);
                }
                Err(error) if matches!(error, TransportError::ErrorResp(_)) => {
                    turn.journal.close(&sent)?;
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

    /// Finds out what became of transactions that nobody waited for to the end.
    async fn resume(&self, turn: &mut Turn) -> Result<()> {
        for sent in turn.journal.stray() {
            let used = self.provider.get_transaction_count(self.account).await?;
            // One whose turn has not come waits for others that nobody knows any more.
            if used == sent.nonce {
                let Sent { action, hash, .. } = &sent;
                tracing::warn!(action, %hash, "an earlier transaction is still open; waiting for it");
                self.mined(&sent).await?;
            }
            turn.journal.close(&sent)?;
        }
        Ok(())
    }

    /// What became of `sent`, and writes that down.
    async fn settled(&self, sent: &Sent) -> Result<TransactionReceipt> {
        let mined = self.mined(sent).await;
        let mut turn = self.turn.lock().await;
        match &mined {
            Ok(_) => turn.journal.close(sent)?,
            Err(_) => turn.journal.abandon(sent),
        }
        mined
    }

    /// Waits for `sent` or one of its replacements; sends it again, dearer, while the pool forgets or passes over it.
    async fn mined(&self, sent: &Sent) -> Result<TransactionReceipt> {
        let started = Instant::now();
        let mut hashes = vec![sent.hash];
        let mut newest = sent.clone();
        let mut raised = Instant::now();
        loop {
            for hash in &hashes {
                // A missing receipt and a provider that fails mean the same: not known yet.
                if let Ok(Some(receipt)) = self.provider.get_transaction_receipt(*hash).await {
                    return Ok(receipt);
                }
            }
            if started.elapsed() >= MINED_WITHIN {
                return Err(ChainError::Unknown { action: sent.action.clone(), hash: newest.hash });
            }
            if raised.elapsed() >= RAISED_AFTER {
                raised = Instant::now();
                if let Some(dearer) = self.raise(&newest).await {
                    hashes.push(dearer.hash);
                    newest = dearer;
                }
            }
            tokio::time::sleep(self.poll).await;
        }
    }

    /// Hands the same transaction over with a higher fee. Whatever comes of it, the one before stays valid.
    async fn raise(&self, sent: &Sent) -> Option<Sent> {
        let envelope = TxEnvelope::decode_2718(&mut sent.raw.as_ref()).ok()?;
        let mut request = TransactionRequest::from_transaction(envelope);
        let raised = |fee: u128| (fee.saturating_mul(RAISE_PERCENT) / 100).saturating_add(1);
        request.gas_price = request.gas_price.map(raised);
        request.max_fee_per_gas = request.max_fee_per_gas.map(raised);
        request.max_priority_fee_per_gas = request.max_priority_fee_per_gas.map(raised);
        let dearer = Sent::new(&sent.action, &self.signed(request).await.ok()?);
        match self.hand_over(&dearer).await {
            Ok(()) => {
                tracing::info!(action = sent.action, hash = %dearer.hash, "sent again with a higher fee");
                Some(dearer)
            }
            Err(error) => {
                tracing::warn!(action = sent.action, %error, "a higher fee was not taken");
                None
            }
        }
    }

    async fn is_mined(&self, sent: &Sent) -> bool {
        matches!(self.provider.get_transaction_receipt(sent.hash).await, Ok(Some(_)))
    }

    async fn signed(&self, request: TransactionRequest) -> std::result::Result<TxEnvelope, String> {
        let built = request.with_from(self.account).build(&self.wallet).await;
        built.map_err(|error| error.to_string())
    }

    async fn hand_over(&self, sent: &Sent) -> std::result::Result<(), TransportError> {
        match self.provider.send_raw_transaction(&sent.raw).await {
            Ok(_) => Ok(()),
            // Another endpoint had it already.
            Err(error) if says(&error, "already known") => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Fees of EIP-1559, or one gas price where the chain knows only that.
    async fn fees(&self) -> Result<Fees> {
        match self.provider.estimate_eip1559_fees().await {
            Ok(fees) => Ok(Fees::Dynamic {
                most: fees.max_fee_per_gas,
                priority: fees.max_priority_fee_per_gas,
            }),
            Err(TransportError::ErrorResp(_) | TransportError::UnsupportedFeature(_)) => {
                Ok(Fees::Legacy { price: self.provider.get_gas_price().await? })
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// How much gas to allow what was estimated at `gas`.
pub(crate) const fn most_gas(gas: u64) -> u64 {
    (gas.saturating_mul(5) / 4).saturating_add(NEXT_EPOCH_GAS)
}

enum Fees {
    Dynamic { most: u128, priority: u128 },
    Legacy { price: u128 },
}

impl Fees {
    fn applied_to(&self, request: TransactionRequest) -> TransactionRequest {
        match *self {
            Self::Dynamic { most, priority } => {
                request.with_max_fee_per_gas(most).with_max_priority_fee_per_gas(priority)
            }
            Self::Legacy { price } => request.with_gas_price(price),
        }
    }
}

fn is_nonce_used(error: &TransportError) -> bool {
    says(error, "nonce too low")
}

fn says(error: &TransportError, words: &str) -> bool {
    error.as_error_resp().is_some_and(|answer| answer.message.to_lowercase().contains(words))
}
