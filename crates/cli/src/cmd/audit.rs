//! `tatum audit`: believe nobody, work it out again.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use tatum_aggregator::audit::{
    self, AuditError, Challenge, Check, DatasetSource, Datasets, EpochReport, ReceiptReport,
};
use tatum_primitives::{B256, Epoch};

use crate::args::{ChainArgs, DeploymentArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to audit.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Re-derive an epoch's distribution from its dataset and the chain
    #[command(
        after_help = "Examples:\n  tatum audit epoch 7\n  tatum audit epoch 7 --dataset ./datasets --json\n  tatum audit epoch 7 --challenge --keystore auditor.json\n\nExits with 1 if anything differs, and says what."
    )]
    Epoch(EpochArgs),
    /// Check a receipt's proof file: who signed what for whom, and that it was counted
    #[command(
        after_help = "Examples:\n  tatum audit receipt demo-out/receipts/epoch-1-receipt-0.json\n  tatum audit receipt proof.json --on-chain --rpc http://127.0.0.1:8545\n\nWorks offline from the file alone; with --on-chain also against the commitment. Exits with 1 if a check fails."
    )]
    Receipt(ReceiptArgs),
    /// Check an aggregator's signed word that it rejected a receipt, and why
    #[command(
        after_help = "Examples:\n  curl -s https://tatum.example/v1/rejections?payer=0x… > rejections.json\n  tatum audit rejection rejections.json --signer 0x…\n\nWorks offline from the file and the deployment file. Exits with 1 if a check fails."
    )]
    Rejection(RejectionArgs),
}

/// Which epoch, and where its dataset is.
#[derive(Debug, clap::Args)]
pub(crate) struct EpochArgs {
    /// The epoch
    epoch: Epoch,
    /// Folder or URL of the dataset; otherwise where its proposer published it
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    /// Receipts that you hold, as they are handed in: each must have been counted, or a newer one of its key. May be repeated
    #[arg(long, value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// Challenge the pending proposal if it promises an operator less than before, pays an address that its operator never
    /// named, or an operator that does not exist; if its tree is not to be had, demand an entry of it, which posts a bond.
    /// Sends a transaction, so it needs the account's key
    #[arg(long)]
    challenge: bool,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
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
        Command::Epoch(args) => epoch(args, output).await?,
        Command::Receipt(args) => receipt(args, output).await?,
        Command::Rejection(args) => rejection(&args, output)?,
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn epoch(args: EpochArgs, output: &Output) -> anyhow::Result<bool> {
    if args.challenge {
        return challenge(args, output).await;
    }
    let chain = args.chain.read_only().await?;
    let datasets = datasets(&args)?;
    output.progress(format!("auditing epoch {} …", args.epoch));
    let report = audit::epoch(&chain, args.epoch, datasets)
        .await
        .with_context(|| format!("auditing epoch {}", args.epoch))?;
    output.result(&report, &epoch_rows(&report));
    Ok(report.ok)
}

/// Where the datasets are, and what must be in them.
fn datasets(args: &EpochArgs) -> anyhow::Result<Datasets> {
    let source = args.dataset.as_deref();
    let mut held = Vec::new();
    for path in &args.receipts {
        let file = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let receipts = audit::held_receipts(&file).map_err(anyhow::Error::msg);
        held.extend(receipts.with_context(|| format!("reading {}", path.display()))?);
    }
    let source = source.map(|text| DatasetSource::of_epoch(text, args.epoch));
    Ok(Datasets::new(source).holding(held))
}

/// What an audit with `--challenge` prints.
#[derive(Debug, serde::Serialize)]
struct Challenged {
    /// The audit; none if the dataset is not to be had.
    report: Option<EpochReport>,
    /// What was done about it.
    challenge: Challenge,
}

/// Audits a pending proposal and, unless it is right in every respect, acts against it where the contract lets us.
async fn challenge(args: EpochArgs, output: &Output) -> anyhow::Result<bool> {
    let chain = args.chain.with_account(&args.keystore).await?;
    let (epoch, datasets) = (args.epoch, datasets(&args)?);
    output.progress(format!("auditing epoch {epoch} …"));
    let report = match audit::epoch(&chain, epoch, datasets.clone()).await {
        Ok(report) => Some(report),
        Err(AuditError::Fetch { source, .. }) => {
            output.progress(format!(
                "the dataset is not to be had: {:#}",
                anyhow::Error::from(source)
            ));
            None
        }
        Err(error) => return Err(error).with_context(|| format!("auditing epoch {epoch}")),
    };
    let ok = report.as_ref().is_some_and(|report| report.ok);
    let challenge = if ok {
        Challenge::Unfounded
    } else {
        audit::challenge(&chain, epoch, datasets)
            .await
            .with_context(|| format!("challenging the proposal of epoch {epoch}"))?
    };
    let challenged = Challenged { report, challenge };
    let mut rows = challenged.report.as_ref().map(epoch_rows).unwrap_or_default();
    rows.extend(challenge_rows(&challenged.challenge));
    output.result(&challenged, &rows);
    Ok(ok)
}

fn challenge_rows(challenge: &Challenge) -> Vec<(&'static str, String)> {
    let (what, tx) = match challenge {
        Challenge::Decreased { operator_id, final_nano, proposed_nano, tx } => (
            format!(
                "the proposal is cancelled: operator {operator_id} has {final_nano} nano, and was to have {proposed_nano}"
            ),
            Some(tx),
        ),
        Challenge::Demanded { operator_id, minimum_nano, bond_wei, reason, tx } => (
            format!(
                "demanded operator {operator_id}'s entry, of {minimum_nano} nano at least, for a bond of {bond_wei} wei; run this \
                 again when the answer is overdue. The tree is not to be had: {reason}"
            ),
            Some(tx),
        ),
        Challenge::Awaited { operator_id, answer_by_s } => (
            format!(
                "operator {operator_id}'s entry is demanded; the answer is due by {answer_by_s} s of chain time"
            ),
            None,
        ),
        Challenge::Unanswered { operator_id, tx } => (
            format!(
                "the proposal is cancelled: operator {operator_id}'s entry was not shown in time"
            ),
            Some(tx),
        ),
        Challenge::PayoutChallenged { operator_id, payout, tx } => (
            format!(
                "the proposal is cancelled: it paid operator {operator_id} at {payout}, an address it never named"
            ),
            Some(tx),
        ),
        Challenge::UnknownOperatorChallenged { operator_id, proposed_nano, tx } => (
            format!(
                "the proposal is cancelled: it promised {proposed_nano} nano to operator {operator_id}, which does not exist"
            ),
            Some(tx),
        ),
        _ => ("nothing of it can be proven wrong on chain".to_owned(), None),
    };
    let tx = tx.map(|tx| ("transaction", tx.to_string()));
    [Some(("challenge", what)), tx].into_iter().flatten().collect()
}

fn epoch_rows(report: &EpochReport) -> Vec<(&str, String)> {
    let mut rows = vec![
        ("epoch", report.epoch.to_string()),
        ("root", report.root.to_string()),
        ("receipts", report.receipts.to_string()),
        ("available (nano)", report.pot_nano.clone()),
        ("distributed (nano)", report.distributed_nano.clone()),
        ("carried (nano)", report.carried_nano.clone()),
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
