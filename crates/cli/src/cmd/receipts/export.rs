//! `tatum receipts export`: receipts for another program.
//!
//! Invariant: what is exported as NDJSON or as a batch is read back as the same receipts, signatures and all.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, IsTerminal, Write, stdout};
use std::path::PathBuf;

use anyhow::{Context, ensure};
use tatum_protocol::receipts::{VERSION, encode_element};
use tatum_receipt::SignedReceipt;

use super::source::SourceArgs;
use crate::output::Output;

/// The columns of CSV, in the order of the signed fields.
const COLUMNS: &str = "leaf,payer,operator_id,node,stream_key,role,epoch,sequence,messages,bytes,bytes_on_time,reader,contents,channel,owed_wei,signature\n";

/// Which ones, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How they are written
    #[arg(long, value_enum, default_value_t = Format::Ndjson)]
    format: Format,
    /// File to write; otherwise standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How receipts are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// A JSON object a line
    Ndjson,
    /// Comma-separated values, with a head
    Csv,
    /// The bytes in which receipts are handed in
    Batch,
}

impl Format {
    fn head(self) -> Vec<u8> {
        match self {
            Self::Ndjson => Vec::new(),
            Self::Csv => COLUMNS.into(),
            Self::Batch => vec![VERSION],
        }
    }

    fn line(self, signed: &SignedReceipt) -> anyhow::Result<Vec<u8>> {
        Ok(match self {
            Self::Ndjson => {
                let mut line = serde_json::to_vec(signed)?;
                line.push(b'\n');
                line
            }
            Self::Csv => csv(signed).into_bytes(),
            Self::Batch => {
                let mut element = Vec::new();
                encode_element(&signed.clone().into(), &mut element);
                element
            }
        })
    }
}

fn csv(signed: &SignedReceipt) -> String {
    let receipt = &signed.receipt;
    let fields = [
        signed.leaf().to_string(),
        receipt.payer.to_string(),
        receipt.operator_id.to_string(),
        receipt.node.to_string(),
        receipt.stream_key.to_string(),
        format!("{:?}", receipt.role).to_lowercase(),
        receipt.epoch.to_string(),
        receipt.sequence.to_string(),
        receipt.messages.to_string(),
        receipt.bytes.to_string(),
        receipt.bytes_on_time.to_string(),
        receipt.reader.to_string(),
        receipt.contents.to_string(),
        receipt.channel.to_string(),
        receipt.owed.to_string(),
        signed.signature.to_string(),
    ];
    fields.join(",") + "\n"
}

pub(super) async fn run(args: &ExportArgs, output: Output) -> anyhow::Result<bool> {
    let binary = args.format == Format::Batch && args.out.is_none() && stdout().is_terminal();
    ensure!(!binary, "a batch is no text for a terminal: name a file with --out");
    let name =
        args.out.as_ref().map_or("standard output".into(), |file| file.display().to_string());
    let writing = || format!("writing {name}");
    let mut to: Box<dyn Write + Send> = match &args.out {
        Some(file) => Box::new(BufWriter::new(File::create(file).with_context(writing)?)),
        None => Box::new(BufWriter::new(stdout())),
    };
    let (mut receipts, mut is_read) = (0_u64, true);
    let mut write = |bytes: &[u8]| match to.write_all(bytes) {
        // Whoever read it, as `head`, has enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        written => written.map(|()| true).with_context(writing),
    };
    is_read &= write(&args.format.head())?;
    if is_read {
        let each = |signed: SignedReceipt| {
            receipts += 1;
            is_read = write(&args.format.line(&signed)?)?;
            Ok(is_read)
        };
        args.source.each(output, each).await?;
    }
    match to.flush() {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
        flushed => flushed.with_context(writing)?,
    }
    if args.out.is_some() {
        let rows = [("receipts", receipts.to_string()), ("file", name.clone())];
        output.result(&serde_json::json!({ "receipts": receipts, "file": name }), &rows);
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use tatum_aggregator::audit::held_receipts;
    use tatum_primitives::{Address, Domain};
    use tatum_receipt::{DeliveryReceipt, SessionKey, Verifier};

    use super::*;

    fn signed(sequence: u64) -> SignedReceipt {
        let key = SessionKey::from_bytes(&[7; 32]).unwrap();
        let domain = Domain { chain_id: 1, stake_pool: Address::ZERO };
        let receipt = DeliveryReceipt { payer: key.address(), sequence, ..Default::default() };
        SignedReceipt::sign(receipt, &key, &Verifier::new(domain))
    }

    #[test]
    fn what_is_exported_is_read_back_and_csv_has_a_cell_for_each_column() {
        let receipts = [signed(1), signed(2)];
        for format in [Format::Ndjson, Format::Batch] {
            let lines = receipts.iter().map(|signed| format.line(signed).unwrap());
            let file: Vec<u8> = std::iter::once(format.head()).chain(lines).flatten().collect();
            assert_eq!(held_receipts(&file).unwrap(), receipts, "{format:?}");
        }
        let cells = COLUMNS.split(',').count();
        assert_eq!(csv(&receipts[0]).split(',').count(), cells);
    }
}
