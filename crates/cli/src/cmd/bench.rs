//! `tatum bench`: how fast this machine relays messages, takes receipts in, closes an epoch, and what channels cost.

mod channel;
mod ingest;
mod outbox;
mod relay;
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
    /// Let a relay with a full outbox hand it in to an intake on this machine, until it is on both disks
    #[command(
        after_help = "Examples:\n  tatum bench outbox\n  tatum bench outbox --receipts 200000 --json\n\nThe outbox is filled beforehand. Relay and intake share the machine's cores."
    )]
    Outbox(outbox::Args),
    /// Write the dataset of a made-up epoch and roll it up: from files to root, as when an epoch is closed
    #[command(
        after_help = "Examples:\n  tatum bench rollup --payers 100000\n  tatum bench rollup --payers 1000000 --json\n\nTen receipts a payer. Signatures are taken as verified; 10 million receipts take 2 GB of disk."
    )]
    Rollup(rollup::Args),
    /// Send signed messages of 1 KB through a relay in a process of its own: rate, delay, its work and its memory
    #[command(
        after_help = "Examples:\n  tatum bench relay\n  tatum bench relay --messages 1000000 --json\n\nPublisher, relay and subscribers share the machine's cores. Every message must arrive, in order."
    )]
    Relay(relay::Args),
    /// Sign and check the receipts of a payment channel; on a local chain also redeem them, and let a watchtower answer exits
    #[command(
        after_help = "Examples:\n  tatum bench channel\n  tatum bench channel --on-chain 0 --on-chain 1 --json --keystore payer.json\n\n`scripts/bench channel` starts a chain with operators for it. Channels that were opened to measure are left, and can be settled\nonce their windows are over."
    )]
    Channel(Box<channel::Args>),
    /// The relay that `tatum bench relay` starts
    #[command(hide = true)]
    RelayProcess(relay::process::Args),
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::Ingest(args) => ingest::run(args, *output).await?,
        Command::Outbox(args) => outbox::run(args, *output).await?,
        Command::Rollup(args) => rollup::run(args, *output).await?,
        Command::Relay(args) => relay::run(args, *output).await?,
        Command::Channel(args) => channel::run(*args, *output).await?,
        Command::RelayProcess(args) => relay::process::run(args).await?,
    }
    Ok(ExitCode::SUCCESS)
}
