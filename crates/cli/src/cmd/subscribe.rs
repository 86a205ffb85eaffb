//! `tatum subscribe`: the messages of a stream on standard output, one a line.

use std::io::{BufWriter, Write};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde_json::{Value, json};
use tatum_node::client::{Delivered, Item, Subscriber};
use tokio::time::{Instant, sleep_until};

use crate::client::ClientArgs;
use crate::output::Output;
use crate::shutdown;

/// How long relays may take to acknowledge the closing receipts.
const PATIENCE: Duration = Duration::from_secs(10);
/// Lines wait at most this long to be written together.
const FLUSH_AFTER: Duration = Duration::from_millis(20);

/// What to subscribe to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tatum subscribe acme/weather --payer 0xf39F…2266\n  tatum subscribe acme/weather#3 --data ./subscriber --json | jq .payload\n\nThe key in TATUM_SESSION_KEY signs receipts and asks publishers for group keys, unless one is given. With --json each line also has the\npublisher, the time and the number. Runs until SIGINT or SIGTERM, and then hands in its closing receipts."
)]
pub(crate) struct Args {
    #[command(flatten)]
    client: ClientArgs,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let (config, _network) = args.client.config().await?;
    let stream = args.client.stream();
    let mut subscriber = Subscriber::connect(config, std::slice::from_ref(&stream))
        .await
        .context("connecting to the network")?;
    tracing::info!(stream = %stream.id, partition = stream.partition, "subscribed");
    print_all(&mut subscriber, args.count, output).await.context("writing to standard output")?;
    let stats = subscriber.finish(PATIENCE).await;
    tracing::info!(
        messages = stats.messages,
        missing = stats.missing,
        unreadable = stats.unreadable,
        receipts_acknowledged = stats.receipts_acknowledged,
        receipts_open = stats.receipts_open,
        "unsubscribed"
    );
    Ok(ExitCode::SUCCESS)
}

/// Prints messages until the user or the count ends it. Lines are written together while more are waiting, but none
/// waits longer than [`FLUSH_AFTER`].
async fn print_all(
    subscriber: &mut Subscriber,
    count: Option<u64>,
    output: &Output,
) -> std::io::Result<()> {
    let mut lines = BufWriter::new(std::io::stdout());
    let mut flush_at = None;
    let shutdown = shutdown::requested();
    tokio::pin!(shutdown);
    let mut printed = 0;
    while count.is_none_or(|count| printed < count) {
        let flush = async {
            match flush_at {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            item = subscriber.next() => match item {
                None => break,
                Some(Item::Message(message)) => {
                    write_message(&mut lines, &message, output.is_json())?;
                    flush_at.get_or_insert_with(|| Instant::now() + FLUSH_AFTER);
                    printed += 1;
                }
                Some(Item::Gap(gap)) => tracing::warn!(
                    publisher = %gap.publisher, first = gap.first, last = gap.last,
                    "messages are missing that no relay has any more"
                ),
                Some(Item::Unreadable(message)) => tracing::warn!(
                    publisher = %message.publisher, sequence = message.sequence,
                    "a message is sealed with a group key that nobody gave us"
                ),
            },
            () = flush => {
                lines.flush()?;
                flush_at = None;
            }
            () = &mut shutdown => break,
        }
    }
    lines.flush()
}

fn write_message(to: &mut impl Write, message: &Delivered, json: bool) -> std::io::Result<()> {
    if !json {
        to.write_all(&message.payload)?;
        return to.write_all(b"\n");
    }
    // Text as text, anything else as hex.
    let payload: Value = match std::str::from_utf8(&message.payload) {
        Ok(text) => text.into(),
        Err(_) => alloy::primitives::hex::encode_prefixed(&message.payload).into(),
    };
    let line = json!({
        "stream": message.stream,
        "partition": message.partition,
        "publisher": message.publisher,
        "chain": message.chain,
        "sequence": message.sequence,
        "timestamp_ms": message.timestamp_ms,
        "payload": payload,
    });
    writeln!(to, "{line}")
}
