//! `tatum auditor`: watch every distribution, raise the alarm over what does not hold.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use tatum_aggregator::audit::FetchLimits;
use tatum_aggregator::auditor::{self, Config, Ended};
use tatum_aggregator::judge::Means;
use tatum_primitives::Epoch;

use super::DIFFERS;
use crate::args::ChainArgs;
use crate::config::ConfigArgs;
use crate::data_folder::DataFolder;
use crate::keys::{self, KeystoreArgs};
use crate::output::Output;
use crate::shutdown;

/// What to do with auditors.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Audit every distribution that is proposed or final, until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum auditor run --listen 127.0.0.1:7071 --webhook https://hooks.example/tatum\n  tatum auditor run --once --from 0\n  tatum auditor run --challenge --keystore auditor.json\n\nWith --once or --exit-on-alarm it exits with 3 if a proposal does not hold or its data is not to be had."
    )]
    Run(RunArgs),
}

/// How to run an auditor.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Folder of what is remembered across restarts, and of the newest datasets
    #[arg(long, value_name = "DIR", default_value = "tatum-auditor")]
    data: PathBuf,
    /// Folder of datasets, or base URL of an aggregator; otherwise where each proposer published its own
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    /// First epoch to audit; otherwise the newest final one, or where it stopped. Earlier epochs and their alarms are forgotten
    #[arg(long, value_name = "EPOCH")]
    from: Option<Epoch>,
    /// Where /metrics, /health and /ready are served
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Where alarms are posted as JSON, each until it is taken
    #[arg(long, value_name = "URL", env = "TATUM_WEBHOOK")]
    webhook: Option<String>,
    /// Disprove every wrong proposal, demand data that is withheld, answer such demands of right ones. Sends transactions, so it
    /// needs the account's key, and the chain's coin for gas; no stake
    #[arg(long)]
    challenge: bool,
    /// The most demands for the data of one proposal; each pays for its answer in the chain's coin
    #[arg(long, value_name = "DEMANDS", default_value_t = Means::default().demands)]
    demands: u32,
    /// Look once and end
    #[arg(long)]
    once: bool,
    /// End as soon as something does not hold
    #[arg(long)]
    exit_on_alarm: bool,
    /// How often the chain is looked at, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 5_000)]
    poll_ms: u64,
    /// For how long one audit may fetch, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = FetchLimits::default().seconds)]
    fetch_seconds: u64,
    /// How much one audit may fetch, in bytes
    #[arg(long, value_name = "BYTES", default_value_t = FetchLimits::default().bytes)]
    fetch_bytes: u64,
    #[command(flatten)]
    chain: ChainArgs,
    #[command(flatten)]
    keystore: KeystoreArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let Command::Run(args) = command;
    let _folder = DataFolder::take(&args.data)?;
    let mut config =
        Config::new(args.data, args.chain.endpoints.rpc.join(","), args.chain.deployment.file);
    let signer = if args.challenge {
        Some(keys::signer(&args.keystore.account().required()?)?)
    } else {
        None
    };
    if let Some(url) = &args.webhook {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        ensure!(is_web, "--webhook takes an http:// or https:// address");
    }
    config.dataset = args.dataset;
    config.from = args.from;
    config.listen = args.listen;
    config.webhook = args.webhook;
    config.challenge = args.challenge;
    config.means = Means { demands: args.demands };
    config.once = args.once;
    config.exit_on_alarm = args.exit_on_alarm;
    config.poll = Duration::from_millis(args.poll_ms.max(10));
    config.limits = FetchLimits { seconds: args.fetch_seconds, bytes: args.fetch_bytes };
    // Boxed, because it is large, and this function's own would carry it.
    let running = Box::pin(auditor::run(config, signer, shutdown::requested()));
    let ended = running.await.context("running the auditor")?;
    let Ended { alarms_standing, alarms_undelivered } = ended;
    if alarms_undelivered > 0 {
        output.progress(format!(
            "{alarms_undelivered} alarms are not delivered; the next start goes on with them"
        ));
    }
    let judges = args.once || args.exit_on_alarm;
    Ok(if judges && alarms_standing > 0 { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}
