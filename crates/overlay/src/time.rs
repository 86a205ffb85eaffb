//! The time as the caller knows it.

use tatum_primitives::Epoch;

/// One moment, on the three scales that the overlay reckons with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds that never run backwards; for timers.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970 by the local clock; for latency only.
    pub wall_ms: u64,
    /// The running epoch.
    pub epoch: Epoch,
}
