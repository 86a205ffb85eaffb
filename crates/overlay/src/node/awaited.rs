//! Messages that a relay should bring after another one did.
//!
//! Invariant: a message is awaited once, for [`PATIENCE_MS`]; at most [`MAX_AWAITED`] are, and what goes beyond that is not held against
//! anybody.

use std::collections::{BTreeSet, VecDeque};

use tatum_primitives::Epoch;

use crate::{ChainKey, Now};

/// How long after the first copy another may come. Relays are a few hops of tens of milliseconds apart.
pub(super) const PATIENCE_MS: u64 = 2_000;
/// Messages awaited of a relay in a stream.
const MAX_AWAITED: usize = 8_192;

type Numbered = (ChainKey, u64);

/// What is awaited of one relay in one stream, in order of time.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    numbers: BTreeSet<Numbered>,
    order: VecDeque<(u64, Epoch, Numbered)>,
}

impl Awaited {
    pub(super) fn add(&mut self, what: Numbered, now: &Now) {
        if self.order.len() < MAX_AWAITED && self.numbers.insert(what) {
            self.order.push_back((now.monotonic_ms, now.epoch, what));
        }
    }

    /// It came; false if it was not awaited, or not any more.
    pub(super) fn take(&mut self, what: Numbered) -> bool {
        self.numbers.remove(&what)
    }

    /// What did not come in time. What was awaited as an epoch ended is nobody's fault.
    pub(super) fn overdue(&mut self, now: &Now) -> Vec<Numbered> {
        let mut overdue = Vec::new();
        while let Some((at_ms, epoch, what)) = self.order.front().copied() {
            if now.monotonic_ms.saturating_sub(at_ms) < PATIENCE_MS {
                break;
            }
            self.order.pop_front();
            if self.numbers.remove(&what) && epoch == now.epoch {
                overdue.push(what);
            }
        }
        overdue
    }

    /// Nothing is awaited any more.
    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.order.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::Address;

    fn now(monotonic_ms: u64, epoch: u64) -> Now {
        Now { monotonic_ms, wall_ms: monotonic_ms, epoch: Epoch(epoch) }
    }

    fn message(number: u64) -> Numbered {
        (ChainKey { publisher: Address::ZERO, chain: 1 }, number)
    }

    #[test]
    fn what_does_not_come_in_time_is_overdue_once() {
        let mut awaited = Awaited::default();
        for number in 0..4 {
            awaited.add(message(number), &now(number, 1));
        }
        assert!(awaited.take(message(2)) && !awaited.take(message(2)));
        assert!(awaited.overdue(&now(PATIENCE_MS - 1, 1)).is_empty());
        assert_eq!(awaited.overdue(&now(PATIENCE_MS + 2, 1)), [message(0), message(1)]);
        assert!(!awaited.take(message(0)), "too late");
        // The epoch ended while it was awaited.
        assert!(awaited.overdue(&now(PATIENCE_MS + 9, 2)).is_empty());
        assert!(awaited.overdue(&now(PATIENCE_MS + 9, 1)).is_empty());
    }

    #[test]
    fn no_more_is_awaited_than_there_is_room_for() {
        let mut awaited = Awaited::default();
        for number in 0..2 * MAX_AWAITED as u64 {
            awaited.add(message(number), &now(0, 1));
        }
        assert_eq!(awaited.overdue(&now(PATIENCE_MS, 1)).len(), MAX_AWAITED);
    }
}
