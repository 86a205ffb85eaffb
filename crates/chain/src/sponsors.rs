//! What sponsors, the streams' owner and anybody do with a sponsors' vault.
//!
//! Invariant: whatever the vault would refuse is found out before any allowance is given or transaction sent; a sponsor names the fewest
//! shares that it takes, where the way in has a place for them.

use alloy::primitives::{Bytes, TxHash};
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, U256};
use tatum_protocol::web::{StakeBy, VaultSummary};
use tatum_receipt::Signature;

use crate::bindings::SponsorVault::Withdrawn;
use crate::permit::in_parts;
use crate::shares::least_shares;
use crate::sponsor_vaults::reading;
use crate::{Chain, ChainError, Result};

/// Shares of a vault's first wei, and those that are nobody's.
const SHARES_PER_WEI: u64 = 1_000_000_000;
/// Shares that stand for less than so much together are void when the next sponsor comes.
const DUST_WEI: u64 = 1_000_000_000;

/// How many shares an amount buys of a vault that has `shares` for `total_wei`, rounded down, as the vault has it.
fn shares_bought_down(amount_wei: U256, shares: U256, total_wei: U256) -> U256 {
    let per_wei = U256::from(SHARES_PER_WEI);
    if shares == U256::ZERO || total_wei < U256::from(DUST_WEI) {
        return amount_wei.saturating_mul(per_wei);
    }
    let bought = amount_wei.saturating_mul(shares.saturating_add(per_wei));
    bought.checked_div(total_wei.saturating_add(U256::ONE)).unwrap_or_default()
}

impl Chain {
    /// Makes sure that our account can make a vault.
    pub async fn check_create_vault(&self, of: &VaultSummary) -> Result<()> {
        let action = "making the vault";
        let VaultSummary { vault, stream_owner, streams, end_epoch } = *of;
        let factory = &self.sponsor_factory;
        if factory
            .isCreated(stream_owner, streams, end_epoch.0)
            .call()
            .await
            .map_err(|e| ChainError::from_call(action, e))?
        {
            let reason = format!("there is one for these streams until that epoch, {vault}");
            return Err(ChainError::Refused { action, reason });
        }
        let call = factory.create(stream_owner, streams, end_epoch.0).from(self.account()?);
        call.call().await.map(drop).map_err(|e| ChainError::from_call(action, e))
    }

    /// Makes a vault. Anybody may, for anybody's streams.
    pub async fn create_sponsor_vault(&self, of: &VaultSummary) -> Result<TxHash> {
        self.check_create_vault(of).await?;
        let call = self.sponsor_factory.create(of.stream_owner, of.streams, of.end_epoch.0);
        self.send("making the vault", call).await.map(|r| r.transaction_hash)
    }

    /// Makes sure that our account can sponsor so much; says how many shares that would buy now.
    pub async fn check_sponsoring(&self, vault: Address, amount_wei: U256) -> Result<U256> {
        self.sponsor_vault(vault).await?;
        self.check_holds(amount_wei).await?;
        // The one way in that needs no allowance: whatever the vault has against it, it says.
        let handed_over = self.token.transferAndCall(vault, amount_wei, Bytes::new());
        let tried = handed_over.from(self.account()?).call().await;
        tried.map_err(|e| ChainError::from_call("sponsoring", e))?;
        self.sponsored_shares(vault, amount_wei).await
    }

    /// How many shares of a vault an amount would buy now.
    pub(crate) async fn sponsored_shares(&self, vault: Address, amount_wei: U256) -> Result<U256> {
        let at = self.vault_at(vault);
        let shares = at.totalShares().call().await.map_err(reading)?;
        let total_wei = at.totalWei().call().await.map_err(reading)?;
        Ok(shares_bought_down(amount_wei, shares, total_wei))
    }

    /// Sponsors from our account. Tokens that are handed over (ERC-677) take the price that there is.
    pub async fn sponsor(&self, vault: Address, amount_wei: U256, by: StakeBy) -> Result<TxHash> {
        let least = least_shares(self.check_sponsoring(vault, amount_wei).await?);
        let at = self.vault_at(vault);
        let action = "sponsoring";
        let receipt = match by {
            StakeBy::Permit => {
                let permit = self.own_permit(vault, amount_wei).await?;
                let (deadline, v, r, s) = in_parts(&permit);
                let call = at.sponsorWithPermit(amount_wei, least, deadline, v, r, s);
                self.send(action, call).await?
            }
            StakeBy::Approve => {
                self.approve(vault, amount_wei).await?;
                self.send(action, at.sponsor(amount_wei, least)).await?
            }
            StakeBy::TransferAndCall => {
                let call = self.token.transferAndCall(vault, amount_wei, Bytes::new());
                self.send(action, call).await?
            }
        };
        Ok(receipt.transaction_hash)
    }

    /// Stakes what lies in a vault, so that it counts as quota from the next epoch on. Anyone may.
    pub async fn stake_sponsored(&self, vault: Address) -> Result<TxHash> {
        let at = self.known_vault(vault).await?;
        if self.is_rest_due(vault).await? {
            self.collect_sponsored(vault).await?;
        }
        self.send("staking", at.stake()).await.map(|r| r.transaction_hash)
    }

    /// Whether what is due has to be brought in before a vault stakes: after a loss it takes the rest for returned before it asked for it.
    pub(crate) async fn is_rest_due(&self, vault: Address) -> Result<bool> {
        let held = self.vault_at(vault).holdings().call().await.map_err(reading)?;
        Ok(held.restWei != U256::ZERO && self.due_to(vault).await? != U256::ZERO)
    }

