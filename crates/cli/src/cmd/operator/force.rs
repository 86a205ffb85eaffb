//! `tatum operator force`: receipts that would be left out of a distribution.

use std::path::PathBuf;

use anyhow::{Context, bail};
use tatum_aggregator::audit::held_receipts;
use tatum_primitives::Epoch;

use crate::args::ChainArgs;
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// Receipts that one transaction forces, at most: some two million gas.
pub(super) const FORCED_AT_ONCE: usize = 50;

/// Which receipts to force.
#[derive(Debug, clap::Args)]
pub(crate) struct ForceArgs {
    /// The epoch
    epoch: Epoch,
    /// Receipts as they are handed in, or as they are shown; those of other epochs are passed over. May be repeated
    #[arg(long, value_name = "FILE", required = true)]
    receipts: Vec<PathBuf>,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

pub(super) async fn run(args: &ForceArgs, output: Output) -> anyhow::Result<()> {
    let mut receipts = Vec::new();
    for path in &args.receipts {
        let file = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let held = held_receipts(&file).map_err(anyhow::Error::msg);
        receipts.extend(held.with_context(|| format!("reading {}", path.display()))?);
    }
    receipts.retain(|signed| signed.receipt.epoch == args.epoch);
    if receipts.is_empty() {
        bail!("the files hold no receipt of epoch {}", args.epoch);
    }
    let chain = args.chain.with_account(&args.keystore).await?;
    let mut transactions = Vec::new();
    for some in receipts.chunks(FORCED_AT_ONCE) {
        output.progress(format!("forcing {} receipts …", some.len()));
        transactions.push(chain.force_receipts(args.epoch, some).await?);
    }
    let value = serde_json::json!({
        "epoch": args.epoch, "receipts": receipts.len(), "transactions": transactions,
    });
    let mut rows =
        vec![("epoch", args.epoch.to_string()), ("receipts", receipts.len().to_string())];
    rows.extend(transactions.iter().map(|hash| ("transaction", hash.to_string())));
    output.result(&value, &rows);
    Ok(())
}
