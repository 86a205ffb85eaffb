//! `tatum watchtower`: redeems what nodes were given, in time.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use alloy::primitives::U256;
use anyhow::{Context, ensure};
use tatum_primitives::OperatorId;

use super::DIFFERS;
use super::stake::AccountArgs;
use crate::amounts::parse_data;
use crate::config::ConfigArgs;
use crate::output::Output;
use crate::shutdown;
use tatum_watchtower::{Config, run as watch};

/// What to do with watchtowers.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Answer the exits of payers with the newest receipts, and redeem when it pays, until SIGINT or SIGTERM
    #[command(
        after_help = "Examples:\n  tatum watchtower run --data relay-1 --data relay-2 --redeem-at 50 --keystore watchtower.json\n  tatum watchtower run --once --data relay-1 --keystore watchtower.json\n\nThe account needs the chain's coin for gas, and nothing else: the tokens go to the operator's payee. Several watchtowers do\nno harm. With --once it exits with 3 if an exit could not be answered, or something could not be read."
    )]
    Run(Box<RunArgs>),
}

/// How to watch.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Folder of a node, whose receipts are watched over; it may be running. May be repeated
    #[arg(long, value_name = "DIR")]
    data: Vec<PathBuf>,
    /// Receipts as they are handed in, or as they are shown; read again at each look. May be repeated
    #[arg(long, value_name = "FILE")]
    receipts: Vec<PathBuf>,
    /// Only this operator's
    #[arg(long, env = "TATUM_OPERATOR_ID")]
    operator: Option<OperatorId>,
    /// Redeem from channels that nobody is leaving once so much DATA is due in one of them; otherwise only exits are answered
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data)]
    redeem_at: Option<U256>,
    /// Leave lanes that less DATA is due of: redeeming each costs gas
    #[arg(long, value_name = "AMOUNT", value_parser = parse_data, default_value = "0")]
    lane_least: U256,
    /// How often the chain is looked at, in milliseconds
    #[arg(long, value_name = "MILLISECONDS", default_value_t = 4_000)]
    poll_ms: u64,
    /// An exit that is not answered so many minutes before its window is over is an alarm
    #[arg(long, value_name = "MINUTES", default_value_t = 30)]
    alarm_minutes: u64,
    /// Where alarms are posted as JSON, each until it is taken
    #[arg(long, value_name = "URL", env = "TATUM_WEBHOOK")]
    webhook: Option<String>,
    /// Where /metrics, /health and /ready are served
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// Look once and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let Command::Run(args) = command;
    let watches = !args.data.is_empty() || !args.receipts.is_empty();
    ensure!(
        watches,
        "nothing to watch over: name a node's folder by --data, or a file of receipts by --receipts"
    );
    if let Some(url) = &args.webhook {
        let is_web = url.starts_with("http://") || url.starts_with("https://");
        ensure!(is_web, "--webhook takes an http:// or https:// address");
    }
    let chain = args.account.connect().await?;
    let config = Config {
        folders: args.data,
        files: args.receipts,
        operator: args.operator,
        redeem_at_wei: args.redeem_at,
        lane_least_wei: args.lane_least,
        poll: Duration::from_millis(args.poll_ms.max(10)),
        alarm_before_s: args.alarm_minutes.saturating_mul(60),
        webhook: args.webhook,
        listen: args.listen,
        once: args.once,
    };
    let seen = watch(chain, config, shutdown::requested()).await.context("watching channels")?;
    if args.once {
        output.result(&seen, &seen.rows());
    }
    let failed = args.once && (seen.exits > seen.answered || seen.unread > 0);
    Ok(if failed { ExitCode::from(DIFFERS) } else { ExitCode::SUCCESS })
}
