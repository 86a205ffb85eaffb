//! `tatum overage`: payers that signed for more than their quotas are billed by their own signatures.

use std::process::ExitCode;

use anyhow::{Context, bail};
use serde::Serialize;
use tatum_aggregator::audit::{DatasetSource, EpochOverages, overages};
use tatum_aggregator::overage::{Owed, file};
use tatum_chain::Chain;
use tatum_primitives::{Address, B256, Epoch};

use crate::amounts::format_data;
use crate::args::ChainArgs;
use crate::keys::KeystoreArgs;
use crate::output::Output;

/// What to do about overage.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List the payers that signed for more than their quotas in an epoch, and what they owe
    #[command(
        after_help = "Examples:\n  tatum overage list --epoch 7\n  tatum overage list --epoch 7 --dataset ./datasets --json\n\nUp to a twentieth of the quota, and as much again up to 64 MiB, nothing is owed."
    )]
    List(EpochArgs),
    /// Bill them, once the epoch is final; a tenth of what is charged goes to whoever files
    #[command(
        after_help = "Examples:\n  tatum overage file --epoch 7 --keystore anybody.json\n  tatum overage file --epoch 7 --payer 0xf39F…2266 --keystore anybody.json --json\n\nThe rest joins the pot of the running epoch. Exits with 1 if a bill was refused: filed before, or nothing left to charge."
    )]
    File(FileArgs),
}

/// Which epoch, and where its dataset is.
#[derive(Debug, clap::Args)]
pub(crate) struct EpochArgs {
    /// The epoch
    #[arg(long)]
    epoch: Epoch,
    /// Folder or URL of the dataset; otherwise where its proposer published it
    #[arg(long, value_name = "DIR|URL")]
    dataset: Option<String>,
    #[command(flatten)]
    chain: ChainArgs,
}

/// Whom to bill.
#[derive(Debug, clap::Args)]
pub(crate) struct FileArgs {
    #[command(flatten)]
    of: EpochArgs,
    /// Only this payer
    #[arg(long, value_name = "ADDRESS")]
    payer: Option<Address>,
    #[command(flatten)]
    keystore: KeystoreArgs,
}

#[derive(Serialize)]
struct Listed {
    epoch: Epoch,
    is_final: bool,
    overages: Vec<Owed>,
}

#[derive(Serialize)]
struct Filed {
    payer: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction: Option<B256>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<String>,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list(&args, *output).await,
        Command::File(args) => bill(&args, *output).await,
    }
}

async fn list(args: &EpochArgs, output: Output) -> anyhow::Result<ExitCode> {
    let chain = args.chain.read_only().await?;
    let EpochOverages { is_final, owed, .. } = of_epoch(&chain, args).await?;
    let lines: Vec<_> = owed.iter().map(line).collect();
    let stage = if is_final { "final" } else { "proposed, so nothing can be filed yet" };
    let rows = [("distribution", stage.to_owned()), ("payers", owed.len().to_string())];
    let listed = Listed { epoch: args.epoch, is_final, overages: owed };
    output.listing(&listed, &["payer", "quota", "signed for", "owes", "filed"], &lines, &rows);
    Ok(ExitCode::SUCCESS)
}

async fn bill(args: &FileArgs, output: Output) -> anyhow::Result<ExitCode> {
    let chain = args.of.chain.with_account(&args.keystore).await?;
    chain.settle_open().await?;
    let found = of_epoch(&chain, &args.of).await?;
    let mut due = found.owed.clone();
    due.retain(|owed| args.payer.is_none_or(|payer| payer == owed.payer));
    if due.is_empty() {
        let whom = args.payer.map_or_else(|| "nobody".to_owned(), |payer| format!("not {payer}"));
        bail!("who signed for more than its quota in epoch {}: {whom}", args.of.epoch);
    }
    due.retain(|owed| !owed.is_filed);
    if due.is_empty() {
        bail!("what is owed of epoch {} was filed before", args.of.epoch);
    }
    output.progress(format!("filing {} bills …", due.len()));
    let filed = file(&chain, &found.dataset, &due).await.context("filing")?;
    let filed: Vec<Filed> = filed.into_iter().map(|(payer, done)| told(payer, done)).collect();
    let rows: Vec<_> = filed.iter().map(|filed| ("bill", filed_row(filed))).collect();
    output.result(&filed, &rows);
    let all = filed.iter().all(|filed| filed.transaction.is_some());
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn of_epoch(chain: &Chain, args: &EpochArgs) -> anyhow::Result<EpochOverages> {
    let source = args.dataset.as_deref();
    let source = source.map(|text| DatasetSource::of_epoch(text, args.epoch));
    overages(chain, args.epoch, source).await.context("looking for overage")
}

fn told(payer: Address, done: Result<B256, tatum_chain::ChainError>) -> Filed {
    match done {
        Ok(transaction) => Filed { payer, transaction: Some(transaction), refused: None },
        Err(error) => {
            let refused = Some(format!("{:#}", anyhow::Error::from(error)));
            Filed { payer, transaction: None, refused }
        }
    }
}

fn filed_row(filed: &Filed) -> String {
    let Filed { payer, transaction, refused } = filed;
    let how = transaction.map(|transaction| transaction.to_string()).or_else(|| refused.clone());
    format!("{payer}: {}", how.unwrap_or_default())
}

fn line(owed: &Owed) -> Vec<String> {
    let filed = if owed.is_filed { "yes" } else { "no" };
    vec![
        owed.payer.to_string(),
        owed.quota_bytes.to_string(),
        owed.units.to_string(),
        format_data(owed.bill_wei),
        filed.to_owned(),
    ]
}

/// What a payer owes, in a sentence.
pub(crate) fn said_of(owed: &Owed) -> String {
    let Owed { payer, quota_bytes, units, bill_wei, is_filed, .. } = owed;
    let filed = if *is_filed { "billed" } else { "not billed yet" };
    let bill = format_data(*bill_wei);
    format!("{payer} signed for {units} bytes of a quota of {quota_bytes}: {bill}, {filed}")
}
