//! Ours beside the peers', in one run: `tatum-peers aggregate|relay PATH_OF_TATUM [--json]`.
//!
//! Figures per core are over the processor time of one thread, so that other load on the machine moves them little; all
//! other figures are over wall-clock time and use every core.

mod aggregate;
mod audit;
mod clock;
mod gossip;
mod relay;
mod tap;
mod tatum;
mod trees;

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

/// The figures, by the names under which they are compared from run to run.
#[derive(Debug, Serialize)]
struct Figures {
    /// Every receipt of a request by another payer, all met before.
    aggregate_receipts_per_s_core: u64,
    /// Of a hundred payers.
    aggregate_100_payers_receipts_per_s_core: u64,
    /// Every receipt of a request by another payer, none met before.
    aggregate_first_met_receipts_per_s_core: u64,
    /// Of a dataset with a hundred receipts of each payer.
    audit_receipts_per_s_core: u64,
    /// Of a dataset with ten.
    audit_10_of_a_payer_receipts_per_s_core: u64,
    tap_receipts_per_s_core: u64,
    libsecp_recover_per_s_core: u64,
    ingest_receipts_per_s: u64,
    node_ingest_receipts_per_s: u64,
    rollup_10m_s: f64,
    rollup_10m_rss_mb: u64,
    tree_1m_s: f64,
    tree_1m_incremental_ratio: f64,
}

const USAGE: &str = "usage: tatum-peers aggregate|relay PATH_OF_TATUM [--json], tatum-peers gossip tcp|webrtc, or \
                     tatum-peers core";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let json = args.get(2) == Some(&"--json");
    let done = match args.as_slice() {
        // The relay that `relay` starts.
        ["gossip-relay", link] => gossip::Link::parse(link).and_then(gossip::relay_process),
        ["aggregate", tatum, ..] => measure(tatum).map(|figures| print(&figures, json)),
        ["relay", tatum, ..] => relay::measure(tatum).map(|figures| print(&figures, json)),
        ["gossip", link] => relay::gossip_alone(link),
        ["core"] => core_alone(),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn measure(tatum: &str) -> anyhow::Result<Figures> {
    progress("receipts, one core: ours and libsecp256k1 alone");
    let ours = aggregate::measure().context("verifying, checking and aggregating")?;
    progress("a dataset's receipts, one core: ours");
    let audit = audit::receipts_per_s(100).context("verifying a dataset")?;
    let audit_10 = audit::receipts_per_s(10).context("verifying a dataset of more payers")?;
    progress("receipts, one core: The Graph's TAP");
    let tap = tap::receipts_per_s().context("checking and aggregating with TAP")?;
    progress("trees of a million: ours and rs_merkle");
    let trees = trees::measure();
    eprintln!("   rs_merkle {:.2} s, ours {:.2} s", trees.rs_merkle_s, trees.full_s);
    progress("receipts over HTTP into SQLite");
    let ingest = tatum::ingest(tatum).context("tatum bench ingest")?;
    progress("a relay's outbox over HTTP into SQLite");
    let node_ingest = tatum::node_ingest(tatum).context("tatum bench outbox")?;
    progress("closing an epoch of 10 million receipts");
    let rollup = tatum::rollup(tatum).context("tatum bench rollup")?;
    Ok(Figures {
        aggregate_receipts_per_s_core: ours.distinct_per_s as u64,
        aggregate_100_payers_receipts_per_s_core: ours.few_payers_per_s as u64,
        aggregate_first_met_receipts_per_s_core: ours.first_met_per_s as u64,
        audit_receipts_per_s_core: audit as u64,
        audit_10_of_a_payer_receipts_per_s_core: audit_10 as u64,
        tap_receipts_per_s_core: tap as u64,
        libsecp_recover_per_s_core: ours.recover_per_s as u64,
        ingest_receipts_per_s: ingest.receipts_per_s as u64,
        node_ingest_receipts_per_s: node_ingest.receipts_per_s as u64,
        rollup_10m_s: round(rollup.rollup_s),
        rollup_10m_rss_mb: rollup.peak_rss_mb as u64,
        tree_1m_s: round(trees.full_s),
        tree_1m_incremental_ratio: round(trees.incremental_ratio),
    })
}

/// What needs no service: receipts a core, beside the recovery of their signatures.
fn core_alone() -> anyhow::Result<()> {
    let ours = aggregate::measure()?;
    let [audit, audit_10] = [audit::receipts_per_s(100)?, audit::receipts_per_s(10)?];
    for (name, per_s) in [
        ("recover", ours.recover_per_s),
        ("aggregate, distinct payers", ours.distinct_per_s),
        ("aggregate, first met", ours.first_met_per_s),
        ("aggregate, 100 payers", ours.few_payers_per_s),
        ("audit, 100 of a payer", audit),
        ("audit, 10 of a payer", audit_10),
    ] {
        println!("{name:30} {per_s:.0}/s = {:.2} times", per_s / ours.recover_per_s);
    }
    Ok(())
}

fn progress(what: &str) {
    eprintln!("== {what}");
}

/// To a thousandth.
fn round(value: f64) -> f64 {
    (value * 1_000.0).round() / 1_000.0
}

fn print(figures: &impl Serialize, json: bool) {
    let value = serde_json::to_value(figures).unwrap_or_default();
    if json {
        println!("{value}");
        return;
    }
    for (name, figure) in value.as_object().into_iter().flatten() {
        println!("{name:30} {figure}");
    }
}
