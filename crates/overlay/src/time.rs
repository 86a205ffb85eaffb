//! The time as the caller knows it, and how far others' may be from it.
//!
//! Invariant: no time that a stranger writes is believed beyond these bounds, before ours or after it.

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

/// How far the clock of somebody whom we deal with directly may be from ours: what it signs for us is taken for so long, before and
/// after.
pub const CLOCKS_MS: u64 = 120_000;

/// How far ahead of our clock a message may be dated. It crosses hops that compare their clocks with their own neighbours' only, so an
/// honest one is given five times what two neighbours are.
pub const AHEAD_MS: u64 = 5 * CLOCKS_MS;
