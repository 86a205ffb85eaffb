//! The distribution that the next one continues: the chain's newest final one, with its dataset.
//!
//! Invariant: amounts go on from what claims are paid from, whoever proposed it; a dataset counts only if its manifest has
//! the hash and its distribution the root that the chain holds.

use tatum_chain::{ProposalStatus, ProposedEvent};
use tatum_dataset::Dataset;
use tatum_primitives::{B256, Epoch, Nano};

use super::restore::no_history;
use super::{CloseError, Closer};

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
    /// What the newest final distribution of an epoch before `epoch` promises.
    pub(super) async fn history_before(&self, epoch: Epoch) -> Result<History, CloseError> {
        let Some(event) = self.final_before(epoch).await? else { return Ok(History::default()) };
        let epoch = event.proposal.epoch;
        let dataset = self.dataset_of(&event).await?;
        let rows =
            dataset.distribution().map_err(|source| CloseError::Dataset { epoch, source })?;
        Ok(History {
            previous_nano: rows.iter().map(|row| row.cumulative_nano).collect(),
            total: dataset.manifest().results.total_nano,
            manifest_hash: Some(event.proposal.manifest_hash),
        })
    }

    async fn final_before(&self, epoch: Epoch) -> Result<Option<ProposedEvent>, CloseError> {
        let Some(last) = self.chain.finalized_epoch().await? else { return Ok(None) };
        let mut at = epoch.previous().map(|before| before.min(last));
        while let Some(candidate) = at {
            if let ProposalStatus::Finalized(event) = self.chain.proposal_status(candidate).await? {
                return Ok(Some(event));
            }
            if candidate == last {
                // It became final between two questions to different backends of an endpoint; ask again.
                return Err(tatum_chain::ChainError::NotClosed { epoch: last }.into());
            }
            at = candidate.previous();
        }
        Ok(None)
    }

    /// The dataset behind a final proposal: ours, another process's, or another proposer's.
    pub(super) async fn dataset_of(&self, event: &ProposedEvent) -> Result<Dataset, CloseError> {
        let (epoch, manifest_hash) = (event.proposal.epoch, event.proposal.manifest_hash);
        let uri = &event.proposal.uri;
        let folder = self.folder_of(epoch, manifest_hash, uri).await;
        let folder = folder.map_err(|source| no_history(epoch, manifest_hash, uri, source))?;
        let expected = event.proposal.root;
        let opened = tokio::task::spawn_blocking(move || open(&folder)).await;
        let (dataset, got) = opened
            .map_err(|_| CloseError::CutOff)?
            .map_err(|source| CloseError::Dataset { epoch, source })?;
        if got == expected {
            Ok(dataset)
        } else {
            Err(CloseError::OtherRoot { epoch, manifest_hash, expected, got })
        }
    }
}

fn open(folder: &std::path::Path) -> Result<(Dataset, B256), tatum_dataset::Error> {
    let dataset = Dataset::open(folder)?;
    let root = dataset.tree()?.root().0;
    Ok((dataset, root))
}

/// What may still be promised: what is funded less what is promised.
pub(super) fn available(epoch: Epoch, funded: Nano, history: &History) -> Result<Nano, CloseError> {
    let left = funded.checked_sub(history.total);
    tracing::debug!(%epoch, funded_nano = funded.0, promised_nano = history.total.0, "available");
    left.ok_or(CloseError::Overdrawn { promised: history.total.0, funded: funded.0 })
}
