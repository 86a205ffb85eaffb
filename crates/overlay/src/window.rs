//! Which numbers of a chain were seen.
//!
//! Invariant: everything below `floor` is seen or given up; `above` holds the seen numbers at or
//! over it, never `floor` itself, and nothing beyond `floor +` [`MAX_AHEAD`]. So memory is bounded
//! however a publisher numbers its messages. Numbers end at [`MAX_NUMBER`]: what lies beyond is never new,
//! so nothing can be seen twice at the end of the numbers.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

/// The last number of a chain: 2^63 − 1, so that whoever stores numbers with a sign can hold it.
pub const MAX_NUMBER: u64 = i64::MAX as u64;

/// How far ahead of the first hole a message is remembered.
pub const MAX_AHEAD: u64 = 32_768;

/// The first that is no number.
const END: u64 = MAX_NUMBER + 1;

/// The numbers seen of one chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    floor: u64,
    above: BTreeSet<u64>,
}

impl Window {
    /// A window that expects `first` next and asks for nothing older.
    #[must_use]
    pub const fn starting_at(first: u64) -> Self {
        Self { floor: if first < END { first } else { END }, above: BTreeSet::new() }
    }

    /// The first number neither seen nor given up.
    #[must_use]
    pub const fn floor(&self) -> u64 {
        self.floor
    }

    /// Whether `number` was seen, or skipped, or is none.
    #[must_use]
    pub fn contains(&self, number: u64) -> bool {
        number < self.floor || number > MAX_NUMBER || self.above.contains(&number)
    }

    /// Marks `number` as seen. If it is too far ahead, the floor rises, and the numbers that are
    /// skipped by that (some of them perhaps seen) are returned.
    pub fn insert(&mut self, number: u64) -> Option<RangeInclusive<u64>> {
        if self.contains(number) {
            return None;
        }
        let skipped = number.checked_sub(MAX_AHEAD).filter(|floor| *floor > self.floor).map(|to| {
            let from = self.floor;
            self.raise(to);
            from..=to.saturating_sub(1)
        });
        self.above.insert(number);
        self.settle();
        skipped
    }

    /// The holes below `end`, oldest first.
    #[must_use]
    pub fn holes_below(&self, end: u64) -> Vec<RangeInclusive<u64>> {
        let end = end.min(END);
        let mut holes = Vec::new();
        let mut next = self.floor;
        for seen in self.above.range(..end) {
            if *seen > next {
                holes.push(next..=seen.saturating_sub(1));
            }
            next = seen.saturating_add(1);
        }
        if next < end {
            holes.push(next..=end.saturating_sub(1));
        }
        holes
    }

    /// The hole right before `number`, if there is one.
    #[must_use]
    pub fn hole_before(&self, number: u64) -> Option<RangeInclusive<u64>> {
        let last = number.checked_sub(1).filter(|last| !self.contains(*last))?;
        let seen = self.above.range(..number).next_back();
        let first = seen.map_or(self.floor, |seen| seen.saturating_add(1));
        Some(first..=last)
    }

    /// Gives up these numbers, as far as the window reaches; older ones stay missing.
    pub fn give_up(&mut self, lost: RangeInclusive<u64>) {
        let last = (*lost.end()).min(self.floor.saturating_add(MAX_AHEAD));
        for number in (*lost.start()).max(self.floor)..=last {
            self.insert(number);
        }
    }

    fn raise(&mut self, floor: u64) {
        if floor > self.floor {
            self.floor = floor;
            self.above = self.above.split_off(&floor);
            self.settle();
        }
    }

    fn settle(&mut self) {
        while self.above.first() == Some(&self.floor) {
            self.above.pop_first();
            self.floor = self.floor.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn holes_are_found_and_closed() {
        let mut window = Window::starting_at(10);
        for number in [12, 13, 17] {
            assert_eq!(window.insert(number), None);
        }
        assert_eq!(window.holes_below(18), vec![10..=11, 14..=16]);
        assert_eq!(window.holes_below(12), vec![10..=11]);
        assert_eq!(window.hole_before(17), Some(14..=16));
        assert_eq!(window.hole_before(12), Some(10..=11));
        assert_eq!(window.hole_before(13), None);
        assert_eq!(window.hole_before(10), None);
        window.insert(10);
        window.insert(11);
        assert_eq!(window.floor(), 14);
    }

    #[test]
    fn a_leap_gives_up_what_it_leaves_behind() {
        let mut window = Window::starting_at(0);
        assert_eq!(window.insert(MAX_AHEAD + 5), Some(0..=4));
        assert_eq!(window.floor(), 5);
    }

    #[test]
    fn giving_up_costs_no_more_than_the_window_is_wide() {
        let mut window = Window::starting_at(0);
        window.insert(MAX_NUMBER);
        window.give_up(0..=u64::MAX - 1);
        assert!(window.contains(MAX_NUMBER - 1));
        let mut window = Window::starting_at(5);
        window.give_up(7..=u64::MAX);
        assert_eq!(window.holes_below(9), vec![5..=6]);
    }

    /// Numbers anywhere, and often where something ends.
    fn anywhere() -> impl Strategy<Value = u64> {
        let ends = [0, MAX_AHEAD, MAX_NUMBER, u64::MAX];
        let near = (prop::sample::select(ends.to_vec()), 0_u64..3, any::<bool>());
        prop_oneof![
            near.prop_map(|(end, by, up)| {
                if up { end.saturating_add(by) } else { end.saturating_sub(by) }
            }),
            any::<u64>(),
        ]
    }

    proptest! {
        #[test]
        fn wherever_a_number_lies_it_is_new_at_most_once(
            first in anywhere(),
            numbers in prop::collection::vec(anywhere(), 1..40),
        ) {
            let mut window = Window::starting_at(first);
            for number in numbers {
                let before = window.floor();
                if let Some(skipped) = window.insert(number) {
                    prop_assert!(*skipped.start() == before && *skipped.end() < number);
                }
                prop_assert!(window.contains(number));
                prop_assert!((before..=MAX_NUMBER + 1).contains(&window.floor()));
                prop_assert!(window.hole_before(number).is_none_or(|hole| *hole.end() < number));
                prop_assert!(window.holes_below(number).iter().all(|hole| *hole.end() <= MAX_NUMBER));
                window.give_up(number.saturating_sub(2)..=number);
            }
        }

        #[test]
        fn a_window_sees_each_number_once(numbers in prop::collection::vec(0_u64..300, 0..400)) {
            let mut window = Window::starting_at(0);
            let mut seen = BTreeSet::new();
            for number in numbers {
                prop_assert_eq!(window.contains(number), !seen.insert(number));
                window.insert(number);
            }
            let holes: BTreeSet<u64> = window.holes_below(300).into_iter().flatten().collect();
            let missing: BTreeSet<u64> = (0..300).filter(|n| !seen.contains(n)).collect();
            prop_assert_eq!(holes, missing);
        }
    }
}
