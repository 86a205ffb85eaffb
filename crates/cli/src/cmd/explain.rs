//! `tatum explain`: why somebody is paid what it is paid, row by row.
//!
//! Invariant: nothing is explained that does not add up. An aggregator's word is compared with the root on chain where that is
//! final; a dataset is verified whole, signatures and all, before a figure of it is believed.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail, ensure};
use serde::Serialize;
use tatum_aggregator::audit::{self, Budget, DatasetSource, FetchLimits};
use tatum_chain::Chain;
use tatum_dataset::{Dataset, Differences, Explainer};
use tatum_merkle::Word;
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::client::AggregatorClient;
use tatum_protocol::{Payout, PayoutEdge};

use super::DIFFERS;
use crate::amounts::format_data;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::on_chain::OnChain;
use crate::output::Output;

/// Edges that are asked for at once.
const PAGE: u64 = 1_000;
/// An operator with more payers than this is explained by its dataset.
const MOST_EDGES: usize = 1_000_000;

/// What to explain.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Show an operator's pay of an epoch: receipts, units, share of each payer's fee, share of the pool, claim
    #[command(
        after_help = "Examples:\n  tatum explain payout --operator 0 --epoch 7\n  tatum explain payout --operator 0 --epoch 7 --dataset ./datasets --json\n\nAsks the aggregator, and compares its root with the final one on chain. With --dataset it asks no aggregator: every signature\nand sum in the dataset is checked first. (`tatum audit epoch` also checks payers, stakes and bonds.) Exits with 3 if something\ndiffers. An edge is floor(steers x units / payer's units); docs/dataset.md has the rule."
    )]
    Payout(PayoutArgs),
}

