//! An epoch that the chain has settled: by what we promise, or by something else.
//!
//! Invariant: what is final on chain is final here. Whoever proposed the entries that ours has, we go on from our own dataset;
//! others' are shown with their own, if that can be had, and if not the epoch is final all the same.

use tatum_chain::{ChainError, Proposal};
use tatum_database::{EpochRecord, RolledEpoch};
use tatum_primitives::Epoch;

use super::{CloseError, Closer};
use crate::http::error::chain_of;

impl Closer {
    /// Records how the chain settled `epoch`.
    pub(super) async fn settle(
        &self,
        epoch: Epoch,
        record: Option<&EpochRecord>,
    ) -> Result<bool, CloseError> {
        let now_ms = self.clock.now_ms();
        let Some(proposal) = self.chain.final_proposal(epoch).await? else {
            // It became final between two questions to different backends of an endpoint; ask again.
            return Err(ChainError::NotClosed { epoch }.into());
        };
        let root = self.chain.root_of(&proposal).await?.0;
        let ours = record.and_then(|record| record.rolled.as_ref());
        if let Some(ours) = ours.filter(|ours| ours.root == root) {
            // Finalized by somebody else, or by us just before we were killed.
            self.show_what_stands(epoch, ours, &proposal).await?;
            self.database.record_finalized(epoch, None, now_ms).await?;
            tracing::info!(%epoch, %root, "the epoch is final; operators can claim");
            return Ok(true);
        }
        let proposer = proposal.proposer;
        let mut note = match ours {
            // A new database on a chain that others have brought so far.
            None if self.database.last_finalized().await?.is_none() => {
                tracing::info!(%epoch, %root, %proposer, uri = proposal.uri, "going on from the final distribution");
                format!("the distribution of {proposer} is final; this aggregator started with it")
            }
            ours => {
                let ours = ours.map_or_else(|| "not made yet".to_owned(), |o| o.root.to_string());
                tracing::warn!(%epoch, %root, %proposer, %ours, "another proposer's distribution is final");
                format!(
                    "the distribution of {proposer} is final; ours was {ours}. Going on from theirs"
                )
            }
        };
        let settled = match self.settled(&proposal).await {
            Ok(settled) => Some(settled),
            Err(error @ (CloseError::NoHistory { .. } | CloseError::OtherEntries { .. })) => {
                let reason = chain_of(&error);
                tracing::error!(%epoch, reason, "the final distribution's data is not to be had");
                note = format!("{note}. Its data is not to be had: {reason}");
                None
            }
            Err(error) => return Err(error),
        };
        self.database.record_overruled(epoch, settled.as_ref(), &note, now_ms).await?;
        Ok(true)
    }

    /// What another proposer's dataset came to.
    async fn settled(&self, proposal: &Proposal) -> Result<RolledEpoch, CloseError> {
        let dataset = self.dataset_of(proposal).await?;
        let inputs = self.chain.epoch_inputs(proposal.draft.epoch).await?;
        let (parameters, results) = (&dataset.manifest().parameters, &dataset.manifest().results);
        Ok(RolledEpoch {
            receipts: results.receipts.count.into(),
            block_number: inputs.block_number,
            block_hash: inputs.block_hash,
            manifest_hash: proposal.draft.manifest_hash,
            root: results.root.0,
            receipts_root: results.receipts_root(),
            pot: parameters.available_nano,
            distributed: results.distributed_nano,
            uri: proposal.uri.clone(),
        })
    }
}
