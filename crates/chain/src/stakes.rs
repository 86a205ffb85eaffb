//! What payers do: stake, unstake, withdraw, authorise session keys.

use alloy::primitives::{Bytes, TxHash};
use tatum_primitives::{Address, B256, Data, Domain, Epoch, U256, eip712_digest, keccak256};
use tatum_receipt::{SessionKey, Signature};

use crate::{Chain, ChainError, Result};

impl Chain {
    /// Stakes `amount_wei`; it counts as quota from the next epoch on.
    pub async fn stake(&self, amount_wei: U256) -> Result<TxHash> {
        self.check_enough(amount_wei).await?;
        self.approve(self.deployment().stake_pool, amount_wei).await?;
        self.send("staking", self.pool.stake(amount_wei)).await.map(|r| r.transaction_hash)
    }

    /// The least that a stake may be.
    pub(crate) async fn minimum_stake_wei(&self) -> Result<U256> {
        let read = |e| ChainError::from_call("reading the least stake", e);
        self.pool.minimumStakeWei().call().await.map_err(read)
    }

    /// What the contract would find only after the allowance was given.
    async fn check_enough(&self, amount_wei: U256) -> Result<()> {
        let read = |e| ChainError::from_call("reading the stake", e);
        let staked_wei = self.pool.stakeOf(self.account()?).call().await.map_err(read)?;
        let least_wei = self.minimum_stake_wei().await?;
        let stake_wei = staked_wei.saturating_add(amount_wei);
        if stake_wei < least_wei {
            let (stake, least) = (Data(stake_wei), Data(least_wei));
            let reason = format!("the stake would be {stake}; a stake has at least {least}");
            return Err(ChainError::Refused { action: "staking", reason });
        }
        Ok(())
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
        let proof = session_key_proof(self.domain(), self.account()?, key);
        self.authorize_proven_session_key(key.address(), proof).await
    }

    /// The same with a proof that the key's owner made.
    pub async fn authorize_proven_session_key(
        &self,
        key: Address,
        proof: Signature,
    ) -> Result<TxHash> {
        let call = self.pool.authorizeSessionKey(key, Bytes::from(proof.0.to_vec()));
        self.send("authorising the session key", call).await.map(|r| r.transaction_hash)
    }

    /// Takes the authorisation back; the key may finish the epochs it may still sign for.
    pub async fn revoke_session_key(&self, key: Address) -> Result<TxHash> {
        let call = self.pool.revokeSessionKey(key);
        self.send("revoking the session key", call).await.map(|r| r.transaction_hash)
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

/// The word of a session key that it signs receipts for `payer`: what `authorizeSessionKey` takes as its proof. It is of no use to
/// anybody but `payer`.
pub fn session_key_proof(domain: Domain, payer: Address, key: &SessionKey) -> Signature {
    Signature::sign(key, session_key_digest(domain.separator(), payer, key.address()))
}

/// The EIP-712 digest of `SessionKeyAuthorization(address payer,address key)`.
fn session_key_digest(separator: B256, payer: Address, key: Address) -> B256 {
    let type_hash = keccak256("SessionKeyAuthorization(address payer,address key)");
    let words = [type_hash, payer.into_word(), key.into_word()];
    let encoded: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    eip712_digest(separator, keccak256(encoded))
}
