//! How operators served in an epoch, from its dataset alone: what `tatum audit service` shows, and trackers go by.
//!
//! Invariant: no figure of a dataset that was not verified whole, signatures and all; none of another epoch than was asked for.

use std::path::{Path, PathBuf};

use tatum_chain::Chain;
use tatum_dataset::service::{ServiceReport, Survey};
use tatum_dataset::{Dataset, Differences, MANIFEST};
use tatum_primitives::{Epoch, StreamKey};

use super::datasets::Scratch;
use super::{AuditError, Budget, DatasetSource, FetchLimits, proposals};

/// A report, or what is wrong with the dataset.
pub type Surveyed = Result<ServiceReport, Differences>;

/// Works out how operators served in `epoch`, in one stream or in all. The dataset is the final distribution's, or the oldest that is
/// proposed: at `place`, or where its proposer published it. `place` may be the dataset's own folder, which the chain is not asked about.
/// What is fetched lies in a folder of the system's for temporary files meanwhile.
///
/// # Errors
///
/// [`AuditError`] if the dataset is not to be had, or is of another epoch.
pub async fn service(
    chain: &Chain,
    epoch: Epoch,
    only: Option<StreamKey>,
    place: Option<&str>,
    limits: FetchLimits,
) -> Result<Surveyed, AuditError> {
    let scratch = Scratch::new()?;
    let folder = folder_of(chain, epoch, place, scratch.folder(), limits).await?;
    let surveying = tokio::task::spawn_blocking(move || survey(&folder, epoch, only));
    let surveyed = surveying.await.map_err(|_| AuditError::CutOff)?;
    // Until here somebody reads what lies in it.
    drop(scratch);
    surveyed
}

async fn folder_of(
    chain: &Chain,
    epoch: Epoch,
    place: Option<&str>,
    scratch: &Path,
    limits: FetchLimits,
) -> Result<PathBuf, AuditError> {
    let source = place.map(|place| DatasetSource::of_epoch(place, epoch));
    if let Some(DatasetSource::Folder(folder)) = &source
        && folder.join(MANIFEST).is_file()
    {
        return Ok(folder.clone());
    }
    let proposed = proposals(chain, epoch).await?;
    let (proposal, _) = proposed.first().ok_or(AuditError::NotProposed { epoch })?;
    let source = source.unwrap_or_else(|| DatasetSource::Url(proposal.uri.clone()));
    let budget = Budget::new(limits);
    let fetched = source.fetch(proposal.draft.manifest_hash, scratch, &budget).await;
    fetched.map_err(|source| AuditError::Fetch { epoch, source })
}

fn survey(folder: &Path, epoch: Epoch, only: Option<StreamKey>) -> Result<Surveyed, AuditError> {
    let verified = match tatum_dataset::verify(folder) {
        Ok(verified) => verified,
        Err(differences) => return Ok(Err(differences)),
    };
    let got = verified.manifest.parameters.epoch;
    if got != epoch {
        return Err(AuditError::OtherEpoch { expected: epoch, got });
    }
    Ok(Ok(Survey::of(&Dataset::open(folder)?, only)?))
}
