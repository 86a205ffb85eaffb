//! Chores of the repository: the demo, and what the contract checks need beyond forge.

mod demo;
mod gas;

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
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Demo(args) => demo::run(args).await,
        Command::Gas(args) => gas::run(args).await,
    };
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
