//! From the chain's inputs and the frozen receipts to the dataset on disk.
//!
//! Invariant: everything comes from the frozen receipts, from what was assented to and forced, from the block that closed the
//! epoch and from the newest final distribution, none of which change any more; so doing it again gives the same folder.

use std::sync::Arc;

use tatum_chain::{EpochFacts, EpochInputs};
use tatum_database::RolledEpoch;
use tatum_dataset::{
    Beside, CountedReceipt, EpochData, Error, Parameters, Sources, Writer, Written,
};
use tatum_primitives::{Epoch, Nano};
use tatum_receipt::{Contents, SIGNED_RECEIPT_BYTES, SignedReceipt, StoredReceipt};
use tatum_watcher::ListData;
use tokio::sync::mpsc;

use super::forced::Forcing;
use super::history::History;
use super::{CloseError, Closer};
use crate::audit;
use crate::chain_rows::{operator, payer};

/// Pages of receipts read ahead of the dataset's writer.
const PAGES_AHEAD: usize = 4;

impl Closer {
    /// Writes the dataset of a closed epoch and rolls it up.
    pub(super) async fn write_dataset(
        &self,
        inputs: EpochInputs,
    ) -> Result<RolledEpoch, CloseError> {
        let history = self.history_before(inputs.epoch).await?;
        let (epoch, uri) =
            (inputs.epoch, format!("{}/v1/epochs/{}", self.public_url, inputs.epoch));
        let facts = self.chain.epoch_facts(&inputs).await?;
        let parameters = self.parameters(&inputs, &history, &facts).await?;
        let pot = parameters.available_nano;
        let (block_number, block_hash) = (inputs.block_number, inputs.block_hash);
        let written = match parameters.assented {
            Some(list) => {
                let assented = self.assented_or_frozen(epoch, &list).await?;
                self.write_assented(parameters, inputs, history, facts, assented).await?
            }
            None => self.write(parameters, inputs, history, facts).await?,
        };
        for left_out in &written.left_out {
            tracing::warn!(%epoch, leaf = %left_out.leaf, reason = %left_out.reason, "a receipt does not count");
        }
        let results = &written.manifest.results;
        Ok(RolledEpoch {
            receipts: results.receipts.count.into(),
            block_number,
            block_hash,
            manifest_hash: written.manifest_hash,
            root: results.root.0,
            receipts_root: results.receipts_root(),
            pot,
            distributed: results.distributed_nano,
            uri,
        })
    }

    /// The list that operators assented to, if there is one and it is here.
    pub(super) async fn assented_list(&self, epoch: Epoch) -> Result<Option<ListData>, CloseError> {
        let assent = self.chain.assent_of(epoch).await?;
        Ok(assent.and_then(|assent| audit::assented(&self.datasets, &assent.list)))
    }

    async fn parameters(
        &self,
        inputs: &EpochInputs,
        history: &History,
        facts: &EpochFacts,
    ) -> Result<Parameters, CloseError> {
        let deployment = self.chain.deployment();
        let epoch = inputs.epoch;
        Ok(Parameters {
            chain_id: deployment.chain_id,
            stake_pool: deployment.stake_pool,
            distributor: deployment.distributor,
            epoch,
            pool_bps: inputs.pool_bps,
            pool_limit_bps: inputs.pool_limit_bps,
            grace_ms: deployment.windows.grace_s.saturating_mul(1000),
            pot_nano: Nano::from_wei_down(inputs.pot_wei)?,
            // The dataset's writer knows the work, to which the proposer's part gives way.
            available_nano: self.chain.available_nano(epoch, Nano::ZERO).await?,
            previous_total_nano: history.total,
            previous_manifest_hash: history.manifest_hash,
            assented: self.chain.assent_of(epoch).await?.map(|assent| assent.list),
            forced_hash: facts.forced.hash,
        })
    }

