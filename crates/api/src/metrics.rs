//! Counters, as Prometheus reads them.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;

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
    pub(crate) fn render(&self, listeners: usize, block: u64) -> String {
        let mut text = String::from(
            "# HELP tatum_api_answers_total Requests that were answered, by class of status.\n# TYPE tatum_api_answers_total counter\n",
        );
        for (class, counter) in self.answers.iter().enumerate().skip(1) {
            let count = counter.load(Ordering::Relaxed);
            // Writing to a string does not fail.
            let _ = writeln!(text, "tatum_api_answers_total{{status=\"{class}xx\"}} {count}");
        }
        let _ = write!(
            text,
            "# HELP tatum_api_listeners Event streams that are open.\n# TYPE tatum_api_listeners gauge\ntatum_api_listeners {listeners}\n\
             # HELP tatum_api_block The newest block that is known.\n# TYPE tatum_api_block gauge\ntatum_api_block {block}\n"
        );
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
