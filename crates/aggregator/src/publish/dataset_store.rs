//! The datasets on disk, and the proofs made from them.
//!
//! Invariant: only a few epochs are in memory at a time, and only so many threads read datasets at the same time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tatum_dataset::{Dataset, Error, Explainer, Overage, ReceiptProof, ReceiptProver};
use tatum_merkle::{ListCommitment, SumTree};
use tatum_primitives::{Address, B256, OperatorId, U256};
use tatum_protocol::{OperatorProof, OverageLine, OveragePage, OverageProof, Payout};
use tatum_receipt::SignedReceipt;
use tokio::sync::Semaphore;

use crate::assents;
use crate::explain::payout;
use crate::http::ApiError;

/// Epochs kept in memory.
const KEPT: usize = 4;
/// Threads that read datasets.
const READERS: usize = 2;

/// The folder of datasets. Clones share what is in memory.
#[derive(Clone, Debug)]
pub struct DatasetStore {
    folder: PathBuf,
    open: Arc<Mutex<VecDeque<Arc<OpenDataset>>>>,
    readers: Arc<Semaphore>,
}

/// One dataset, with its trees as soon as they were asked for.
#[derive(Debug)]
pub(super) struct OpenDataset {
    pub(super) dataset: Dataset,
    tree: OnceLock<SumTree>,
    prover: OnceLock<ReceiptProver>,
    explainer: OnceLock<Explainer>,
    overages: OnceLock<Vec<Overage>>,
}

impl DatasetStore {
    /// The datasets below `folder`.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, open: Arc::default(), readers: Arc::new(Semaphore::new(READERS)) }
    }

    /// The folder of the dataset with this manifest.
    pub(super) fn folder(&self, manifest_hash: B256) -> PathBuf {
        self.folder.join(manifest_hash.to_string())
    }

    /// Where the list lies that operators stood for.
    pub(super) fn assented(&self, list: &ListCommitment) -> PathBuf {
        assents::path(&self.folder, list)
    }

    /// Runs `read` on a thread that may block.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        manifest_hash: B256,
        read: impl FnOnce(&OpenDataset) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, ApiError> {
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            read(&*store.dataset(manifest_hash)?)
        });
        let done = task.await.map_err(|error| ApiError::internal("reading a dataset", &error))?;
        done.map_err(refused)
    }

    /// Runs `read` on each of many datasets, none of which is kept in memory, so that those in use stay there.
    pub(super) async fn glance<T: Send + 'static>(
        &self,
        manifest_hashes: Vec<B256>,
        read: impl Fn(&Dataset) -> Result<T, Error> + Send + 'static,
    ) -> Result<Vec<T>, ApiError> {
        let permit = Arc::clone(&self.readers).acquire_owned().await;
        let store = self.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let folders = manifest_hashes.into_iter().map(|hash| store.folder(hash));
            folders.map(|folder| read(&Dataset::open(&folder)?)).collect::<Result<Vec<T>, Error>>()
        });
        let done = task.await.map_err(|error| ApiError::internal("reading datasets", &error))?;
        done.map_err(refused)
    }

    fn dataset(&self, manifest_hash: B256) -> Result<Arc<OpenDataset>, Error> {
        let kept = |open: &VecDeque<Arc<OpenDataset>>| {
            open.iter().find(|one| one.dataset.manifest_hash() == manifest_hash).cloned()
        };
        if let Some(open) = kept(&self.open.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(open);
        }
        let dataset = Dataset::open(&self.folder(manifest_hash))?;
        let dataset = Arc::new(OpenDataset {
            dataset,
            tree: OnceLock::new(),
            prover: OnceLock::new(),
            explainer: OnceLock::new(),
            overages: OnceLock::new(),
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dataset) = kept(&open) {
            return Ok(dataset);
        }
        open.push_back(Arc::clone(&dataset));
        if open.len() > KEPT {
            open.pop_front();
        }
        Ok(dataset)
    }
}

