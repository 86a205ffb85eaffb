//! `tatum audit epoch`: whether what was paid, or is about to be, follows from the receipts and the chain.
//!
//! Invariant: what could not be audited is never told as something that holds.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, bail};
use tatum_aggregator::audit::{self, Audited, DatasetSource, Datasets, EpochReport};
use tatum_aggregator::judge::{self, Challenge, Means};
use tatum_chain::{Chain, Fate, Proposal, Tree};
use tatum_primitives::Epoch;

use super::range::Epochs;
use super::{check_rows, verdict};
use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::cmd::DIFFERS;
use crate::cmd::overage::said_of;
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// Which epoch, and where its dataset is.
#[derive(Debug, clap::Args)]
pub(crate) struct EpochArgs {
    /// The epoch, or a range of them
    #[arg(value_name = "EPOCH|FIRST..LAST")]
    epochs: Epochs,
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

/// What the audit of an epoch prints.
#[derive(Debug, serde::Serialize)]
struct AuditedEpoch {
    /// The epoch.
    epoch: Epoch,
    /// Whether there is something that stands, and all of it holds.
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

pub(super) async fn run(args: &EpochArgs, output: Output) -> anyhow::Result<ExitCode> {
    let chain = match args.challenge {
        true => args.chain.with_account(&args.keystore).await?,
        false => args.chain.read_only().await?,
    };
    match args.epochs {
        Epochs::One(epoch) => one(&chain, args, epoch, output).await,
        Epochs::Range { first, last } => {
            let last = match last {
                Some(last) => last,
                None => newest(&chain, first).await?,
            };
            many(&chain, args, (first, last), output).await
        }
    }
}

async fn one(
    chain: &Chain,
    args: &EpochArgs,
    epoch: Epoch,
    output: Output,
) -> anyhow::Result<ExitCode> {
    let audited = audit(chain, args, epoch, output).await?;
    if audited.proposals.is_empty() {
        bail!("nobody has proposed a distribution for epoch {epoch}");
    }
    let rows: Vec<_> = audited.proposals.iter().flat_map(proposal_rows).collect();
    output.result(&audited, &rows);
    Ok(code(&[audited]))
}

/// The newest final epoch, for a range without an end.
async fn newest(chain: &Chain, first: Epoch) -> anyhow::Result<Epoch> {
    let newest = chain.finalized_epoch().await?;
    let newest = newest.filter(|newest| *newest >= first);
    newest.with_context(|| format!("no epoch from {first} on is final yet"))
}

async fn many(
    chain: &Chain,
    args: &EpochArgs,
    (first, last): (Epoch, Epoch),
    output: Output,
) -> anyhow::Result<ExitCode> {
    let mut all = Vec::new();
    for epoch in (first.0..=last.0).map(Epoch) {
        let audited = audit(chain, args, epoch, output).await?;
        output.progress(format!("epoch {epoch} of {first} to {last}: {}", result(&audited)));
        all.push(audited);
    }
    let lines: Vec<Vec<String>> = all.iter().map(line).collect();
    let differing = all.iter().filter(|audited| !audited.ok);
    let rows: Vec<_> = differing.flat_map(|audited| audited.proposals.iter()).collect();
    let rows: Vec<_> = rows.into_iter().flat_map(proposal_rows).collect();
    output.listing(&all, &["epoch", "receipts", "distributed", "result"], &lines, &rows);
    Ok(code(&all))
}

/// 3 if something differs, 1 if nothing does and something could not be audited.
fn code(audited: &[AuditedEpoch]) -> ExitCode {
    let reports = || audited.iter().flat_map(|audited| &audited.proposals);
    let differs = reports().any(|one| one.report.as_ref().is_some_and(|report| !report.ok));
    // A proposal whose dataset is not to be had does not hold either.
    let withheld = reports().any(|one| one.report.is_none());
    if differs || withheld {
        ExitCode::from(DIFFERS)
    } else if audited.iter().all(|audited| audited.ok) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

async fn audit(
    chain: &Chain,
    args: &EpochArgs,
    epoch: Epoch,
    output: Output,
) -> anyhow::Result<AuditedEpoch> {
    let datasets = datasets(args, epoch)?;
    let found = audit::proposals(chain, epoch).await;
    let found = found.with_context(|| format!("auditing epoch {epoch}"))?;
    let mut proposals = Vec::new();
    for (proposal, fate) in found {
        output.progress(format!("auditing proposal {} of epoch {epoch} …", proposal.counter));
        proposals.push(audit_one(chain, args, &proposal, fate, datasets.clone()).await?);
    }
    let holds = |one: &AuditedProposal| one.report.as_ref().is_some_and(|report| report.ok);
    let ok = !proposals.is_empty() && proposals.iter().all(holds);
    Ok(AuditedEpoch { epoch, ok, proposals })
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
fn datasets(args: &EpochArgs, epoch: Epoch) -> anyhow::Result<Datasets> {
    let source = args.dataset.as_deref();
    let mut held = Vec::new();
    for path in &args.receipts {
        let file = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let receipts = audit::held_receipts(&file).map_err(anyhow::Error::msg);
        held.extend(receipts.with_context(|| format!("reading {}", path.display()))?);
    }
    let source = source.map(|text| DatasetSource::of_epoch(text, epoch));
    Ok(Datasets::new(source).holding(held))
}

fn line(audited: &AuditedEpoch) -> Vec<String> {
    let report = audited.proposals.first().and_then(|proposal| proposal.report.as_ref());
    let unknown = || "–".to_owned();
    let distributed = report.and_then(|report| report.distributed_nano.parse().ok());
    vec![
        audited.epoch.to_string(),
        report.map_or_else(unknown, |report| report.receipts.to_string()),
        distributed.map_or_else(unknown, |nano| format_data(tatum_primitives::Nano(nano).to_wei())),
        result(audited).to_owned(),
    ]
}

const fn result(audited: &AuditedEpoch) -> &'static str {
    match (audited.ok, audited.proposals.is_empty()) {
        (true, _) => "holds",
        (false, true) => "nobody has proposed a distribution",
        (false, false) => "DIFFERS",
    }
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
    rows.extend(report.overages.iter().map(|owed| ("overage", said_of(owed))));
    rows.extend(report.disproof.iter().map(|rule| ("disproof", rule.clone())));
    rows.push(("result", verdict(report.ok)));
    rows
}