    /// The same if there is anything that can be staked: less than a stake's least waits for more.
    pub async fn stake_sponsored_if_any(&self, vault: Address) -> Result<Option<TxHash>> {
        let tried = self.vault_at(vault).stake().from(self.account()?).call().await;
        match tried.map_err(|e| ChainError::from_call("staking", e)) {
            Ok(_) => self.stake_sponsored(vault).await.map(Some),
            Err(ChainError::Refused { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes sure that our account can ask for what so many shares stand for.
    pub async fn check_request_sponsored(&self, vault: Address, shares: U256) -> Result<()> {
        let at = self.vault_at(vault);
        let call = at.requestWithdraw(shares).from(self.account()?);
        call.call().await.map(drop).map_err(|e| ChainError::from_call(ASKING_BACK, e))
    }

    /// Asks for what shares of our account stand for (`U256::MAX` for all).
    pub async fn request_sponsored(&self, vault: Address, shares: U256) -> Result<TxHash> {
        let at = self.known_vault(vault).await?;
        let call = at.requestWithdraw(shares);
        self.send(ASKING_BACK, call).await.map(|r| r.transaction_hash)
    }

    /// Pays out what our account asked for in an epoch; the transaction, and how much it was.
    pub async fn redeem_sponsored(
        &self,
        vault: Address,
        requested: Epoch,
    ) -> Result<(TxHash, U256)> {
        let at = self.known_vault(vault).await?;
        let call = at.withdraw(requested.0, self.account()?);
        let receipt = self.send("redeeming", call).await?;
        let paid = |log: &alloy::rpc::types::Log| {
            let ours = log.address() == vault;
            Withdrawn::decode_log(&log.inner).ok().filter(|_| ours)
        };
        let paid = receipt.inner.logs().iter().find_map(paid);
        Ok((receipt.transaction_hash, paid.map(|paid| paid.data.amountWei).unwrap_or_default()))
    }

    /// Has the stake pool give a vault back what is due, 50 exits at once. Anyone may.
    pub async fn collect_sponsored(&self, vault: Address) -> Result<TxHash> {
        let at = self.known_vault(vault).await?;
        let call = at.bringIn();
        self.send("bringing in what is due", call).await.map(|r| r.transaction_hash)
    }

    /// Asks for the whole stake of a vault that has ended. Anyone may.
    pub async fn end_sponsored(&self, vault: Address) -> Result<TxHash> {
        let at = self.known_vault(vault).await?;
        let call = at.end();
        self.send("ending the vault", call).await.map(|r| r.transaction_hash)
    }

    /// Makes sure that a vault pays for streams of our account, and says what it is for.
    pub async fn check_stream_owner(&self, vault: Address) -> Result<VaultSummary> {
        let (of, account) = (self.sponsor_vault(vault).await?, self.account()?);
        if of.stream_owner != account {
            let reason =
                format!("{vault} pays for streams of {}, not of {account}", of.stream_owner);
            return Err(ChainError::Refused { action: "naming keys of the vault", reason });
        }
        Ok(of)
    }

    /// Lets a key sign receipts that a vault pays for; `proof` is the key's word for the vault, as for any payer.
    pub async fn authorize_sponsored_key(
        &self,
        vault: Address,
        key: Address,
        proof: Signature,
    ) -> Result<TxHash> {
        self.check_stream_owner(vault).await?;
        let at = self.vault_at(vault);
        let call = at.authorizeSessionKey(key, Bytes::from(proof.0.to_vec()));
        self.send("authorising the key", call).await.map(|r| r.transaction_hash)
    }

    /// Takes that back; the key may finish the epochs it may still sign for.
    pub async fn revoke_sponsored_key(&self, vault: Address, key: Address) -> Result<TxHash> {
        self.check_stream_owner(vault).await?;
        let at = self.vault_at(vault);
        let call = at.revokeSessionKey(key);
        self.send("revoking the key", call).await.map(|r| r.transaction_hash)
    }

    /// What the stake pool owes a vault now.
    async fn due_to(&self, vault: Address) -> Result<U256> {
        let leaving = self.pool.withdrawalsOf(vault).call().await.map_err(reading)?;
        Ok(leaving.withdrawableWei)
    }
}

/// What is said to be refused.
pub(crate) const ASKING_BACK: &str = "asking for what was sponsored back";

#[cfg(test)]
mod tests {
    use super::*;

    /// As the vault's tests have it: a first wei is 1e9 shares, later ones have the price of what there is.
    #[test]
    fn shares_are_bought_at_the_vaults_price_rounded_down() {
        let bought = |amount: u64, shares: u64, total: u64| {
            let (shares, total) = (U256::from(shares), U256::from(total));
            shares_bought_down(U256::from(amount), shares, total)
        };
        let dust = DUST_WEI;
        assert_eq!(bought(5, 0, 0), U256::from(5 * SHARES_PER_WEI));
        assert_eq!(bought(5, 0, dust), U256::from(5 * SHARES_PER_WEI), "staked for it unasked");
        assert_eq!(bought(5, 77, dust - 1), U256::from(5 * SHARES_PER_WEI), "void");
        assert_eq!(bought(3, 4 * SHARES_PER_WEI, dust), U256::from(14));
        assert_eq!(bought(0, SHARES_PER_WEI, dust), U256::ZERO);
        assert_eq!(shares_bought_down(U256::MAX, U256::ZERO, U256::ZERO), U256::MAX);
    }
}
