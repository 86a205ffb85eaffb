//! The figures that `tatum bench` measures, each in a process of its own so that its memory is its own.

use std::fmt;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Of `tatum bench ingest --json` and `tatum bench outbox --json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Ingest {
    pub(crate) receipts_per_s: f64,
}

/// Of `tatum bench rollup --json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Rollup {
    pub(crate) rollup_s: f64,
    pub(crate) peak_rss_mb: f64,
}

/// Of `tatum bench relay --json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Relay {
    pub(crate) relay_msgs_per_s: f64,
    pub(crate) relay_p99_us: f64,
    pub(crate) cpu_us_per_message: f64,
    pub(crate) rss_mb: f64,
    pub(crate) channel_ratio: f64,
    relay_p50_us: f64,
    recover_us: f64,
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { relay_msgs_per_s, relay_p50_us, relay_p99_us, .. } = self;
        let (work, recover) = (self.cpu_us_per_message, self.recover_us);
        write!(
            f,
            "{relay_msgs_per_s:.0} messages/s, p50 {relay_p50_us:.0} µs, p99 {relay_p99_us:.0} µs, \
             {work:.1} µs of CPU a message (4 subscribers), {:.2} times the recovery of one key ({recover:.1} µs)",
            work / recover
        )
    }
}

pub(crate) fn relay(tatum: &str, messages: u64, steady_s: u32) -> anyhow::Result<Relay> {
    let (messages, steady_s) = (messages.to_string(), steady_s.to_string());
    run(tatum, &["bench", "relay", "--json", "--messages", &messages, "--steady-s", &steady_s])
}

pub(crate) fn ingest(tatum: &str) -> anyhow::Result<Ingest> {
    run(tatum, &["bench", "ingest", "--json", "--batch", "1000"])
}

pub(crate) fn node_ingest(tatum: &str) -> anyhow::Result<Ingest> {
    run(tatum, &["bench", "outbox", "--json"])
}

pub(crate) fn rollup(tatum: &str) -> anyhow::Result<Rollup> {
    run(tatum, &["bench", "rollup", "--json", "--payers", "1000000", "--operators", "10000"])
}

fn run<T: DeserializeOwned>(tatum: &str, args: &[&str]) -> anyhow::Result<T> {
    let done =
        Command::new(tatum).args(args).env("RUST_LOG", "warn").stderr(Stdio::inherit()).output();
    let done = done.with_context(|| format!("running {tatum}"))?;
    let text = String::from_utf8_lossy(&done.stdout);
    ensure!(done.status.success(), "{}: {}", done.status, text.trim());
    serde_json::from_str(&text).with_context(|| format!("reading {text}"))
}
