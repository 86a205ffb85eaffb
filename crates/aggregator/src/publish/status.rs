//! `GET /health`, `/ready` and `/metrics`.
//!
//! Invariant: healthy means that the process answers; ready means that it can take receipts and close epochs, found out by
//! trying: something is written, at most once a second, whoever asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, StatusCode};
use tatum_database::Database;
use tatum_primitives::millis;
use tatum_protocol::status::{AggregatorReadiness, Health};

use tokio::sync::Mutex;

use super::Publication;

/// For so long what was found out about the disk is told again.
const PROBED_FOR: Duration = Duration::from_secs(1);

/// Whether something can be written.
#[derive(Clone, Debug)]
pub struct Probe {
    database: Database,
    last: Arc<Mutex<Option<(Instant, bool)>>>,
}

impl Probe {
    /// A probe of `database`.
    pub fn new(database: Database) -> Self {
        Self { database, last: Arc::default() }
    }

    /// Tries it, unless that was just done.
    async fn can_write(&self) -> bool {
        // Held while it is tried, so that many who ask try once.
        let mut last = self.last.lock().await;
        if let Some((at, can)) = *last
            && at.elapsed() < PROBED_FOR
        {
            return can;
        }
        let tried = self.database.try_write(crate::clock::wall_ms()).await;
        if let Err(error) = &tried {
            tracing::warn!(database = self.database.place(), %error, "nothing can be written");
        }
        *last = Some((Instant::now(), tried.is_ok()));
        tried.is_ok()
    }
}

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

async fn readiness(publication: &Publication) -> AggregatorReadiness {
    let database = publication.probe.can_write().await;
    let chain = publication.pulse.is_beating(Instant::now());
    AggregatorReadiness { ready: database && chain, database, chain }
}

pub(super) async fn ready(
    State(publication): State<Publication>,
) -> (StatusCode, Json<AggregatorReadiness>) {
    let readiness = readiness(&publication).await;
    let status = if readiness.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(readiness))
}

pub(super) async fn metrics(
    State(publication): State<Publication>,
) -> ([(HeaderName, &'static str); 1], String) {
    let text = publication.metrics.render(&readiness(&publication).await);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
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
