//! The distribution that the next one continues: the chain's newest final one, with its dataset.
//!
//! Invariant: amounts go on from what claims are paid from, whoever proposed it; a dataset counts only if its manifest has
//! the hash and its distribution the root that the chain holds.

use tatum_chain::{ProposalStatus, ProposedEvent};
use tatum_dataset::Dataset;
use tatum_primitives::{B256, Epoch, Nano};

use super::{CloseError, Closer};
use crate::audit::DatasetSource;

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
    /// What the chain's newest final distribution promises.
    pub(super) async fn history(&self) -> Result<History, CloseError> {
        let Some(epoch) = self.chain.finalized_epoch().await? else {
            return Ok(History::default());
        };
        let ProposalStatus::Finalized(event) = self.chain.proposal_status(epoch).await? else {
            // It became final between two questions to different backends of an endpoint; ask again.
            return Err(tatum_chain::ChainError::NotClosed { epoch }.into());
        };
        let dataset = self.dataset_of(&event).await?;
        let rows =
            dataset.distribution().map_err(|source| CloseError::Dataset { epoch, source })?;
        Ok(History {
            previous_nano: rows.iter().map(|row| row.cumulative_nano).collect(),
            total: dataset.manifest().results.total_nano,
            manifest_hash: Some(event.proposal.manifest_hash),
        })
    }

    /// The dataset behind a proposal: ours, or fetched from where its proposer published it.
    pub(super) async fn dataset_of(&self, event: &ProposedEvent) -> Result<Dataset, CloseError> {
        let (epoch, manifest_hash) = (event.proposal.epoch, event.proposal.manifest_hash);
        let folder = self.datasets.join(manifest_hash.to_string());
        if !folder.exists() {
            let uri = event.proposal.uri.clone();
            tracing::warn!(%epoch, %manifest_hash, %uri, "fetching a dataset that is not ours");
            let source = DatasetSource::Url(uri.clone());
            let fetched = source.fetch(manifest_hash, &self.datasets).await;
            fetched.map_err(|error| {
                let source = Box::new(error);
                CloseError::NoHistory { epoch, manifest_hash, uri, source }
            })?;
        }
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
