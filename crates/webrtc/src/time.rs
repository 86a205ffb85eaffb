//! Times to come.
//!
//! Invariant: a time that no clock can show is taken for now, so that nothing waits for ever.

use std::time::{Duration, Instant};

pub(crate) fn later(now: Instant, by: Duration) -> Instant {
    now.checked_add(by).unwrap_or(now)
}
