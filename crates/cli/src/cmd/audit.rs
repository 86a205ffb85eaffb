//! `tatum audit`: believe nobody, work it out again.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tatum_aggregator::audit::{self, Check, DatasetSource, EpochReport, ReceiptReport};
use tatum_primitives::Epoch;

use crate::args::ChainArgs;
use crate::output::Output;

/// What to audit.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Re-derive an epoch's distribution from its dataset and the chain
    #[command(
        after_help = "Examples:\n  tatum audit epoch 7\n  tatum audit epoch 7 --dataset ./datasets --json\n\nExits with 1 if anything differs, and says what."
    )]
    Epoch(EpochArgs),
    /// Check a receipt's proof file: who signed what for whom, and that it was counted
    #[command(
        after_help = "Examples:\n  tatum audit receipt demo-out/receipts/epoch-1-receipt-0.json\n  tatum audit receipt proof.json --on-chain --rpc http://127.0.0.1:8545\n\nWorks offline from the file alone; with --on-chain also against the commitment. Exits with 1 if a check fails."
    )]
    Receipt(ReceiptArgs),
}

/// Which epoch, and where its dataset is.
#[derive(Debug, clap::Args)]
pub(crate) struct EpochArgs {
    /// The epoch
    epoch: Epoch,
    /// Folder or URL of the dataset; otherwise where its proposer published it
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Which receipt.
#[derive(Debug, clap::Args)]
pub(crate) struct ReceiptArgs {
    /// The proof file
    file: PathBuf,
    /// Also compare with the commitment on chain
    #[arg(long)]
    on_chain: bool,
    #[command(flatten)]
    chain: ChainArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let ok = match command {
        Command::Epoch(args) => epoch(args, output).await?,
        Command::Receipt(args) => receipt(args, output).await?,
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn epoch(args: EpochArgs, output: &Output) -> anyhow::Result<bool> {
    let chain = args.chain.read_only().await?;
    let source = args.dataset.map(|text| dataset(&text, args.epoch));
    output.progress(format!("auditing epoch {} …", args.epoch));
    let report = audit::epoch(&chain, args.epoch, source)
        .await
        .with_context(|| format!("auditing epoch {}", args.epoch))?;
    output.result(&report, &epoch_rows(&report));
    Ok(report.ok)
}

/// A folder, the URL of an epoch's dataset, or the base URL of an aggregator.
fn dataset(text: &str, epoch: Epoch) -> DatasetSource {
    let base = text.trim_end_matches('/');
    if base.starts_with("http") && !base.contains("/v1/") {
        DatasetSource::Url(format!("{base}/v1/epochs/{epoch}"))
    } else {
        text.parse().unwrap_or_else(|never| match never {})
    }
}

fn epoch_rows(report: &EpochReport) -> Vec<(&str, String)> {
    let mut rows = vec![
        ("epoch", report.epoch.to_string()),
        ("root", report.root.to_string()),
        ("receipts", report.receipts.to_string()),
        ("available (nano)", report.pot_nano.clone()),
        ("distributed (nano)", report.distributed_nano.clone()),
        ("dust (nano)", report.dust_nano.clone()),
    ];
    rows.extend(check_rows(&report.checks));
    rows.extend(report.differences.iter().map(|difference| ("differs", difference.clone())));
    rows.push(("result", verdict(report.ok)));
    rows
}

async fn receipt(args: ReceiptArgs, output: &Output) -> anyhow::Result<bool> {
    let file = std::fs::read(&args.file)
        .with_context(|| format!("reading the proof file {}", args.file.display()))?;
    let mut report = audit::receipt(&file);
    if args.on_chain {
        let chain = args.chain.read_only().await?;
        audit::receipt_on_chain(&mut report, &chain).await.context("asking the chain")?;
    }
    output.result(&report, &receipt_rows(&report));
    Ok(report.ok)
}

fn receipt_rows(report: &ReceiptReport) -> Vec<(&str, String)> {
    let mut rows = Vec::new();
    if let Some(stated) = report.stated.as_ref().filter(|_| report.ok) {
        let receipt = &stated.receipt;
        rows = vec![
            ("signed by", stated.signer.to_string()),
            ("for payer", receipt.payer.to_string()),
            ("role", format!("{:?}", receipt.role).to_lowercase()),
            ("paid operator", format!("{} (node {})", receipt.operator_id, receipt.node)),
            ("stream", receipt.stream_key.to_string()),
            ("epoch", receipt.epoch.to_string()),
            (
                "delivered",
                format!(
                    "{} messages, {} bytes, {} on time",
                    receipt.messages, receipt.bytes, receipt.on_time
                ),
            ),
        ];
    }
    rows.extend(check_rows(&report.checks));
    rows.push(("result", verdict(report.ok)));
    rows
}

fn check_rows(checks: &[Check]) -> impl Iterator<Item = (&str, String)> {
    let mark = |ok| if ok { "ok" } else { "FAILED" };
    checks.iter().map(move |c| (c.name.as_str(), format!("{}: {}", mark(c.ok), c.detail)))
}

fn verdict(ok: bool) -> String {
    if ok { "everything holds".to_owned() } else { "NOT as stated".to_owned() }
}
