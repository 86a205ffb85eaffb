//! What payers paid in epochs that are closed: the figures behind realised prices.
//!
//! Invariant: only closed epochs are asked for, whose fees and quotas never change, so whoever asks gets the same.

use tatum_primitives::{Address, Bps, Epoch, Nano, U256};
use tatum_receipt::checks::PaidEpoch;

use crate::{Chain, ChainError, Result, reads};

impl Chain {
    /// The newest closed epoch, if there is one.
    pub async fn last_closed_epoch(&self) -> Result<Option<Epoch>> {
        Ok(self.closed_epochs().await?.checked_sub(1).map(Epoch))
    }

    /// What everybody with a fee or a quota in a closed epoch paid in it, by address.
    pub async fn paid_by_all(&self, epoch: Epoch) -> Result<Vec<(Address, PaidEpoch)>> {
        self.check_closed(epoch).await?;
        let (head, _) = self.head().await?;
        let mut payers = self.stakers_until(head).await?;
        payers.sort_unstable();
        payers.dedup();
        let pool_bps = self.pool_bps().await?;
        let paid = reads::each(payers, |payer| async move {
            Ok((payer, self.paid_in(payer, (epoch, pool_bps), None).await?))
        });
        let counts =
            |(_, paid): &(Address, PaidEpoch)| paid.fee_nano > Nano::ZERO || paid.quota_bytes > 0;
        Ok(paid.await?.into_iter().filter(counts).collect())
    }

    /// What one payer paid in a closed epoch.
    pub async fn paid_by(&self, payer: Address, epoch: Epoch) -> Result<PaidEpoch> {
        self.check_closed(epoch).await?;
        self.paid_in(payer, (epoch, self.pool_bps().await?), None).await
    }

    async fn check_closed(&self, epoch: Epoch) -> Result<()> {
        let is_closed = self.closed_epochs().await? > epoch.0;
        is_closed.then_some(()).ok_or(ChainError::NotClosed { epoch })
    }

    /// What one payer paid in an epoch that was seen to be closed, in a deployment with this pool share. Its quota is read unless it is
    /// known.
    pub(crate) async fn paid_in(
        &self,
        payer: Address,
        (epoch, pool_bps): (Epoch, Bps),
        quota_bytes: Option<u64>,
    ) -> Result<PaidEpoch> {
        let read = |e| ChainError::from_call("reading a payer's fee", e);
        let fee_wei: U256 = self.pool.feeOf(payer, epoch.0).call().await.map_err(read)?;
        let quota_bytes = match quota_bytes {
            Some(bytes) => bytes,
            None => {
                let quota = self.pool.quotaOf(payer, epoch.0).call().await;
                quota.map_err(read)?.saturating_to()
            }
        };
        // A fee beyond 64 bits of nano is eighteen supplies.
        let fee_nano = Nano::from_wei_down(fee_wei).unwrap_or(Nano(u64::MAX));
        Ok(PaidEpoch { epoch, fee_nano, quota_bytes, pool_bps })
    }
}
