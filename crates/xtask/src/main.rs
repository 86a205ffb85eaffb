//! Chores of the repository: the demo, the walls between crates, and what the contract checks need beyond forge.

mod abi;
mod adversary;
mod channel;
mod demo;
mod figures;
mod gas;
mod layers;
mod mutants;

use std::process::ExitCode;

use clap::Parser;

/// Chores of the repository.
#[derive(Debug, Parser)]
#[command(name = "xtask")]
enum Command {
    /// Lie about epochs at random and see whether a watcher disproves it
    Adversary(adversary::Args),
    /// Measure payment channels with a `tatum` on a chain of its own
    Channel(channel::Args),
    /// Run the whole network on this machine and check every payout
    Demo(demo::Args),
    /// Compile the contracts and remake abi/
    Abi(abi::Args),
    /// Simulate the networks of docs/network.md and the economies of docs/economics.md anew and write their figures there
    Figures(figures::Args),
    /// Check that crates stay within their layers, or draw them
    Layers(layers::Args),
    /// Measure the gas of whole transactions on anvil
    Gas(gas::Args),
    /// Change the contracts line by line and see whether the tests notice
    Mutants(mutants::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Command::parse() {
        Command::Adversary(args) => adversary::run(args),
        Command::Channel(args) => channel::run(args).await,
        Command::Demo(args) => demo::run(args).await,
        Command::Abi(args) => abi::run(&args),
        Command::Figures(args) => figures::run(&args),
        Command::Layers(args) => layers::run(&args),
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
