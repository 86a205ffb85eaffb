//! Random lies about random epochs: does a watcher disprove every one, and no right proposal?
//!
//! Invariant: the same seed finds the same; it is printed, so that a failure can be had again.

use std::process::ExitCode;

use anyhow::Context;
use serde_json::json;
use tatum_watcher::adversary::run as tell;

/// Arguments of `xtask adversary`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Lies to tell
    #[arg(long, default_value_t = 20_000)]
    mutations: u64,
    /// Right proposals to try every disproof against
    #[arg(long, default_value_t = 1_000)]
    proposals: u64,
    /// What the worlds and lies follow from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the adversary; fails if a lie has no disproof or a right proposal has one.
pub(crate) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let Args { mutations, proposals, seed, json } = args;
    let report = tell(seed, mutations, proposals);
    if json {
        let mut value = serde_json::to_value(&report).context("printing the report")?;
        value["seed"] = json!(seed);
        println!("{value}");
    } else {
        for (lie, [told, disproved]) in &report.by_kind {
            println!("{disproved:>6} of {told:>6} disproved: {lie}");
        }
        for (rule, lies) in &report.by_rule {
            println!("{lies:>6} by {rule}");
        }
        let (proposals, wrongly) = (report.proposals, report.wrongly_disproved);
        println!("seed {seed}: {} of {} lies disproved", report.disproved, report.mutations);
        println!("{wrongly} of {proposals} right proposals disproved, {} calls", report.calls);
    }
    let held = report.disproved == report.mutations && report.wrongly_disproved == 0;
    Ok(if held { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
