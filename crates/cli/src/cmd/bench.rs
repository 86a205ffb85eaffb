//! `tatum bench`: how fast this machine takes receipts in, and how fast it closes an epoch.

mod ingest;
mod rollup;

use std::process::ExitCode;

use crate::output::Output;

/// What to measure.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Load an intake on this machine with signed receipts over HTTP, each acknowledged once it is on disk
    #[command(
        after_help = "Examples:\n  tatum bench ingest\n  tatum bench ingest --receipts 1000000 --batch 1000 --json\n  tatum bench ingest --database postgres://tatum@localhost/bench\n\nThe receipts are signed beforehand. Load and intake share the machine's cores."
    )]
    Ingest(ingest::Args),
    /// Write the dataset of a made-up epoch and roll it up: from files to root, as when an epoch is closed
    #[command(
        after_help = "Examples:\n  tatum bench rollup --payers 100000\n  tatum bench rollup --payers 1000000 --memory-mib 256 --json\n\nTen receipts a payer. Signatures are taken as verified; 10 million receipts take 2 GB of disk."
    )]
    Rollup(rollup::Args),
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Ingest(args) => ingest::run(args, *output).await?,
        Command::Rollup(args) => rollup::run(args, *output).await?,
    }
    Ok(ExitCode::SUCCESS)
}
