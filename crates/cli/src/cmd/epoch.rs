//! `tatum epoch`: how far epochs have come, and whether what an aggregator publishes of them is what the chain pays.

use std::collections::BTreeMap;
use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;
use tatum_chain::Chain;
use tatum_merkle::Word;
use tatum_primitives::{Epoch, EpochSchedule};
use tatum_protocol::EpochSummary;

use super::DIFFERS;
use crate::amounts::format_data;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::dates::format_utc;
use crate::on_chain::OnChain;
use crate::output::Output;

/// Which epochs.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List epochs, the newest first
    #[command(
        after_help = "Examples:\n  tatum epoch list\n  tatum epoch list --before 100 --limit 50 --json\n\n\"on chain\" compares the aggregator's root with the one that became final. Exits with 3 if another one did."
    )]
    List(ListArgs),
    /// Show one epoch: state, pot, what was distributed, receipts, root, manifest, proposer, times
    #[command(
        after_help = "Examples:\n  tatum epoch show\n  tatum epoch show 7 --json\n\nExits with 3 if another root became final than the aggregator's."
    )]
    Show(ShowArgs),
}

/// Which ones to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only epochs before this one
    #[arg(long, value_name = "EPOCH")]
    before: Option<Epoch>,
    /// How many
    #[arg(long, value_name = "EPOCHS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=500))]
    limit: u32,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Which one to show.
#[derive(Debug, clap::Args)]
pub(crate) struct ShowArgs {
    /// The epoch; otherwise the newest that the aggregator knows
    epoch: Option<Epoch>,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    chain: ChainArgs,
}

#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    summary: EpochSummary,
    begins_at_s: u64,
    ends_at_s: u64,
    on_chain: OnChain,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let differs = match command {
        Command::List(args) => list(&args, *output).await?,
        Command::Show(args) => show(&args, *output).await?,
    };
    Ok(if differs { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}

async fn list(args: &ListArgs, output: Output) -> anyhow::Result<bool> {
    let chain = args.chain.read_only().await?;
    let aggregator = args.aggregator.client()?;
    let epochs = aggregator.epochs_before(args.before, args.limit).await?;
    let epochs = Compared::with(&chain, &epochs).await?.all(epochs);
    let lines: Vec<Vec<String>> = epochs.iter().map(line).collect();
    let heads = ["epoch", "state", "ends", "receipts", "pot", "distributed", "root", "on chain"];
    output.listing(&epochs, &heads, &lines, &[]);
    if epochs.is_empty() {
        output.progress("there are none");
    }
    Ok(epochs.iter().any(|epoch| epoch.on_chain == OnChain::Other))
}

async fn show(args: &ShowArgs, output: Output) -> anyhow::Result<bool> {
    let chain = args.chain.read_only().await?;
    let aggregator = args.aggregator.client()?;
    let summary = match args.epoch {
        Some(epoch) => aggregator.epoch(epoch).await?,
        None => {
            let newest = aggregator.epochs(1).await?.into_iter().next();
            newest.with_context(|| format!("{} knows of no epoch yet", aggregator.base()))?
        }
    };
    let shown = Compared::with(&chain, [&summary]).await?.one(summary);
    output.result(&shown, &rows(&shown));
    Ok(shown.on_chain == OnChain::Other)
}

/// What the chain says.
struct Compared {
    roots: BTreeMap<Epoch, Word>,
    schedule: EpochSchedule,
}

impl Compared {
    async fn with<'a>(
        chain: &Chain,
        epochs: impl IntoIterator<Item = &'a EpochSummary>,
    ) -> anyhow::Result<Self> {
        let first = epochs.into_iter().map(|summary| summary.epoch).min();
        let roots = chain.final_roots(first.unwrap_or(Epoch(u64::MAX))).await?;
        Ok(Self { roots, schedule: chain.schedule().await? })
    }

    fn all(&self, epochs: Vec<EpochSummary>) -> Vec<Shown> {
        epochs.into_iter().map(|summary| self.one(summary)).collect()
    }

    fn one(&self, summary: EpochSummary) -> Shown {
        let epoch = summary.epoch;
        let on_chain = OnChain::of(summary.root.map(Word), self.roots.get(&epoch).copied());
        let begins_at_s = self.schedule.start_ms(epoch) / 1_000;
        let ends_at_s = self.schedule.end_ms(epoch) / 1_000;
        Shown { summary, begins_at_s, ends_at_s, on_chain }
    }
}

fn line(shown: &Shown) -> Vec<String> {
    let summary = &shown.summary;
    let root = summary.root.map_or_else(unknown, |root| format!("{}…", &root.to_string()[..14]));
    vec![
        summary.epoch.to_string(),
        summary.state.to_string(),
        format_utc(shown.ends_at_s),
        summary.receipts.map_or_else(unknown, |receipts| receipts.to_string()),
        data(summary.pot_nano.as_deref()),
        data(summary.distributed_nano.as_deref()),
        root,
        shown.on_chain.to_string(),
    ]
}

fn rows(shown: &Shown) -> Vec<(&'static str, String)> {
    let summary = &shown.summary;
    let mut rows = vec![
        ("epoch", summary.epoch.to_string()),
        ("state", summary.state.to_string()),
        ("begins", format_utc(shown.begins_at_s)),
        ("ends", format_utc(shown.ends_at_s)),
        ("on chain", shown.on_chain.to_string()),
    ];
    let mut known = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    known("receipts", summary.receipts.map(|receipts| receipts.to_string()));
    known("available", summary.pot_nano.as_deref().map(|nano| data(Some(nano))));
    known("distributed", summary.distributed_nano.as_deref().map(|nano| data(Some(nano))));
    known("root", summary.root.map(|root| root.to_string()));
    known("receipts root", summary.receipts_root.map(|root| root.to_string()));
    known("manifest", summary.manifest_hash.map(|hash| hash.to_string()));
    known("dataset", summary.uri.clone());
    known("read at block", summary.block_number.map(|block| block.to_string()));
    known("proposer", summary.proposer.map(|proposer| proposer.to_string()));
    known("proposed by", summary.propose_tx.map(|hash| hash.to_string()));
    known("can be final from", summary.finalizable_at_s.map(format_utc));
    known("finalized by", summary.finalize_tx.map(|hash| hash.to_string()));
    known("note", summary.note.clone());
    known("changed", Some(format_utc(summary.updated_ms / 1_000)));
    rows
}

fn unknown() -> String {
    "–".to_owned()
}

/// An amount in nano as text, in DATA; what is no amount stays as it was sent.
fn data(nano: Option<&str>) -> String {
    let Some(text) = nano else { return unknown() };
    text.parse()
        .map_or_else(|_| text.to_owned(), |nano| format_data(tatum_primitives::Nano(nano).to_wei()))
}
