//! `tatum doctor`: what would keep a node, an aggregator or an account from working, found before it costs anything.
//!
//! Invariant: it only looks. Nothing is sent to the chain, and nothing is written but a file that is gone again.

mod chain;
mod machine;
mod relay;
mod report;
mod services;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use crate::args::{ChainArgs, TrackerArgs};
use crate::keys::KeystoreArgs;
use crate::output::Output;
use report::Report;

/// What to look at: the chain and the trackers always, the rest where it is named.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tatum doctor --keystore operator.json --node-keystore node.json --data ./node --bind [::]:7001\n  \
                  tatum doctor --aggregator https://tatum.example --json\n\nEnds with 0 if nothing stands in the way, with 3 if something does, whatever \
                  else it warns of."
)]
pub(crate) struct Args {
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    trackers: TrackerArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
    /// Encrypted keystore file of the node's key, used if TATUM_NODE_KEY is not set
    #[arg(long, value_name = "FILE")]
    node_keystore: Option<PathBuf>,
    /// The `--confirmations` that processes run with
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    /// The aggregator, as others reach it
    #[arg(long, value_name = "URL", env = "TATUM_AGGREGATOR")]
    aggregator: Option<String>,
    /// The web API, whose gas relay is looked at if it has one
    #[arg(long, value_name = "URL")]
    api: Option<String>,
    /// The folder where a process keeps its data
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The `--bind` that a node is to run with
    #[arg(long, value_name = "ADDRESS")]
    bind: Option<SocketAddr>,
    /// An `--advertise` that a node is to run with; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    advertise: Vec<SocketAddr>,
    /// Where a running node serves its status
    #[arg(long, value_name = "URL", env = "TATUM_NODE_STATUS")]
    status: Option<String>,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let mut report = Report::new(*output);
    machine::files(&mut report);
    if let Some(folder) = &args.data {
        machine::folder(folder, &mut report);
    }
    let is_local = chain::look(&args, &mut report).await;
    machine::addresses(args.bind, &args.advertise, is_local, &mut report);
    services::trackers(&args.trackers, is_local, &mut report).await;
    if let Some(url) = &args.aggregator {
        services::aggregator(url, is_local, &mut report).await;
    }
    if let Some(url) = &args.api {
        relay::look(url, &mut report).await;
    }
    if let Some(url) = &args.status {
        services::node(url, &mut report).await;
    }
    Ok(report.end())
}
