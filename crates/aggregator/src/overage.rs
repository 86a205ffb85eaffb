//! What payers owe that signed for more than their quotas, and how it is filed.
//!
//! Invariant: who owes and where its line stands is the dataset's; how much, and whether it was filed, is the chain's. A bill is filed
//! only from the list that became final.

use serde::{Deserialize, Serialize};
use tatum_chain::{Chain, ChainError, OverageClaim};
use tatum_dataset::{Dataset, Overage, ReceiptProver};
use tatum_merkle::Gap;
use tatum_primitives::{Address, B256, Epoch, U256};

/// Of what is charged, one part in so many goes to whoever files.
const REWARD_PART: u64 = 10;

/// What a payer owes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owed {
    /// Who.
    pub payer: Address,
    /// The bytes that its stake allowed in the epoch.
    #[serde(with = "tatum_primitives::decimal")]
    pub quota_bytes: U256,
    /// The bytes on time that all its receipts state.
    #[serde(with = "tatum_primitives::decimal")]
    pub units: U256,
    /// What the rule bills.
    #[serde(with = "tatum_primitives::decimal")]
    pub bill_wei: U256,
    /// Whether it was filed.
    pub is_filed: bool,
    /// The place behind its last line.
    behind: u32,
}

impl Owed {
    /// What whoever files gets, if the payer still has what is billed.
    #[must_use]
    pub fn reward_wei(&self) -> U256 {
        self.bill_wei.checked_div(U256::from(REWARD_PART)).unwrap_or_default()
    }
}

/// Why overage cannot be told or filed.
#[derive(Debug, thiserror::Error)]
pub enum OverageError {
    /// The chain did not answer, or refused.
    #[error("the chain")]
    Chain(#[from] ChainError),
    /// The dataset cannot be read.
    #[error("the dataset")]
    Dataset(#[from] tatum_dataset::Error),
    /// Another list of receipts became final, or none yet.
    #[error(
        "the dataset's receipts are not those of a distribution that is final for epoch {epoch}"
    )]
    NotFinal {
        /// The dataset's epoch.
        epoch: Epoch,
    },
    /// A worker thread ended early.
    #[error("the work was cut off")]
    CutOff,
}

/// What payers owe of the epoch of `dataset`, in order.
///
/// # Errors
///
/// [`OverageError`], but not [`OverageError::NotFinal`]: what is only proposed can be told too.
pub async fn owed(chain: &Chain, dataset: &Dataset) -> Result<Vec<Owed>, OverageError> {
    let epoch = dataset.manifest().parameters.epoch;
    let dataset = dataset.clone();
    let reading = tokio::task::spawn_blocking(move || dataset.overages());
    let mut owed = Vec::new();
    for overage in reading.await.map_err(|_| OverageError::CutOff)?? {
        let Overage { payer, quota_bytes, units, behind, bill_nano: _ } = overage;
        let bill_wei = chain.overage_bill_wei(payer, epoch, units).await?;
        let is_filed = chain.is_overage_billed(payer, epoch).await?;
        let (quota_bytes, units) = (U256::from(quota_bytes), U256::from(units));
        owed.push(Owed { payer, quota_bytes, units, bill_wei, is_filed, behind });
    }
    Ok(owed)
}

/// Files what these payers owe, one after the other: each payer with its transaction, or why there is none.
///
/// # Errors
///
/// [`OverageError`] if nothing can be filed.
pub async fn file(
    chain: &Chain,
    dataset: &Dataset,
    owed: &[Owed],
) -> Result<Vec<(Address, Result<B256, ChainError>)>, OverageError> {
    let epoch = dataset.manifest().parameters.epoch;
    let receipts = dataset.manifest().results.receipts;
    if chain.final_receipts_hash(epoch).await? != receipts.word() {
        return Err(OverageError::NotFinal { epoch });
    }
    let gaps = gaps(dataset.clone(), owed.iter().map(|owed| owed.behind).collect()).await?;
    let mut filed = Vec::new();
    for (owed, behind) in owed.iter().zip(gaps) {
        filed
            .push((owed.payer, chain.file_overage(OverageClaim { epoch, receipts, behind }).await));
    }
    Ok(filed)
}

async fn gaps(dataset: Dataset, places: Vec<u32>) -> Result<Vec<Gap>, OverageError> {
    let reading = tokio::task::spawn_blocking(move || {
        let prover = ReceiptProver::new(dataset)?;
        places.into_iter().map(|place| prover.gap(place)).collect::<Result<_, _>>()
    });
    Ok(reading.await.map_err(|_| OverageError::CutOff)??)
}
