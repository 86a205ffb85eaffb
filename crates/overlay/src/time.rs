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

/// No clock is corrected by more: one that is further off is to be set.
pub const MOST_CORRECTED_MS: i64 = 60_000;

/// A clock that is off by less is left alone: trackers' answers are not more exact.
const TOLERATED_MS: i64 = 250;

/// What the middle one of several clocks is ahead by: less than half of them do not move it.
#[must_use]
pub fn middle_ms(ahead_ms: impl Iterator<Item = i64>) -> Option<i64> {
    let mut all: Vec<i64> = ahead_ms.collect();
    all.sort_unstable();
    all.get(all.len().saturating_sub(1) / 2).copied()
}

/// By how much a clock is corrected that trackers' clocks are so far ahead of: not by what is next to nothing; `None` where it is beyond
/// belief.
#[must_use]
pub const fn correction_ms(ahead_ms: i64) -> Option<i64> {
    match ahead_ms.saturating_abs() {
        0..=TOLERATED_MS => Some(0),
        ..=MOST_CORRECTED_MS => Some(ahead_ms),
        _ => None,
    }
}

/// How far the clock of somebody whom we deal with directly may be from ours: what it signs for us is taken for so long, before and
/// after.
pub const CLOCKS_MS: u64 = 120_000;

/// How far ahead of our clock a message may be dated. It crosses hops that compare their clocks with their own neighbours' only, so an
/// honest one is given five times what two neighbours are.
pub const AHEAD_MS: u64 = 5 * CLOCKS_MS;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn less_than_half_of_the_clocks_do_not_move_the_middle() {
        assert_eq!(middle_ms([].into_iter()), None);
        assert_eq!(middle_ms([i64::MAX, 7, 5].into_iter()), Some(7));
        assert_eq!(middle_ms([i64::MIN, 7, i64::MIN, 8, 9].into_iter()), Some(7));
    }

    #[test]
    fn a_clock_is_corrected_so_far_and_no_further() {
        for (ahead_ms, by_ms) in [(0, 0), (250, 0), (-250, 0), (251, 251), (-60_000, -60_000)] {
            assert_eq!(correction_ms(ahead_ms), Some(by_ms));
        }
        for far in [60_001, -60_001, i64::MAX, i64::MIN] {
            assert_eq!(correction_ms(far), None);
        }
    }
}
