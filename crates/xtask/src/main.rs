//! Chores of the repository: the demo, and what the contract checks need beyond forge.

mod demo;
mod gas;
mod mutants;

use std::process::ExitCode;

use clap::Parser;

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
enum Command {
    /// Run the whole network on this machine and check every payout
    Demo(demo::Args),
    /// Measure the gas of whole transactions on anvil
    Gas(gas::Args),
    /// Change the contracts line by line and see whether the tests notice
    Mutants(mutants::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Demo(args) => demo::run(args).await,
        Command::Gas(args) => gas::run(args).await,
        Command::Mutants(args) => mutants::run(args),
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
