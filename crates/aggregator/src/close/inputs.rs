//! From the chain's inputs and the frozen receipts to the dataset on disk.
//!
//! Invariant: everything comes from the frozen receipts, from the block that closed the epoch and from the newest final
//! distribution, none of which change any more; so doing it again gives the same folder.

use tatum_chain::{EpochInputs, OperatorInput, PayerInput};
use tatum_database::RolledEpoch;
use tatum_dataset::{CountedReceipt, Error, Operator, Parameters, Payer, Writer, Written};
use tatum_primitives::{B256, Epoch, Nano};
use tatum_receipt::StoredReceipt;
use tokio::sync::mpsc;

use super::history::{History, available};
use super::{CloseError, Closer};

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
        let parameters = self.parameters(&inputs, &history)?;
        let pot = parameters.available_nano;
        let (block_number, block_hash) = (inputs.block_number, inputs.block_hash);
        let written = self.write(parameters, inputs, history).await?;
        for left_out in &written.left_out {
            tracing::warn!(%epoch, leaf = %left_out.leaf, reason = %left_out.reason, "a receipt does not count");
        }
        let results = &written.manifest.results;
        Ok(RolledEpoch {
            receipts: written.manifest.files.first().map_or(0, |receipts| receipts.rows),
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

    fn parameters(
        &self,
        inputs: &EpochInputs,
        history: &History,
    ) -> Result<Parameters, CloseError> {
        let deployment = self.chain.deployment();
        let funded = Nano::from_wei_down(inputs.funded_through_wei)?;
        Ok(Parameters {
            chain_id: deployment.chain_id,
            stake_pool: deployment.stake_pool,
            distributor: deployment.distributor,
            epoch: inputs.epoch,
            block_number: inputs.block_number,
            block_hash: inputs.block_hash,
            pool_bps: inputs.pool_bps,
            pool_limit_bps: inputs.pool_limit_bps,
            grace_ms: self.rules.grace_ms,
            pot_nano: Nano::from_wei_down(inputs.pot_wei)?,
            available_nano: available(inputs.epoch, funded, history)?,
            previous_total_nano: history.total,
            previous_manifest_hash: history.manifest_hash,
            // The distributor knows neither assents nor forced receipts.
            assented: None,
            forced_hash: B256::ZERO,
        })
    }

    /// Reads receipts here and writes them on a thread of their own; memory is a few pages.
    async fn write(
        &self,
        parameters: Parameters,
        inputs: EpochInputs,
        history: History,
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
        let read = self.send_pages(epoch, pages).await;
        let written = writing.await.map_err(|_| CloseError::CutOff)?;
        read?;
        written.map_err(|source| CloseError::RollUp { epoch, source })?.ok_or(CloseError::CutOff)
    }

    async fn send_pages(
        &self,
        epoch: Epoch,
        pages: mpsc::Sender<Option<Vec<CountedReceipt>>>,
    ) -> Result<(), CloseError> {
        let mut scan = self.database.scan_receipts(epoch);
        while let Some(page) = scan.next().await? {
            let signed = page.into_iter().map(StoredReceipt::into_signed);
            let page = signed.map(CountedReceipt::forced).collect();
            if pages.send(Some(page)).await.is_err() {
                // The writer failed and says why itself.
                return Ok(());
            }
        }
        // Only this ends the dataset: a scan that breaks off must not look like its end.
        let _ = pages.send(None).await;
        Ok(())
    }
}

/// Writes what is received; `None` if it broke off before its end.
fn write_pages(
    mut writer: Writer,
    mut pages: mpsc::Receiver<Option<Vec<CountedReceipt>>>,
) -> Result<Option<Written>, Error> {
    while let Some(page) = pages.blocking_recv() {
        let Some(page) = page else { return writer.finish().map(Some) };
        writer.push_all(&page)?;
    }
    Ok(None)
}

/// A payer as the dataset has it.
pub(crate) fn payer(input: &PayerInput) -> Payer {
    Payer { payer: input.payer, fee_wei: input.fee_wei, quota_bytes: input.quota_bytes }
}

/// An operator as the dataset has it.
pub(crate) fn operator(input: &OperatorInput) -> Operator {
    let OperatorInput { id: operator_id, payout, bond_wei, capacity_bytes } = *input;
    Operator { operator_id, payout, bond_wei, capacity_bytes }
}
