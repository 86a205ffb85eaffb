//! `tatum publish`: one message a line.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tatum_node::client::{Keys, PublishStats, Publisher, Rotation};

use crate::args::StreamArg;
use crate::client::ClientArgs;
use crate::formats::{InputFormat, parse_rate};
use crate::output::Output;
use crate::shutdown;

/// How long relays may take to accept the last messages and receipts.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to publish, and how fast.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  echo '{\"temperature\": 21}' | tatum publish acme/weather --payer 0xf39F…2266\n  tail -f readings.jsonl | tatum publish acme/weather#3 --rate 100 --data ./publisher\n\nThe key in TATUM_SESSION_KEY signs (32 bytes of hex). Group keys are drawn here and given to subscribers that ask while this\nruns, unless one is given. Ends when its input ends, relays have accepted everything, and no subscriber has asked for a key for\nthree seconds."
)]
pub(crate) struct Args {
    /// The stream partition, as ID or ID#PARTITION
    stream: StreamArg,
    #[command(flatten)]
    client: ClientArgs,
    /// Messages per second, at most
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: Option<f64>,
    /// What a line of the input is. One that cannot be sent is named by its number; the rest goes on
    #[arg(long, value_enum, default_value = "lines")]
    format: InputFormat,
    /// Draw a new group key after so many messages
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    rotate_after: u64,
    /// Draw a new group key after so many seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3_600, value_parser = clap::value_parser!(u64).range(1..))]
    rotate_every: u64,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let (mut config, _network) = args.client.config().await?;
    if let Keys::Exchanged(rotation) = &mut config.keys {
        let interval = Duration::from_secs(args.rotate_every);
        *rotation = Rotation { messages: args.rotate_after, interval };
    }
    let stream = args.stream.clone().named();
    let mut publisher =
        Publisher::connect(config, &stream).await.context("connecting to the network")?;
    output.progress(format!("publishing to {}#{}", stream.id, stream.partition));
    let read = |line: &[u8]| args.format.payload(line);
    let published =
        publisher.publish_lines(tokio::io::stdin(), read, args.rate, shutdown::requested()).await;
    // Whatever ended it, what was published before is waited for and receipted.
    let stats = publisher.finish(PATIENCE).await;
    output.result(&stats, &rows(&stats));
    published.context("publishing")?;
    if stats.accepted < stats.published {
        let (missing, refusal) = (stats.published - stats.accepted, stats.refusal);
        let why = refusal.map(|refusal| format!(": {refusal}")).unwrap_or_default();
        bail!("{missing} of {} messages were accepted by no relay{why}", stats.published);
    }
    if stats.skipped > 0 {
        bail!("{} lines were not sent; each is named above with its reason", stats.skipped);
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(stats: &PublishStats) -> [(&'static str, String); 6] {
    [
        ("published", format!("{} messages, {} bytes", stats.published, stats.bytes)),
        ("accepted", stats.accepted.to_string()),
        (
            "group keys",
            format!("given to {} who asked, refused to {}", stats.keys_given, stats.keys_refused),
        ),
        ("receipts", format!("{} acknowledged", stats.receipts_acknowledged)),
        ("receipts open", stats.receipts_open.to_string()),
        ("took", format!("{} ms", stats.elapsed_ms)),
    ]
}
