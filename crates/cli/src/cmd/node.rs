//! `tatum node`: a relay node.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::U256;
use anyhow::Context;
use tatum_channel::Price;
use tatum_node::relay::{self, SharedFacts};
use tatum_overlay::channel_book::Offer;
use tatum_primitives::{Bps, Nano};

use super::node_status::{self, StatusUrl};
use super::node_top::{self, TopArgs};
use crate::amounts::{parse_ask, parse_data};
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
    /// Decline who paid less than so much DATA for a GiB of its quota in the last epoch. Who had no quota in it is served 32 MiB
    /// an epoch; `tatum operator prices` shows what payers paid
    #[arg(long, value_name = "AMOUNT", value_parser = parse_ask)]
    ask: Option<Nano>,
    #[command(flatten)]
    channels: OfferArgs,
    #[command(flatten)]
    key: NodeKeyArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

/// At what price payment channels are taken; without any of the two none are.
#[derive(Debug, clap::Args)]
struct OfferArgs {
    /// Take payment channels, at so much DATA per GiB delivered
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    price_per_gib: Option<U256>,
    /// Take payment channels, at so much DATA per 1 000 messages delivered
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    price_per_1000_messages: Option<U256>,
    /// DATA's worth that is delivered to a payer of a channel without a receipt, at most
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data, default_value = "1")]
    channel_credit: U256,
    /// Basis points of each channel's deposit that this node counts on; those of an operator's nodes sum up to 10 000 at most
    #[arg(long, value_name = "BPS", default_value_t = 10_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    channel_part: u16,
}

impl OfferArgs {
    fn offer(&self) -> anyhow::Result<Option<Offer>> {
        if self.price_per_gib.is_none() && self.price_per_1000_messages.is_none() {
            return Ok(None);
        }
        let wei = |amount: Option<U256>| {
            u128::try_from(amount.unwrap_or_default()).context("no price is that high")
        };
        let price = Price {
            per_gib_wei: wei(self.price_per_gib)?,
            per_1000_messages_wei: wei(self.price_per_1000_messages)?,
        };
        let unsigned_limit_wei = wei(Some(self.channel_credit))?;
        Ok(Some(Offer { price, unsigned_limit_wei }))
    }
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
    let network = match args.ask {
        Some(_) => Followed::with_fees(&args.chain, args.confirmations).await?,
        None => Followed::new(&args.chain, args.confirmations).await?,
    };
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
    config.ask_nano_per_gib = args.ask;
    config.offer = args.channels.offer()?;
    config.channel_part =
        Bps::new(args.channels.channel_part).context("a deposit has 10 000 basis points")?;
    relay::run(config, shutdown::requested()).await.context("running the relay")?;
    Ok(ExitCode::SUCCESS)
}
