//! `tatum audit`: believe nobody, work it out again.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tatum_aggregator::audit::{
    self, Audited, Check, DatasetSource, Datasets, EpochReport, ReceiptReport,
};
use tatum_aggregator::judge::{self, Challenge, Means};
use tatum_chain::{Chain, Fate, Proposal, Tree};
use tatum_primitives::{B256, Epoch};

use super::DIFFERS;
use crate::args::{ChainArgs, DeploymentArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to audit.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Re-derive an epoch's distribution from its dataset and the chain
    #[command(
        after_help = "Examples:\n  tatum audit epoch 7\n  tatum audit epoch 7 --dataset ./datasets --json\n  tatum audit epoch 7 --challenge --keystore auditor.json\n\nAudits the final distribution, or all that are proposed. Exits with 3 if anything differs, and says what and which disproof shows it; with 1 if the audit could not be made."
    )]
    Epoch(EpochArgs),
    /// Check a receipt's proof file: who signed what for whom, and that it was counted
    #[command(
        after_help = "Examples:\n  tatum audit receipt demo-out/receipts/epoch-1-receipt-0.json\n  tatum audit receipt proof.json --on-chain --rpc http://127.0.0.1:8545\n\nWorks offline from the file alone; with --on-chain also against the commitment. Exits with 3 if a check fails."
    )]
    Receipt(ReceiptArgs),
    /// Check an aggregator's signed word that it rejected a receipt, and why
    #[command(
        after_help = "Examples:\n  curl -s https://tatum.example/v1/rejections?payer=0x… > rejections.json\n  tatum audit rejection rejections.json --signer 0x…\n\nWorks offline from the file and the deployment file. Exits with 3 if a check fails."
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
    /// Disprove a proposal that is wrong; if its data is withheld, demand it, step by step with each run. Sends transactions,
    /// so it needs the account's key
    #[arg(long)]
    challenge: bool,
    /// The most demands for the data of one proposal; each pays for its answer in the chain's coin
    #[arg(long, value_name = "DEMANDS", default_value_t = Means::default().demands)]
    demands: u32,
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
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

/// What the audit of an epoch prints.
#[derive(Debug, serde::Serialize)]
struct AuditedEpoch {
    /// The epoch.
    epoch: Epoch,
    /// Whether everything that stands holds.
    ok: bool,
    /// The final distribution, or all that are proposed.
    proposals: Vec<AuditedProposal>,
}

/// What the audit of a proposal prints.
#[derive(Debug, serde::Serialize)]
struct AuditedProposal {
    /// Its number.
    counter: u64,
    /// What was found; none if its dataset is not to be had.
    report: Option<EpochReport>,
    /// Why its dataset is not to be had.
    unavailable: Option<String>,
    /// What was done about it, with `--challenge`.
    challenge: Vec<Challenge>,
}

async fn epoch(args: EpochArgs, output: &Output) -> anyhow::Result<bool> {
    let chain = match args.challenge {
        true => args.chain.with_account(&args.keystore).await?,
        false => args.chain.read_only().await?,
    };
    let (epoch, datasets) = (args.epoch, datasets(&args)?);
    let found = audit::proposals(&chain, epoch).await;
    let found = found.with_context(|| format!("auditing epoch {epoch}"))?;
    if found.is_empty() {
        bail!("nobody has proposed a distribution for epoch {epoch}");
    }
    let mut proposals = Vec::new();
    for (proposal, fate) in found {
        output.progress(format!("auditing proposal {} of epoch {epoch} …", proposal.counter));
        proposals.push(audit_one(&chain, &args, &proposal, fate, datasets.clone()).await?);
    }
    let holds = |one: &AuditedProposal| one.report.as_ref().is_some_and(|report| report.ok);
    let ok = proposals.iter().all(holds);
    let audited = AuditedEpoch { epoch, ok, proposals };
    let rows: Vec<_> = audited.proposals.iter().flat_map(proposal_rows).collect();
    output.result(&audited, &rows);
    Ok(ok)
}

/// Audits a proposal and, if told to, does what is to be done about it.
async fn audit_one(
    chain: &Chain,
    args: &EpochArgs,
    proposal: &Proposal,
    fate: Fate,
    datasets: Datasets,
) -> anyhow::Result<AuditedProposal> {
    let counter = proposal.counter;
    let audited = audit::proposal(chain, proposal, fate == Fate::Final, datasets).await;
    let Audited { report, demands, judged } =
        audited.with_context(|| format!("auditing proposal {counter}"))?;
    let challenge = if args.challenge && fate == Fate::Open {
        let means = Means { demands: args.demands };
        judge::challenge(chain, proposal, &demands, judged, means)
            .await
            .with_context(|| format!("challenging proposal {counter}"))?
    } else {
        vec![]
    };
    let (report, unavailable) = match report {
        Ok(report) => (Some(report), None),
        Err(error) => (None, Some(format!("{:#}", anyhow::Error::from(error)))),
    };
    Ok(AuditedProposal { counter, report, unavailable, challenge })
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

fn proposal_rows(audited: &AuditedProposal) -> Vec<(&str, String)> {
    let mut rows = vec![("proposal", audited.counter.to_string())];
    rows.extend(audited.report.iter().flat_map(epoch_rows));
    if let Some(reason) = &audited.unavailable {
        rows.push(("result", format!("its dataset is not to be had: {reason}")));
    }
    rows.extend(audited.challenge.iter().map(|done| ("challenge", said(done))));
    rows
}

/// What was done about a proposal, in words.
fn said(done: &Challenge) -> String {
    match done {
        Challenge::Unfounded => "nothing is wrong".to_owned(),
        Challenge::Disproved { rule, tx } => {
            format!("disproved by {rule}: it is cancelled, and the reward is ours ({tx})")
        }
        Challenge::Demanded { tree, level, index, tx } => {
            format!(
                "demanded word {index} of level {level} of its {} ({tx}); run this again",
                name(*tree)
            )
        }
        Challenge::Awaited { demands, answer_by_s } => {
            format!(
                "{demands} demands wait for an answer, the first until {answer_by_s} s of chain time"
            )
        }
        Challenge::Expired { tree, tx } => {
            format!("a demand for its {} was not answered: it is cancelled ({tx})", name(*tree))
        }
        Challenge::Answered { tree, tx } => {
            format!(
                "it is right, and what somebody demanded of its {} was shown ({tx})",
                name(*tree)
            )
        }
        Challenge::Exhausted { questions } => {
            format!("{questions} questions are left, and no more may be asked")
        }
        Challenge::Undecided { reason } => reason.clone(),
    }
}

const fn name(tree: Tree) -> &'static str {
    match tree {
        Tree::Receipts => "receipts",
        Tree::Edges => "edges",
        Tree::Entries => "entries",
    }
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
    rows.extend(report.disproof.iter().map(|rule| ("disproof", rule.clone())));
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
