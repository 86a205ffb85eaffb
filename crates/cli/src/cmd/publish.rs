//! `tatum publish`: one message a line.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use tatum_node::client::{PublishStats, Publisher};

use crate::client::ClientArgs;
use crate::output::Output;
use crate::shutdown;

/// How long relays may take to accept the last messages and receipts.
const PATIENCE: Duration = Duration::from_secs(15);

/// What to publish, and how fast.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  echo '{\"temperature\": 21}' | tatum publish acme/weather --payer 0xf39F…2266\n  tail -f readings.jsonl | tatum publish acme/weather#3 --rate 100 --data ./publisher\n\nThe key in TATUM_SESSION_KEY signs, the one in TATUM_GROUP_KEY seals (32 bytes of hex each). Ends when its input ends and\nrelays have accepted everything."
)]
pub(crate) struct Args {
    #[command(flatten)]
    client: ClientArgs,
    /// Messages per second, at most
    #[arg(long, value_name = "N")]
    rate: Option<f64>,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let (config, _network) = args.client.config().await?;
    let stream = args.client.stream();
    let mut publisher =
        Publisher::connect(config, &stream).await.context("connecting to the network")?;
    output.progress(format!("publishing to {}#{}", stream.id, stream.partition));
    publisher
        .publish_lines(tokio::io::stdin(), args.rate, shutdown::requested())
        .await
        .context("publishing")?;
    let stats = publisher.finish(PATIENCE).await;
    output.result(&stats, &rows(&stats));
    if stats.accepted < stats.published {
        bail!(
            "{} of {} messages were accepted by no relay",
            stats.published - stats.accepted,
            stats.published
        );
    }
    Ok(ExitCode::SUCCESS)
}

fn rows(stats: &PublishStats) -> [(&'static str, String); 5] {
    [
        ("published", format!("{} messages, {} bytes", stats.published, stats.bytes)),
        ("accepted", stats.accepted.to_string()),
        ("receipts", format!("{} acknowledged", stats.receipts_acknowledged)),
        ("receipts open", stats.receipts_open.to_string()),
        ("took", format!("{} ms", stats.elapsed_ms)),
    ]
}
