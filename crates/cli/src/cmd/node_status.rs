//! `tatum node status`: what a running node says of itself.
//!
//! Invariant: read only; the names of the fields are those of the node's `/status`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, NodeId, OperatorId, StreamKey};

use crate::output::Output;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which node.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct StatusUrl {
    /// Where the node serves its status (`tatum node run --status`)
    #[arg(
        long = "status",
        value_name = "URL",
        env = "TATUM_NODE_STATUS",
        default_value = "http://127.0.0.1:7090"
    )]
    url: String,
}

/// The part of `/status` that is shown.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Snapshot {
    pub(crate) node: NodeId,
    pub(crate) operator_id: Option<OperatorId>,
    pub(crate) tracker_connected: bool,
    #[serde(default)]
    pub(crate) trackers: Vec<Tracker>,
    pub(crate) messages: Messages,
    #[serde(default)]
    pub(crate) dropped_packets: u64,
    pub(crate) streams: Vec<Stream>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) receipts: Receipts,
}

/// A tracker of the deployment.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Tracker {
    pub(crate) url: String,
    pub(crate) connected: bool,
}

impl Snapshot {
    /// Which trackers are not connected, if there are several; otherwise whether the one is.
    pub(crate) fn trackers(&self) -> String {
        let gone: Vec<&str> =
            self.trackers.iter().filter(|of| !of.connected).map(|of| of.url.as_str()).collect();
        match (self.tracker_connected, self.trackers.len()) {
            (true, 2..) if gone.is_empty() => format!("all {} connected", self.trackers.len()),
            (true, 2..) => format!("connected, but not {}", gone.join(", ")),
            (true, _) => "connected".to_owned(),
            (false, _) => "NOT CONNECTED".to_owned(),
        }
    }
}

/// Counters since the node's start.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Messages {
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) forwarded: u64,
    pub(crate) duplicates: u64,
    pub(crate) invalid: u64,
    pub(crate) wanted: u64,
    pub(crate) lost: u64,
    pub(crate) credit_stops: u64,
    pub(crate) quota_stops: u64,
}

/// A stream partition that it carries.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Stream {
    pub(crate) stream: StreamKey,
    pub(crate) assigned: usize,
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    /// Age of first copies when they came, a moving mean.
    #[serde(default)]
    pub(crate) delay_ms: Option<u64>,
}

/// A neighbour.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Peer {
    pub(crate) node: NodeId,
    pub(crate) relay: bool,
    pub(crate) operator_id: Option<OperatorId>,
    #[serde(default)]
    pub(crate) points: i64,
    pub(crate) streams: usize,
    pub(crate) payers: Vec<Account>,
}

/// A payer's account with the node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Account {
    pub(crate) payer: Address,
    pub(crate) unreceipted_bytes: u64,
    pub(crate) stopped: bool,
}

/// Receipts of the node.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Receipts {
    pub(crate) taken: Taken,
    pub(crate) kept: u64,
    pub(crate) waiting_for_aggregator: u64,
    pub(crate) refused_by_aggregator: u64,
    pub(crate) handed_in: u64,
}

/// Receipts it took since its start.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Taken {
    pub(crate) accepted: u64,
}

impl StatusUrl {
    /// Asks the node.
    pub(crate) async fn fetch(&self) -> anyhow::Result<Snapshot> {
        let base = self.url.trim_end_matches('/').trim_end_matches("/status");
        let base = if base.contains("://") { base.to_owned() } else { format!("http://{base}") };
        let url = format!("{base}/status");
        let ask = async {
            let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
            client.get(&url).send().await?.error_for_status()?.json::<Snapshot>().await
        };
        ask.await.with_context(|| {
            format!("asking {url}; is the node running with `--status`, and is this its address?")
        })
    }
}

impl Peer {
    /// What it was served and has not signed for.
    pub(crate) fn unreceipted_bytes(&self) -> u64 {
        self.payers.iter().fold(0, |sum, payer| sum.saturating_add(payer.unreceipted_bytes))
    }

    /// Whether service to it stopped for want of receipts.
    pub(crate) fn stopped(&self) -> bool {
        self.payers.iter().any(|payer| payer.stopped)
    }
}

pub(crate) async fn run(url: &StatusUrl, output: &Output) -> anyhow::Result<ExitCode> {
    let seen = url.fetch().await?;
    let relays = seen.peers.iter().filter(|peer| peer.relay).count();
    let unreceipted: u64 = seen.peers.iter().map(Peer::unreceipted_bytes).sum();
    let operator =
        seen.operator_id.map_or_else(|| "none: it cannot earn".to_owned(), |id| id.to_string());
    let rows = [
        ("node", seen.node.to_string()),
        ("operator", operator),
        ("tracker", seen.trackers()),
        ("streams", seen.streams.len().to_string()),
        ("neighbours", format!("{} ({relays} relays)", seen.peers.len())),
        ("messages", format!("{} ({} bytes)", seen.messages.messages, seen.messages.bytes)),
        ("forwarded", seen.messages.forwarded.to_string()),
        ("duplicates", seen.messages.duplicates.to_string()),
        ("invalid", seen.messages.invalid.to_string()),
        ("lost", seen.messages.lost.to_string()),
        ("without receipt", format!("{unreceipted} bytes")),
        ("stopped for receipts", format!("{} times", seen.messages.credit_stops)),
        ("stopped by quotas", format!("{} times", seen.messages.quota_stops)),
        ("receipts kept", seen.receipts.kept.to_string()),
        ("receipts waiting", seen.receipts.waiting_for_aggregator.to_string()),
        ("receipts refused", seen.receipts.refused_by_aggregator.to_string()),
    ];
    output.result(&seen, &rows);
    Ok(ExitCode::SUCCESS)
}
