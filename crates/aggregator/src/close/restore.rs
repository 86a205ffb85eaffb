//! Datasets that another process wrote, or another proposer: what this one needs to go on from them and to show them.
//!
//! Invariant: a folder counts only under its manifest's hash, wherever it came from; the same receipts and rules give the
//! same folder, so any process on the database can make again what another one made.

use std::path::PathBuf;

use tatum_primitives::{B256, Epoch};

use super::{CloseError, Closer};
use crate::audit::{Budget, DatasetSource, FetchError, FetchLimits};

/// Epochs of which this process keeps a dataset of its own, the newest.
const SHOWN: u32 = 8;

impl Closer {
    /// Fetches or makes again the newest datasets that other processes wrote. Best effort: what is needed to go on is
    /// asked for again when it is.
    pub(super) async fn complete_datasets(&self) -> Result<(), CloseError> {
        for record in self.database.epochs(None, SHOWN).await? {
            let Some(rolled) = &record.rolled else { continue };
            let (epoch, hash) = (record.epoch, rolled.manifest_hash);
            if !self.datasets.join(hash.to_string()).exists() {
                let found = self.folder_of(epoch, hash, &rolled.uri).await;
                found.map_err(|source| no_history(epoch, hash, &rolled.uri, source))?;
                tracing::info!(%epoch, manifest_hash = %hash, "the epoch's dataset is here too");
            }
        }
        Ok(())
    }

    /// The folder of a dataset: there already, fetched from where it is published, or made again from our receipts.
    pub(super) async fn folder_of(
        &self,
        epoch: Epoch,
        manifest_hash: B256,
        uri: &str,
    ) -> Result<PathBuf, FetchError> {
        let folder = self.datasets.join(manifest_hash.to_string());
        if folder.exists() {
            return Ok(folder);
        }
        tracing::warn!(%epoch, %manifest_hash, uri, "fetching a dataset that is not here");
        let source = DatasetSource::Url(uri.to_owned());
        let budget = Budget::new(FetchLimits::default().for_window(self.windows().challenge_s));
        let error = match source.fetch(manifest_hash, &self.datasets, &budget).await {
            Ok(folder) => return Ok(folder),
            Err(error) => error,
        };
        match self.make_again(epoch, manifest_hash).await {
            Ok(true) => {
                tracing::info!(%epoch, %manifest_hash, "made the dataset again from the receipts");
                Ok(folder)
            }
            Ok(false) => Err(error),
            Err(reason) => {
                let reason = crate::http::error::chain_of(&reason);
                tracing::warn!(%epoch, reason, "the dataset cannot be made again from the receipts");
                Err(error)
            }
        }
    }

    /// Whether our receipts give the dataset with this manifest; then it is in its folder.
    async fn make_again(&self, epoch: Epoch, manifest_hash: B256) -> Result<bool, CloseError> {
        let ours = self.database.epoch(epoch).await?.and_then(|record| record.rolled);
        if ours.is_none_or(|rolled| rolled.manifest_hash != manifest_hash) {
            return Ok(false);
        }
        let inputs = self.chain.epoch_inputs(epoch).await?;
        // It goes on from the epoch before, whose dataset may have to be made again as well.
        let made = Box::pin(self.write_dataset(inputs)).await?.manifest_hash;
        if made == manifest_hash {
            return Ok(true);
        }
        tracing::warn!(%epoch, %made, %manifest_hash, "receipts or rules differ from those of the dataset");
        // Nobody asks for it by this name.
        let _ = std::fs::remove_dir_all(self.datasets.join(made.to_string()));
        Ok(false)
    }
}

pub(super) fn no_history(
    epoch: Epoch,
    manifest_hash: B256,
    uri: &str,
    source: FetchError,
) -> CloseError {
    CloseError::NoHistory { epoch, manifest_hash, uri: uri.to_owned(), source: Box::new(source) }
}
