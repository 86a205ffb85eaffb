//! What payers owe of an epoch, from the dataset of its distribution.
//!
//! Invariant: the dataset is the one whose hash the distribution names.

use tatum_chain::{Chain, Fate};
use tatum_dataset::Dataset;
use tatum_primitives::Epoch;

use super::datasets::Desk;
use super::{AuditError, DatasetSource, Datasets};
use crate::overage::{OverageError, Owed, owed};

/// An epoch's dataset, and what payers owe by it.
#[derive(Debug)]
pub struct EpochOverages {
    /// Whether the distribution is final: before, nothing can be filed.
    pub is_final: bool,
    /// In order of the payers.
    pub owed: Vec<Owed>,
    /// The dataset.
    pub dataset: Dataset,
    /// Keeps what was fetched.
    _desk: Desk,
}

/// What payers owe of `epoch` by its final distribution, else by the oldest that is proposed; from `datasets` or from where its
/// proposer published it.
pub async fn overages(
    chain: &Chain,
    epoch: Epoch,
    datasets: impl Into<Datasets>,
) -> Result<EpochOverages, AuditError> {
    let found = super::proposals(chain, epoch).await?;
    let (proposal, fate) = found.first().ok_or(AuditError::NotProposed { epoch })?;
    let desk = datasets.into().open()?;
    let published = DatasetSource::Url(proposal.uri.clone());
    let source = desk.source.as_ref().unwrap_or(&published);
    let fetched = desk.fetch(source, proposal.draft.manifest_hash).await;
    let folder = fetched.map_err(|source| AuditError::Fetch { epoch, source })?;
    let opening = tokio::task::spawn_blocking(move || Dataset::open(&folder));
    let dataset = opening.await.map_err(|_| AuditError::CutOff)?.map_err(OverageError::from)?;
    let owed = owed(chain, &dataset).await?;
    Ok(EpochOverages { is_final: *fate == Fate::Final, owed, dataset, _desk: desk })
}
