//! `tatum devnet`: a whole network on this machine, with funded accounts, in one command.
//!
//! Invariant: everything is what users run, as processes of this binary with key files in the folder; only the chain's coin comes
//! from nowhere. Everything ends with this command, what needs others before them, the chain last.

mod folder;
mod fund;
mod processes;
mod stage;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::data_folder::DataFolder;
use crate::output::Output;
use crate::shutdown;
use folder::Folder;
use processes::Processes;

/// What to do with the network.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  tatum devnet\n  tatum devnet --data ./net --epoch-length 20 --relays 3 --json\n  tatum devnet fund 0xf39F…2266 --data ./net\n\nNeeds anvil: `npm install @foundry-rs/anvil`, or https://getfoundry.sh. Ctrl-C ends all of it; the same folder goes on where it stopped.\nThe clock goes on meanwhile: fees of the epochs that went by are taken at the next start, and stakes are filled up again."
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    run: RunArgs,
}

/// What to do with a network that runs.
#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Give an account the chain's coin and DATA
    #[command(after_help = "Example:\n  tatum devnet fund 0xf39F…2266 --amount 10000 --data ./net")]
    Fund(fund::Args),
}

/// How to run the network.
#[derive(Debug, clap::Args)]
struct RunArgs {
    /// Folder of the chain's state, keys, data and logs
    #[arg(long, value_name = "DIR", default_value = "tatum-devnet")]
    data: PathBuf,
    /// Seconds an epoch lasts, for a new folder; 60 unless given
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(10..=86_400))]
    epoch_length: Option<u64>,
    /// Relays, each of an operator of its own, for a new folder; 2 unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=16))]
    relays: Option<u16>,
    /// Take free ports instead of those that the commands ask by default, for a new folder
    #[arg(long)]
    free_ports: bool,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    match args.command {
        Some(Command::Fund(args)) => fund::run(&args, *output).await,
        None => network(&args.run, *output).await,
    }
}

async fn network(args: &RunArgs, output: Output) -> anyhow::Result<ExitCode> {
    let _lock = DataFolder::take(&args.data)?;
    let shutdown = shutdown::requested();
    tokio::pin!(shutdown);
    let mut processes = Processes::default();
    let ended = tokio::select! {
        ended = running(args, &mut processes, output) => ended,
        () = &mut shutdown => Ok(()),
    };
    output.progress("ending all of it …");
    let stopped = processes.stop().await;
    ended.and(stopped)?;
    Ok(ExitCode::SUCCESS)
}

/// Starts everything, tells about it, and stays until something ends that should not.
async fn running(args: &RunArgs, processes: &mut Processes, output: Output) -> anyhow::Result<()> {
    // Before anything is made that would be of no use without it.
    tatum_devnet::foundry("anvil")?;
    let folder = Folder::open(args, output)?;
    let chain = processes.start_chain(&folder).await?;
    let ready_at_ms = chain.hurry(Box::pin(stage::set(&folder, output))).await?;
    processes.start_services(&folder, output).await?;
    stage::until(ready_at_ms, output).await;
    told::tell(&folder, output)?;
    processes.watch().await
}
