//! `tatum simulate network`: the network in one process, seeded and in virtual time.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::builder::RangedU64ValueParser;
use tatum_simulator::network::{Outcome, Scenario, run as play, svg};

use crate::output::Output;

/// A network and what happens to it.
#[derive(Debug, clap::Args)]
pub(crate) struct NetworkArgs {
    /// Relays and subscribers together
    #[arg(long, default_value_t = 544, value_parser = RangedU64ValueParser::<usize>::new().range(8..=20_000))]
    nodes: usize,
    /// Everything random follows from this
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Messages published
    #[arg(long, default_value_t = 64, value_parser = RangedU64ValueParser::<usize>::new().range(1..=100_000))]
    messages: usize,
    /// Percent of nodes that subscribe and do not relay
    #[arg(long, value_name = "PERCENT", default_value_t = 90, value_parser = clap::value_parser!(u32).range(0..=98))]
    subscribers: u32,
    /// Stream partitions, dealt out to subscribers and 16 publishers in turn
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    streams: usize,
    /// Trackers, each responsible for some of the streams
    #[arg(long, default_value_t = 1, value_parser = RangedU64ValueParser::<usize>::new().range(1..=16))]
    trackers: usize,
    /// Relays that carry a stream, at least; more as it has more subscribers, and never more than there are
    #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(1..=20_000))]
    relays_per_stream: usize,
    /// Percent of frames lost on every link
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    loss: u32,
    /// Percent of nodes that crash while messages are published, and come back
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    churn: u32,
    /// Percent of relays that drop, delay, spam or try to eclipse others
    #[arg(long, value_name = "PERCENT", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=50))]
    malicious: u32,
    /// Relay neighbours of a relay
    #[arg(long, default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(2..=32))]
    degree: usize,
    /// Of those, how many are in other regions
    #[arg(long, default_value_t = 1)]
    far: usize,
    /// Weave a random graph that knows no regions, for comparison
    #[arg(long)]
    random_graph: bool,
    /// Draw which share of nodes has a message by when
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

impl NetworkArgs {
    fn scenario(&self) -> Scenario {
        let usual = Scenario::default();
        let troubled = self.loss + self.churn + self.malicious > 0;
        let mut shape = usual.shape;
        (shape.degree, shape.far) = (self.degree, self.far.min(self.degree));
        Scenario {
            nodes: self.nodes,
            seed: self.seed,
            messages: self.messages,
            subscribers_permille: self.subscribers * 10,
            streams: self.streams,
            trackers: self.trackers,
            relays_per_stream: self.relays_per_stream,
            loss_permille: self.loss * 10,
            churn_permille: self.churn * 10,
            malicious_permille: self.malicious * 10,
            settle_ms: if troubled { 20_000 } else { usual.settle_ms },
            shape,
            random_graph: self.random_graph,
            ..usual
        }
    }
}

pub(super) async fn run(args: NetworkArgs, output: &Output) -> anyhow::Result<ExitCode> {
    let scenario = args.scenario();
    output.progress(format_args!("simulating {} nodes", scenario.nodes));
    // A long calculation is no task for the threads that serve sockets.
    let outcome = tokio::task::spawn_blocking(move || play(&scenario)).await;
    let outcome = outcome.context("the simulation failed")?;
    if let Some(path) = &args.plot {
        let written = std::fs::write(path, svg(&outcome));
        written.with_context(|| format!("writing {}", path.display()))?;
    }
    output.result(&outcome.report, &rows(&outcome));
    Ok(ExitCode::SUCCESS)
}

fn rows(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let report = &outcome.report;
    let ratio = if report.mean_link_ms > 0.0 { report.mean_ms / report.mean_link_ms } else { 0.0 };
    let exposure = &outcome.exposure;
    vec![
        ("nodes", format!("{}, {} relays recruited", report.nodes, report.recruited)),
        ("mean direct link", format!("{:.1} ms", report.mean_link_ms)),
        ("mean time", format!("{:.1} ms, {ratio:.2} direct links", report.mean_ms)),
        ("99 % within", format!("{:.1} ms", report.p99_ms)),
        (
            "per pair",
            format!(
                "{:.2} direct links on average, {:.2} for 99 of 100, between regions",
                report.mean_stretch, report.p99_stretch
            ),
        ),
        ("hops", format!("{:.1} on average, {} at most", report.mean_hops, report.max_hops)),
        ("duplicates", format!("{:.2} per message and node", report.duplicates_per_message)),
        ("delivered", format!("{} of {}", report.delivered, report.expected)),
        (
            "receipts",
            format!(
                "{} for {} deliveries to subscribers",
                outcome.receipted, outcome.delivered_to_subscribers
            ),
        ),
        (
            "malicious neighbours",
            format!(
                "{} surrounded, {} eclipsed, {} times graylisted",
                exposure.surrounded, exposure.eclipsed, outcome.graylisted
            ),
        ),
    ]
}
