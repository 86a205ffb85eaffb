//! The distribution that the next one continues: the chain's newest final one, with a dataset of it.
//!
//! Invariant: amounts go on from what claims are paid from, whoever proposed it; a dataset counts only if it comes to the
//! entries that the chain holds. Ours does if it promises the same, whatever the proposal says of its own.

use tatum_chain::{ChainError, Proposal};
use tatum_dataset::Dataset;
use tatum_merkle::SumTree;
use tatum_primitives::{B256, Epoch, Nano};

use super::restore::no_history;
use super::{CloseError, Closer};
use crate::judge::{bounds, rows};

/// What was promised before.
#[derive(Clone, Debug, Default)]
pub(super) struct History {
    /// By operator id.
    pub(super) previous_nano: Vec<Nano>,
    /// The sum of it.
    pub(super) total: Nano,
    /// The manifest it comes from.
    pub(super) manifest_hash: Option<B256>,
}

impl Closer {
    /// What the final distribution before `epoch` promises.
    pub(super) async fn history_before(&self, epoch: Epoch) -> Result<History, CloseError> {
        let Some(dataset) = self.dataset_before(epoch).await? else {
            return Ok(History::default());
        };
        let of = dataset.manifest().parameters.epoch;
        let rows =
            dataset.distribution().map_err(|source| CloseError::Dataset { epoch: of, source })?;
        Ok(History {
            previous_nano: rows.iter().map(|row| row.cumulative_nano).collect(),
            total: dataset.manifest().results.total_nano,
            manifest_hash: Some(dataset.manifest_hash()),
        })
    }

    /// The tree of the final distribution before `epoch`; empty before the first.
    pub(super) async fn tree_before(&self, epoch: Epoch) -> Result<SumTree, CloseError> {
        let dataset = self.dataset_before(epoch).await?;
        let read = move || match dataset {
            Some(dataset) => dataset.tree(),
            None => Ok(SumTree::build(vec![])?),
        };
        let read = tokio::task::spawn_blocking(read).await.map_err(|_| CloseError::CutOff)?;
        read.map_err(|source| CloseError::Dataset { epoch, source })
    }

    /// A dataset of the final distribution before `epoch`.
    async fn dataset_before(&self, epoch: Epoch) -> Result<Option<Dataset>, CloseError> {
        let Some(before) = epoch.previous() else { return Ok(None) };
        let Some(proposal) = self.chain.final_proposal(before).await? else {
            // Epochs become final in order, so an endpoint is behind; ask again.
            return Err(ChainError::NotClosed { epoch: before }.into());
        };
        let ours = self.database.epoch(before).await?.and_then(|record| record.rolled);
        if let Some(ours) = ours
            && ours.root == self.chain.root_of(&proposal).await?.0
        {
            return self.own_dataset(before, &ours).await.map(Some);
        }
        self.dataset_of(&proposal).await.map(Some)
    }

    /// The dataset behind another's final proposal.
    pub(super) async fn dataset_of(&self, proposal: &Proposal) -> Result<Dataset, CloseError> {
        let (epoch, manifest_hash) = (proposal.draft.epoch, proposal.draft.manifest_hash);
        let uri = &proposal.uri;
        let folder = self.folder_of(epoch, manifest_hash, uri).await;
        let folder = folder.map_err(|source| no_history(epoch, manifest_hash, uri, source))?;
        let operators = self.chain.operators_in(epoch).await?;
        let bounds = bounds(proposal.draft.receipts.count, usize::MAX, rows(operators));
        let opened = tokio::task::spawn_blocking(move || {
            let dataset = Dataset::open_within(&folder, bounds)?;
            let top = dataset.tree()?.top();
            Ok((dataset, top))
        });
        let (dataset, got) = opened
            .await
            .map_err(|_| CloseError::CutOff)?
            .map_err(|source| CloseError::Dataset { epoch, source })?;
        let expected = proposal.draft.entries_top;
        if got == expected {
            Ok(dataset)
        } else {
            Err(CloseError::OtherEntries { epoch, manifest_hash, expected, got })
        }
    }
}
