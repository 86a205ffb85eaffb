//! The time that the page tells, corrected by what trackers say of theirs.
//!
//! Invariant: no tracker moves the clock by more than [`tatum_overlay::MOST_CORRECTED_MS`], and less than half of them do not move it.

use tatum_overlay::{Now, correction_ms};
use tatum_primitives::EpochSchedule;

/// A moment by the page's two clocks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// Milliseconds that never run backwards.
    pub monotonic_ms: u64,
    /// Milliseconds since 1970 by the machine's clock.
    pub machine_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Clock {
    schedule: EpochSchedule,
    moment: Moment,
    offset_ms: i64,
}

impl Clock {
    pub(crate) fn new(schedule: EpochSchedule, moment: Moment) -> Self {
        Self { schedule, moment, offset_ms: 0 }
    }

    /// It is so late now. A page whose timer went backwards is taken to have stood still.
    pub(crate) fn set(&mut self, moment: Moment) {
        let monotonic_ms = moment.monotonic_ms.max(self.moment.monotonic_ms);
        self.moment = Moment { monotonic_ms, ..moment };
    }

    pub(crate) const fn machine_ms(&self) -> u64 {
        self.moment.machine_ms
    }

    pub(crate) fn now(&self) -> Now {
        let wall_ms = self.moment.machine_ms.saturating_add_signed(self.offset_ms);
        let epoch = self.schedule.epoch_at_ms(wall_ms);
        Now { monotonic_ms: self.moment.monotonic_ms, wall_ms, epoch }
    }

    /// The trackers' clocks are ahead of ours by so much: theirs are gone by, unless that is next to nothing or beyond belief. False
    /// where it is beyond belief.
    #[must_use]
    pub(crate) fn correct(&mut self, ahead_ms: i64) -> bool {
        let by_ms = correction_ms(ahead_ms);
        self.offset_ms = by_ms.unwrap_or_default();
        by_ms.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock() -> Clock {
        let schedule = EpochSchedule { genesis_s: 0, length_s: 60 };
        Clock::new(schedule, Moment { monotonic_ms: 5, machine_ms: 100_000 })
    }

    #[test]
    fn trackers_correct_a_clock_so_far_and_no_further() {
        let mut clock = clock();
        assert!(clock.correct(20_000));
        assert_eq!((clock.now().wall_ms, clock.now().epoch.0), (120_000, 2));
        assert!(clock.correct(-200));
        assert_eq!(clock.now().wall_ms, 100_000);
        for far in [60_001, i64::MAX, i64::MIN] {
            assert!(!clock.correct(far));
            assert_eq!(clock.now().wall_ms, 100_000);
        }
    }

    #[test]
    fn a_timer_that_goes_backwards_stands_still() {
        let mut clock = clock();
        clock.set(Moment { monotonic_ms: 3, machine_ms: 0 });
        assert_eq!((clock.now().monotonic_ms, clock.now().wall_ms), (5, 0));
    }
}
