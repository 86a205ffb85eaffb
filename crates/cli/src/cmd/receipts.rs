//! `tatum receipts`: what payers signed, from an aggregator, a dataset or a node's folder, for people and for other programs.

mod export;
mod show;
mod source;
mod verify;

pub(crate) use source::kept_in;

use std::process::ExitCode;

use tatum_protocol::CountedReceipt;
use tatum_receipt::SignedReceipt;

use self::source::SourceArgs;
use super::DIFFERS;
use crate::output::Output;

/// What to do with receipts.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// List receipts of an epoch
    #[command(
        after_help = "Examples:\n  tatum receipts list --epoch 7 --operator 0\n  tatum receipts list --dataset ./datasets/0x4a62… --payer 0xf39F…2266 --json\n  tatum receipts list --data ./node --stream 0xf39F…2266/weather\n\nAn aggregator and a dataset have those that counted, a node's or client's folder those that it keeps."
    )]
    List(ListArgs),
    /// Show one receipt with the proof that it was counted
    #[command(
        after_help = "Examples:\n  tatum receipts show 0x6a09… --epoch 7\n  tatum receipts show 0x6a09… --epoch 7 --proof proof.json\n\nThe proof is checked here, and kept with --proof; `tatum audit receipt proof.json --on-chain` compares it with the chain.\nExits with 3 if a check fails."
    )]
    Show(show::ShowArgs),
    /// Write receipts out, for another program
    #[command(
        after_help = "Examples:\n  tatum receipts export --epoch 7 > receipts.ndjson\n  tatum receipts export --epoch 7 --payer 0xf39F…2266 --format csv --out receipts.csv\n  tatum receipts export --data ./node --format batch --out receipts.bin\n\nNDJSON and batches are what `tatum receipts verify`, `tatum audit epoch --receipts` and `tatum operator force` read."
    )]
    Export(export::ExportArgs),
    /// Check files of receipts, offline: form, bounds, signature
    #[command(
        after_help = "Examples:\n  tatum receipts verify receipts.ndjson\n  tatum receipts verify receipts.bin --on-chain\n\nWho signed is told; whether a session key may sign for its payer only the chain can say: --on-chain asks it. Exits with 3 if\na receipt does not hold."
    )]
    Verify(verify::VerifyArgs),
}

/// Which ones to list.
#[derive(Debug, clap::Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Pass over so many of those that fit
    #[arg(long, value_name = "RECEIPTS", default_value_t = 0)]
    offset: usize,
    /// How many
    #[arg(long, value_name = "RECEIPTS", default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(command: Command, output: &Output) -> anyhow::Result<ExitCode> {
    let ok = match command {
        Command::List(args) => list(&args, *output).await?,
        Command::Show(args) => show::run(&args, *output).await?,
        Command::Export(args) => export::run(&args, *output).await?,
        Command::Verify(args) => verify::run(&args, *output).await?,
    };
    Ok(if ok { ExitCode::SUCCESS } else { ExitCode::from(DIFFERS) })
}

async fn list(args: &ListArgs, output: Output) -> anyhow::Result<bool> {
    let (mut found, mut passed, mut more) = (Vec::new(), 0, false);
    args.source
        .each(output, |signed| {
            if passed < args.offset {
                passed += 1;
                return Ok(true);
            }
            more = found.len() == args.limit;
            if !more {
                found.push(counted(signed));
            }
            Ok(!more)
        })
        .await?;
    let lines: Vec<Vec<String>> = found.iter().map(line).collect();
    let heads = ["leaf", "epoch", "operator", "payer", "role", "messages", "bytes", "on time"];
    output.listing(&found, &heads, &lines, &[]);
    if found.is_empty() {
        output.progress("there are none");
    }
    if more {
        output.progress(format!("there are more: --offset {}", args.offset + found.len()));
    }
    Ok(true)
}

/// A receipt with the name it goes by.
fn counted(signed: SignedReceipt) -> CountedReceipt {
    CountedReceipt { leaf: signed.leaf(), receipt: signed.receipt, signature: signed.signature }
}

fn line(counted: &CountedReceipt) -> Vec<String> {
    let receipt = &counted.receipt;
    vec![
        counted.leaf.to_string(),
        receipt.epoch.to_string(),
        receipt.operator_id.to_string(),
        receipt.payer.to_string(),
        format!("{:?}", receipt.role).to_lowercase(),
        receipt.messages.to_string(),
        receipt.bytes.to_string(),
        receipt.bytes_on_time.to_string(),
    ]
}