/// Whose pay.
#[derive(Debug, clap::Args)]
pub(crate) struct PayoutArgs {
    /// The operator's id
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: OperatorId,
    /// The epoch; otherwise the newest that is final
    #[arg(long)]
    epoch: Option<Epoch>,
    /// Folder or URL of the dataset, instead of the aggregator
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    /// Payers to show, those that brought most first; JSON has all
    #[arg(long, value_name = "PAYERS", default_value_t = 20)]
    rows: usize,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Explained {
    #[serde(flatten)]
    payout: Payout,
    root: Word,
    on_chain: OnChain,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let Command::Payout(args) = command;
    let chain = args.chain.read_only().await?;
    let epoch = match args.epoch {
        Some(epoch) => epoch,
        None => chain.finalized_epoch().await?.context("no distribution is final yet")?,
    };
    let explained = match &args.dataset {
        None => by_aggregator(&chain, &args.aggregator.client()?, epoch, args.operator).await?,
        Some(place) => match by_dataset(&chain, place, epoch, args.operator, *output).await? {
            Ok(explained) => explained,
            Err(differences) => return Ok(refused(&differences, *output)),
        },
    };
    check_edges(&explained.payout)?;
    show(&explained, args.rows, *output);
    let differs = explained.on_chain == OnChain::Other;
    Ok(if differs { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

async fn by_aggregator(
    chain: &Chain,
    aggregator: &AggregatorClient,
    epoch: Epoch,
    operator: OperatorId,
) -> anyhow::Result<Explained> {
    let base = aggregator.base();
    let payout = whole(aggregator, epoch, operator).await?;
    let proof = aggregator.operator_proof(epoch, operator).await?;
    let proven = proof.verify().is_ok()
        && (proof.epoch, proof.operator_id) == (epoch, operator)
        && proof.cumulative_nano == payout.cumulative_nano;
    ensure!(proven, "{base} sent no proof of the {} that it explains", payout.cumulative_nano);
    let on_chain = chain.final_roots(epoch).await?.remove(&epoch);
    Ok(Explained { payout, root: proof.root, on_chain: OnChain::of(Some(proof.root), on_chain) })
}

/// All pages of an explanation.
async fn whole(
    aggregator: &AggregatorClient,
    epoch: Epoch,
    operator: OperatorId,
) -> anyhow::Result<Payout> {
    let mut payout = aggregator.payout(epoch, operator, 0, PAGE).await?;
    let base = aggregator.base();
    while let Some(offset) = payout.next_offset {
        let page = aggregator.payout(epoch, operator, offset, PAGE).await?;
        let goes_on = !page.work.is_empty() && payout.work.len() < MOST_EDGES;
        ensure!(goes_on, "{base} comes to no end of operator {operator}'s payers");
        payout.work.extend(page.work);
        payout.next_offset = page.next_offset;
    }
    let asked = (payout.epoch, payout.operator) == (epoch, operator);
    ensure!(asked, "{base} explained another payout than it was asked for");
    Ok(payout)
}

async fn by_dataset(
    chain: &Chain,
    place: &str,
    epoch: Epoch,
    operator: OperatorId,
    output: Output,
) -> anyhow::Result<Result<Explained, Differences>> {
    let scratch = tempfile::tempdir().context("making a folder for the dataset")?;
    let folder = folder_of(chain, place, epoch, scratch.path()).await?;
    output.progress("verifying every receipt of the dataset …");
    let explaining = tokio::task::spawn_blocking(move || explain(&folder, epoch, operator));
    let (payout, root) = match explaining.await.context("reading the dataset")?? {
        Ok(explained) => explained,
        Err(differences) => return Ok(Err(differences)),
    };
    let on_chain = chain.final_roots(epoch).await?.remove(&epoch);
    Ok(Ok(Explained { payout, root, on_chain: OnChain::of(Some(root), on_chain) }))
}

/// The folder of the epoch's dataset: what was proposed on chain, or a folder that is named itself.
async fn folder_of(
    chain: &Chain,
    place: &str,
    epoch: Epoch,
    scratch: &Path,
) -> anyhow::Result<PathBuf> {
    let source = DatasetSource::of_epoch(place, epoch);
    if let DatasetSource::Folder(folder) = &source
        && folder.join(tatum_dataset::MANIFEST).is_file()
    {
        return Ok(folder.clone());
    }
    let proposed = audit::proposals(chain, epoch).await?;
    let Some((proposal, _)) = proposed.first() else {
        bail!("nobody has proposed a distribution for epoch {epoch}; name its dataset's own folder")
    };
    let budget = Budget::new(FetchLimits::default());
    let fetched = source.fetch(proposal.draft.manifest_hash, scratch, &budget).await;
    fetched.with_context(|| format!("looking for the dataset of epoch {epoch} at {place}"))
}

/// An explanation and its root, or why the dataset is not to be believed.
type Verified = Result<(Payout, Word), Differences>;

fn explain(folder: &Path, epoch: Epoch, operator: OperatorId) -> anyhow::Result<Verified> {
    let verified = match tatum_dataset::verify(folder) {
        Ok(verified) => verified,
        Err(differences) => return Ok(Err(differences)),
    };
    let got = verified.manifest.parameters.epoch;
    ensure!(got == epoch, "{} is of epoch {got}", folder.display());
    let explainer = Explainer::new(&Dataset::open(folder)?)?;
    let payout = tatum_aggregator::payout(&explainer, epoch, operator, 0, u64::MAX)?;
    Ok(Ok((payout, verified.distribution.results.root)))
}

/// Says why a dataset explains nothing.
fn refused(differences: &Differences, output: Output) -> ExitCode {
    let found: Vec<String> = differences.list().iter().map(ToString::to_string).collect();
    let rows: Vec<_> = found.iter().map(|difference| ("differs", difference.clone())).collect();
    output.result(&serde_json::json!({ "ok": false, "differences": found }), &rows);
    ExitCode::from(DIFFERS)
}

/// Works out each line again.
fn check_edges(payout: &Payout) -> anyhow::Result<()> {
    for edge in &payout.work {
        let PayoutEdge { units_bytes, payer_units_bytes, payer_steers_nano, .. } = *edge;
        let work = tatum_rewards::edge_down(payer_steers_nano, units_bytes, payer_units_bytes);
        let follows = work.is_ok_and(|work_nano| work_nano == edge.work_nano);
        ensure!(follows, "the work of payer {} does not follow from its units", edge.payer);
    }
    ensure!(payout.adds_up(), "the parts of the payout do not come to its sums");
    Ok(())
}

fn show(explained: &Explained, rows: usize, output: Output) {
    let payout = &explained.payout;
    let mut edges: Vec<&PayoutEdge> = payout.work.iter().collect();
    edges.sort_by_key(|edge| (std::cmp::Reverse(edge.work_nano), edge.payer));
    let lines: Vec<Vec<String>> = edges.iter().take(rows).map(|edge| line(edge)).collect();
    let heads = ["payer", "receipts", "units (bytes)", "of the payer's", "which steer", "work"];
    let hidden = payout.work.len().saturating_sub(lines.len());
    let of = |nano: Nano, how: &str| format!("{}  {how}", format_data(nano.to_wei()));
    let payers = payout.work.len();
    let mut summary = vec![
        ("operator", payout.operator.to_string()),
        ("epoch", payout.epoch.to_string()),
        ("work", of(payout.work_nano, &format!("the sum over {payers} payers"))),
        ("cap", of(payout.cap_nano, "what its capacity earns at the full price")),
        ("paid", of(payout.paid_nano, "of its work: in full up to the cap, half beyond it")),
        ("pool", of(payout.pool_nano, "of the common pool, by its bond")),
    ];
    if payout.role_nano != Nano::ZERO {
        summary.push(("role", of(payout.role_nano, "for another role than a relay's")));
    }
    summary.extend([
        ("total", of(payout.total_nano, "what the epoch adds")),
        ("before", of(payout.before_nano, "what it was promised before")),
        ("cumulative", of(payout.cumulative_nano, "what it can have claimed with this epoch")),
        ("root", explained.root.to_string()),
        ("on chain", explained.on_chain.to_string()),
    ]);
    if hidden > 0 {
        summary.insert(0, ("more payers", format!("{hidden} (--rows)")));
    }
    output.listing(explained, &heads, &lines, &summary);
}

fn line(edge: &PayoutEdge) -> Vec<String> {
    vec![
        edge.payer.to_string(),
        edge.receipts.to_string(),
        edge.units_bytes.to_string(),
        edge.payer_units_bytes.to_string(),
        format_data(edge.payer_steers_nano.to_wei()),
        format_data(edge.work_nano.to_wei()),
    ]
}
