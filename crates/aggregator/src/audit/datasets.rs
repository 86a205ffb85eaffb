//! Where an audit looks for datasets, and where it puts what it fetches.
//!
//! Invariant: one audit has one [`Budget`] for all it fetches, so its time and its disk are bounded whatever servers send.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use tatum_chain::Chain;
use tatum_merkle::ListCommitment;
use tatum_primitives::{B256, Epoch};
use tatum_receipt::{SIGNED_RECEIPT_BYTES, SignedReceipt};
use tatum_watcher::ListData;

use super::{Budget, DatasetSource, FetchError, FetchLimits, source};
use crate::assents;
use crate::http::error::chain_of;

/// Places that are asked for an assented list: whoever proposes names one.
const MOST_PLACES: usize = 16;

/// Where an audit looks for datasets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Datasets {
    source: Option<DatasetSource>,
    folder: Option<PathBuf>,
    limits: FetchLimits,
    held: Vec<SignedReceipt>,
}

impl Datasets {
    /// At `source`, and otherwise where proposers published them.
    pub fn new(source: Option<DatasetSource>) -> Self {
        Self { source, ..Self::default() }
    }

    /// Keeps what is fetched in `folder`, and fetches nothing that is there.
    #[must_use]
    pub fn kept_in(mut self, folder: &Path) -> Self {
        self.folder = Some(folder.to_owned());
        self
    }

    /// Fetches no more than `limits` for one audit.
    #[must_use]
    pub const fn within(mut self, limits: FetchLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Expects that the dataset that is audited counts these, or newer ones of their keys.
    #[must_use]
    pub fn holding(mut self, receipts: Vec<SignedReceipt>) -> Self {
        self.held = receipts;
        self
    }

    /// Begins an audit.
    pub(super) fn open(self) -> std::io::Result<Desk> {
        let scratch = if self.folder.is_none() { Some(Scratch::new()?) } else { None };
        let folder = self.folder.or_else(|| scratch.as_ref().map(|scratch| scratch.0.clone()));
        let folder = folder.unwrap_or_default();
        let made = std::fs::create_dir_all(&folder);
        made.map_err(|error| naming(&folder, &error))?;
        let budget = Budget::new(self.limits);
        Ok(Desk { source: self.source, held: self.held, folder, budget, _scratch: scratch })
    }
}

impl From<Option<DatasetSource>> for Datasets {
    fn from(source: Option<DatasetSource>) -> Self {
        Self::new(source)
    }
}

/// The datasets of one audit.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) source: Option<DatasetSource>,
    /// Receipts that must have been counted.
    pub(super) held: Vec<SignedReceipt>,
    folder: PathBuf,
    budget: Budget,
    _scratch: Option<Scratch>,
}

impl Desk {
    /// The folder of the dataset with this manifest, fetched from `place`.
    pub(super) async fn fetch(
        &self,
        place: &DatasetSource,
        manifest_hash: B256,
    ) -> Result<PathBuf, FetchError> {
        place.fetch(manifest_hash, &self.folder, &self.budget).await
    }
}

impl Desk {
    /// The list that operators stand for: beside the datasets as `assents/{top}.receipts`, one signed receipt after the other, or from where
    /// the epoch's datasets are published.
    pub(super) async fn assented(
        &self,
        chain: &Chain,
        epoch: Epoch,
        list: &ListCommitment,
    ) -> Option<ListData> {
        let beside = match &self.source {
            Some(DatasetSource::Folder(folder)) => assented(folder, list),
            _ => None,
        };
        if let Some(found) = beside.or_else(|| assented(&self.folder, list)) {
            return Some(found);
        }
        let named = match &self.source {
            Some(DatasetSource::Url(url)) => Some(url.clone()),
            _ => None,
        };
        fetch_assented(chain, epoch, list, named, &self.folder, &self.budget).await
    }
}

/// Fetches the list that operators stand for from `named` or from where a proposer published a dataset of the epoch, and puts it below
/// `folder`. None if nobody has it: whoever asks sees that it is not to be had.
pub(crate) async fn fetch_assented(
    chain: &Chain,
    epoch: Epoch,
    list: &ListCommitment,
    named: Option<String>,
    folder: &Path,
    budget: &Budget,
) -> Option<ListData> {
    let proposals = chain.proposals(epoch).await.unwrap_or_default();
    let published = proposals.into_iter().map(|record| record.proposal.uri).take(MOST_PLACES);
    let path = assents::path(folder, list);
    tokio::fs::create_dir_all(path.parent()?).await.ok()?;
    let receipt_bytes = u64::try_from(SIGNED_RECEIPT_BYTES).ok()?;
    let size_bytes = u64::from(list.count).checked_mul(receipt_bytes)?;
    for url in named.into_iter().chain(published) {
        // Under another name until it is known to be the one.
        let fetched = path.with_extension("fetching");
        if let Err(error) = source::fetch_assented(&url, &fetched, size_bytes, budget).await {
            tracing::debug!(%epoch, url, error = %chain_of(&error), "no assented list there");
        } else if let Some(found) = read_assented(&fetched, list) {
            tokio::fs::rename(&fetched, &path).await.ok()?;
            return Some(found);
        }
        // Best effort: the next one writes over it.
        let _ = tokio::fs::remove_file(&fetched).await;
    }
    None
}

/// The assented list that lies in `folder`, if it is the one.
pub(crate) fn assented(folder: &Path, list: &ListCommitment) -> Option<ListData> {
    read_assented(&assents::path(folder, list), list)
}

fn read_assented(path: &Path, list: &ListCommitment) -> Option<ListData> {
    let bytes = std::fs::read(path).ok()?;
    let leaves = bytes.chunks(SIGNED_RECEIPT_BYTES).map(<[u8]>::to_vec).collect();
    ListData::new(leaves).ok().filter(|found| found.commitment() == *list)
}

/// A folder that is gone when dropped.
#[derive(Debug)]
pub(super) struct Scratch(PathBuf);

/// The system's error with the folder that it is about, which it does not say itself.
fn naming(folder: &Path, error: &std::io::Error) -> std::io::Error {
    let reason = format!("making the folder {}: {error}", folder.display());
    std::io::Error::new(error.kind(), reason)
}

impl Scratch {
    pub(super) fn new() -> std::io::Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let nanos = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let nanos = nanos.unwrap_or_default().as_nanos();
        let unique = format!("tatum-audit-{}-{nanos}-{count}", std::process::id());
        let folder = std::env::temp_dir().join(unique);
        std::fs::create_dir(&folder).map_err(|error| naming(&folder, &error))?;
        Ok(Self(folder))
    }

    pub(super) fn folder(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Best effort: the system clears its temporary folder.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_its_desk_and_a_kept_one_stays() {
        let desk = Datasets::new(None).open().unwrap();
        let scratch = desk.folder.clone();
        assert!(scratch.is_dir());
        drop(desk);
        assert!(!scratch.exists());
        let kept = tempfile::tempdir().unwrap();
        drop(Datasets::new(None).kept_in(kept.path()).open().unwrap());
        assert!(kept.path().is_dir());
    }
}
