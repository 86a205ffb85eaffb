//! `tatum aggregator`: receipts in, one provable distribution out.

mod rollup;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use alloy::primitives::U256;
use anyhow::Context;
use tatum_aggregator::Config;
use tatum_aggregator::ingest::Limits;
use tatum_aggregator::judge::Means;
use tatum_primitives::Nano;

use crate::amounts::parse_data;
use crate::args::ChainArgs;
use crate::config::ConfigArgs;
use crate::data_folder::DataFolder;
use crate::keys::{self, KeystoreArgs};
use crate::output::Output;
use crate::shutdown;

/// What to do with aggregators.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take receipts and close epochs until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum aggregator run --keystore proposer.json --data ./aggregator\n  tatum aggregator run --keystore proposer.json --database postgres://tatum@db/tatum --public-url https://tatum.example\n  tatum aggregator run --config aggregator.toml\n\nThe key signs proposals and posts a bond with each, which comes back when its window is over. Killed at any moment and started again, it pays what it would have paid."
    )]
    Run(Box<RunArgs>),
    /// Roll a dataset up again and compare what it comes to with what it states
    #[command(
        after_help = "Examples:\n  tatum aggregator rollup --dataset ./aggregator/datasets/0x…\n  tatum aggregator rollup --dataset ./aggregator/datasets/0x… --engine datafusion --json\n\nTrusts the receipts' signatures and the listed facts of the chain; tatum audit epoch trusts nothing. Exits with 3 if the engine's payouts differ, and names the first that do."
    )]
    Rollup(rollup::Args),
}

/// How to run an aggregator.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where to listen (HTTP)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070")]
    listen: SocketAddr,
    /// Folder of the datasets, and of the database unless --database names another
    #[arg(long, value_name = "DIR", default_value = "tatum-aggregator")]
    data: PathBuf,
    /// sqlite://PATH or postgres://…
    #[arg(long, value_name = "URL", env = "TATUM_DATABASE")]
    database: Option<String>,
    /// How auditors reach us, if not at the listening address
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Blocks on top of one before it is relied on
    #[arg(long, default_value_t = 0)]
    confirmations: u64,
    /// The most demands for the data of one proposal of somebody else's; each pays for its answer in the chain's coin
    #[arg(long, value_name = "DEMANDS", default_value_t = Means::default().demands)]
    demands: u32,
    /// How often the chain is looked at, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 1_000)]
    poll_ms: u64,
    /// The largest body of a request, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().body_bytes)]
    max_body_bytes: usize,
    /// The most receipts in one request
    #[arg(long, value_name = "RECEIPTS", default_value_t = Limits::default().receipts_per_request)]
    max_receipts_per_request: usize,
    /// Bytes of bodies under way at the same time
    #[arg(long, value_name = "BYTES", default_value_t = Limits::default().bytes_under_way)]
    max_bytes_under_way: usize,
    /// Requests of one client, by IP address, under way at the same time
    #[arg(long, value_name = "REQUESTS", default_value_t = Limits::default().requests_per_client)]
    max_requests_per_client: usize,
    /// For how long rejected receipts are kept with their reason, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 7 * 24)]
    rejections_hours: u64,
    /// How many rejected receipts are kept in all
    #[arg(long, value_name = "RECEIPTS", default_value_t = 100_000)]
    rejections_kept: u64,
    /// For how many final epochs receipts stay in the database, their datasets being on disk; otherwise for all
    #[arg(long, value_name = "EPOCHS")]
    keep_epochs: Option<u64>,
    /// Another aggregator of the deployment, whose receipts are taken in too before an epoch takes no more; may be repeated
    #[arg(long, value_name = "URL")]
    peer: Vec<String>,
    /// Ask operators to stand for the list of receipts (`tatum operator assent`): receipts are taken for half of the grace only, and what
    /// operators with more than half of the bond sign in the other half is what counts, with what is forced
    #[arg(long)]
    gather_assents: bool,
    /// The least reward in DATA for which the overage of a payer is filed, a tenth of what it is charged: what the gas is worth to you
    #[arg(long, value_name = "DATA", default_value = "1", value_parser = parse_data)]
    overage_reward: U256,
    /// After how many milliseconds another process on the same PostgreSQL takes over from one that is gone
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 15_000)]
    lease_ms: u64,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let args = match command {
        Command::Run(args) => args,
        Command::Rollup(args) => return rollup::run(args, *output).await,
    };
    let signer = keys::signer(&args.keystore.account().required()?)?;
    let _folder = DataFolder::take(&args.data)?;
    let mut config =
        Config::new(args.data, args.chain.endpoints.rpc.join(","), args.chain.deployment.file);
    config.listen = args.listen;
    config.database = args.database;
    config.public_url = args.public_url;
    config.confirmations = args.confirmations;
    config.demands = args.demands;
    config.poll_ms = args.poll_ms;
    config.limits = Limits {
        body_bytes: args.max_body_bytes,
        receipts_per_request: args.max_receipts_per_request,
        bytes_under_way: args.max_bytes_under_way,
        requests_per_client: args.max_requests_per_client,
    };
    config.rejections_hours = args.rejections_hours;
    config.rejections_kept = args.rejections_kept;
    config.keep_epochs = args.keep_epochs;
    config.peers = args.peer;
    config.gather_assents = args.gather_assents;
    config.overage_reward_nano =
        Nano::from_wei_down(args.overage_reward).context("reading --overage-reward")?;
    config.lease_ms = args.lease_ms;
    tatum_aggregator::run(config, signer, shutdown::requested())
        .await
        .context("running the aggregator")?;
    Ok(ExitCode::SUCCESS)
}