fn refused(error: Error) -> ApiError {
    match error {
        Error::NoSuchReceipt(leaf) => {
            ApiError::NotFound(format!("no receipt with leaf {leaf} was counted in this epoch"))
        }
        Error::Tree(tatum_merkle::Error::NoSuchOperator { .. }) => {
            ApiError::NotFound("the distribution has no such operator".to_owned())
        }
        other => ApiError::internal("reading a dataset", &other),
    }
}

impl OpenDataset {
    /// The list that operators stood for, if it was made by one.
    pub(super) const fn assented(&self) -> Option<ListCommitment> {
        self.dataset.manifest().parameters.assented
    }

    /// An operator's entry with its proof.
    pub(super) fn operator(&self, operator: OperatorId) -> Result<OperatorProof, Error> {
        let tree = match self.tree.get() {
            Some(tree) => tree,
            None => {
                let tree = self.dataset.tree()?;
                self.tree.get_or_init(|| tree)
            }
        };
        let epoch = self.dataset.manifest().parameters.epoch;
        Ok(OperatorProof::new(tree, epoch, self.dataset.manifest_hash(), operator)?)
    }

    /// The proof that the receipt with this leaf was counted.
    pub(super) fn receipt(&self, leaf: B256) -> Result<ReceiptProof, Error> {
        self.prover()?.prove(leaf, None)
    }

    fn prover(&self) -> Result<&ReceiptProver, Error> {
        if let Some(prover) = self.prover.get() {
            return Ok(prover);
        }
        let prover = ReceiptProver::new(self.dataset.clone())?;
        Ok(self.prover.get_or_init(|| prover))
    }

    /// At most `limit` payers after the one named that signed for more than their quotas.
    pub(super) fn overages(
        &self,
        after: Option<Address>,
        limit: usize,
    ) -> Result<OveragePage, Error> {
        let all = self.all_overages()?;
        let from = after.map_or(0, |after| all.partition_point(|one| one.payer <= after));
        let rest = all.get(from..).unwrap_or_default();
        let some = rest.get(..limit.min(rest.len())).unwrap_or_default();
        let line = |overage: &Overage| OverageLine {
            payer: overage.payer,
            quota_bytes: U256::from(overage.quota_bytes),
            units: U256::from(overage.units),
        };
        let manifest = self.dataset.manifest();
        Ok(OveragePage {
            epoch: manifest.parameters.epoch,
            receipts: manifest.results.receipts,
            overages: some.iter().map(line).collect(),
            next: some.last().filter(|_| some.len() < rest.len()).map(|last| last.payer),
        })
    }

    /// What puts a payer's overage before the contract, if it owes any.
    pub(super) fn overage(&self, payer: Address) -> Result<Option<OverageProof>, Error> {
        let all = self.all_overages()?;
        let at = all.binary_search_by_key(&payer, |overage| overage.payer).ok();
        let Some(overage) = at.and_then(|at| all.get(at)) else { return Ok(None) };
        let behind = self.prover()?.gap(overage.behind)?;
        let manifest = self.dataset.manifest();
        let (epoch, receipts) = (manifest.parameters.epoch, manifest.results.receipts);
        Ok(Some(OverageProof { epoch, payer, receipts, behind }))
    }

    fn all_overages(&self) -> Result<&[Overage], Error> {
        if let Some(all) = self.overages.get() {
            return Ok(all);
        }
        let all = self.dataset.overages()?;
        Ok(self.overages.get_or_init(|| all))
    }

    /// Why an operator is paid what it is paid, with at most `limit` of its edges from place `offset` on.
    pub(super) fn payout(
        &self,
        operator: OperatorId,
        offset: u64,
        limit: u64,
    ) -> Result<Payout, Error> {
        let explainer = match self.explainer.get() {
            Some(explainer) => explainer,
            None => {
                let explainer = Explainer::new(&self.dataset)?;
                self.explainer.get_or_init(|| explainer)
            }
        };
        let epoch = self.dataset.manifest().parameters.epoch;
        payout(explainer, epoch, operator, offset, limit)
    }

    /// At most `limit` receipts from place `offset` on.
    pub(super) fn receipts(&self, offset: u64, limit: u64) -> Result<Vec<SignedReceipt>, Error> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.dataset.receipts_from(offset)?.take(limit).collect()
    }
}
