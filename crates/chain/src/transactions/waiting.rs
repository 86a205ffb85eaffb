//! A transaction that was handed over, until it is mined.
//!
//! Invariant: what is sent is in the journal first, each dearer version too, so whoever comes after a crash looks for all of them.
//! A block that passes over it has it handed over again, as it is: a pool may have forgotten it. It gets dearer when the base fee is
//! above the most that it pays, or when nothing helped for long, unless its price is fixed.

use std::time::Duration;

use alloy::consensus::TxEnvelope;
use alloy::eips::eip2718::Decodable2718;
use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::providers::Provider;
use alloy::rpc::types::{TransactionReceipt, TransactionRequest};
use alloy::transports::TransportError;
use tokio::time::Instant;

use super::{Sender, fees::Fees, says};
use crate::journal::Sent;
use crate::{ChainError, Result};

/// How long a transaction is waited for before the caller is told that it is not known.
const MINED_WITHIN: Duration = Duration::from_secs(180);
/// After this long without being mined a transaction is sent again with a higher fee, whatever the base fee is.
const RAISED_AFTER: Duration = Duration::from_secs(45);
/// After so many blocks in a row in which a transaction before it was missing, nobody knows that one any more.
const MISSING_BLOCKS: u32 = 3;

/// One that is waited for.
struct Waiting {
    /// The oldest version first.
    versions: Vec<Sent>,
    /// The newest block that was seen since.
    block: Option<u64>,
    /// Blocks in a row in which a transaction before it was missing.
    missing: u32,
    raised: Instant,
}

impl Waiting {
    /// There is one at least.
    fn newest(&self) -> Option<&Sent> {
        self.versions.last()
    }

    /// Whether it may cost no more than it offers: then only a lower base fee helps.
    fn is_fixed(&self) -> bool {
        self.newest().is_some_and(|sent| sent.fixed)
    }
}

impl Sender {
    /// Waits for one of the versions of a transaction; sends it again, dearer where it must be, while blocks pass over it.
    pub(super) async fn mined(&self, versions: Vec<Sent>) -> Result<TransactionReceipt> {
        let started = Instant::now();
        let mut waiting = Waiting { versions, block: None, missing: 0, raised: started };
        loop {
            for sent in &waiting.versions {
                // A missing receipt and a provider that fails mean the same: not known yet.
                if let Ok(Some(receipt)) = self.provider.get_transaction_receipt(sent.hash).await {
                    return Ok(receipt);
                }
            }
            if started.elapsed() >= MINED_WITHIN || waiting.missing >= MISSING_BLOCKS {
                return Err(unknown(&waiting));
            }
            if waiting.raised.elapsed() >= RAISED_AFTER && !waiting.is_fixed() {
                self.raise(&mut waiting).await?;
            } else if let Some(base_fee) = self.passing_block(&mut waiting).await {
                self.passed_over(&mut waiting, base_fee).await?;
            }
            tokio::time::sleep(self.poll).await;
        }
    }

    /// The base fee of a block that came since it was asked last, if one did.
    async fn passing_block(&self, waiting: &mut Waiting) -> Option<u128> {
        let latest = BlockId::Number(BlockNumberOrTag::Latest);
        let header = self.provider.get_block(latest).await.ok()??.header;
        let before = waiting.block.replace(header.number);
        // The first one may have come before it was handed over. After a reorganisation numbers are smaller.
        before.filter(|&before| before != header.number)?;
        Some(header.base_fee_per_gas.unwrap_or_default().into())
    }

    async fn passed_over(&self, waiting: &mut Waiting, base_fee: u128) -> Result<()> {
        let Some(newest) = waiting.newest().cloned() else { return Ok(()) };
        waiting.missing = match self.is_one_before_missing(&newest).await {
            true => waiting.missing.saturating_add(1),
            false => 0,
        };
        let pays = envelope_of(&newest).map(|envelope| Fees::of(&envelope).most());
        if pays.is_some_and(|most| most < base_fee) && !newest.fixed {
            return self.raise(waiting).await;
        }
        // Whatever is answered: who has it says so, and who cannot take it now is asked again.
        if let Err(error) = self.hand_over(&newest).await {
            tracing::debug!(action = newest.action, %error, "it was not taken again");
        }
        Ok(())
    }

    /// Whether the account has a smaller number left that none of ours that are waited for fills: a reorganisation threw out one that
    /// was mined, and this one can never come to its turn.
    async fn is_one_before_missing(&self, sent: &Sent) -> bool {
        match self.provider.get_transaction_count(self.account()).await {
            Ok(used) => used < sent.nonce && !self.journal().is_open(used),
            Err(_) => false,
        }
    }

    /// Hands the same transaction over with higher fees. Whatever comes of it, those before stay valid.
    async fn raise(&self, waiting: &mut Waiting) -> Result<()> {
        waiting.raised = Instant::now();
        let Some(newest) = waiting.newest() else { return Ok(()) };
        let Some(envelope) = envelope_of(newest) else { return Ok(()) };
        let fees = Fees::of(&envelope).raised(Fees::of_market(&self.provider).await.ok());
        let request = fees.applied_to(without_fees(envelope));
        let Ok(envelope) = self.signed(request).await else { return Ok(()) };
        let dearer = Sent::new(&newest.action, &envelope);
        self.journal().open(&dearer)?;
        match self.hand_over(&dearer).await {
            Ok(()) => {
                let (action, hash, most_fee_wei) = (&dearer.action, dearer.hash, fees.most());
                tracing::info!(action, %hash, most_fee_wei, "sent again with a higher fee");
            }
            // A dearer one of ours is in the pool that we do not know, or it was not answered: the next one is dearer still.
            Err(error) if error.as_error_resp().is_none() || says(&error, "underpriced") => {
                tracing::warn!(action = dearer.action, %error, "a higher fee was not taken yet");
            }
            Err(error) => {
                tracing::warn!(action = dearer.action, %error, "a higher fee was not taken");
                return self.journal().forget(&dearer);
            }
        }
        waiting.versions.push(dearer);
        Ok(())
    }

    pub(super) async fn hand_over(&self, sent: &Sent) -> std::result::Result<(), TransportError> {
        match self.provider.send_raw_transaction(&sent.raw).await {
            Ok(_) => Ok(()),
            // Another endpoint had it already.
            Err(error) if says(&error, "already known") || says(&error, "already imported") => {
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

fn unknown(waiting: &Waiting) -> ChainError {
    let newest = waiting.newest();
    ChainError::Unknown {
        action: newest.map(|sent| sent.action.clone()).unwrap_or_default(),
        hash: newest.map(|sent| sent.hash).unwrap_or_default(),
    }
}

fn envelope_of(sent: &Sent) -> Option<TxEnvelope> {
    TxEnvelope::decode_2718(&mut sent.raw.as_ref()).ok()
}

fn without_fees(envelope: TxEnvelope) -> TransactionRequest {
    let mut request = TransactionRequest::from_transaction(envelope);
    (request.gas_price, request.max_fee_per_gas, request.max_priority_fee_per_gas) =
        (None, None, None);
    request
}
