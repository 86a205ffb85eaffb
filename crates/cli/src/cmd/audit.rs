//! `tatum audit`: believe nobody, work it out again.

mod epoch;
mod range;
mod service;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tatum_aggregator::audit::{self, Check, ReceiptReport};
use tatum_primitives::B256;

use super::DIFFERS;
use crate::args::{ChainArgs, DeploymentArgs};
use crate::output::Output;

/// What to audit.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Re-derive an epoch's distribution from its dataset and the chain, or those of a range of epochs
    #[command(
        after_help = "Examples:\n  tatum audit epoch 7\n  tatum audit epoch 0..20\n  tatum audit epoch 7 --dataset ./datasets --json\n  tatum audit epoch 7 --challenge --keystore auditor.json\n\nAudits the final distribution, or all that are proposed; 0..20 are the\nepochs 0 to 20, 5.. those from 5 to the newest that is final. Exits with 3 if anything differs, and says what and which disproof shows it; with 1 if the audit could not be made."
    )]
    Epoch(Box<epoch::EpochArgs>),
    /// Check a receipt's proof file: who signed what for whom, and that it was counted
    #[command(
        after_help = "Examples:\n  tatum audit receipt demo-out/receipts/epoch-1-receipt-0.json\n  tatum audit receipt proof.json --on-chain --rpc http://127.0.0.1:8545\n\nWorks offline from the file alone; with --on-chain also against the commitment. Exits with 3 if a check fails."
    )]
    Receipt(ReceiptArgs),
    /// Show how complete and how timely each operator served each stream, from an epoch's dataset alone
    #[command(
        after_help = "Examples:\n  tatum audit service --epoch 7\n  tatum audit service --epoch 7 --stream 0x…/weather --operator 2\n  tatum audit service --epoch 7 --dataset ./datasets --json\n  tatum audit service --epoch 7 --csv > service.csv\n\nComplete: of the messages that subscribers should have got of the operator's nodes, the part that they got. On time: of the\nbytes that the nodes brought first, the part within the latency bound. Both are the median over payers, by what they pay for\nthe stream. JSON has the payers and receipts behind each figure. Exits with 3 if an operator is below --least-bps in a stream,\nby the word of more than one payer."
    )]
    Service(Box<service::ServiceArgs>),
    /// Check an aggregator's signed word that it rejected a receipt, and why
    #[command(
        after_help = "Examples:\n  curl -s https://tatum.example/v1/rejections?payer=0x… > rejections.json\n  tatum audit rejection rejections.json --signer 0x…\n\nWorks offline from the file and the deployment file. Exits with 3 if a check fails."
    )]
    Rejection(RejectionArgs),
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

/// Which rejection.
#[derive(Debug, clap::Args)]
pub(crate) struct RejectionArgs {
    /// An element of /v1/rejections, or a list of them
    file: PathBuf,
    /// The key that the aggregator is known by, from its /v1/identity
    #[arg(long, value_name = "KEY")]
    signer: Option<B256>,
    #[command(flatten)]
    deployment: DeploymentArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let ok = match command {
        Command::Epoch(args) => return epoch::run(&args, *output).await,
        Command::Service(args) => return service::run(&args, *output).await,
        Command::Receipt(args) => receipt(args, output).await?,
        Command::Rejection(args) => rejection(&args, output)?,
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
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

pub(super) fn receipt_rows(report: &ReceiptReport) -> Vec<(&str, String)> {
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
                    "{} messages, {} bytes, {} of them on time (reader {})",
                    receipt.messages, receipt.bytes, receipt.bytes_on_time, receipt.reader
                ),
            ),
        ];
    }
    rows.extend(check_rows(&report.checks));
    rows.push(("result", verdict(report.ok)));
    rows
}

fn rejection(args: &RejectionArgs, output: &Output) -> anyhow::Result<bool> {
    let file = std::fs::read(&args.file)
        .with_context(|| format!("reading the rejection {}", args.file.display()))?;
    let domain = args.deployment.load()?.domain();
    let reports = audit::rejections(&file, domain, args.signer);
    let mut rows = Vec::new();
    for report in &reports {
        if let Some(statement) = report.statement.as_ref().filter(|_| report.ok) {
            rows.push(("rejected", format!("{} at {} ms", statement.code, statement.at_ms)));
            rows.push(("by", statement.signer.to_string()));
        }
        rows.extend(check_rows(&report.checks));
        rows.push(("result", verdict(report.ok)));
    }
    output.result(&reports, &rows);
    Ok(reports.iter().all(|report| report.ok))
}

fn check_rows(checks: &[Check]) -> impl Iterator<Item = (&str, String)> {
    let mark = |ok| if ok { "ok" } else { "FAILED" };
    checks.iter().map(move |c| (c.name.as_str(), format!("{}: {}", mark(c.ok), c.detail)))
}

fn verdict(ok: bool) -> String {
    if ok { "everything holds".to_owned() } else { "NOT as stated".to_owned() }
}
