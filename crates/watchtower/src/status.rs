//! `/metrics`, `/health` and `/ready` of a watchtower.
//!
//! Invariant: ready means that it looked a short while ago, at everything.

use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use axum::{Json, Router};
use tatum_protocol::status::Health;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::seen::{Seen, wall_s};

/// Without a look for so long, it is not ready.
const READY_S: u64 = 120;

/// Counters of one watchtower.
#[derive(Debug, Default)]
pub(crate) struct Status {
    channels: AtomicU64,
    exits: AtomicU64,
    answered: AtomicU64,
    unread: AtomicU64,
    alarms: AtomicU64,
    failures: AtomicU64,
    looked_at_s: AtomicU64,
}

impl Status {
    pub(crate) fn looked(&self, seen: &Seen) {
        self.channels.store(count(seen.channels), Ordering::Relaxed);
        self.unread.store(count(seen.unread), Ordering::Relaxed);
        self.exits.fetch_add(count(seen.exits), Ordering::Relaxed);
        self.answered.fetch_add(count(seen.answered), Ordering::Relaxed);
        self.looked_at_s.store(wall_s(), Ordering::Relaxed);
    }

    pub(crate) fn alarmed(&self, standing: usize) {
        self.alarms.store(count(standing), Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    fn render(&self) -> String {
        let all = [
            (
                "tatum_watchtower_channels",
                "gauge",
                "Channels that are watched over",
                &self.channels,
            ),
            (
                "tatum_watchtower_exits_total",
                "counter",
                "Exits seen, once for each look",
                &self.exits,
            ),
            ("tatum_watchtower_answered_total", "counter", "Exits answered", &self.answered),
            (
                "tatum_watchtower_unread",
                "gauge",
                "What could not be read at the last look",
                &self.unread,
            ),
            (
                "tatum_watchtower_alarms_standing",
                "gauge",
                "Alarms that stand: exits not answered in time, or nothing seen for long",
                &self.alarms,
            ),
            ("tatum_watchtower_failures_total", "counter", "Looks that failed", &self.failures),
            (
                "tatum_watchtower_looked_at_seconds",
                "gauge",
                "When it last looked at the chain, in Unix time",
                &self.looked_at_s,
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in all {
            let value = value.load(Ordering::Relaxed);
            // Writing to a string cannot fail.
            let _ = writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}\n{name} {value}");
        }
        text
    }
}

/// Serves until it is aborted.
pub(crate) async fn serve(
    address: SocketAddr,
    status: Arc<Status>,
) -> anyhow::Result<JoinHandle<()>> {
    let listener =
        TcpListener::bind(address).await.with_context(|| format!("listening on {address}"))?;
    let ready = async |State(status): State<Arc<Status>>| {
        let looked_at_s = status.looked_at_s.load(Ordering::Relaxed);
        if status.unread.load(Ordering::Relaxed) > 0 {
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "the chain, a folder, a file or a channel cannot be read",
            )
        } else if wall_s().saturating_sub(looked_at_s) < READY_S {
            (StatusCode::OK, "looking")
        } else {
            (StatusCode::SERVICE_UNAVAILABLE, "it has not looked at the chain for long")
        }
    };
    let metrics = async |State(status): State<Arc<Status>>| {
        ([(CONTENT_TYPE, "text/plain; version=0.0.4")], status.render())
    };
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(async || Json(Health::ok())))
        .route("/ready", get(ready))
        .with_state(status);
    Ok(tokio::spawn(async move {
        let (limits, forever) = (tatum_serve::Limits::default(), std::future::pending());
        if let Err(error) = tatum_serve::serve(listener, routes, limits, forever).await {
            tracing::error!(%error, "the status page ended");
        }
    }))
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
