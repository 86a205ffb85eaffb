//! Sums of many multiples by buckets: one addition for each point and window, whatever the digit.
//!
//! Invariant: what [`Windows::add_up`] appends to the columns sums to `Σ Σ digit·2^(c·window)·point`. Source: Pippenger, "On the
//! evaluation of powers and related problems"; buckets by Eisenstein digits serve six digits each instead of two.

use crate::eisenstein::{Digits, Unit};
use crate::field::Field;
use crate::point::{Affine, Turned};
use crate::sums::Sums;

/// Points that are put into buckets at a time: what a core's cache holds.
const GROUP: usize = 8192;

/// Points with their digits, by window.
#[derive(Debug)]
pub(crate) struct Windows<'a, F> {
    digits: &'a Digits,
    points: Vec<Turned<F>>,
    /// Of each window: the point, bucket and unit of each digit that is not 0.
    entries: Vec<Vec<(u32, u16, Unit)>>,
}

impl<'a, F: Field> Windows<'a, F> {
    pub(crate) const fn new(digits: &'a Digits) -> Self {
        Self { digits, points: Vec::new(), entries: Vec::new() }
    }

    /// Adds a point; the digits that are put in next are of it.
    pub(crate) fn point(&mut self, point: Turned<F>) {
        self.points.push(point);
    }

    /// Puts a digit of the last point in.
    pub(crate) fn digit(&mut self, window: usize, bucket: u16, unit: Unit) {
        if self.entries.len() <= window {
            self.entries.resize_with(window + 1, Vec::new);
        }
        let point = u32::try_from(self.points.len()).unwrap_or(u32::MAX) - 1;
        self.entries[window].push((point, bucket, unit));
    }

    /// Appends the sum, as points at places.
    pub(crate) fn add_up(self, columns: &mut Vec<(usize, Affine<F>)>) {
        let rows = self.row_count();
        let mut lines = Vec::new();
        let mut first = 0;
        while first < self.entries.len() {
            let mut size = 0;
            let fits = |window: &&Vec<_>| {
                size += window.len();
                size <= GROUP
            };
            let count = self.entries[first..].iter().take_while(fits).count().max(1);
            self.sort_into_lines(first..first + count, rows, &mut lines);
            first += count;
        }
        let sums = Sums::of(2 * rows * self.entries.len(), &lines).add_up();
        for (line, sum) in sums.into_iter().enumerate() {
            let window = line / (2 * rows);
            let factor = line % (2 * rows);
            let (factor, unit) =
                if factor < rows { (factor, Unit::ALL[0]) } else { (factor - rows, Unit::ALL[1]) };
            multiply(factor, window * self.digits.width() as usize, sum.times(unit), columns);
        }
    }

    /// Rows are numbered by a of a bucket, lines behind them by b.
    fn row_count(&self) -> usize {
        let most =
            self.digits.values().iter().map(|(a, _)| usize::try_from(*a).unwrap_or_default());
        most.max().unwrap_or_default() + 1
    }

    /// `Σ (a + bω)·bucket` is `Σ a·(Σ over b) + ω·Σ b·(Σ over a)`: so each bucket goes into one row and one column.
    fn sort_into_lines(
        &self,
        group: core::ops::Range<usize>,
        rows: usize,
        lines: &mut Vec<(usize, Affine<F>)>,
    ) {
        let values = self.digits.values();
        let mut counts = vec![0; group.len() * values.len()];
        for (nth, window) in self.entries[group.clone()].iter().enumerate() {
            for (_, bucket, _) in window {
                counts[nth * values.len() + usize::from(*bucket)] += 1;
            }
        }
        let mut sums = Sums::with_room(&counts);
        for (nth, window) in self.entries[group.clone()].iter().enumerate() {
            for (point, bucket, unit) in window {
                let turned = self.points[*point as usize].times(*unit);
                sums.push(nth * values.len() + usize::from(*bucket), turned);
            }
        }
        for (slot, sum) in sums.add_up().into_iter().enumerate().filter(|(_, sum)| !sum.is_none()) {
            let (a, b) = values[slot % values.len()];
            let line = 2 * rows * (group.start + slot / values.len());
            lines.push((line + usize::try_from(a).unwrap_or_default(), sum));
            if b > 0 {
                lines.push((line + rows + usize::try_from(b).unwrap_or_default(), sum));
            }
        }
    }
}

/// Puts `factor·point` into the columns from `place`, by the digits 1, 0 and −1 of the factor.
fn multiply<F: Field>(
    mut factor: usize,
    mut place: usize,
    point: Affine<F>,
    columns: &mut Vec<(usize, Affine<F>)>,
) {
    if point.is_none() {
        return;
    }
    while factor > 0 {
        match factor % 4 {
            1 => columns.push((place, point)),
            3 => {
                columns.push((place, point.negated()));
                factor += 1;
            }
            _ => {}
        }
        factor /= 2;
        place += 1;
    }
}
