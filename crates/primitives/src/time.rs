//! Durations as the numbers that are written down.

use std::time::Duration;

/// Whole milliseconds; what does not fit, which takes half a thousand million years, is the most there is.
pub fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
