//! A vault itself: made, looked at, kept.

use anyhow::{Context, ensure};
use tatum_chain::{Chain, streams_word};
use tatum_primitives::{Address, B256, Epoch};
use tatum_protocol::web::VaultSummary;

use super::{AccountArgs, changed, rows};
use crate::args::{ChainArgs, StreamArg};
use crate::confirm::ConfirmArgs;
use crate::output::Output;

/// Which vault, and who acts.
#[derive(Debug, clap::Args)]
pub(crate) struct OfArgs {
    /// The vault's address
    #[arg(long, value_name = "ADDRESS", env = "TATUM_VAULT")]
    pub(super) vault: Address,
    #[command(flatten)]
    pub(super) account: AccountArgs,
}

/// For whose streams, which, and until when.
#[derive(Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// A stream that is to be paid for, as ID or ID#PARTITION. May be repeated: the order does not matter
    #[arg(long, value_name = "STREAM", required_unless_present = "streams")]
    stream: Vec<StreamArg>,
    /// In place of streams, the word that their owner names them by: 32 bytes in hex
    #[arg(long, value_name = "WORD", conflicts_with = "stream", requires = "owner")]
    streams: Option<B256>,
    /// Whose streams; otherwise the address that their names begin with
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    /// The first epoch in which nothing is sponsored or staked any more
    #[arg(long, value_name = "EPOCH", required_unless_present = "epochs")]
    until: Option<Epoch>,
    /// In place of --until, how many epochs after the running one that is, up to 1000
    #[arg(long, value_name = "EPOCHS", conflicts_with = "until", value_parser = clap::value_parser!(u64).range(1..=1_000))]
    epochs: Option<u64>,
    #[command(flatten)]
    confirm: ConfirmArgs,
    #[command(flatten)]
    account: AccountArgs,
}

/// Which vault to show, and whose part of it.
#[derive(Debug, clap::Args)]
pub(crate) struct StatusArgs {
    /// The vault's address
    #[arg(long, value_name = "ADDRESS", env = "TATUM_VAULT")]
    vault: Address,
    /// Somebody who has shares of it, or has asked for them back
    #[arg(long, value_name = "ADDRESS")]
    account: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Which vaults to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// Only those for this owner's streams
    #[arg(long, value_name = "ADDRESS")]
    owner: Option<Address>,
    #[command(flatten)]
    chain: ChainArgs,
}

impl CreateArgs {
    /// Whose streams, and the word that names them.
    fn streams(&self) -> anyhow::Result<(Address, B256)> {
        let named = || "name the streams' owner with --owner: their names do not";
        if let Some(word) = self.streams {
            return Ok((self.owner.with_context(named)?, word));
        }
        let first = self.stream.first().context("name a stream")?;
        let owner = self.owner.or_else(|| first.id.owner()).with_context(named)?;
        for stream in &self.stream {
            let of = stream.id.owner().unwrap_or(owner);
            ensure!(of == owner, "{} is a stream of {of}, not of {owner}", stream.id);
        }
        let word = streams_word(self.stream.iter().map(StreamArg::key));
        Ok((owner, word.context("name a stream")?))
    }

    async fn vault(&self, chain: &Chain) -> anyhow::Result<VaultSummary> {
        let (owner, streams) = self.streams()?;
        let end = match (self.until, self.epochs) {
            (Some(until), _) => until,
            (None, epochs) => {
                let running = chain.terms().await?.epoch;
                Epoch(running.0.saturating_add(epochs.context("name the end")?))
            }
        };
        Ok(chain.sponsor_vault_for(owner, streams, end).await?)
    }
}

pub(super) async fn create(args: &CreateArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    chain.settle_open().await?;
    let of = args.vault(&chain).await?;
    chain.check_create_vault(&of).await?;
    let VaultSummary { vault, stream_owner, end_epoch, .. } = of;
    let what =
        format!("make {vault}, the vault for streams of {stream_owner} until epoch {end_epoch}");
    if args.confirm.agreed(&what, output)? {
        let transaction = chain.create_sponsor_vault(&of).await?;
        changed(&chain, vault, transaction, output).await?;
    }
    Ok(())
}

pub(super) async fn status(args: &StatusArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let status = chain.vault_status(args.vault, args.account).await?;
    output.result(&status, &rows(&status));
    Ok(())
}

pub(super) async fn list(args: &ListArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.chain.read_only().await?;
    let vaults = chain.sponsor_vaults(args.owner).await?;
    let line = |of: &VaultSummary| {
        let (vault, owner) = (of.vault.to_string(), of.stream_owner.to_string());
        vec![vault, owner, of.streams.to_string(), of.end_epoch.to_string()]
    };
    let lines: Vec<Vec<String>> = vaults.iter().map(line).collect();
    output.listing(&vaults, &["vault", "streams' owner", "streams", "ends"], &lines, &[]);
    if vaults.is_empty() {
        output.progress("there are none");
    }
    Ok(())
}

pub(super) async fn stake(args: &OfArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let transaction = chain.stake_sponsored(args.vault).await?;
    changed(&chain, args.vault, transaction, output).await
}

pub(super) async fn collect(args: &OfArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let transaction = chain.collect_sponsored(args.vault).await?;
    changed(&chain, args.vault, transaction, output).await
}

pub(super) async fn end(args: &OfArgs, output: Output) -> anyhow::Result<()> {
    let chain = args.account.connect().await?;
    let transaction = chain.end_sponsored(args.vault).await?;
    changed(&chain, args.vault, transaction, output).await
}
