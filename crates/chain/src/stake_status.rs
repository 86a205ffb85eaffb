//! A payer's money as the contract has it: staked, on its way out, paid as fees; and the quota that it buys.

use alloy::rpc::types::Filter;
use alloy::sol_types::SolEvent;
use tatum_primitives::{Address, Epoch, PPB, U256, WEI_PER_DATA};
use tatum_protocol::web::{StakeStatus, Unbonding};

use crate::bindings::StakePool::UnstakeRequested;
use crate::{Chain, ChainError, Result, reads};

/// Stakes are topped up by so much, or many times that.
const TOP_UP_STEP_WEI: u128 = WEI_PER_DATA / 1_000;
/// Closed epochs whose fees are asked for, one call each.
const FEE_EPOCHS: u64 = 30;

/// What of a stake says how much it buys next; a few calls, where a [`StakeStatus`] reads the past too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StakeTerms {
    /// The running epoch.
    pub epoch: Epoch,
    /// The stake, without what was asked to be taken out.
    pub stake_wei: U256,
    /// The least that a stake may be.
    pub least_wei: U256,
    /// What is taken of every stake in an epoch, in parts per billion.
    pub fee_rate_ppb: u64,
    /// Bytes that a DATA staked buys in the next epoch, unless that sells more than four times the capacity bonded.
    pub next_quota_bytes_per_data: U256,
}

impl StakeTerms {
    /// What the stake of now buys in the next epoch, after the running one's fee.
    #[must_use]
    pub fn next_quota_bytes(&self) -> U256 {
        let rate_ppb = U256::from(self.fee_rate_ppb);
        bought_bytes(self.stake_wei, rate_ppb, self.next_quota_bytes_per_data)
    }

    /// What must be added to the stake, so that it buys `bytes` in the next epoch and is not too small to be one; `U256::MAX` if
    /// no amount does.
    #[must_use]
    pub fn missing_wei(&self, bytes: U256) -> U256 {
        let Self { stake_wei, fee_rate_ppb, next_quota_bytes_per_data, .. } = *self;
        let missing_wei = missing_wei(stake_wei, bytes, fee_rate_ppb, next_quota_bytes_per_data);
        if missing_wei.is_zero() {
            return missing_wei;
        }
        missing_wei.max(self.least_wei.saturating_sub(stake_wei))
    }
}

impl Chain {
    /// What says how much a payer's stake buys next.
    pub async fn stake_terms(&self, payer: Address) -> Result<StakeTerms> {
        let read = |e| ChainError::from_call("reading the stake", e);
        let fee_rate_ppb = self.pool.feeRatePpb().call().await.map_err(read)?;
        let next = self.pool.nextQuotaBytesPerData().call().await.map_err(read)?;
        Ok(StakeTerms {
            epoch: Epoch(self.pool.currentEpoch().call().await.map_err(read)?),
            stake_wei: self.pool.stakeOf(payer).call().await.map_err(read)?,
            least_wei: self.minimum_stake_wei().await?,
            fee_rate_ppb: fee_rate_ppb.saturating_to(),
            next_quota_bytes_per_data: next,
        })
    }

    /// A payer's stake, quota and balance.
    pub async fn stake_status(&self, payer: Address) -> Result<StakeStatus> {
        let unbonding = self.unbonding(payer).await?;
        self.stake_status_with(payer, unbonding).await
    }

    /// The same by who knows what is on its way out, such as a [`ChainView`](crate::ChainView), and needs no search for it.
    pub async fn stake_status_with(
        &self,
        payer: Address,
        mut unbonding: Vec<Unbonding>,
    ) -> Result<StakeStatus> {
        let read = |e| ChainError::from_call("reading the stake", e);
        let terms = self.stake_terms(payer).await?;
        let StakeTerms { epoch, stake_wei, fee_rate_ppb, next_quota_bytes_per_data: next, .. } =
            terms;
        let leaving = self.pool.withdrawalsOf(payer).call().await.map_err(read)?;
        let (fees_since_epoch, fees_paid_wei) = self.fees_paid_wei(payer).await?;
        unbonding.retain(|request| request.withdrawable_epoch > epoch);
        Ok(StakeStatus {
            payer,
            stake_wei,
            withdrawable_wei: leaving.withdrawableWei,
            unbonding_wei: leaving.unbondingWei,
            unbonding,
            fee_rate_ppb,
            fees_paid_wei,
            fees_since_epoch,
            quota_bytes: self.pool.quotaOf(payer, epoch.0).call().await.map_err(read)?,
            quota_bytes_per_data: self
                .pool
                .quotaBytesPerData(epoch.0)
                .call()
                .await
                .map_err(read)?,
            next_quota_bytes_per_data: next,
            next_quota_bytes: terms.next_quota_bytes(),
            epoch,
            next_epoch_at_s: self.schedule().await?.end_ms(epoch) / 1_000,
            balance_wei: self.balance_wei(payer).await?,
        })
    }

