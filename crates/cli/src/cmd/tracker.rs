//! `tatum tracker`: introduces nodes to each other.

mod survey;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use survey::Surveyor;
use tatum_dataset::service::WHOLE_PPM;
use tatum_node::relay::SharedFacts;
use tatum_node::{NodeKey, tracker};
use tokio::sync::watch;

use crate::args::{ChainArgs, NodeKeyArgs};
use crate::config::ConfigArgs;
use crate::data_folder::DataFolder;
use crate::followed::Followed;
use crate::output::Output;
use crate::shutdown;

/// What to do with trackers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Run a tracker until SIGINT or SIGTERM
    #[command(
        after_help = "Example:\n  tatum tracker run --listen 0.0.0.0:7080 --stun 0.0.0.0:3478 --data ./tracker --node-keystore tracker.json\n\nOf each epoch that becomes final it works out how complete operators' service was, as tatum audit\nservice does. An operator below --least-bps, by the word of those who pay for more than half of its\nservice in a stream, gets no new streams for five epochs while others have room. A survey that cannot\nbe had changes nothing."
    )]
    Run(RunArgs),
}

/// How to run a tracker.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where nodes connect (HTTP and WebSocket)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7080")]
    listen: SocketAddr,
    /// UDP address for STUN requests
    #[arg(long, value_name = "ADDRESS")]
    stun: Option<SocketAddr>,
    /// Relays recruited for each stream that has clients, at least
    #[arg(long, default_value_t = 4)]
    relays_per_stream: usize,
    /// CSV file of `network,region` lines, such as `203.0.113.0/24,eu-west-1`
    #[arg(long, value_name = "FILE")]
    geoip: Option<PathBuf>,
    /// Folder for the permission lists of streams
    #[arg(long, value_name = "DIR", default_value = "tatum-tracker")]
    data: PathBuf,
    /// Folder of datasets, or base URL of an aggregator, to survey how operators served; otherwise where each proposer published its
    /// own
    #[arg(long, value_name = "DIR|URL")]
    survey: Option<String>,
    /// Give no new streams to operators whose completeness in one was below so many basis points; 0 surveys nothing
    #[arg(long, value_name = "BPS", default_value_t = 9_900, value_parser = clap::value_parser!(u16).range(0..=10_000))]
    least_bps: u16,
    #[command(flatten)]
    key: NodeKeyArgs,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, _: &Output) -> anyhow::Result<ExitCode> {
    let Command::Run(args) = command;
    let _folder = DataFolder::take(&args.data)?;
    let network = Followed::new(&args.chain, 0).await?;
    let key = match args.key.find()? {
        Some(key) => key,
        None => {
            tracing::info!(
                "no key given: this tracker has a new one each time, which no node can pin"
            );
            NodeKey::from_bytes(&rand::random())
        }
    };
    let mut config = tracker::Config::new(key, args.listen, network.clock());
    config.stun = args.stun;
    if let Some(path) = &args.geoip {
        config.regions = tracker::read_regions(path)?;
    }
    config.relays_per_stream = args.relays_per_stream;
    config.domain = Some(network.domain);
    config.data_dir = Some(args.data);
    config.facts = Some(SharedFacts::new(network.view.clone()));
    let surveying = if args.least_bps == 0 {
        None
    } else {
        let (surveys, found) = watch::channel(tracker::Surveys::new());
        config.surveys = Some(found);
        let (chain, clock) = (args.chain.read_only().await?, network.clock());
        let least_ppm = u64::from(args.least_bps) * (WHOLE_PPM / 10_000);
        let surveyor = Surveyor { chain, clock, place: args.survey, least_ppm, surveys };
        Some(tokio::spawn(surveyor.run()))
    };
    let run = tracker::run(config, shutdown::requested()).await;
    if let Some(surveying) = surveying {
        surveying.abort();
    }
    run.context("running the tracker")?;
    Ok(ExitCode::SUCCESS)
}
