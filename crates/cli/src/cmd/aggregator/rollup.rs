//! `tatum aggregator rollup`: rolls a dataset up again, with the engine of one's choice, and compares what it comes to.
//!
//! Invariant: a roll-up that differs is said, with the first differences, and ends with 3; nothing is written.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;
use tatum_dataset::{Dataset, DistributionRow};
use tatum_primitives::B256;

use crate::cmd::DIFFERS;
use crate::output::Output;

/// What to roll up.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The dataset's folder
    #[arg(long, value_name = "DIR")]
    dataset: PathBuf,
    /// What works the payouts out
    #[arg(long, value_enum, default_value_t = Engine::Plain)]
    engine: Engine,
}

/// What works payouts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Engine {
    /// One pass over the sorted receipts: what epochs are closed with
    Plain,
    /// The SQL of crates/query in DataFusion; needs a build with the feature "datafusion"
    Datafusion,
}

/// What a roll-up came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RolledUp {
    engine: Engine,
    /// Whether the engine's payouts are those that the dataset states.
    agrees: bool,
    receipts: u64,
    operators: usize,
    /// The root that the dataset states.
    root: B256,
    seconds: f64,
    /// The first ones.
    differences: Vec<String>,
}

/// Payouts by operator id, and how many receipts were counted for them.
type Answer = (Vec<tatum_rewards::Pay>, u64);

pub(crate) async fn run(args: Args, output: Output) -> anyhow::Result<ExitCode> {
    let rolled = tokio::task::spawn_blocking(move || roll_up(&args));
    let rolled = rolled.await.context("the roll-up ended early")??;
    output.result(&rolled, &rows(&rolled));
    Ok(if rolled.agrees { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

fn roll_up(args: &Args) -> anyhow::Result<RolledUp> {
    let dataset = Dataset::open(&args.dataset)
        .with_context(|| format!("opening the dataset {}", args.dataset.display()))?;
    let started = Instant::now();
    let (pays, receipts) = match args.engine {
        Engine::Plain => plain(&dataset)?,
        Engine::Datafusion => by_query(&dataset)?,
    };
    let seconds = started.elapsed().as_secs_f64();
    let found = dataset.check_answer(&pays, receipts).err();
    let differences = found.iter().flat_map(|found| found.list()).map(ToString::to_string);
    Ok(RolledUp {
        engine: args.engine,
        agrees: found.is_none(),
        receipts,
        operators: pays.len(),
        root: dataset.manifest().results.root.0,
        seconds,
        differences: differences.collect(),
    })
}

fn plain(dataset: &Dataset) -> anyhow::Result<Answer> {
    let distribution = dataset.roll_up().context("rolling up")?;
    let receipts = distribution.results.receipts.count.into();
    Ok((distribution.rows.iter().map(DistributionRow::pay).collect(), receipts))
}

#[cfg(feature = "datafusion")]
fn by_query(dataset: &Dataset) -> anyhow::Result<Answer> {
    let engine = tatum_query::Engine::new();
    let answer = engine.pays(dataset.folder(), &dataset.manifest().parameters);
    let answer = answer.context("rolling up with DataFusion")?;
    Ok((answer.pays, answer.receipts))
}

#[cfg(not(feature = "datafusion"))]
fn by_query(_: &Dataset) -> anyhow::Result<Answer> {
    anyhow::bail!(
        "this build has no DataFusion; build it with: cargo build --release -p tatum-cli --features datafusion"
    )
}

fn rows(rolled: &RolledUp) -> Vec<(&'static str, String)> {
    let mut rows = vec![
        ("agrees", if rolled.agrees { "yes" } else { "NO" }.to_owned()),
        ("receipts counted", rolled.receipts.to_string()),
        ("operators", rolled.operators.to_string()),
        ("root", rolled.root.to_string()),
        ("took (s)", format!("{:.2}", rolled.seconds)),
    ];
    rows.extend(rolled.differences.iter().map(|difference| ("differs", difference.clone())));
    rows
}
