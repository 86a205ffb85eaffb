//! Counters, as Prometheus reads them.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use tatum_protocol::web::AsOf;

/// Answers by the first digit of their status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    answers: Arc<[AtomicU64; 6]>,
}

impl Metrics {
    fn count(&self, status: u16) {
        let class = usize::from(status.checked_div(100).unwrap_or_default());
        if let Some(counter) = self.answers.get(class) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// In Prometheus' text form.
    pub(crate) fn render(&self, listeners: usize, newest: Option<AsOf>) -> String {
        let (block, time_s) = newest.map_or((0, 0), |newest| (newest.block, newest.time_s));
        let mut text = String::from(
            "# HELP tatum_api_answers_total Requests that were answered, by class of status.\n\
             # TYPE tatum_api_answers_total counter\n",
        );
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let count = counter.load(Ordering::Relaxed);
            // Writing to a string does not fail.
            let _ = writeln!(text, "tatum_api_answers_total{{status=\"{class}xx\"}} {count}");
        }
        let listeners = u64::try_from(listeners).unwrap_or(u64::MAX);
        let gauges = [
            ("listeners", "Event streams that are open", listeners),
            ("block", "The newest block that is known", block),
            (
                "block_timestamp_seconds",
                "When it was made, in Unix time; 0 if none is known",
                time_s,
            ),
        ];
        for (name, help, value) in gauges {
            let _ = writeln!(
                text,
                "# HELP tatum_api_{name} {help}.\n\
                 # TYPE tatum_api_{name} gauge\n\
                 tatum_api_{name} {value}"
            );
        }
        text
    }
}

/// Counts what is answered.
pub(crate) async fn count(
    State(metrics): State<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let response = next.run(request).await;
    metrics.count(response.status().as_u16());
    response
}
