//! Counters of the service in the Prometheus text format.
//!
//! Invariant: counting never blocks and never fails; label values come from fixed sets, so nobody outside can add series.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tatum_database::Outcome;
use tatum_primitives::millis;
use tatum_protocol::status::AggregatorReadiness;

/// Upper bounds of the duration histogram, in milliseconds.
const BOUNDS_MS: [u64; 9] = [1, 5, 10, 25, 50, 100, 250, 1000, 5000];

/// All counters of one service.
#[derive(Debug, Default)]
pub struct Metrics {
    accepted: AtomicU64,
    superseded: AtomicU64,
    duplicate: AtomicU64,
    evidence: AtomicU64,
    rejected: Mutex<BTreeMap<&'static str, u64>>,
    turned_away: AtomicU64,
    buckets: [AtomicU64; BOUNDS_MS.len()],
    submissions: AtomicU64,
    submission_ms: AtomicU64,
    epoch_finalized: AtomicU64,
    close_failures: AtomicU64,
    demands_open: AtomicU64,
    demands_answered: AtomicU64,
    leads: AtomicU64,
    /// Whether the first step was taken.
    started: AtomicBool,
}

impl Metrics {
    /// Counts what became of a receipt.
    pub fn outcome(&self, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Accepted => &self.accepted,
            Outcome::Superseded => &self.superseded,
            Outcome::Duplicate => &self.duplicate,
            Outcome::Evidence => &self.evidence,
            Outcome::Rejected(rejection) => {
                let mut rejected = self.rejected.lock().unwrap_or_else(PoisonError::into_inner);
                let count = rejected.entry(rejection.code()).or_default();
                *count = count.saturating_add(1);
                return;
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a submission answered after `took`.
    pub fn submission(&self, took: Duration) {
        let took_ms = millis(took);
        for (bound, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            if took_ms <= *bound {
                bucket.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.submissions.fetch_add(1, Ordering::Relaxed);
        self.submission_ms.fetch_add(took_ms, Ordering::Relaxed);
    }

    /// Counts a request turned away for lack of room.
    pub fn turned_away(&self) {
        self.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how many epochs are final.
    pub fn finalized(&self, epochs: u64) {
        self.epoch_finalized.store(epochs, Ordering::Relaxed);
    }

    /// Counts a failed attempt to move an epoch on.
    pub fn close_failed(&self) {
        self.close_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes how many demands for entries of the pending proposal wait for an answer.
    pub fn demands_open(&self, demands: usize) {
        self.demands_open.store(u64::try_from(demands).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts an answered demand.
    pub fn demand_answered(&self) {
        self.demands_answered.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether this process closes epochs.
    pub fn leads(&self, leads: bool) {
        self.leads.store(u64::from(leads), Ordering::Relaxed);
    }

    /// Whether this was asked before: true from the second time on.
    pub(crate) fn has_started(&self) -> bool {
        self.started.swap(true, Ordering::Relaxed)
    }

    /// The text that Prometheus reads, with what was found out about the service just now.
    pub fn render(&self, readiness: &AggregatorReadiness) -> String {
        let mut text = String::new();
        let AggregatorReadiness { database, chain, .. } = readiness;
        let name = "tatum_database_writable";
        head(&mut text, name, "gauge", "1 if the database and its disk take what is written");
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name} {}", u8::from(*database));
        let name = "tatum_chain_answers";
        head(&mut text, name, "gauge", "1 if the chain answered a short while ago");
        let _ = writeln!(text, "{name} {}", u8::from(*chain));
        self.render_receipts(&mut text);
        self.render_submissions(&mut text);
        let plain = [
            (
                "tatum_requests_turned_away_total",
                "counter",
                "Requests turned away for lack of room or for their record",
                &self.turned_away,
            ),
            ("tatum_epochs_finalized", "gauge", "Final epochs", &self.epoch_finalized),
            ("tatum_closes_epochs", "gauge", "1 if this process closes epochs", &self.leads),
            (
                "tatum_epoch_close_failures_total",
                "counter",
                "Failed attempts to move an epoch on",
                &self.close_failures,
            ),
            (
                "tatum_demands_open",
                "gauge",
                "Demands for entries of the pending proposal that wait for an answer",
                &self.demands_open,
            ),
            ("tatum_demands_answered_total", "counter", "Demands answered", &self.demands_answered),
        ];
        for (name, kind, help, value) in plain {
            head(&mut text, name, kind, help);
            let _ = writeln!(text, "{name} {}", value.load(Ordering::Relaxed));
        }
        text
    }

    fn render_receipts(&self, text: &mut String) {
        let name = "tatum_evidence_receipts_total";
        let help = "Receipts taken as evidence of delivery: channels pay them, and no epoch does";
        head(text, name, "counter", help);
        let _ = writeln!(text, "{name} {}", self.evidence.load(Ordering::Relaxed));
        head(text, "tatum_receipts_total", "counter", "Receipts that count or did, by outcome");
        let counted = [
            ("accepted", &self.accepted),
            ("superseded", &self.superseded),
            ("duplicate", &self.duplicate),
        ];
        for (outcome, value) in counted {
            let value = value.load(Ordering::Relaxed);
            let _ = writeln!(text, "tatum_receipts_total{{outcome=\"{outcome}\"}} {value}");
        }
        let name = "tatum_receipts_rejected_total";
        head(text, name, "counter", "Receipts that do not count, by reason");
        for (code, value) in self.rejected.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            let _ = writeln!(text, "{name}{{code=\"{code}\"}} {value}");
        }
    }

    fn render_submissions(&self, text: &mut String) {
        let name = "tatum_submission_duration_seconds";
        head(text, name, "histogram", "From a submission's arrival to its answer");
        for (bound_ms, bucket) in BOUNDS_MS.iter().zip(&self.buckets) {
            let (bound, count) = (seconds(*bound_ms), bucket.load(Ordering::Relaxed));
            let _ = writeln!(text, "{name}_bucket{{le=\"{bound}\"}} {count}");
        }
        let count = self.submissions.load(Ordering::Relaxed);
        let sum = seconds(self.submission_ms.load(Ordering::Relaxed));
        let _ = writeln!(
            text,
            "{name}_bucket{{le=\"+Inf\"}} {count}\n{name}_sum {sum}\n{name}_count {count}"
        );
    }
}

/// What stands above the values of a metric.
pub(crate) fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    let _ = writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}");
}

/// Milliseconds as seconds, exact and without needless zeros.
fn seconds(ms: u64) -> String {
    let text = format!("{}.{:03}", ms / 1_000, ms % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_receipt::Rejection;

    #[test]
    fn counters_are_rendered_with_their_labels() {
        let metrics = Metrics::default();
        metrics.outcome(&Outcome::Accepted);
        metrics.outcome(&Outcome::Evidence);
        metrics.outcome(&Outcome::Rejected(Rejection::NoStake { payer: Default::default() }));
        metrics.submission(Duration::from_millis(7));
        let text =
            metrics.render(&AggregatorReadiness { ready: false, database: true, chain: false });
        assert!(text.contains("tatum_database_writable 1\n"), "{text}");
        assert!(text.contains("tatum_chain_answers 0\n"));
        assert!(text.contains("tatum_receipts_total{outcome=\"accepted\"} 1\n"), "{text}");
        assert!(text.contains("tatum_evidence_receipts_total 1\n"), "{text}");
        assert!(text.contains("tatum_receipts_rejected_total{code=\"no_stake\"} 1\n"));
        assert!(text.contains("tatum_submission_duration_seconds_bucket{le=\"0.005\"} 0\n"));
        assert!(text.contains("tatum_submission_duration_seconds_bucket{le=\"0.01\"} 1\n"));
        assert!(text.contains("tatum_submission_duration_seconds_bucket{le=\"1\"} 1\n"));
        assert!(text.contains("tatum_submission_duration_seconds_sum 0.007\n"));
    }
}
