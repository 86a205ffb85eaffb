//! The roll-up as a query, with the engine that this binary was built with: the second opinion on the plain pass.

use std::num::NonZero;
use std::time::Instant;

use anyhow::Context;
use tatum_dataset::{Dataset, Distribution};
use tatum_query::Engine;

use crate::output::Output;

/// How the query may use this machine.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Work payouts out by the query as well, first
    #[arg(long)]
    pub(super) query: bool,
    /// Memory for the query; the rest of it goes to temporary files
    #[arg(long, default_value_t = 512, requires = "query")]
    memory_mib: usize,
    /// Threads of the query; otherwise one a core
    #[arg(long, requires = "query")]
    threads: Option<NonZero<usize>>,
}

/// Works payouts out by the query, says what that took, and compares them with the roll-up's.
pub(super) fn roll_up(
    args: &Args,
    dataset: &Dataset,
    output: Output,
) -> anyhow::Result<Distribution> {
    let engine = Engine::new();
    let threads = args.threads.unwrap_or(engine.threads);
    let engine = Engine { threads, memory_bytes: args.memory_mib << 20, ..engine };
    let started = Instant::now();
    let answer = engine.pays(dataset.folder(), &dataset.manifest().parameters)?;
    let (took_s, spilled_mb) = (started.elapsed().as_secs_f64(), answer.spilled_bytes / 1_000_000);
    output.progress(format!("the query took {took_s:.2} s and spilled {spilled_mb} MB"));
    dataset.check_answer(&answer.pays, answer.receipts).context("the query pays otherwise")?;
    Ok(dataset.roll_up()?)
}
