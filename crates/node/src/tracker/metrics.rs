//! What a tracker counts, in the Prometheus text format.

use std::fmt::Write;

use axum::extract::State;
use axum::http::HeaderName;
use axum::http::header::CONTENT_TYPE;

use super::Shared;
use crate::facts::SharedFacts;

pub(super) async fn metrics(
    State(shared): State<Shared>,
) -> ([(HeaderName, &'static str); 1], String) {
    let now = shared.config.clock.now();
    let summary = shared.lock().tracker.summary(&now);
    let gauges = [
        ("relays", "Connected relays", summary.relays),
        ("clients", "Connected clients", summary.clients),
        ("permission_lists", "Streams with a permission list", summary.permission_lists),
        ("leases", "Parts of quotas that relays hold", summary.leases),
        ("streams", "Stream partitions that somebody takes part in", summary.streams),
        ("judged_operators", "Operators that get no new streams", summary.judged_operators),
    ];
    let block = shared.config.facts.as_ref().and_then(SharedFacts::block);
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let followed =
        block.map(|block| ("chain_block", "The block the chain was read to", number(block)));
    let surveyed = summary.surveyed_epoch;
    let surveyed = surveyed.map(|epoch| {
        ("surveyed_epoch", "The newest epoch whose service is known", number(epoch.0))
    });
    let mut text = String::new();
    for (name, help, value) in gauges.into_iter().chain(followed).chain(surveyed) {
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
