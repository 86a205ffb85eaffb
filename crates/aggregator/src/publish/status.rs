//! `GET /health`, `/ready` and `/metrics`.
//!
//! Invariant: healthy means that the process answers; ready means that it can take receipts and close epochs.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use tatum_primitives::millis;
use tatum_protocol::status::{AggregatorReadiness, Health};

use super::Publication;

/// When the chain last answered.
#[derive(Clone, Debug)]
pub struct Pulse {
    started: Instant,
    last_ms: Arc<AtomicU64>,
    /// How long the chain may be silent.
    patience: Duration,
}

impl Pulse {
    /// A chain that answers now and may be silent for `patience`.
    pub fn new(patience: Duration) -> Self {
        Self { started: Instant::now(), last_ms: Arc::default(), patience }
    }

    /// Notes that the chain answered.
    pub fn beat(&self) {
        self.last_ms.fetch_max(millis(self.started.elapsed()), Ordering::Relaxed);
    }

    /// Whether it answered within its patience before `now`.
    pub(crate) fn is_beating(&self, now: Instant) -> bool {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        now.saturating_duration_since(self.started).saturating_sub(last) <= self.patience
    }
}

pub(super) async fn health() -> Json<Health> {
    Json(Health::ok())
}

pub(super) async fn ready(
    State(publication): State<Publication>,
) -> (StatusCode, Json<AggregatorReadiness>) {
    let database = publication.database.ping().await.is_ok();
    let chain = publication.pulse.is_beating(Instant::now());
    let readiness = AggregatorReadiness { ready: database && chain, database, chain };
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

pub(super) async fn metrics(
    State(publication): State<Publication>,
) -> ([(HeaderName, &'static str); 1], String) {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], publication.metrics.render())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_is_silent_for_too_long_is_not_beating() {
        let pulse = Pulse::new(Duration::from_secs(20));
        assert!(pulse.is_beating(pulse.started + Duration::from_secs(20)));
        assert!(!pulse.is_beating(pulse.started + Duration::from_secs(21)));
        pulse.last_ms.store(5_000, Ordering::Relaxed);
        assert!(pulse.is_beating(pulse.started + Duration::from_secs(25)));
    }
}
