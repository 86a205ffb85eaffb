//! The time that epochs are measured in.
//!
//! Invariant: it never lags behind the chain's head, so an epoch the chain has ended takes no receipts as if it still
//! ran; between blocks the machine's clock carries it on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use tatum_primitives::millis;

/// A clock shared by everything that asks for the time.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    head_ms: Arc<AtomicU64>,
}

impl Clock {
    /// Milliseconds since 1970: the machine's time, or the chain's if that is later.
    pub fn now_ms(&self) -> u64 {
        wall_ms().max(self.head_ms.load(Ordering::Relaxed))
    }

    /// Takes note of the time of the chain's newest block.
    pub fn saw_head(&self, time_s: u64) {
        self.head_ms.fetch_max(time_s.saturating_mul(1000), Ordering::Relaxed);
    }
}

/// Milliseconds since 1970 by the machine's clock.
pub(crate) fn wall_ms() -> u64 {
    let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    millis(machine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_can_be_ahead_but_never_takes_time_back() {
        let clock = Clock::default();
        let machine = clock.now_ms();
        clock.saw_head(machine / 1000 + 3600);
        clock.saw_head(1);
        assert!(clock.now_ms() >= machine + 3_599_000);
    }
}
