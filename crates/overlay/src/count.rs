//! Counts that strangers raise: they stop at their ends, and neither wrap nor panic.
//!
//! Invariant: a count that stopped is as good as one that is right, since nobody lives to see 2^64 of anything.

/// A number of things.
pub(crate) trait Count {
    /// So many more.
    fn count(&mut self, more: Self);
    /// So many less.
    fn uncount(&mut self, less: Self);
}

macro_rules! counts {
    ($($number:ty),*) => {
        $(impl Count for $number {
            fn count(&mut self, more: Self) {
                *self = self.saturating_add(more);
            }

            fn uncount(&mut self, less: Self) {
                *self = self.saturating_sub(less);
            }
        })*
    };
}

counts!(u8, u32, u64, usize);
