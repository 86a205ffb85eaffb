//! `tatum simulate`: the network or its economy in one process, seeded and in virtual time.

mod economy;
mod network;

use std::process::ExitCode;

use crate::output::Output;

/// What to simulate.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// How messages spread over many nodes with the latencies of real cloud regions
    #[command(
        after_help = "Example:\n  tatum simulate network --nodes 544 --seed 1 --loss 5 --churn 10 --plot spread.svg"
    )]
    Network(network::NetworkArgs),
    /// What the rules of money do with payers, operators and attackers, and which bounds hold
    #[command(after_help = economy::EXAMPLES)]
    Economy(economy::EconomyArgs),
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Network(args) => network::run(args, output).await,
        Command::Economy(args) => economy::run(args, output).await,
    }
}
