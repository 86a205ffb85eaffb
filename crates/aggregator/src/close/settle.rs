//! An epoch that the chain has settled: by our root, by another one, or not on its own.
//!
//! Invariant: what is final on chain is final here; a root that is not ours is shown with its own dataset, if that can be had.

use tatum_chain::{ProposalStatus, ProposedEvent};
use tatum_database::{EpochRecord, RolledEpoch};
use tatum_primitives::Epoch;

use super::{CloseError, Closer};

impl Closer {
    /// Records how the chain settled `epoch`; `last` is the newest final one.
    pub(super) async fn settle(
        &self,
        epoch: Epoch,
        record: Option<&EpochRecord>,
        last: Epoch,
    ) -> Result<bool, CloseError> {
        let now_ms = self.clock.now_ms();
        let ProposalStatus::Finalized(event) = self.chain.proposal_status(epoch).await? else {
            let note =
                format!("epoch {last} was finalized before this epoch had a root of its own");
            tracing::error!(%epoch, %last, "the chain passed over the epoch");
            self.database.record_overruled(epoch, None, &note, now_ms).await?;
            return Ok(true);
        };
        let ours = record.and_then(|record| record.rolled.as_ref());
        let (root, proposer) = (event.proposal.root, event.proposer);
        if ours.is_some_and(|ours| {
            ours.root == root && ours.manifest_hash == event.proposal.manifest_hash
        }) {
            // Finalized by somebody else, or by us just before we were killed.
            self.database.record_finalized(epoch, None, now_ms).await?;
            tracing::info!(%epoch, %root, "the epoch is final; operators can claim");
            self.settle_contests().await;
            return Ok(true);
        }
        let note = match ours {
            // A new database on a chain that others have brought so far.
            None if self.database.last_finalized().await?.is_none() => {
                tracing::info!(%epoch, %root, %proposer, uri = event.proposal.uri, "going on from the final distribution");
                format!("the root of {proposer} is final; this aggregator started with it")
            }
            ours => {
                let ours = ours.map_or_else(|| "not made yet".to_owned(), |o| o.root.to_string());
                tracing::error!(%epoch, %root, %proposer, %ours, "another proposer's root is final");
                format!("the root of {proposer} is final; ours was {ours}. Going on from theirs")
            }
        };
        let settled = self.settled(&event).await?;
        self.database.record_overruled(epoch, Some(&settled), &note, now_ms).await?;
        Ok(true)
    }

    /// What another proposer's dataset came to.
    async fn settled(&self, event: &ProposedEvent) -> Result<RolledEpoch, CloseError> {
        let dataset = self.dataset_of(event).await?;
        let (parameters, results) = (&dataset.manifest().parameters, &dataset.manifest().results);
        let rows = dataset.manifest().files.first().map_or(0, |receipts| receipts.rows);
        Ok(RolledEpoch {
            receipts: rows,
            block_number: parameters.block_number,
            block_hash: parameters.block_hash,
            manifest_hash: event.proposal.manifest_hash,
            root: event.proposal.root,
            receipts_root: event.proposal.receipts_root,
            pot: parameters.available_nano,
            distributed: results.distributed_nano,
            uri: event.proposal.uri.clone(),
        })
    }
}
