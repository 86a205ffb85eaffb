//! `tatum api`: the web API and the page.

mod relay;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tatum_api::Config;
use tatum_node::TrackerAddress;

use self::relay::RelayArgs;
use crate::args::{AggregatorArgs, ChainArgs};
use crate::cmd::node_status::status_base;
use crate::config::ConfigArgs;
use crate::output::Output;
use crate::shutdown;

/// What to do with the web API.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Serve the web API and the page until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum api run\n  tatum api run --listen 0.0.0.0:7100 --rpc https://rpc.example --deployment mainnet.json --aggregator https://tatum.example\n  tatum api run --relay-key purse.json --relay-coin-per-hour 0.05 --relay-coin-per-address-hour 0.002\n\nThe page is at http://127.0.0.1:7100/, the API below /v1, its description at /openapi.json and, to try it, at /docs.\nNo key is needed: wallets sign what the API prepares. Only where the service is to pay the gas of others (--relay-key), it sends by itself."
    )]
    Run(Box<RunArgs>),
    /// Print the OpenAPI description
    #[command(after_help = "Example:\n  tatum api openapi > openapi.json")]
    Openapi,
}

/// How to serve.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where to listen (HTTP)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7100")]
    listen: SocketAddr,
    /// Where a relay serves its status, to be asked for its ask and what it carries now and then; may be repeated, up to 200
    #[arg(long = "relay-status", value_name = "URL", value_delimiter = ',')]
    relay_status: Vec<String>,
    /// A tracker, as URL or URL#KEY, to be asked for its streams now and then; may be repeated, up to 32. Nobody is asked otherwise
    #[arg(long, value_name = "URL", env = "TATUM_TRACKER", value_delimiter = ',')]
    tracker: Vec<TrackerAddress>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    relay: RelayArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    aggregator: AggregatorArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

/// How much is served.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct LimitArgs {
    /// Requests of one client a second, by IPv4 address or IPv6 network; four times that for a moment
    #[arg(long, value_name = "REQUESTS", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests_per_s: u32,
    /// Event streams open at the same time
    #[arg(long, value_name = "STREAMS", default_value_t = 1_000)]
    listeners: usize,
    /// Of these, of one client, by IPv4 address or IPv6 network
    #[arg(long, value_name = "STREAMS", default_value_t = 50)]
    listeners_per_client: usize,
    /// Blocks on top of one before the events in it are relied on
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    /// How often the chain is looked at, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(10..=600_000))]
    poll_ms: u64,
}

pub(crate) async fn run(command: Command, _: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run(args) => {
            let chain = args.chain.read_only().await?;
            let LimitArgs { requests_per_s, listeners, listeners_per_client, .. } = args.limits;
            let LimitArgs { confirmations, poll_ms, .. } = args.limits;
            let relaying = args.relay.relaying(&chain).await?;
            let config = Config {
                listen: args.listen,
                aggregator: args.aggregator.url().to_owned(),
                trackers: args.tracker.iter().map(TrackerAddress::http_url).collect(),
                relays: args.relay_status.iter().map(|url| status_base(url)).collect(),
                confirmations,
                poll: Duration::from_millis(poll_ms),
                requests_per_s,
                listeners,
                listeners_per_client,
                relay: relaying.as_ref().map(|relaying| relaying.settings.clone()),
            };
            tatum_api::run(config, chain, shutdown::requested())
                .await
                .context("serving the API")?;
        }
        Command::Openapi => print!("{}", tatum_api::openapi_json()?),
    }
    Ok(ExitCode::SUCCESS)
}
