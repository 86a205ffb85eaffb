//! `tatum receipts show`: one receipt, with the proof that it was counted.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tatum_aggregator::audit::{self, ReceiptReport};
use tatum_dataset::ReceiptProver;
use tatum_primitives::B256;
use tatum_protocol::CountedReceipt;

use super::source::{SourceArgs, dataset, kept_in};
use super::{counted, line};
use crate::cmd::audit::receipt_rows;
use crate::output::Output;

/// Which one.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// Its leaf, as `tatum receipts list` shows it
    leaf: B256,
    /// Keep the proof in this file, for `tatum audit receipt`
    #[arg(long, value_name = "FILE")]
    proof: Option<PathBuf>,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Serialize)]
struct Proven {
    leaf: B256,
    #[serde(flatten)]
    report: ReceiptReport,
    proof: serde_json::Value,
}

pub(super) async fn run(args: &ShowArgs, output: Output) -> anyhow::Result<bool> {
    if args.source.data.is_some() {
        return kept(args, output).await;
    }
    let proof = proof(args, output).await?;
    let report = audit::receipt(&proof);
    let is_it = report.stated.as_ref().is_none_or(|stated| stated.leaf == args.leaf);
    ensure!(is_it, "the proof is of another receipt than {}", args.leaf);
    if let Some(file) = &args.proof {
        std::fs::write(file, &proof).with_context(|| format!("writing {}", file.display()))?;
    }
    let rows = receipt_rows(&report);
    let ok = report.ok;
    let proof = serde_json::from_slice(&proof).unwrap_or_default();
    output.result(&Proven { leaf: args.leaf, report: report.clone(), proof }, &rows);
    Ok(ok)
}

/// The proof, in its one spelling.
async fn proof(args: &ShowArgs, output: Output) -> anyhow::Result<Vec<u8>> {
    let source = &args.source;
    match &source.dataset {
        Some(folder) => {
            let prover = ReceiptProver::new(dataset(folder, source.epoch)?)?;
            Ok(prover.prove(args.leaf, None)?.encode()?)
        }
        None => {
            let aggregator = source.aggregator.client()?;
            let epoch = source.epoch_at(&aggregator, output).await?;
            Ok(aggregator.receipt_proof(epoch, args.leaf).await?)
        }
    }
}

/// A node's receipt, which nobody has proven yet.
async fn kept(args: &ShowArgs, output: Output) -> anyhow::Result<bool> {
    ensure!(args.proof.is_none(), "a node keeps no proofs; the aggregator and datasets have them");
    let folder = args.source.data.as_deref().context("no folder is named")?;
    let kept = kept_in(folder, args.source.epoch).await?;
    let Some(found) = kept.into_iter().find(|stored| stored.signed().leaf() == args.leaf) else {
        bail!("{} keeps no receipt with leaf {}", folder.display(), args.leaf);
    };
    let found: CountedReceipt = counted(found.into_signed());
    let heads = ["leaf", "epoch", "operator", "payer", "role", "messages", "bytes", "on time"];
    let rows: Vec<_> = heads.into_iter().zip(line(&found)).collect();
    output.result(&found, &rows);
    Ok(true)
}