    /// All requests that were ever made, oldest first.
    async fn unbonding(&self, payer: Address) -> Result<Vec<Unbonding>> {
        let schedule = self.schedule().await?;
        let requested = Filter::new()
            .address(self.deployment().stake_pool)
            .event_signature(UnstakeRequested::SIGNATURE_HASH)
            .topic1(payer.into_word());
        let logs = self.logs_since(&requested, self.deployment().deploy_block).await?;
        let requests = logs.iter().filter_map(|log| log.log_decode::<UnstakeRequested>().ok());
        let all = requests.map(|log| {
            let UnstakeRequested { amountWei, withdrawableEpoch, .. } = log.inner.data;
            let withdrawable_epoch = Epoch(withdrawableEpoch);
            let withdrawable_at_s = schedule.start_ms(withdrawable_epoch) / 1_000;
            Unbonding { amount_wei: amountWei, withdrawable_epoch, withdrawable_at_s }
        });
        Ok(all.collect())
    }

    /// What was taken from a stake in the newest closed epochs, and the first of these.
    async fn fees_paid_wei(&self, payer: Address) -> Result<(Epoch, U256)> {
        let closed = self.closed_epochs().await?;
        let first = closed.saturating_sub(FEE_EPOCHS);
        let fee_wei = async |epoch| {
            let fee = self.pool.feeOf(payer, epoch).call().await;
            fee.map_err(|e| ChainError::from_call("reading a fee", e))
        };
        let fees_wei = reads::each(first..closed, fee_wei).await?;
        let paid_wei = fees_wei.into_iter().fold(U256::ZERO, U256::saturating_add);
        Ok((Epoch(first), paid_wei))
    }
}

/// What must be added to a stake, so that after one fee it buys `bytes`; rounded up to a thousandth of a DATA.
fn missing_wei(
    stake_wei: U256,
    bytes: U256,
    fee_rate_ppb: u64,
    quota_bytes_per_data: U256,
) -> U256 {
    let kept_ppb = U256::from(PPB.saturating_sub(fee_rate_ppb));
    // A quota of nothing, or a fee of everything, cannot be made up for by any stake.
    let up = |amount: U256, by: U256, over: U256| match amount.checked_mul(by) {
        Some(product) if !over.is_zero() => product.div_ceil(over),
        _ => U256::MAX,
    };
    let left_wei = up(bytes, U256::from(WEI_PER_DATA), quota_bytes_per_data);
    let needed_wei = up(left_wei, U256::from(PPB), kept_ppb);
    let step = U256::from(TOP_UP_STEP_WEI);
    up(needed_wei.saturating_sub(stake_wei).div_ceil(step), step, U256::ONE)
}

/// What is left of a stake after one fee, times a quota per DATA; rounded down.
fn bought_bytes(stake_wei: U256, fee_rate_ppb: U256, quota_bytes_per_data: U256) -> U256 {
    let kept_ppb = U256::from(PPB).saturating_sub(fee_rate_ppb);
    let left_wei =
        stake_wei.saturating_mul(kept_ppb).checked_div(U256::from(PPB)).unwrap_or_default();
    let quota = left_wei.saturating_mul(quota_bytes_per_data);
    quota.checked_div(U256::from(WEI_PER_DATA)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_stake_buys_what_the_fee_leaves_of_it() {
        let data = |amount: u64| U256::from(amount) * U256::from(WEI_PER_DATA);
        let bought = bought_bytes(data(100), U256::from(10_000_000), U256::from(354_334_794));
        assert_eq!(bought, U256::from(99_u64 * 354_334_794));
        assert_eq!(bought_bytes(U256::from(1), U256::ZERO, U256::from(1)), U256::ZERO);
    }

    #[test]
    fn what_is_added_makes_a_stake_of_the_least_size() {
        let data = |amount: u64| U256::from(amount) * U256::from(WEI_PER_DATA);
        let terms = StakeTerms {
            epoch: Epoch(0),
            stake_wei: U256::ZERO,
            least_wei: data(3),
            fee_rate_ppb: 0,
            next_quota_bytes_per_data: U256::from(100),
        };
        assert_eq!(terms.missing_wei(U256::ZERO), U256::ZERO);
        assert_eq!(terms.missing_wei(U256::from(100)), data(3));
        assert_eq!(terms.missing_wei(U256::from(500)), data(5));
        let staked = StakeTerms { stake_wei: data(3), ..terms };
        assert_eq!(staked.missing_wei(U256::from(400)), data(1));
    }

    #[test]
    fn what_no_stake_buys_is_said() {
        let one = U256::from(1);
        assert_eq!(missing_wei(U256::ZERO, one, 0, U256::ZERO), U256::MAX);
        assert_eq!(missing_wei(U256::ZERO, one, PPB, one), U256::MAX);
        assert_eq!(missing_wei(U256::ZERO, U256::MAX, 0, one), U256::MAX);
        assert_eq!(missing_wei(U256::ZERO, U256::ZERO, 0, one), U256::ZERO);
    }

    proptest! {
        #[test]
        fn what_is_missing_is_enough_and_a_step_less_is_not(
            stake_wei in 0..=1u128 << 90,
            bytes in any::<u64>(),
            fee_ppb in 0..PPB,
            quota in 1..=u64::MAX,
        ) {
            let (stake_wei, bytes, quota) = (U256::from(stake_wei), U256::from(bytes), U256::from(quota));
            let add_wei = missing_wei(stake_wei, bytes, fee_ppb, quota);
            let buys = |stake_wei| bought_bytes(stake_wei, U256::from(fee_ppb), quota);
            prop_assert!(buys(stake_wei + add_wei) >= bytes);
            if let Some(less) = add_wei.checked_sub(U256::from(TOP_UP_STEP_WEI)) {
                prop_assert!(add_wei.is_zero() || buys(stake_wei + less) < bytes);
            }
        }
    }
}
