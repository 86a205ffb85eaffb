//! `tatum bridge`: other programs of this machine publish and subscribe.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, ensure};

use crate::args::state_folder;
use crate::bridge::{self, Token};
use crate::client::ClientArgs;
use crate::config::ConfigArgs;
use crate::output::Output;
use crate::shutdown;

/// The token's file unless another is named, in the folder of such things.
const TOKEN_FILE: &str = "bridge.token";

/// What to do with bridges.
#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Take messages from programs of this machine and hand messages to them, until SIGINT or SIGTERM
    #[command(
        after_help = "Example:\n  tatum bridge run --payer 0xf39F…2266 --session-keystore session.json --data ./bridge\n\n  curl -H \"Authorization: Bearer $(cat ~/.local/state/tatum/bridge.token)\" \\\n    --data-binary '{\"temperature\": 21}' http://127.0.0.1:7095/v1/streams/acme%2Fweather/messages\n\nPOST to /v1/streams/STREAM/messages publishes the body, or with Content-Type: application/x-ndjson each of its lines; it is answered\nwhen relays have accepted all. GET reads NDJSON, or with Accept: text/event-stream server-sent events; ?from=oldest, now or last:N says\nwhere to begin. /v1/streams/STREAM/socket is a WebSocket both ways. A / in STREAM is written %2F; ?partition=3 names another than 0.\n\nWith --mqtt-listen 127.0.0.1:1883 a topic is a stream's id as it is, ?partition=3 behind it for another partition than 0. QoS is 0 or 1; a message\nof QoS 1 is acknowledged when a relay has accepted it. There are no wildcards, retained messages or sessions."
    )]
    Run(RunArgs),
}

/// How to run a bridge.
#[derive(Debug, clap::Args)]
pub(crate) struct RunArgs {
    /// Where to listen (HTTP and WebSocket)
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7095")]
    listen: SocketAddr,
    /// Speak MQTT 3.1.1 and 5 here too; not unless said. The password is the token, the user name any
    #[arg(long, value_name = "ADDRESS")]
    mqtt_listen: Option<SocketAddr>,
    /// MQTT connections at the same time
    #[arg(long, value_name = "CONNECTIONS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..))]
    mqtt_connections: u16,
    /// Listen where other machines reach it too. Nothing is encrypted on the way: put something in between that does
    #[arg(long)]
    allow_remote: bool,
    /// File with the token that requests must have, made at the first start for its owner's eyes only; otherwise bridge.token in
    /// TATUM_STATE, or ~/.local/state/tatum
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Streams that are published to at the same time
    #[arg(long, value_name = "STREAMS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..))]
    streams: u16,
    /// Readers at the same time, sockets and MQTT's subscriptions among them
    #[arg(long, value_name = "READERS", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..))]
    readers: u16,
    #[command(flatten)]
    client: ClientArgs,
    #[command(flatten)]
    settings: ConfigArgs,
}

pub(crate) async fn run(command: Command, _: &Output) -> anyhow::Result<ExitCode> {
    let Command::Run(args) = command;
    for listen in [Some(args.listen), args.mqtt_listen].into_iter().flatten() {
        ensure!(
            args.allow_remote || listen.ip().is_loopback(),
            "{listen} can be reached from other machines; say --allow-remote if that is meant"
        );
    }
    ensure!(
        args.client.bind().port() == 0,
        "each stream has links of its own, which cannot all end at port {}; leave it out of --bind, or say 0",
        args.client.bind().port()
    );
    let file = match args.token_file {
        Some(file) => file,
        None => state_folder().context("name the token's file with --token-file")?.join(TOKEN_FILE),
    };
    let token = Token::load_or_draw(&file)?;
    let (client, _network) = args.client.config().await?;
    tracing::info!(token_file = %file.display(), "requests need the token in this file");
    let config = bridge::Config {
        listen: args.listen,
        mqtt: args.mqtt_listen.map(|listen| bridge::mqtt::Config {
            listen,
            connections: args.mqtt_connections.into(),
        }),
        is_remote: args.allow_remote,
        token,
        client,
        streams: args.streams.into(),
        readers: args.readers.into(),
    };
    bridge::serve(config, shutdown::requested()).await.context("running the bridge")?;
    Ok(ExitCode::SUCCESS)
}
