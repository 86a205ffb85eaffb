//! Many lists of points, each added up, by affine additions that share inversions.
//!
//! An affine addition is one division, one multiplication and a square and a half; a division among many is three
//! multiplications and its share of one inversion. So neighbours in a list are added in rounds, all lists together.
//!
//! Invariant: the sum of a list is what the group's law says, whatever meets: equal points, opposite ones, none. Source:
//! Montgomery, "Speeding the Pollard and elliptic curve methods of factorization" §10.3.1.

use core::ops::Range;

use crate::field::Field;
use crate::point::Affine;

/// Points whose sums share inversions: enough to make an inversion cheap, few enough for the cache of one core.
const GROUP: usize = 2048;

/// Lists of points.
#[derive(Debug)]
pub(crate) struct Sums<F> {
    points: Vec<Affine<F>>,
    /// Where each list begins; and where the last ends.
    starts: Vec<usize>,
    /// How many points each has by now.
    taken: Vec<usize>,
}

impl<F: Field> Sums<F> {
    /// Lists with room for as many points as `counts` says.
    pub(crate) fn with_room(counts: &[usize]) -> Self {
        let mut end = 0;
        let mut starts = vec![0];
        starts.extend(counts.iter().map(|count| {
            end += count;
            end
        }));
        Self { points: vec![Affine::NONE; end], taken: vec![0; counts.len()], starts }
    }

    /// Lists of `entries`, each a list's number and a point.
    pub(crate) fn of(lists: usize, entries: &[(usize, Affine<F>)]) -> Self {
        let mut counts = vec![0; lists];
        for (list, _) in entries {
            counts[*list] += 1;
        }
        let mut sums = Self::with_room(&counts);
        for (list, point) in entries {
            sums.push(*list, *point);
        }
        sums
    }

    #[inline]
    pub(crate) fn push(&mut self, list: usize, point: Affine<F>) {
        self.points[self.starts[list] + self.taken[list]] = point;
        self.taken[list] += 1;
    }

    /// The sum of each list.
    pub(crate) fn add_up(self) -> Vec<Affine<F>> {
        let mut sums = Vec::with_capacity(self.taken.len());
        let mut round = Round::default();
        let mut first = 0;
        while first < self.taken.len() {
            let start = self.starts[first];
            // At least one list, and as many as a group has room for.
            let fits = |end: &&usize| **end - start <= GROUP;
            let lists = self.starts[first + 1..].iter().take_while(fits).count().max(1);
            let ends = &self.starts[first..=first + lists];
            round.add_up(self.points[start..ends[lists]].to_vec(), ends, &mut sums);
            first += lists;
        }
        sums
    }
}

/// What the rounds of one group work with.
#[derive(Debug)]
struct Round<F> {
    next: Vec<Affine<F>>,
    /// The range of each list in the points.
    lists: Vec<Range<usize>>,
    /// Of each pair: the product of the divisors before, and its own.
    divisors: Vec<(F, F)>,
}

impl<F> Default for Round<F> {
    fn default() -> Self {
        Self { next: Vec::new(), lists: Vec::new(), divisors: Vec::new() }
    }
}

impl<F: Field> Round<F> {
    fn add_up(&mut self, mut points: Vec<Affine<F>>, ends: &[usize], sums: &mut Vec<Affine<F>>) {
        self.lists.clear();
        let start = ends.first().copied().unwrap_or_default();
        self.lists.extend(ends.windows(2).map(|pair| pair[0] - start..pair[1] - start));
        let mut law = if points.iter().any(Affine::is_none) { Law::Whole } else { Law::Apart };
        while self.lists.iter().any(|list| list.len() > 1) {
            let mut product = self.multiply_divisors(&points, law);
            if product.is_zero() {
                law = Law::Whole;
                product = self.multiply_divisors(&points, law);
            }
            self.add_pairs(&points, product.inverse(), law);
            core::mem::swap(&mut points, &mut self.next);
        }
        let sum = |list: &Range<usize>| points[list.clone()].first().copied();
        sums.extend(self.lists.iter().map(|list| sum(list).unwrap_or(Affine::NONE)));
    }

    fn multiply_divisors(&mut self, points: &[Affine<F>], law: Law) -> F {
        let mut product = F::ONE;
        self.divisors.clear();
        for list in &self.lists {
            for pair in points[list.clone()].chunks_exact(2) {
                let [p, q] = pair else { continue };
                let divisor = match law {
                    Law::Apart => q.x - p.x,
                    Law::Whole => divisor(p, q),
                };
                self.divisors.push((product, divisor));
                product = product * divisor;
            }
        }
        product
    }

    /// Halves each list. From the last pair to the first, because that is how the inverses come out of their product.
    fn add_pairs(&mut self, points: &[Affine<F>], mut inverse: F, law: Law) {
        let halved = |list: &Range<usize>| list.len().div_ceil(2);
        let mut end: usize = self.lists.iter().map(halved).sum();
        self.next.clear();
        self.next.resize(end, Affine::NONE);
        let mut divisors = self.divisors.iter().rev();
        for list in self.lists.iter_mut().rev() {
            let start = end - halved(list);
            let pairs = points[list.clone()].chunks(2);
            for (sum, pair) in self.next[start..end].iter_mut().zip(pairs).rev() {
                *sum = match pair {
                    [p, q] => {
                        let Some((before, divisor)) = divisors.next() else { continue };
                        let quotient = inverse * *before;
                        inverse = inverse * *divisor;
                        match law {
                            Law::Apart => join(p, q, (q.y - p.y) * quotient),
                            Law::Whole => add(p, q, quotient),
                        }
                    }
                    [p, ..] => *p,
                    [] => Affine::NONE,
                };
            }
            *list = start..end;
            end = start;
        }
    }
}

/// Which cases of the group's law a round looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Law {
    /// No point is missing; and no two have the same x, or the product of all divisors is 0.
    Apart,
    /// All.
    Whole,
}

/// What the slope through p and q is divided by; 1 where no slope is needed.
fn divisor<F: Field>(p: &Affine<F>, q: &Affine<F>) -> F {
    let dx = q.x - p.x;
    if p.is_none() || q.is_none() {
        F::ONE
    } else if !dx.is_zero() {
        dx
    } else if (q.y - p.y).is_zero() {
        p.y.twice()
    } else {
        F::ONE
    }
}

/// p + q, with `inverse` that of their [`divisor`].
fn add<F: Field>(p: &Affine<F>, q: &Affine<F>, inverse: F) -> Affine<F> {
    if p.is_none() {
        return *q;
    }
    if q.is_none() {
        return *p;
    }
    if !(q.x - p.x).is_zero() {
        return join(p, q, (q.y - p.y) * inverse);
    }
    if !(q.y - p.y).is_zero() {
        return Affine::NONE;
    }
    let square = p.x.square();
    join(p, q, (square.twice() + square) * inverse)
}

/// The third point on the line through p and q, mirrored.
#[inline]
fn join<F: Field>(p: &Affine<F>, q: &Affine<F>, slope: F) -> Affine<F> {
    let x = slope.square() - p.x - q.x;
    Affine { x, y: slope * (p.x - x) - p.y }
}
