//! What stands in a sponsors' vault, and what somebody has of it.
//!
//! Invariant: amounts are the vault's and the pool's own views at the newest block; whether a request would be paid is asked by trying
//! it, with nothing sent.

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, EpochSchedule, U256};
use tatum_protocol::web::{
    SessionKeySummary, Sponsor, SponsorHolding, SponsorRequest, VaultStatus, VaultSummary,
};

use crate::bindings::SponsorVault::WithdrawRequested;
use crate::bindings::StakePool::{SessionKeyAuthorized, SessionKeyRevoked};
use crate::inputs::narrow;
use crate::sponsor_vaults::reading;
use crate::{Chain, ChainError, ChainView, Result, follow, reads};

/// When a request comes due.
#[derive(Clone, Copy, Debug)]
struct Due {
    schedule: EpochSchedule,
    running: Epoch,
    unbonding_epochs: u64,
}

impl Due {
    /// The first epoch in which what was asked for can be redeemed; what never was in the pool waits for nothing.
    fn from(&self, requested: Epoch, is_here: bool) -> Epoch {
        let waited = Epoch(requested.0.saturating_add(self.unbonding_epochs));
        if is_here { waited.min(self.running) } else { waited }
    }
}

impl Chain {
    /// What stands in a vault, and what `account` has of it.
    pub async fn vault_status(
        &self,
        vault: Address,
        account: Option<Address>,
    ) -> Result<VaultStatus> {
        let of = self.sponsor_vault(vault).await?;
        let mut status = self.vault_status_with(&of, self.keys_of_vault(vault).await?).await?;
        if let Some(account) = account {
            let asked = self.asked_of_vault(vault, account).await?;
            status.sponsor = Some(self.sponsor_with(vault, account, asked).await?);
        }
        Ok(status)
    }

    /// The same by who knows its keys, such as a [`ChainView`](crate::ChainView), and needs no search for them.
    pub async fn vault_status_with(
        &self,
        of: &VaultSummary,
        keys: Vec<SessionKeySummary>,
    ) -> Result<VaultStatus> {
        let at = self.vault_at(of.vault);
        let held = at.holdings().call().await.map_err(reading)?;
        let terms = self.stake_terms(of.vault).await?;
        let epoch = terms.epoch;
        Ok(VaultStatus {
            vault: of.vault,
            stream_owner: of.stream_owner,
            streams: of.streams,
            end_epoch: of.end_epoch,
            ended: epoch >= of.end_epoch,
            shares: at.totalShares().call().await.map_err(reading)?,
            total_wei: at.totalWei().call().await.map_err(reading)?,
            staked_wei: held.stakedWei,
            idle_wei: held.idleWei,
            rest_wei: held.restWei,
            owed_wei: held.owedWei,
            least_stake_wei: terms.least_wei,
            fee_rate_ppb: terms.fee_rate_ppb,
            quota_bytes: self.pool.quotaOf(of.vault, epoch.0).call().await.map_err(reading)?,
            next_quota_bytes: terms.next_quota_bytes(),
            keys,
            unbonding_epochs: self.unbonding_epochs().await?,
            epoch,
            next_epoch_at_s: self.schedule().await?.end_ms(epoch) / 1_000,
            sponsor: None,
        })
    }

    /// What somebody has of a vault, and what became of what was asked for in each of `asked`, which are few.
    pub async fn sponsor_with(
        &self,
        vault: Address,
        account: Address,
        asked: Vec<Epoch>,
    ) -> Result<Sponsor> {
        let SponsorHolding { shares, worth_wei, .. } = self.sponsor_holding(vault, account).await?;
        let due = Due {
            schedule: self.schedule().await?,
            running: Epoch(self.pool.currentEpoch().call().await.map_err(reading)?),
            unbonding_epochs: self.unbonding_epochs().await?,
        };
        let read = |requested| self.sponsor_request(vault, account, requested, due);
        let requests = reads::each(asked, read).await?.into_iter().flatten().collect();
        let balance_wei = self.balance_wei(account).await?;
        Ok(Sponsor { account, shares, worth_wei, balance_wei, requests })
    }

    /// What somebody has of a vault, without what was asked back.
    pub async fn sponsor_holding(
        &self,
        vault: Address,
        account: Address,
    ) -> Result<SponsorHolding> {
        let at = self.vault_at(vault);
        let shares = at.sharesOf(account).call().await.map_err(reading)?;
        let worth_wei = at.worthOf(account).call().await.map_err(reading)?;
        Ok(SponsorHolding { vault, shares, worth_wei })
    }

    /// None if it was redeemed, or a bill took all of it.
    async fn sponsor_request(
        &self,
        vault: Address,
        account: Address,
        requested: Epoch,
        due: Due,
    ) -> Result<Option<SponsorRequest>> {
        let at = self.vault_at(vault);
        let told = at.requestOf(account, requested.0).call().await.map_err(reading)?;
        if told.amountWei == U256::ZERO {
            return Ok(None);
        }
        let tried = at.withdraw(requested.0, account).from(account).call().await;
        let redeemable = match tried.map_err(reading) {
            Ok(_) => true,
            Err(ChainError::Refused { .. }) => false,
            Err(error) => return Err(error),
        };
        let redeemable_from = due.from(requested, told.isHere);
        Ok(Some(SponsorRequest {
            requested,
            worth_wei: told.amountWei,
            redeemable_from,
            redeemable_at_s: due.schedule.start_ms(redeemable_from) / 1_000,
            redeemable,
        }))
    }

    /// The epochs in which somebody asked a vault for anything, oldest first.
    async fn asked_of_vault(&self, vault: Address, account: Address) -> Result<Vec<Epoch>> {
        let filter = Filter::new()
            .address(vault)
            .event_signature(WithdrawRequested::SIGNATURE_HASH)
            .topic1(account.into_word());
        let mut epochs = Vec::new();
        for log in self.logs_since(&filter, self.deployment().deploy_block).await? {
            let [_, _, id] = log.topics() else { continue };
            epochs.push(Epoch(narrow("request id", (*id).into())?));
        }
        epochs.sort_unstable();
        epochs.dedup();
        Ok(epochs)
    }

    /// The keys that sign for a vault, or did.
    async fn keys_of_vault(&self, vault: Address) -> Result<Vec<SessionKeySummary>> {
        let events = vec![SessionKeyAuthorized::SIGNATURE_HASH, SessionKeyRevoked::SIGNATURE_HASH];
        let filter = Filter::new()
            .address(self.deployment().stake_pool)
            .event_signature(events)
            .topic1(vault.into_word());
        let schedule = self.schedule().await?;
        let logs = self.logs_since(&filter, self.deployment().deploy_block).await?;
        let view = ChainView::new(schedule);
        view.apply(logs.iter().filter_map(|log| follow::fact(log, schedule, 0)), 0);
        Ok(view.session_keys_of(vault))
    }

    async fn unbonding_epochs(&self) -> Result<u64> {
        self.pool.unbondingEpochs().call().await.map_err(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_here_waits_for_nothing_and_the_rest_for_the_unbonding() {
        let schedule = EpochSchedule { genesis_s: 0, length_s: 10 };
        let due = Due { schedule, running: Epoch(6), unbonding_epochs: 2 };
        assert_eq!(due.from(Epoch(6), true), Epoch(6), "it was idle");
        assert_eq!(due.from(Epoch(6), false), Epoch(8));
        assert_eq!(due.from(Epoch(3), true), Epoch(5), "it came back in its time");
        assert_eq!(due.from(Epoch(u64::MAX), false), Epoch(u64::MAX));
    }
}
