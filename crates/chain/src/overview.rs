//! The deployment at a glance: its token, its rules, its newest blocks.

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::providers::Provider;
use tatum_primitives::{Epoch, U256};
use tatum_protocol::web::{AsOf, QuotaPrice, TokenSummary};

use crate::{Chain, ChainError, Result, reads};

/// The rules that a payer or an operator plans by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The running epoch.
    pub epoch: Epoch,
    /// What is taken of every stake in an epoch, in parts per billion.
    pub fee_rate_ppb: u64,
    /// Bytes that a DATA staked buys in the running epoch.
    pub quota_bytes_per_data: U256,
    /// The same in the next one.
    pub next_quota_bytes_per_data: U256,
    /// The least that a stake may be.
    pub minimum_stake_wei: U256,
    /// The least that an operator bonds.
    pub minimum_bond_wei: U256,
    /// For so many epochs what leaves a stake waits, at least.
    pub unbonding_epochs: u64,
    /// How many epochs are closed.
    pub closed_epochs: u64,
}

impl Chain {
    /// The newest block, and whether the chain says that it cannot be undone any more.
    pub async fn as_of(&self) -> Result<AsOf> {
        let latest = self.provider.get_block(BlockId::latest()).await?;
        let header =
            latest.ok_or(ChainError::OutOfRange { what: "head", value: "none".into() })?.header;
        // Endpoints that know no finality say so with an error: then nothing is final.
        let last = self.provider.get_block(BlockNumberOrTag::Finalized.into()).await;
        let last = last.ok().flatten().map(|block| block.header.number);
        Ok(AsOf {
            block: header.number,
            hash: header.hash,
            time_s: header.timestamp,
            finalized: last.is_some_and(|last| header.number <= last),
        })
    }

    /// What the token calls itself.
    pub async fn token_summary(&self) -> Result<TokenSummary> {
        let read = |e| ChainError::from_call("reading the token", e);
        Ok(TokenSummary {
            name: self.token.name().call().await.map_err(read)?,
            symbol: self.token.symbol().call().await.map_err(read)?,
            decimals: self.token.decimals().call().await.map_err(read)?,
        })
    }

    /// The rules that a payer or an operator plans by.
    pub async fn terms(&self) -> Result<Terms> {
        let read = |e| ChainError::from_call("reading the rules", e);
        let epoch = self.pool.currentEpoch().call().await.map_err(read)?;
        let fee_rate = self.pool.feeRatePpb().call().await.map_err(read)?;
        Ok(Terms {
            epoch: Epoch(epoch),
            fee_rate_ppb: fee_rate.saturating_to(),
            quota_bytes_per_data: self.pool.quotaBytesPerData(epoch).call().await.map_err(read)?,
            next_quota_bytes_per_data: self
                .pool
                .nextQuotaBytesPerData()
                .call()
                .await
                .map_err(read)?,
            minimum_stake_wei: self.minimum_stake_wei().await?,
            minimum_bond_wei: self.minimum_bond_wei().await?,
            unbonding_epochs: self.pool.unbondingEpochs().call().await.map_err(read)?,
            closed_epochs: self.closed_epochs().await?,
        })
    }

    /// What a DATA bought in the newest `count` epochs, oldest first; the last one is the running one.
    pub async fn quota_prices(&self, count: u64) -> Result<Vec<QuotaPrice>> {
        let read = |e| ChainError::from_call("reading the quota per DATA", e);
        let running = self.pool.currentEpoch().call().await.map_err(read)?;
        let first = running.saturating_add(1).saturating_sub(count);
        let price = async |epoch: u64| {
            let quota_bytes_per_data =
                self.pool.quotaBytesPerData(epoch).call().await.map_err(read)?;
            Ok(QuotaPrice { epoch: Epoch(epoch), quota_bytes_per_data })
        };
        reads::each(first..=running, price).await
    }
}
