//! How much an audit may fetch.
//!
//! Invariant: what is spent never comes back, and nobody who shares a [`Budget`] spends more than is left.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::FetchError;

/// What one audit may fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FetchLimits {
    /// For how long, in seconds.
    pub seconds: u64,
    /// How much, in bytes.
    pub bytes: u64,
}

impl Default for FetchLimits {
    /// Ten minutes and 16 GiB: ten times an epoch of ten million receipts.
    fn default() -> Self {
        Self { seconds: 600, bytes: 16 << 30 }
    }
}

impl FetchLimits {
    /// The same where a proposal can be challenged for so many seconds: a server that is slow for a quarter of it has had its time, and the
    /// rest is for what follows from that.
    #[must_use]
    pub fn for_window(self, window_s: u64) -> Self {
        Self { seconds: self.seconds.min(window_s / 4).max(1), ..self }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub struct Budget {
    limits: FetchLimits,
    deadline: Instant,
    bytes: AtomicU64,
}

impl Budget {
    /// All of `limits`, from now on.
    pub fn new(limits: FetchLimits) -> Self {
        // Longer than this is for ever, and a clock cannot hold that.
        let seconds = limits.seconds.min(365 * 24 * 3600);
        let now = Instant::now();
        let deadline = now.checked_add(Duration::from_secs(seconds)).unwrap_or(now);
        Self { limits, deadline, bytes: AtomicU64::new(limits.bytes) }
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn too_slow(&self, url: &str) -> FetchError {
        FetchError::TooSlow { url: url.to_owned(), seconds: self.limits.seconds }
    }

    /// Takes `bytes` from what is left.
    pub(super) fn spend(&self, bytes: u64, url: &str) -> Result<(), FetchError> {
        let less = |left: u64| left.checked_sub(bytes);
        let spent = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        let limit_bytes = self.limits.bytes;
        spent.map(drop).map_err(|_| FetchError::TooMuch { url: url.to_owned(), limit_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_gets_a_quarter_of_the_challenge_window_and_never_more_than_the_limit() {
        let seconds = |window_s| FetchLimits::default().for_window(window_s).seconds;
        assert_eq!([0, 4, 600, 12 * 3_600].map(seconds), [1, 1, 150, 600]);
    }

    #[test]
    fn all_that_is_fetched_shares_one_budget() {
        let budget = Budget::new(FetchLimits { seconds: u64::MAX, bytes: 10 });
        budget.spend(6, "one").unwrap();
        assert!(matches!(
            budget.spend(5, "other"),
            Err(FetchError::TooMuch { limit_bytes: 10, .. })
        ));
        budget.spend(4, "other").unwrap();
        assert!(budget.spend(1, "other").is_err());
    }
}
