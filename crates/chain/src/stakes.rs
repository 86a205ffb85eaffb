//! What payers do: stake, unstake, withdraw, authorise session keys.

use alloy::primitives::{Bytes, TxHash};
use serde::Serialize;
use tatum_primitives::{Address, B256, Epoch, U256, eip712_digest, keccak256};
use tatum_receipt::{SessionKey, Signature};

use crate::{Chain, ChainError, Result};

const PPB: u64 = 1_000_000_000;
const WEI_PER_DATA: u64 = 1_000_000_000_000_000_000;

/// A payer's stake as of now.
#[derive(Clone, Debug, Serialize)]
pub struct StakeStatus {
    /// The payer.
    pub payer: Address,
    /// Its stake.
    pub stake_wei: U256,
    /// Payload bytes it may have carried in the running epoch.
    pub quota_bytes: U256,
    /// Bytes that a DATA staked buys in the running epoch.
    pub quota_bytes_per_data: U256,
    /// Bytes that a DATA staked buys in the next epoch, unless that sells more than four times the capacity bonded.
    pub next_quota_bytes_per_data: U256,
    /// What the stake of now buys in the next epoch, after the running one's fee.
    pub next_quota_bytes: U256,
    /// The running epoch.
    pub epoch: Epoch,
    /// DATA in its wallet.
    pub balance_wei: U256,
}

impl Chain {
    /// Stakes `amount_wei`; it counts as quota from the next epoch on.
    pub async fn stake(&self, amount_wei: U256) -> Result<TxHash> {
        self.approve(self.deployment().stake_pool, amount_wei).await?;
        self.send("staking", self.pool.stake(amount_wei)).await.map(|r| r.transaction_hash)
    }

    /// Asks for `amount_wei` back (`U256::MAX` for everything).
    pub async fn request_unstake(&self, amount_wei: U256) -> Result<TxHash> {
        let call = self.pool.requestUnstake(amount_wei);
        self.send("asking for the stake back", call).await.map(|r| r.transaction_hash)
    }

    /// Takes out what was asked for and has waited long enough.
    pub async fn withdraw_stake(&self) -> Result<TxHash> {
        self.send("withdrawing", self.pool.withdraw()).await.map(|r| r.transaction_hash)
    }

    /// Lets `key` sign receipts for our account; `key` itself proves that it agrees.
    pub async fn authorize_session_key(&self, key: &SessionKey) -> Result<TxHash> {
        let digest = session_key_digest(self.domain().separator(), self.account()?, key.address());
        let proof = Bytes::from(Signature::sign(key, digest).0.to_vec());
        let call = self.pool.authorizeSessionKey(key.address(), proof);
        self.send("authorising the session key", call).await.map(|r| r.transaction_hash)
    }

    /// Takes the authorisation back; the key may finish the epochs it may still sign for.
    pub async fn revoke_session_key(&self, key: Address) -> Result<TxHash> {
        let call = self.pool.revokeSessionKey(key);
        self.send("revoking the session key", call).await.map(|r| r.transaction_hash)
    }

    /// A payer's stake, quota and balance.
    pub async fn stake_status(&self, payer: Address) -> Result<StakeStatus> {
        let read = |e| ChainError::from_call("reading the stake", e);
        let epoch = self.pool.currentEpoch().call().await.map_err(read)?;
        let stake_wei = self.pool.stakeOf(payer).call().await.map_err(read)?;
        let fee_rate_ppb = self.pool.feeRatePpb().call().await.map_err(read)?;
        let next = self.pool.nextQuotaBytesPerData().call().await.map_err(read)?;
        Ok(StakeStatus {
            payer,
            stake_wei,
            quota_bytes: self.pool.quotaOf(payer, epoch).call().await.map_err(read)?,
            quota_bytes_per_data: self.pool.quotaBytesPerData(epoch).call().await.map_err(read)?,
            next_quota_bytes_per_data: next,
            next_quota_bytes: bought_bytes(stake_wei, fee_rate_ppb, next),
            epoch: Epoch(epoch),
            balance_wei: self.balance_wei(payer).await?,
        })
    }

    /// Whether the contract lets `key` sign receipts of `epoch` for `payer`.
    pub async fn is_authorized(&self, payer: Address, key: Address, epoch: Epoch) -> Result<bool> {
        self.pool
            .isAuthorized(payer, key, epoch.0)
            .call()
            .await
            .map_err(|e| ChainError::from_call("reading a session key", e))
    }
}

/// What is left of a stake after one fee, times a quota per DATA; rounded down.
fn bought_bytes(stake_wei: U256, fee_rate_ppb: U256, quota_bytes_per_data: U256) -> U256 {
    let kept_ppb = U256::from(PPB).saturating_sub(fee_rate_ppb);
    let left_wei = stake_wei.saturating_mul(kept_ppb) / U256::from(PPB);
    left_wei.saturating_mul(quota_bytes_per_data) / U256::from(WEI_PER_DATA)
}

/// The EIP-712 digest of `SessionKeyAuthorization(address payer,address key)`.
fn session_key_digest(separator: B256, payer: Address, key: Address) -> B256 {
    let type_hash = keccak256("SessionKeyAuthorization(address payer,address key)");
    let words = [type_hash, payer.into_word(), key.into_word()];
    let encoded: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    eip712_digest(separator, keccak256(encoded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stake_buys_what_the_fee_leaves_of_it() {
        let data = |amount: u64| U256::from(amount) * U256::from(WEI_PER_DATA);
        let bought = bought_bytes(data(100), U256::from(10_000_000), U256::from(354_334_794));
        assert_eq!(bought, U256::from(99_u64 * 354_334_794));
        assert_eq!(bought_bytes(U256::from(1), U256::ZERO, U256::from(1)), U256::ZERO);
    }
}
