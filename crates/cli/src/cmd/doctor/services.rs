//! Trackers, an aggregator, a running node: whether they answer, and what they say.

use tatum_aggregator::public_url::is_reachable;
use tatum_node::TrackerAddress;
use tatum_protocol::client::{AggregatorClient, TrackerClient};
use tatum_protocol::status::{NodeStatus, TrackerConnection};

use super::report::{Report, in_full};
use crate::args::TrackerArgs;
use crate::cmd::node_status::status_at;

/// A clock that is further off lets receipts say that nothing was on time.
const CLOCK_OFF_MS: u64 = 2_000;

/// Every tracker of the list.
pub(super) async fn trackers(args: &TrackerArgs, is_local: bool, report: &mut Report) {
    match args.trackers() {
        Ok(trackers) => {
            for tracker in trackers.list() {
                self::tracker(tracker, is_local, report).await;
            }
        }
        Err(error) => {
            report.problem("trackers", format!("{error:#}"), "mend --tracker or TATUM_TRACKER");
        }
    }
}

async fn tracker(tracker: &TrackerAddress, is_local: bool, report: &mut Report) {
    let url = tracker.http_url();
    let status = match TrackerClient::new(&url) {
        Ok(client) => client.status().await,
        Err(error) => Err(error),
    };
    match status {
        Ok(status) => {
            let known = status.summary;
            let found = format!("{url} answers; it knows {} relays and {} clients", known.relays, known.clients);
            report.ok("tracker", found);
        }
        Err(error) => report.problem(
            "tracker",
            in_full(error),
            "check the address with whoever runs the tracker; nodes and clients find nobody without one",
        ),
    }
    if !is_reachable(&url, is_local) {
        let found = format!("{url} is this machine to whoever reads it");
        report.warn("tracker", found, "name it by an address that other machines use, too");
    }
}

/// An aggregator as others reach it.
pub(super) async fn aggregator(url: &str, is_local: bool, report: &mut Report) {
    let epochs = match AggregatorClient::new(url) {
        Ok(client) => client.epochs(1).await,
        Err(error) => Err(error),
    };
    match epochs {
        Ok(epochs) => {
            let newest =
                epochs.first().map_or_else(|| "none".to_owned(), |newest| newest.epoch.to_string());
            report.ok("aggregator", format!("{url} answers; its newest epoch: {newest}"));
        }
        Err(error) => report.problem(
            "aggregator",
            in_full(error),
            "receipts wait at the nodes until it answers; check the address and `GET /ready` there",
        ),
    }
    if !is_reachable(url, is_local) {
        let found = format!("{url} is this machine to whoever reads it");
        report.problem(
            "aggregator",
            found,
            "run the aggregator with a --public-url that others can use",
        );
    }
}

/// A node that runs.
pub(super) async fn node(url: &str, report: &mut Report) {
    match status_at(url).await {
        Ok(status) => running(&status, report),
        Err(error) => report.problem(
            "node",
            format!("{error:#}"),
            "start it with `--status`, and name that address",
        ),
    }
}

fn running(status: &NodeStatus, report: &mut Report) {
    for tracker in &status.trackers {
        connection(tracker, report);
    }
    let waiting = status.receipts.waiting_for_aggregator;
    if status.receipts.hand_in_failures > 0 && waiting > 0 {
        let found = format!("{waiting} receipts wait for the aggregator, which did not answer");
        report.warn("node", found, "they are safe on disk; check the node's --aggregator");
    }
    let peers = status.peers.len();
    if status.operator_id.is_none() {
        let found = "the running node belongs to no operator and earns nothing";
        report.problem("node", found, "`tatum operator add-node` adds it");
    } else if peers == 0 {
        let found = "the running node has no neighbour";
        report.warn(
            "node",
            found,
            "wait for a stream to need it; if others have some, peers do not reach its UDP port",
        );
    } else {
        report.ok(
            "node",
            format!("it runs with {peers} neighbours in {} streams", status.streams.len()),
        );
    }
}

fn connection(tracker: &TrackerConnection, report: &mut Report) {
    if !tracker.connected {
        let found = format!("the running node is not connected to {}", tracker.url);
        report.problem("node", found, "see its log for the reason");
    }
    if tracker.key_used_elsewhere > 0 {
        let found = format!(
            "another process uses the node's key ({} times so far)",
            tracker.key_used_elsewhere
        );
        report.problem("node", found, "end one of the two, or give it a key of its own");
    }
    if tracker.clock_ahead_ms.is_some_and(|ahead| ahead.unsigned_abs() > CLOCK_OFF_MS) {
        let found = format!(
            "by {} the clock is {} ms ahead",
            tracker.url,
            tracker.clock_ahead_ms.unwrap_or_default()
        );
        report.warn("clock", found, "let the system keep it (systemd-timesyncd, chrony)");
    }
}