    /// Reads receipts here and writes them on a thread of their own; memory is a few pages.
    async fn write(
        &self,
        parameters: Parameters,
        inputs: EpochInputs,
        history: History,
        facts: EpochFacts,
    ) -> Result<Written, CloseError> {
        let epoch = inputs.epoch;
        let parent = self.datasets.clone();
        let (pages, received) = mpsc::channel(PAGES_AHEAD);
        let writing = tokio::task::spawn_blocking(move || {
            let payers = inputs.payers.iter().map(payer).collect();
            let operators = inputs.operators.iter().map(operator).collect();
            let previous = history.previous_nano;
            let writer = Writer::create(&parent, parameters, payers, operators, previous)?;
            write_pages(writer, received)
        });
        let read = self.send_pages(epoch, facts, pages).await;
        let written = writing.await.map_err(|_| CloseError::CutOff)?;
        read?;
        written.map_err(|source| CloseError::RollUp { epoch, source })?.ok_or(CloseError::CutOff)
    }

    async fn send_pages(
        &self,
        epoch: Epoch,
        facts: EpochFacts,
        pages: mpsc::Sender<Option<Page>>,
    ) -> Result<(), CloseError> {
        let mut forcing =
            Forcing::new(facts.forced.receipts.clone(), |signed| facts.admits(signed));
        let counted = |page: Vec<SignedReceipt>, beside| {
            Some((page.into_iter().map(CountedReceipt::forced).collect::<Vec<_>>(), beside))
        };
        let mut scan = self.database.scan_receipts(epoch);
        while let Some(page) = scan.next_witnessed().await? {
            let (page, beside): (Vec<StoredReceipt>, Vec<Contents>) = page.into_iter().unzip();
            let page = page.into_iter().map(StoredReceipt::into_signed).collect();
            let beside = beside.into_iter().collect();
            if pages.send(counted(forcing.join(page), beside)).await.is_err() {
                // The writer failed and says why itself.
                return Ok(());
            }
        }
        let _ = pages.send(counted(forcing.rest(), Beside::default())).await;
        // Only this ends the dataset: a scan that breaks off must not look like its end.
        let _ = pages.send(None).await;
        Ok(())
    }

    /// What lies beside the receipts that we hold of an epoch: an assented list has none of it.
    async fn beside(&self, epoch: Epoch) -> Result<Beside, CloseError> {
        let mut all = Vec::new();
        let mut scan = self.database.scan_receipts(epoch);
        while let Some(page) = scan.next_witnessed().await? {
            all.extend(page.into_iter().map(|(_, contents)| contents).filter(|c| !c.is_empty()));
        }
        Ok(all.into_iter().collect())
    }

    /// Writes exactly what was assented to and forced; what we hold besides does not count.
    async fn write_assented(
        &self,
        parameters: Parameters,
        inputs: EpochInputs,
        history: History,
        facts: EpochFacts,
        assented: ListData,
    ) -> Result<Written, CloseError> {
        let (epoch, parent, facts) = (inputs.epoch, self.datasets.clone(), Arc::new(facts));
        let beside = self.beside(epoch).await?;
        let writing = tokio::task::spawn_blocking(move || {
            let leaves = (0..assented.count()).filter_map(|at| assented.leaf(at));
            // Operators may have assented to rubbish; it is nobody's receipt.
            let listed = leaves.filter_map(|leaf| {
                let bytes: &[u8; SIGNED_RECEIPT_BYTES] = leaf.try_into().ok()?;
                SignedReceipt::decode(bytes).ok()
            });
            let all = listed.chain(facts.forced.receipts.iter().cloned());
            let receipts = facts.admitted(all, rand::random());
            let words = (0..assented.count()).filter_map(|at| assented.word(0, at));
            let data = EpochData {
                parameters,
                payers: inputs.payers.iter().map(payer).collect(),
                operators: inputs.operators.iter().map(operator).collect(),
                previous_nano: history.previous_nano,
                receipts,
                sources: Sources::of(words),
                beside,
            };
            tatum_dataset::write(&parent, data)
        });
        let written = writing.await.map_err(|_| CloseError::CutOff)?;
        written.map_err(|source| CloseError::RollUp { epoch, source })
    }
}

/// Receipts on their way to the dataset's writer, and what lies beside them.
type Page = (Vec<CountedReceipt>, Beside);

/// Writes what is received; `None` if it broke off before its end.
fn write_pages(
    mut writer: Writer,
    mut pages: mpsc::Receiver<Option<Page>>,
) -> Result<Option<Written>, Error> {
    while let Some(page) = pages.blocking_recv() {
        let Some((page, beside)) = page else { return writer.finish().map(Some) };
        writer.push_all_with(&page, &beside)?;
    }
    Ok(None)
}
