//! Token buckets, and bounded maps of them: how much anybody may send in a second.
//!
//! Invariant: over any stretch of `t` milliseconds a bucket lets at most `burst + per_second · t /
//! 1000` units through. Levels are kept in thousandths, so nothing is lost to rounding.

use std::collections::BTreeMap;

/// A rate in units (bytes, messages, requests) per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// What flows back in a second.
    pub per_second: u64,
    /// What a rested bucket holds.
    pub burst: u64,
}

impl Rate {
    /// `per_second`, and twice that at once.
    #[must_use]
    pub const fn per_second(per_second: u64) -> Self {
        Self { per_second, burst: per_second.saturating_mul(2) }
    }
}

/// One account of units.
#[derive(Debug, Clone, Copy)]
pub struct Bucket {
    level_milli: u64,
    at_ms: u64,
}

impl Bucket {
    /// A rested bucket.
    #[must_use]
    pub const fn full(rate: Rate, now_ms: u64) -> Self {
        Self { level_milli: rate.burst.saturating_mul(1_000), at_ms: now_ms }
    }

    /// Takes `amount` if there is as much; nothing otherwise.
    pub fn take(&mut self, rate: Rate, amount: u64, now_ms: u64) -> bool {
        self.refill(rate, now_ms);
        match self.level_milli.checked_sub(amount.saturating_mul(1_000)) {
            Some(left) => {
                self.level_milli = left;
                true
            }
            None => false,
        }
    }

    fn refill(&mut self, rate: Rate, now_ms: u64) {
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(rate.per_second);
        let most = rate.burst.saturating_mul(1_000);
        self.level_milli = self.level_milli.saturating_add(gained).min(most);
        self.at_ms = self.at_ms.max(now_ms);
    }
}

/// Buckets of one rate by name, at most `capacity` of them.
#[derive(Debug)]
pub struct Limiter<K> {
    rate: Rate,
    capacity: usize,
    buckets: BTreeMap<K, Bucket>,
}

impl<K: Ord + Copy> Limiter<K> {
    /// No buckets yet.
    #[must_use]
    pub const fn new(rate: Rate, capacity: usize) -> Self {
        Self { rate, capacity, buckets: BTreeMap::new() }
    }

    /// Takes `amount` on the account of `key`, if it has as much.
    pub fn take(&mut self, key: K, amount: u64, now_ms: u64) -> bool {
        if !self.buckets.contains_key(&key) && self.buckets.len() >= self.capacity {
            self.forget_rested(now_ms);
        }
        let rate = self.rate;
        let bucket = self.buckets.entry(key).or_insert_with(|| Bucket::full(rate, now_ms));
        bucket.take(rate, amount, now_ms)
    }

    /// Drops buckets that are full again, since a new one would be the same; if there is none, the
    /// fullest.
    fn forget_rested(&mut self, now_ms: u64) {
        let rate = self.rate;
        let most = rate.burst.saturating_mul(1_000);
        self.buckets.retain(|_, bucket| {
            bucket.refill(rate, now_ms);
            bucket.level_milli < most
        });
        if self.buckets.len() >= self.capacity {
            let fullest = self.buckets.iter().max_by_key(|(_, bucket)| bucket.level_milli);
            if let Some(key) = fullest.map(|(key, _)| *key) {
                self.buckets.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bucket_refills_with_time_up_to_its_burst() {
        let rate = Rate { per_second: 10, burst: 5 };
        let mut bucket = Bucket::full(rate, 0);
        assert!(bucket.take(rate, 5, 0));
        assert!(!bucket.take(rate, 1, 99));
        assert!(bucket.take(rate, 1, 100));
        assert!(!bucket.take(rate, 6, 1_000_000));
        assert!(bucket.take(rate, 5, 1_000_000));
    }

    #[test]
    fn a_limiter_stays_within_its_capacity_and_keeps_the_busy_ones() {
        let mut limiter = Limiter::new(Rate { per_second: 1, burst: 3 }, 4);
        assert!(limiter.take(0, 3, 0));
        for key in 1..100 {
            limiter.take(key, 1, 0);
        }
        assert!(limiter.buckets.len() <= 4);
        assert!(!limiter.take(0, 1, 0), "the exhausted bucket was forgotten");
    }

    proptest! {
        #[test]
        fn no_more_passes_than_the_rate_allows(
            per_second in 1_u64..1_000,
            burst in 1_u64..1_000,
            steps in prop::collection::vec((0_u64..500, 1_u64..200), 1..100),
        ) {
            let rate = Rate { per_second, burst };
            let mut bucket = Bucket::full(rate, 0);
            let (mut now, mut passed) = (0, 0);
            for (gap, amount) in steps {
                now += gap;
                if bucket.take(rate, amount, now) {
                    passed += amount;
                }
                prop_assert!(passed * 1_000 <= burst * 1_000 + per_second * now);
            }
        }
    }
}
