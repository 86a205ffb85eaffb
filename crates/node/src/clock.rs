//! The time, as one thing that tests can replace.
//!
//! Invariant: `monotonic_ms` never runs backwards; epochs come from the wall clock and the chain's
//! schedule only. A wall clock that is corrected by what trackers say is so by [`tatum_overlay::MOST_CORRECTED_MS`] at most, so that a
//! tracker which lies moves nobody further.

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tatum_overlay::Now;
use tatum_primitives::{Epoch, EpochSchedule, millis};

/// Tells the time and the epoch.
pub trait Clock: Debug + Send + Sync {
    /// Milliseconds since 1970, as far as we know.
    fn wall_ms(&self) -> u64;
    /// The same by the machine's own clock, uncorrected.
    fn machine_ms(&self) -> u64 {
        self.wall_ms()
    }
    /// From now on the wall clock shows so much more than the machine's. A clock that cannot be corrected ignores it.
    fn correct(&self, _offset_ms: i64) {}
    /// Milliseconds since some fixed moment.
    fn monotonic_ms(&self) -> u64;
    /// When epochs begin and end.
    fn schedule(&self) -> EpochSchedule;

    /// All of it at once.
    fn now(&self) -> Now {
        let wall_ms = self.wall_ms();
        let epoch = self.schedule().epoch_at_ms(wall_ms);
        Now { monotonic_ms: self.monotonic_ms(), wall_ms, epoch }
    }

    /// The running epoch.
    fn epoch(&self) -> Epoch {
        self.now().epoch
    }
}

/// A time to come; one that no clock can show is taken for now, so that nobody waits for ever.
pub(crate) fn later(from: tokio::time::Instant, by: Duration) -> tokio::time::Instant {
    from.checked_add(by).unwrap_or(from)
}

/// The machine's clock.
#[derive(Debug, Clone)]
pub struct SystemClock {
    schedule: EpochSchedule,
    started: Instant,
    offset_ms: Arc<AtomicI64>,
}

impl SystemClock {
    /// With the chain's schedule of epochs.
    #[must_use]
    pub fn new(schedule: EpochSchedule) -> Self {
        Self { schedule, started: Instant::now(), offset_ms: Arc::default() }
    }
}

impl Clock for SystemClock {
    fn wall_ms(&self) -> u64 {
        self.machine_ms().saturating_add_signed(self.offset_ms.load(Ordering::Relaxed))
    }

    fn machine_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        millis(since)
    }

    fn correct(&self, offset_ms: i64) {
        self.offset_ms.store(offset_ms, Ordering::Relaxed);
    }

    fn monotonic_ms(&self) -> u64 {
        millis(self.started.elapsed())
    }

    fn schedule(&self) -> EpochSchedule {
        self.schedule
    }
}
