//! `tatum simulate economy`: scenarios of an economy, by the chosen rules or a file of others.
//!
//! Invariant: ends with 0 if every bound holds and with 3 if one does not; what is printed follows from the rules, the sizes and
//! the seed alone.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use serde::Serialize;
use tatum_economy::report::Report;
use tatum_economy::scenario::{ALL, Play, Scenario};
use tatum_economy::{Rules, svg};

use crate::cmd::DIFFERS;
use crate::output::Output;

pub(super) const EXAMPLES: &str = "Examples:
  tatum simulate economy                                   all scenarios by the chosen rules
  tatum simulate economy --scenario demand --plot plots    draws plots/demand.svg
  tatum simulate economy --rules scripts/deploy/parameters/mainnet.json --json
  tatum simulate economy --scenario strategic --rules crates/economy/rules/tried/uncapped.toml

Ends with 3 if a bound does not hold. Rules are a TOML file that says what differs from crates/economy/rules/default.toml,
or the parameters of a deployment (.json).";

/// An economy and what happens to it.
#[derive(Debug, clap::Args)]
pub(crate) struct EconomyArgs {
    /// What happens
    #[arg(long, default_value = "all", value_parser = scenarios())]
    scenario: String,
    /// The rules; the chosen ones if left out
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// How long an economy is played
    #[arg(long, default_value_t = 900, value_parser = clap::value_parser!(u64).range(120..=36_525))]
    epochs: u64,
    /// How many are played
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1_000))]
    runs: u64,
    /// Everything random follows from this
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Draw the first run of each scenario into this folder
    #[arg(long, value_name = "DIR")]
    plot: Option<PathBuf>,
}

#[derive(Serialize)]
struct Found {
    holds: bool,
    reports: Vec<Report>,
}

fn scenarios() -> PossibleValuesParser {
    PossibleValuesParser::new(ALL.iter().map(|scenario| scenario.name).chain(["all"]))
}

pub(super) async fn run(args: EconomyArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let rules = args.rules.as_deref().map_or_else(|| Ok(Rules::default()), read)?;
    let play = Play { rules, epochs: args.epochs, runs: args.runs, seed: args.seed };
    let mut reports = Vec::new();
    for scenario in ALL.iter().filter(|one| args.scenario == "all" || args.scenario == one.name) {
        output.progress(format_args!("{}: {}", scenario.name, scenario.about));
        reports.push(played(scenario, play).await?);
    }
    if let Some(folder) = &args.plot {
        draw(folder, &reports)?;
    }
    let holds = reports.iter().all(Report::holds);
    if output.is_json() {
        output.result(&Found { holds, reports }, &[]);
    } else {
        reports.iter().for_each(print);
    }
    Ok(if holds { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

/// A long calculation is no task for the threads that serve sockets.
async fn played(scenario: &'static Scenario, play: Play) -> anyhow::Result<Report> {
    let report = tokio::task::spawn_blocking(move || scenario.play(&play)).await;
    let report = report.context("the simulation failed")?;
    report.with_context(|| format!("playing {}", scenario.name))
}

fn read(path: &Path) -> anyhow::Result<Rules> {
    let text = std::fs::read_to_string(path);
    let text = text.with_context(|| format!("reading {}", path.display()))?;
    let is_json = path.extension().is_some_and(|extension| extension == "json");
    let rules = if is_json { Rules::from_parameters(&text) } else { Rules::from_toml(&text) };
    rules.with_context(|| format!("{}", path.display()))
}

fn draw(folder: &Path, reports: &[Report]) -> anyhow::Result<()> {
    std::fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for report in reports {
        if let Some(picture) = svg(report) {
            let path = folder.join(format!("{}.svg", report.scenario));
            let written = std::fs::write(&path, picture);
            written.with_context(|| format!("writing {}", path.display()))?;
        }
    }
    Ok(())
}

fn print(report: &Report) {
    println!(
        "\n{}, {} runs of {} epochs, seed {}",
        report.scenario, report.runs, report.epochs, report.seed
    );
    let figures = report.figures.iter().map(|figure| figure.name.chars().count());
    let bounds = report.bounds.iter().map(|bound| bound.name.chars().count());
    let width = figures.chain(bounds).max().unwrap_or_default();
    if !report.figures.is_empty() {
        println!("  {:width$}  {:>12}  {:>12}  {:>12}", "", "p0", "p50", "p100");
    }
    for figure in &report.figures {
        let (p0, p50, p100) = (figure.p0, figure.p50, figure.p100);
        println!("  {:width$}  {p0:>12}  {p50:>12}  {p100:>12}", figure.name);
    }
    for bound in &report.bounds {
        let answer = if bound.holds { "holds" } else { "DOES NOT HOLD" };
        let (measured, sign, limit) = (bound.measured, bound.relation.sign(), bound.limit);
        println!("  {:width$}  {measured:>12}  {sign} {limit:<10}  {answer}", bound.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_rules_and_parameters_of_deployments_are_read() {
        let root = Path::new("../..");
        let chosen = read(&root.join("crates/economy/rules/default.toml")).unwrap();
        assert_eq!(chosen, Rules::default());
        let mainnet = read(&root.join("scripts/deploy/parameters/mainnet.json")).unwrap();
        assert_eq!(mainnet, chosen);
        let workshop = read(&root.join("scripts/deploy/parameters/workshop.json")).unwrap();
        assert_eq!((workshop.pay.pool_bps, workshop.pay.pool_limit_bps), (10_000, 0));
        let missing = read(&root.join("no.toml")).unwrap_err();
        assert!(format!("{missing:#}").contains("no.toml"));
    }
}
