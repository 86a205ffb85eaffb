//! `tatum node`: a relay node.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tatum_node::relay::{self, SharedFacts};

use super::node_status::{self, StatusUrl};
use super::node_top::{self, TopArgs};
use crate::args::{AggregatorArgs, ChainArgs, NodeKeyArgs, StreamArg, TrackerArgs};
use crate::config::ConfigArgs;
use crate::data_folder::DataFolder;
use crate::followed::Followed;
use crate::output::Output;
use crate::shutdown;

/// What to do with nodes.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run a relay until SIGINT or SIGTERM; then hand in the closing receipts
    #[command(
        after_help = "Example:\n  tatum node run --tracker http://127.0.0.1:7080 --aggregator http://127.0.0.1:7070 \\\n      --node-keystore node.json --data ./node --status 127.0.0.1:7090"
    )]
    Run(Box<RunArgs>),
    /// Print what a running node says of itself
    #[command(after_help = "Example:\n  tatum node status --status http://127.0.0.1:7090 --json")]
    Status(StatusUrl),
    /// Watch a running node: neighbours, streams, rates, delays, receipts, earnings
    #[command(after_help = "Example:\n  tatum node top --status http://127.0.0.1:7090")]
    Top(TopArgs),
}

/// How to run a relay.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    #[command(flatten)]
    trackers: TrackerArgs,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    /// Folder for receipts and acknowledgements
    #[arg(long, value_name = "DIR", default_value = "tatum-node")]
    data: PathBuf,
    /// UDP address of all links; all addresses of this machine unless given. Name a port to open in a firewall
    #[arg(long, value_name = "ADDRESS", default_value = "[::]:0")]
    bind: SocketAddr,
    /// Address told to peers instead, such as the public one; may be repeated
    #[arg(long, value_name = "ADDRESS")]
    advertise: Vec<SocketAddr>,
    /// Where /status, /health and /metrics are served
    #[arg(long, value_name = "ADDRESS")]
    status: Option<SocketAddr>,
    /// Stream partition to carry without being recruited, as ID or ID#PARTITION; may be repeated
    #[arg(long, value_name = "STREAM")]
    carry: Vec<StreamArg>,
    /// Streams that the tracker may recruit it to
    #[arg(long, default_value_t = 64)]
    capacity: u32,
    /// Name of the region it is in, for a tracker that cannot tell from its address
    #[arg(long, value_name = "NAME")]
    region: Option<String>,
    /// Seconds after an epoch's end in which its receipts are still taken; the aggregator's
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    grace: u64,
    /// Blocks on top of one before it is relied on
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    #[command(flatten)]
    key: NodeKeyArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => relay(*args).await,
        Command::Status(url) => node_status::run(&url, output).await,
        Command::Top(args) => node_top::run(&args).await,
    }
}

async fn relay(args: RunArgs) -> anyhow::Result<ExitCode> {
    let trackers = args.trackers.trackers()?;
    let _folder = DataFolder::take(&args.data)?;
    let network = Followed::new(&args.chain, args.confirmations).await?;
    let mut config = relay::Config::new(
        args.key.required()?,
        trackers,
        args.data,
        network.domain,
        SharedFacts::new(network.view.clone()),
        network.clock(),
    );
    if network.view.operator_of(config.key.id()).is_none() {
        tracing::warn!(
            node = %config.key.id(),
            "the node is not registered to an operator: it relays, but cannot earn; see `tatum operator add-node`"
        );
    }
    config.aggregator = Some(args.aggregator.url().to_owned());
    config.bind = args.bind;
    config.advertise = args.advertise;
    config.http = args.status;
    config.carry = args.carry.into_iter().map(StreamArg::named).collect();
    config.capacity = args.capacity;
    config.region = args.region;
    config.grace = Duration::from_secs(args.grace);
    relay::run(config, shutdown::requested()).await.context("running the relay")?;
    Ok(ExitCode::SUCCESS)
}
