//! Overage of epochs that are final: filed where a tenth of it is worth the gas.
//!
//! Invariant: what was filed is asked of the chain each time, so a restart files nothing twice and leaves nothing out but what lies
//! further back than [`LOOKED_BACK`]. What one payer's bill is refused for holds up no other's.

use tatum_chain::ChainError;
use tatum_primitives::{Epoch, U256};

use super::{CloseError, Closer, Pace};
use crate::http::error::chain_of;
use crate::overage::{OverageError, Owed, file, owed};

/// Epochs before the newest final one in which a bill may be left when we start.
const LOOKED_BACK: u64 = 8;

impl Closer {
    /// Files what payers owe of final epochs that were not looked at yet.
    pub(super) async fn file_overages(&self, pace: &mut Pace) -> Result<(), CloseError> {
        let Some(last) = self.database.last_finalized().await? else { return Ok(()) };
        let mut epoch = pace.overages_from.unwrap_or(Epoch(last.0.saturating_sub(LOOKED_BACK)));
        while epoch <= last {
            match self.file_overages_of(epoch).await {
                Ok(()) => {}
                // What trying again cannot mend.
                Err(
                    error @ (CloseError::NoHistory { .. }
                    | CloseError::Dataset { .. }
                    | CloseError::OtherReceipts { .. }),
                ) => {
                    let reason = chain_of(&error);
                    tracing::warn!(%epoch, reason, "whether payers owe overage cannot be told");
                }
                Err(error) => return Err(error),
            }
            epoch = epoch.next();
            pace.overages_from = Some(epoch);
        }
        Ok(())
    }

    async fn file_overages_of(&self, epoch: Epoch) -> Result<(), CloseError> {
        let Some(record) = self.database.epoch(epoch).await? else { return Ok(()) };
        let Some(rolled) = &record.rolled else { return Ok(()) };
        if rolled.receipts == 0 {
            return Ok(());
        }
        let dataset = self.own_dataset(epoch, rolled).await?;
        let failed = |error| failed(epoch, error);
        let mut owed = owed(&self.chain, &dataset).await.map_err(failed)?;
        owed.retain(|owed| !owed.is_filed && self.is_worth_filing(epoch, owed));
        if owed.is_empty() {
            return Ok(());
        }
        for (payer, filed) in file(&self.chain, &dataset, &owed).await.map_err(failed)? {
            match filed {
                Ok(tx) => tracing::info!(%epoch, %payer, %tx, "filed an overage; a tenth is ours"),
                // Somebody was faster, or there is nothing left to charge.
                Err(error @ (ChainError::Refused { .. } | ChainError::Reverted { .. })) => {
                    tracing::warn!(%epoch, %payer, reason = chain_of(&error), "an overage was not filed");
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    fn is_worth_filing(&self, epoch: Epoch, owed: &Owed) -> bool {
        let (payer, reward_wei) = (owed.payer, owed.reward_wei());
        let is_worth = reward_wei > U256::ZERO && reward_wei >= self.rules.overage_reward.to_wei();
        if !is_worth {
            tracing::info!(%epoch, %payer, %reward_wei, "an overage is not worth filing here");
        }
        is_worth
    }
}

fn failed(epoch: Epoch, error: OverageError) -> CloseError {
    match error {
        OverageError::Chain(error) => error.into(),
        OverageError::Dataset(source) => CloseError::Dataset { epoch, source },
        OverageError::NotFinal { epoch } => CloseError::OtherReceipts { epoch },
        OverageError::CutOff => CloseError::CutOff,
    }
}
