//! Numbers of messages that a client has yet to acknowledge.
//!
//! Invariant: no number is given twice before it is released, none is zero, and no more are out than the client takes.

use std::collections::BTreeSet;

/// Messages that wait for their acknowledgement, either way.
pub(super) const MOST_AWAITED: usize = 256;

/// Numbers that are out.
#[derive(Debug)]
pub(super) struct Numbers {
    out: BTreeSet<u16>,
    last: u16,
    most: usize,
}

impl Numbers {
    /// None yet, for a client that takes `most` if it says so.
    pub(super) fn new(most: Option<u16>) -> Self {
        let most = most.map_or(MOST_AWAITED, |most| usize::from(most).min(MOST_AWAITED));
        Self { out: BTreeSet::new(), last: 0, most }
    }

    /// Whether one more may be out.
    pub(super) fn has_room(&self) -> bool {
        self.out.len() < self.most
    }

    /// The next one. There has to be room.
    pub(super) fn take(&mut self) -> u16 {
        loop {
            self.last = self.last.checked_add(1).unwrap_or(1);
            if self.out.insert(self.last) {
                return self.last;
            }
        }
    }

    /// The client has the message; one that is not out does not matter.
    pub(super) fn release(&mut self, number: u16) {
        self.out.remove(&number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_out_once_and_never_zero() {
        let mut numbers = Numbers::new(None);
        let first = numbers.take();
        for _ in 0..70_000 {
            let number = numbers.take();
            assert!(number != first && number != 0);
            numbers.release(number);
        }
        numbers.release(first);
        assert!(numbers.out.is_empty());
    }

    #[test]
    fn no_more_are_out_than_the_client_takes() {
        let mut numbers = Numbers::new(Some(2));
        let (first, _) = (numbers.take(), numbers.take());
        assert!(!numbers.has_room());
        numbers.release(first);
        assert!(numbers.has_room());
        numbers.release(u16::MAX);
        let (_, most) = (numbers.take(), Numbers::new(Some(u16::MAX)).most);
        assert_eq!((numbers.has_room(), most), (false, MOST_AWAITED));
    }
}
