//! `tatum subscribe`: the messages of a stream on standard output, one a line.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use tatum_node::client::{Item, Position, Subscriber};

use crate::args::StreamArg;
use crate::client::ClientArgs;
use crate::formats::{MOST_HISTORY, OutputFormat, json_message, parse_from};
use crate::lines::Lines;
use crate::output::Output;
use crate::shutdown;

/// How long relays may take to acknowledge the closing receipts.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is written down how far the output was taken: what a killed process prints again at most.
const KEPT_EVERY: Duration = Duration::from_secs(1);

/// What to subscribe to.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  tatum subscribe acme/weather --payer 0xf39F…2266\n  tatum subscribe acme/weather#3 --data ./subscriber --json | jq .payload\n\nThe key in TATUM_SESSION_KEY signs receipts and asks publishers for group keys, unless one is given. With --json each line also has the\npublisher, the time and the number, and a payload that is no text is in payload_base64 instead of payload. Runs until SIGINT or SIGTERM, and then hands in its closing receipts."
)]
pub(crate) struct Args {
    /// The stream partition, as ID or ID#PARTITION
    stream: StreamArg,
    #[command(flatten)]
    client: ClientArgs,
    /// End after so many messages
    #[arg(long, value_name = "N")]
    count: Option<u64>,
    /// Where to begin with each publisher: oldest (all that relays still keep), now, or last:N. Without it, where the run before with
    /// the same --data left off, and at the oldest with whom it did not know
    #[arg(long, value_name = "WHERE", value_parser = parse_from)]
    from: Option<u64>,
    /// How payloads are printed without --json
    #[arg(long, value_enum, default_value = "lines")]
    format: OutputFormat,
}

pub(crate) async fn run(args: Args, output: &Output) -> anyhow::Result<ExitCode> {
    let (mut config, _network) = args.client.config().await?;
    config.resume = args.from.is_none();
    config.history = args.from.unwrap_or(MOST_HISTORY);
    let stream = args.stream.clone().named();
    let mut subscriber = Subscriber::connect(config, std::slice::from_ref(&stream))
        .await
        .context("connecting to the network")?;
    tracing::info!(stream = %stream.id, partition = stream.partition, "subscribed");
    let lines = Lines::start();
    print_all(&mut subscriber, &lines, &args, output).await;
    let (last, written) = lines.finish().await;
    keep(&subscriber, &last).await;
    let written = written.context("writing to standard output");
    // Whatever became of the output, what was delivered is receipted.
    let stats = subscriber.finish(PATIENCE).await;
    tracing::info!(
        messages = stats.messages,
        missing = stats.missing,
        unreadable = stats.unreadable,
        receipts_acknowledged = stats.receipts_acknowledged,
        receipts_open = stats.receipts_open,
        "unsubscribed"
    );
    written?;
    Ok(ExitCode::SUCCESS)
}

/// Prints messages until the user, the reader of our output or the count ends it.
async fn print_all(
    subscriber: &mut Subscriber,
    lines: &Lines<Position>,
    args: &Args,
    output: &Output,
) {
    let shutdown = shutdown::requested();
    tokio::pin!(shutdown);
    let mut ticks = tokio::time::interval(KEPT_EVERY);
    let mut printed = 0;
    while args.count.is_none_or(|count| printed < count) {
        let next = async {
            let room = lines.room().await?;
            Some((room, subscriber.next().await?))
        };
        let (room, item) = tokio::select! {
            next = next => match next {
                Some(next) => next,
                None => return,
            },
            () = &mut shutdown => return,
            _ = ticks.tick() => {
                keep(subscriber, &lines.written()).await;
                continue;
            }
        };
        match item {
            Item::Message(message) => {
                let line = if output.is_json() {
                    format!("{}\n", json_message(&message)).into_bytes()
                } else {
                    args.format.line(&message.payload)
                };
                room.send((line, message.position()));
                printed += 1;
            }
            Item::Gap(gap) => tracing::warn!(
                publisher = %gap.publisher, first = gap.first, last = gap.last,
                "messages are missing that no relay has any more"
            ),
            Item::Unreadable(message) => tracing::warn!(
                publisher = %message.publisher, sequence = message.sequence,
                "a message is sealed with a group key that nobody gave us"
            ),
        }
    }
}

/// Writes down how far the output was taken. If that fails, a later run prints again what is not written down.
async fn keep(subscriber: &Subscriber, written: &[Position]) {
    if let Err(error) = subscriber.keep(&newest(written)).await {
        tracing::warn!(%error, "cannot keep how far this run came");
    }
}

/// Of each chain the last position.
fn newest(written: &[Position]) -> Vec<Position> {
    let chains = written.iter().map(|at| ((at.stream, at.publisher, at.chain), *at));
    chains.collect::<BTreeMap<_, _>>().into_values().collect()
}
