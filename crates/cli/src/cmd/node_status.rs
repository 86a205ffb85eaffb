//! `tatum node status`: what a running node says of itself.
//!
//! Invariant: read only; what is printed for machines is the node's `/status` as it is.

use std::process::ExitCode;

use anyhow::Context;
use tatum_overlay::node::PeerSummary;
use tatum_protocol::client::NodeClient;
use tatum_protocol::status::NodeStatus;

use crate::amounts::format_data;
use crate::output::Output;

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

/// Which trackers are not connected, if there are several; otherwise whether the one is.
pub(super) fn trackers(status: &NodeStatus) -> String {
    let gone: Vec<&str> =
        status.trackers.iter().filter(|of| !of.connected).map(|of| of.url.as_str()).collect();
    match (status.tracker_connected, status.trackers.len()) {
        (true, 2..) if gone.is_empty() => format!("all {} connected", status.trackers.len()),
        (true, 2..) => format!("connected, but not {}", gone.join(", ")),
        (true, _) => "connected".to_owned(),
        (false, _) => "NOT CONNECTED".to_owned(),
    }
}

impl StatusUrl {
    /// Asks the node.
    pub(super) async fn fetch(&self) -> anyhow::Result<NodeStatus> {
        status_at(&self.url).await
    }
}

/// The address of the server whose status is at `url`, which may lack the scheme and may have the path.
pub(super) fn status_base(url: &str) -> String {
    let base = url.trim_end_matches('/').trim_end_matches("/status");
    if base.contains("://") { base.to_owned() } else { format!("http://{base}") }
}

/// What the node says of itself that serves its status at `url`, with or without the scheme and the path.
pub(super) async fn status_at(url: &str) -> anyhow::Result<NodeStatus> {
    NodeClient::new(&status_base(url))?
        .status()
        .await
        .context("is the node running with `--status`, and is this its address?")
}

/// What a neighbour was served and has not signed for.
pub(super) fn unreceipted_bytes(peer: &PeerSummary) -> u64 {
    peer.payers.iter().fold(0, |sum, payer| sum.saturating_add(payer.unreceipted_bytes))
}

/// Whether service to a neighbour stopped for want of receipts.
pub(super) fn stopped(peer: &PeerSummary) -> bool {
    peer.payers.iter().any(|payer| payer.stopped)
}

pub(crate) async fn run(url: &StatusUrl, output: &Output) -> anyhow::Result<ExitCode> {
    let seen = url.fetch().await?;
    let relays = seen.peers.iter().filter(|peer| peer.relay).count();
    let unreceipted: u64 = seen.peers.iter().map(unreceipted_bytes).sum();
    let operator =
        seen.operator_id.map_or_else(|| "none: it cannot earn".to_owned(), |id| id.to_string());
    let ask = seen.ask_nano_per_gib.map_or_else(
        || "nothing of stakes".to_owned(),
        |ask| format!("{} per GiB", format_data(ask.to_wei())),
    );
    let rows = [
        ("node", seen.node.to_string()),
        ("operator", operator),
        ("asks", ask),
        ("tracker", trackers(&seen)),
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
        ("stopped by price", format!("{} times", seen.messages.price_stops)),
        ("receipts kept", seen.receipts.kept.to_string()),
        ("receipts waiting", seen.receipts.waiting_for_aggregator.to_string()),
        ("receipts rejected", seen.receipts.rejected_by_aggregator.to_string()),
    ];
    output.result(&seen, &rows);
    Ok(ExitCode::SUCCESS)
}
