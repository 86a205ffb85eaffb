//! What a node shows of itself: `/status` (JSON), `/health`, `/metrics` (Prometheus text).
//!
//! Invariant: read only; nothing here changes the node, and no key or payload appears.

use std::fmt::Write;
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use tatum_database::{NodeReceiptCounts, NodeStore};
use tatum_primitives::{Nano, NodeId};
use tatum_protocol::status::{Health, NodeReceipts, NodeStatus};
use tatum_protocol::{Problem, ProblemKind};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

use crate::engine::{Command, Status};
use crate::facts::SharedFacts;
use crate::submit::Submitter;

/// Where the picture comes from.
#[derive(Clone)]
pub(crate) struct StatusSource {
    pub(crate) node: NodeId,
    pub(crate) commands: mpsc::Sender<Command>,
    pub(crate) store: NodeStore,
    pub(crate) submitter: Option<Submitter>,
    pub(crate) facts: SharedFacts,
    pub(crate) ask_nano_per_gib: Option<Nano>,
}

/// Serves until the task is aborted.
pub(crate) async fn serve(listener: TcpListener, source: StatusSource) {
    let routes = Router::new()
        .route("/health", get(health))
        .route("/status", get(status))
        .route("/metrics", get(metrics))
        .fallback(unknown)
        .with_state(source);
    let (limits, forever) = (tatum_serve::Limits::default(), std::future::pending());
    if let Err(error) = tatum_serve::serve(listener, routes, limits, forever).await {
        tracing::error!(%error, "the status page has stopped");
    }
}

