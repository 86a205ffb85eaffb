//! What a tracker counts, in the Prometheus text format.

use std::fmt::Write;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use super::Shared;

pub(super) async fn metrics(
    State(shared): State<Shared>,
) -> ([(HeaderName, &'static str); 1], String) {
    let summary = shared.lock().tracker.summary();
    let gauges = [
        ("relays", "Connected relays", summary.relays),
        ("clients", "Connected clients", summary.clients),
        ("permission_lists", "Streams with a permission list", summary.permission_lists),
        ("leases", "Parts of quotas that relays hold", summary.leases),
        ("streams", "Stream partitions that somebody takes part in", summary.streams),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "# HELP tatum_tracker_{name} {help}.\n\
             # TYPE tatum_tracker_{name} gauge\n\
             tatum_tracker_{name} {value}"
        );
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
