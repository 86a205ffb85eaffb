//! `/metrics`, `/health` and `/ready` of an auditor.
//!
//! Invariant: ready means that the chain answered a short while ago, or that an audit, which is bounded, is under way.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use tatum_protocol::AlarmKind;
use tatum_protocol::status::{AuditorReadiness, Health};

use super::state::Verdict;
use crate::http::with_fallbacks;
use crate::metrics::head;
use crate::publish::Pulse;

/// Counters of one auditor.
#[derive(Debug, Default)]
pub(super) struct AuditorMetrics {
    holds: AtomicU64,
    differs: AtomicU64,
    unavailable: AtomicU64,
    alarms: Mutex<[u64; AlarmKind::ALL.len()]>,
    standing: AtomicU64,
    newest_epoch: AtomicU64,
    failures: AtomicU64,
    looked_at_s: AtomicU64,
    undelivered: AtomicU64,
    webhook_failures: AtomicU64,
}

impl AuditorMetrics {
    /// Counts what an audit came to.
    pub(super) fn audited(&self, verdict: Verdict) {
        let counter = match verdict {
            Verdict::Unseen => return,
            Verdict::Holds => &self.holds,
            Verdict::Differs => &self.differs,
            Verdict::Unavailable => &self.unavailable,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts an alarm.
    pub(super) fn alarm(&self, kind: AlarmKind) {
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        for (count, _) in alarms.iter_mut().zip(AlarmKind::ALL).filter(|(_, of)| *of == kind) {
            *count = count.saturating_add(1);
        }
    }

    /// Notes how a look ended: alarms that stand, and the newest epoch with a distribution.
    pub(super) fn looked(&self, standing: usize, newest_epoch: u64) {
        self.standing.store(u64::try_from(standing).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.newest_epoch.store(newest_epoch, Ordering::Relaxed);
        self.looked_at_s.store(crate::clock::wall_ms() / 1000, Ordering::Relaxed);
    }

    /// Counts a look that failed.
    pub(super) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how many alarms wait for the webhook.
    pub(super) fn undelivered(&self, alarms: usize) {
        self.undelivered.store(u64::try_from(alarms).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts an alarm that the webhook did not take.
    pub(super) fn webhook_failed(&self) {
        self.webhook_failures.fetch_add(1, Ordering::Relaxed);
    }

    fn render(&self) -> String {
        let mut text = String::new();
        head(&mut text, "tatum_auditor_audits_total", "counter", "Audits, by what they came to");
        let results = [
            ("holds", &self.holds),
            ("differs", &self.differs),
            ("unavailable", &self.unavailable),
        ];
        // Writing to a string cannot fail.
        for (result, count) in results {
            let count = count.load(Ordering::Relaxed);
            let _ = writeln!(text, "tatum_auditor_audits_total{{result=\"{result}\"}} {count}");
        }
        head(&mut text, "tatum_auditor_alarms_total", "counter", "Alarms, by kind");
        let alarms = *self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        for (kind, count) in AlarmKind::ALL.into_iter().zip(alarms) {
            let kind = kind.name();
            let _ = writeln!(text, "tatum_auditor_alarms_total{{kind=\"{kind}\"}} {count}");
        }
        let plain = [
            (
                "tatum_auditor_alarms_standing",
                "gauge",
                "Proposals and distributions that an alarm stands for",
                &self.standing,
            ),
            (
                "tatum_auditor_newest_epoch",
                "gauge",
                "The newest epoch with a distribution",
                &self.newest_epoch,
            ),
            (
                "tatum_auditor_looked_at_seconds",
                "gauge",
                "When it last looked at everything, in Unix time",
                &self.looked_at_s,
            ),
            ("tatum_auditor_failures_total", "counter", "Looks that failed", &self.failures),
            (
                "tatum_auditor_alarms_undelivered",
                "gauge",
                "Alarms that wait for the webhook",
                &self.undelivered,
            ),
            (
                "tatum_auditor_webhook_failures_total",
                "counter",
                "Alarms that the webhook did not take",
                &self.webhook_failures,
            ),
        ];
        for (name, kind, help, value) in plain {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {}", value.load(Ordering::Relaxed));
        }
        text
    }
}

/// What the routes read.
#[derive(Clone, Debug)]
pub(super) struct Status {
    pub(super) metrics: Arc<AuditorMetrics>,
    pub(super) pulse: Pulse,
    /// An audit is under way.
    pub(super) auditing: Arc<AtomicBool>,
}

pub(super) fn router(status: Status) -> Router {
    let routes = Router::new()
        .route("/metrics", get(metrics))
        .route("/health", get(async || Json(Health::ok())))
        .route("/ready", get(ready));
    with_fallbacks(routes).with_state(status)
}

async fn metrics(State(status): State<Status>) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], status.metrics.render())
}

async fn ready(State(status): State<Status>) -> (StatusCode, Json<AuditorReadiness>) {
    let auditing = status.auditing.load(Ordering::Relaxed);
    let chain = auditing || status.pulse.is_beating(Instant::now());
    let code = if chain { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(AuditorReadiness { ready: chain, chain, auditing }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_alarm_has_a_series() {
        let metrics = AuditorMetrics::default();
        metrics.alarm(AlarmKind::Unavailable);
        metrics.audited(Verdict::Differs);
        let text = metrics.render();
        for kind in AlarmKind::ALL {
            let count = u64::from(kind == AlarmKind::Unavailable);
            let line = format!("tatum_auditor_alarms_total{{kind=\"{}\"}} {count}\n", kind.name());
            assert!(text.contains(&line), "{text}");
        }
        assert!(text.contains("tatum_auditor_audits_total{result=\"differs\"} 1\n"));
    }
}