/// A part of the node that does not answer.
struct Silent(&'static str);

impl IntoResponse for Silent {
    fn into_response(self) -> Response {
        let Self(part) = self;
        let detail = format!("{part} does not answer");
        Problem::new(ProblemKind::Busy, detail).response().into_response()
    }
}

async fn unknown() -> Response {
    let detail = "a node shows /health, /status and /metrics";
    Problem::new(ProblemKind::NotFound, detail).response().into_response()
}

impl StatusSource {
    async fn engine(&self) -> Result<Status, Silent> {
        let (reply, status) = oneshot::channel();
        let asked = self.commands.send(Command::Status(reply)).await;
        asked.map_err(|_| Silent("the engine"))?;
        status.await.map_err(|_| Silent("the engine"))
    }

    async fn stored(&self) -> Result<NodeReceiptCounts, Silent> {
        self.store.counts().await.map_err(|error| {
            tracing::error!(%error, "the receipt store does not answer");
            Silent("the receipt store")
        })
    }

    fn handed_in(&self) -> [u64; 3] {
        let totals = self.submitter.as_ref().map(|submitter| &submitter.totals);
        totals.map_or([0; 3], |totals| {
            [&totals.handed_in, &totals.rejected, &totals.failures]
                .map(|total| total.load(Ordering::Relaxed))
        })
    }
}

fn connected(status: &Status) -> usize {
    status.trackers.iter().filter(|tracker| tracker.connected).count()
}

async fn health(State(source): State<StatusSource>) -> Result<Json<Health>, Silent> {
    let status = source.engine().await?;
    source.stored().await?;
    Ok(Json(Health { tracker: Some(connected(&status) > 0), ..Health::ok() }))
}

async fn status(State(source): State<StatusSource>) -> Result<Json<NodeStatus>, Silent> {
    let status = source.engine().await?;
    let stored = source.stored().await?;
    let [handed_in, rejections, hand_in_failures] = source.handed_in();
    Ok(Json(NodeStatus {
        node: source.node,
        operator_id: status.operator_id,
        ask_nano_per_gib: source.ask_nano_per_gib,
        tracker_connected: connected(&status) > 0,
        trackers: status.trackers,
        messages: status.counters,
        dropped_packets: status.dropped_packets,
        refused_datagrams: status.refused_datagrams,
        streams: status.streams,
        peers: status.peers,
        receipts: NodeReceipts {
            taken: status.receipts,
            kept: stored.kept,
            waiting_for_aggregator: stored.waiting,
            rejected_by_aggregator: stored.rejected,
            handed_in,
            rejections,
            hand_in_failures,
        },
    }))
}

async fn metrics(State(source): State<StatusSource>) -> Result<String, Silent> {
    let status = source.engine().await?;
    let stored = source.stored().await?;
    let counters = &status.counters;
    let [handed_in, rejected, failures] = source.handed_in();
    let unreceipted: u64 = status
        .peers
        .iter()
        .flat_map(|peer| &peer.payers)
        .map(|payer| payer.unreceipted_bytes)
        .sum();
    let counted = [
        ("messages_total", "Valid first copies of messages", counters.messages),
        ("message_bytes_total", "Payload bytes of first copies", counters.bytes),
        ("forwarded_total", "Copies sent to neighbours", counters.forwarded),
        ("duplicates_total", "Later copies received", counters.duplicates),
        ("invalid_total", "Messages with a wrong signature or form", counters.invalid),
        ("unwanted_total", "Messages of streams that are not carried", counters.unwanted),
        (
            "unpermitted_total",
            "Messages of publishers that the stream's owner does not permit",
            counters.unpermitted,
        ),
        ("untimely_total", "Messages made too long ago, or dated ahead", counters.untimely),
        ("malformed_total", "Packets that broke the protocol", counters.malformed),
        ("wanted_total", "Messages asked for again", counters.wanted),
        ("lost_total", "Messages that nobody could give", counters.lost),
        ("credit_stops_total", "Times service stopped for want of receipts", counters.credit_stops),
        (
            "quota_stops_total",
            "Times service was refused because a payer's quota was used up",
            counters.quota_stops,
        ),
        (
            "price_stops_total",
            "Times service was refused because a payer's stake paid less than the node asks, or nothing yet",
            counters.price_stops,
        ),
        ("claims_total", "Claims for parts of payers' quotas made to trackers", counters.claims),
        ("leases_total", "Claims that trackers answered", counters.leases),
        ("put_off_total", "Requests beyond what a link may make in a second", counters.put_off),
        ("over_rate_total", "Packets and messages over a rate", counters.over_rate),
        ("called_off_total", "Copies that neighbours called off", counters.called_off),
        ("graylisted_total", "Nodes put on the graylist", counters.graylisted),
        ("overclaimed_total", "Receipts for more than was delivered", counters.overclaimed),
        ("dropped_packets_total", "Packets refused by full queues", status.dropped_packets),
        ("refused_datagrams_total", "Datagrams of no link", status.refused_datagrams),
        (
            "receipts_accepted_total",
            "Receipts that were the newest of their key",
            status.receipts.accepted,
        ),
        ("receipts_handed_in_total", "Receipts that the aggregator answered for", handed_in),
        (
            "receipts_rejected_by_aggregator_total",
            "Receipts that the aggregator rejected",
            rejected,
        ),
        ("hand_in_failures_total", "Failed requests to the aggregator", failures),
    ];
    let followed =
        source.facts.block().map(|block| ("chain_block", "The block the chain was read to", block));
    let gauges = [
        ("links", "Open links", status.links as u64),
        ("streams", "Streams carried", status.streams.len() as u64),
        ("unreceipted_bytes", "Bytes served or accepted without a receipt", unreceipted),
        ("receipts_kept", "Receipts on disk", stored.kept),
        ("receipts_waiting", "Receipts that wait for the aggregator", stored.waiting),
        ("trackers", "Trackers of the deployment", status.trackers.len() as u64),
        ("trackers_connected", "Trackers that are connected", connected(&status) as u64),
    ];
    let ask = source.ask_nano_per_gib.map(|ask| {
        ("ask_nano_per_gib", "What is asked of payers' stakes, in nano a GiB of quota", ask.0)
    });
    let gauges: Vec<_> = gauges.into_iter().chain(followed).chain(ask).collect();
    let mut text = String::new();
    for (kind, values) in [("counter", counted.as_slice()), ("gauge", gauges.as_slice())] {
        for (name, help, value) in values {
            // Writing to a string does not fail.
            let _ = writeln!(
                text,
                "# HELP tatum_node_{name} {help}.\n\
                 # TYPE tatum_node_{name} {kind}\n\
                 tatum_node_{name} {value}"
            );
        }
    }
    text.push_str(
        "# HELP tatum_node_receipts_rejected_total Receipts that were not taken, by reason.\n\
         # TYPE tatum_node_receipts_rejected_total counter\n",
    );
    for (code, count) in &status.receipts.rejected {
        let _ = writeln!(text, "tatum_node_receipts_rejected_total{{code=\"{code}\"}} {count}");
    }
    Ok(text)
}
