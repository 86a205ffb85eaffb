//! Where receipts are read from, and which of them.
//!
//! Invariant: a page, a row group or a node's store at a time is in memory, not an epoch.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use tatum_database::NodeStore;
use tatum_dataset::Dataset;
use tatum_primitives::{Address, Epoch, OperatorId, StreamKey};
use tatum_protocol::client::AggregatorClient;
use tatum_receipt::{SignedReceipt, StoredReceipt};

use crate::args::AggregatorArgs;
use crate::output::Output;
use crate::stream_keys::parse_stream;

/// Receipts that are asked for at once.
const PAGE: u64 = 1_000;
/// Epochs among which the newest with a dataset is looked for.
const NEWEST: u32 = 20;

/// Which receipts.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// The epoch; otherwise the newest that the aggregator has closed, the dataset's, or all that a folder keeps
    #[arg(long)]
    pub(super) epoch: Option<Epoch>,
    /// Folder of a dataset, instead of the aggregator
    #[arg(long, value_name = "DIR", conflicts_with = "data")]
    pub(super) dataset: Option<PathBuf>,
    /// Folder of a node or a client, instead of the aggregator; it may be running
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Only this payer's
    #[arg(long, value_name = "ADDRESS")]
    payer: Option<Address>,
    /// Only for this operator
    #[arg(long)]
    operator: Option<OperatorId>,
    /// Only of this stream partition: ID, ID#PARTITION or the 32 bytes of its key
    #[arg(long, value_name = "STREAM", value_parser = parse_stream)]
    stream: Option<StreamKey>,
    #[command(flatten)]
    pub(super) aggregator: AggregatorArgs,
}

impl SourceArgs {
    fn wants(&self, signed: &SignedReceipt) -> bool {
        let receipt = &signed.receipt;
        self.epoch.is_none_or(|epoch| receipt.epoch == epoch)
            && self.payer.is_none_or(|payer| receipt.payer == payer)
            && self.operator.is_none_or(|operator| receipt.operator_id == operator)
            && self.stream.is_none_or(|stream| receipt.stream_key == stream)
    }

    /// Shows `visit` each receipt that is wanted, until it has seen enough.
    pub(super) async fn each(
        &self,
        output: Output,
        mut visit: impl FnMut(SignedReceipt) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let mut visit =
            |signed: SignedReceipt| if self.wants(&signed) { visit(signed) } else { Ok(true) };
        match (&self.data, &self.dataset) {
            (Some(folder), _) => {
                for signed in kept_in(folder, self.epoch).await? {
                    if !visit(signed.into_signed())? {
                        break;
                    }
                }
                Ok(())
            }
            (None, Some(folder)) => {
                let reading = || format!("reading the dataset {}", folder.display());
                for signed in dataset(folder, self.epoch)?.receipts().with_context(reading)? {
                    if !visit(signed.with_context(reading)?)? {
                        break;
                    }
                }
                Ok(())
            }
            (None, None) => self.published(output, visit).await,
        }
    }

    async fn published(
        &self,
        output: Output,
        mut visit: impl FnMut(SignedReceipt) -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let aggregator = self.aggregator.client()?;
        let epoch = self.epoch_at(&aggregator, output).await?;
        let mut next = Some(0);
        while let Some(offset) = next {
            let page = aggregator.receipts(epoch, offset, PAGE).await?;
            let goes_on = page.next_offset.is_none_or(|next| next > offset);
            ensure!(goes_on, "{} repeats its receipts", aggregator.base());
            for counted in page.receipts {
                let signed =
                    SignedReceipt { receipt: counted.receipt, signature: counted.signature };
                if !visit(signed)? {
                    return Ok(());
                }
            }
            next = page.next_offset;
        }
        Ok(())
    }

    /// The epoch that is named, or the newest that has a dataset.
    pub(super) async fn epoch_at(
        &self,
        aggregator: &AggregatorClient,
        output: Output,
    ) -> anyhow::Result<Epoch> {
        if let Some(epoch) = self.epoch {
            return Ok(epoch);
        }
        let epochs = aggregator.epochs(NEWEST).await?;
        let newest = epochs.iter().find(|summary| summary.receipts.is_some());
        let epoch =
            newest.with_context(|| format!("{} has closed no epoch yet", aggregator.base()))?.epoch;
        output.progress(format!("epoch {epoch}, the newest that is closed"));
        Ok(epoch)
    }
}

/// The dataset in a folder, which must be the one of `epoch`.
pub(super) fn dataset(folder: &Path, epoch: Option<Epoch>) -> anyhow::Result<Dataset> {
    let opening = || format!("opening the dataset {}", folder.display());
    let dataset = Dataset::open(folder).with_context(opening)?;
    let got = dataset.manifest().parameters.epoch;
    ensure!(epoch.is_none_or(|epoch| epoch == got), "{} is of epoch {got}", folder.display());
    Ok(dataset)
}

/// What a node or a client keeps, from `epoch` on.
pub(crate) async fn kept_in(
    folder: &Path,
    epoch: Option<Epoch>,
) -> anyhow::Result<Vec<StoredReceipt>> {
    let file = folder.join("node.db");
    ensure!(file.is_file(), "{} holds no node's receipts", folder.display());
    let reading = || format!("reading {}", file.display());
    let store = NodeStore::open_file(&file).await.with_context(reading)?;
    let kept = store.since(epoch.unwrap_or(Epoch(0))).await.with_context(reading)?;
    store.close().await;
    Ok(kept.into_iter().map(|kept| kept.stored).collect())
}

#[cfg(test)]
mod tests {
    use tatum_primitives::Domain;
    use tatum_receipt::{Contents, DeliveryReceipt, SessionKey, Verifier};

    use super::*;

    fn signed(epoch: u64) -> SignedReceipt {
        let key = SessionKey::from_bytes(&[7; 32]).unwrap();
        let receipt =
            DeliveryReceipt { payer: key.address(), epoch: Epoch(epoch), ..Default::default() };
        let domain = Domain { chain_id: 1, stake_pool: Address::ZERO };
        SignedReceipt::sign(receipt, &key, &Verifier::new(domain))
    }

    #[tokio::test]
    async fn a_folder_shows_what_its_node_keeps() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = kept_in(folder.path(), None).await.unwrap_err().to_string();
        assert!(nothing.contains("holds no node's receipts"), "{nothing}");
        let store = NodeStore::open_file(&folder.path().join("node.db")).await.unwrap();
        for epoch in [3, 4] {
            store.keep_own(&signed(epoch), &Contents::default()).await.unwrap();
        }
        // The node goes on while it is looked at.
        let leaves = async |epoch: Option<u64>| {
            let kept = kept_in(folder.path(), epoch.map(Epoch)).await.unwrap();
            kept.iter().map(|stored| stored.signed().leaf()).collect::<Vec<_>>()
        };
        assert_eq!(leaves(None).await, [signed(3).leaf(), signed(4).leaf()]);
        assert_eq!(leaves(Some(4)).await, [signed(4).leaf()]);
        store.close().await;
    }
}
