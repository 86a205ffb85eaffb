//! What we put before the chain: the draft that our dataset comes to.
//!
//! Invariant: a draft states the forced hash and goes by the assent that its dataset was made with; where the chain says
//! otherwise now, the epoch is rolled up again and nothing is proposed.

use tatum_chain::Draft;
use tatum_database::RolledEpoch;
use tatum_dataset::{Dataset, Manifest};
use tatum_primitives::{B256, Epoch};

use super::restore::no_history;
use super::{CloseError, Closer};

/// The draft that a dataset comes to.
pub(super) const fn draft_of(manifest: &Manifest, manifest_hash: B256) -> Draft {
    let (parameters, results) = (&manifest.parameters, &manifest.results);
    Draft {
        epoch: parameters.epoch,
        entries_top: results.entries_top,
        receipts: results.receipts,
        edges: results.edges,
        work_nano: results.work_nano,
        forced_hash: parameters.forced_hash,
        manifest_hash,
    }
}

impl Closer {
    /// Our own dataset of an epoch: on disk, or had again from another process or our receipts.
    pub(super) async fn own_dataset(
        &self,
        epoch: Epoch,
        rolled: &RolledEpoch,
    ) -> Result<Dataset, CloseError> {
        let (hash, uri) = (rolled.manifest_hash, &rolled.uri);
        let folder = self.folder_of(epoch, hash, uri).await;
        let folder = folder.map_err(|source| no_history(epoch, hash, uri, source))?;
        let opened = tokio::task::spawn_blocking(move || Dataset::open(&folder)).await;
        opened
            .map_err(|_| CloseError::CutOff)?
            .map_err(|source| CloseError::Dataset { epoch, source })
    }

    /// What about the chain is no longer as it was when the epoch was rolled up, if anything is.
    pub(super) async fn outdated(&self, manifest: &Manifest) -> Result<Option<String>, CloseError> {
        let parameters = &manifest.parameters;
        let epoch = parameters.epoch;
        // A reorganisation may have taken the closing back; nothing of the epoch can be asked then until it is closed again.
        if self.chain.closed_epochs().await? <= epoch.0 {
            return Ok(Some("its closing is gone from the chain (reorganised)".to_owned()));
        }
        let forced = self.chain.forced_hash(epoch).await?;
        if forced != parameters.forced_hash {
            return Ok(Some(format!("other receipts were forced ({forced})")));
        }
        let assented = self.chain.assent_of(epoch).await?.map(|assent| assent.list);
        if assented != parameters.assented {
            return Ok(Some("operators assented to another list".to_owned()));
        }
        let available = self.chain.available_nano(epoch, manifest.results.work_nano).await?;
        let got = parameters.available_nano;
        Ok((got != available).then(|| format!("{available} DATA are available, not {got}")))
    }
}
