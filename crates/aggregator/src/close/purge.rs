//! Forgets the receipts of epochs that have long been final: their dataset on disk is the record. Evidence of delivery has none, and
//! goes by its age.
//!
//! Invariant: receipts go only once their epoch is final here and on chain, and its dataset lies in its folder.

use tatum_primitives::Epoch;
use tatum_protocol::EpochState;

use super::{CloseError, Closer, Pace};

/// Final epochs whose evidence is kept, whatever else is.
const EVIDENCE_EPOCHS: u64 = 32;

impl Closer {
    /// Purges the epochs that are older than those to be kept.
    pub(super) async fn purge(&self, pace: &mut Pace) -> Result<(), CloseError> {
        let Some(last) = self.database.last_finalized().await? else { return Ok(()) };
        self.purge_evidence(last, pace).await?;
        let Some(keep) = self.rules.keep_epochs else { return Ok(()) };
        let Some(to) = last.next().0.checked_sub(keep).map(Epoch) else { return Ok(()) };
        let from = match pace.purged_to {
            Some(from) => from,
            None => self.database.first_epoch().await?.unwrap_or_default(),
        };
        // Up to the first epoch that is not safely on disk.
        let mut safe = from;
        while safe < to && self.is_on_record(safe).await? {
            safe = safe.next();
        }
        if safe > from {
            let forgotten = self.database.forget_receipts_before(safe).await?;
            tracing::info!(before = %safe, forgotten, "forgot the receipts of long final epochs");
        }
        pace.purged_to = Some(safe);
        Ok(())
    }

    async fn purge_evidence(&self, last: Epoch, pace: &mut Pace) -> Result<(), CloseError> {
        let before = last.next().0.checked_sub(EVIDENCE_EPOCHS).map(Epoch);
        if let Some(before) = before.filter(|before| pace.evidence_purged_to < Some(*before)) {
            let forgotten = self.database.forget_evidence_before(before).await?;
            tracing::info!(%before, forgotten, "forgot old evidence of delivery");
            pace.evidence_purged_to = Some(before);
        }
        Ok(())
    }

    async fn is_on_record(&self, epoch: Epoch) -> Result<bool, CloseError> {
        let Some(record) = self.database.epoch(epoch).await? else { return Ok(true) };
        let has_folder =
            |hash: tatum_primitives::B256| self.datasets.join(hash.to_string()).exists();
        // An epoch that the chain passed over has no root of its own, and nobody will ever count its receipts.
        let kept = record.rolled.is_none_or(|rolled| has_folder(rolled.manifest_hash));
        Ok(record.state == EpochState::Finalized && kept)
    }
}
