//! Multiples of points that come again: of the generator and of known keys.
//!
//! Invariant: a table holds `d·P` for every digit d of its width that 2 does not divide; at most [`CACHED`] tables of keys are
//! kept, those used last.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::eisenstein::{Digits, Unit};
use crate::field::Field;
use crate::point::{Affine, Jacobian};
use crate::scalar::{Scalar, halves};
use crate::sums::Sums;

/// Tables of keys that are kept: 8 KB each at most.
pub(crate) const CACHED: usize = 2048;

/// The multiples of one point by the digits of one width.
#[derive(Debug)]
pub(crate) struct Table<F> {
    width: u32,
    /// By bucket.
    multiples: Vec<Affine<F>>,
}

impl<F: Field> Table<F> {
    /// The tables of `points`; they share inversions.
    pub(crate) fn build(digits: &Digits, points: &[Affine<F>]) -> Vec<Self> {
        let values = &digits.values()[..digits.odd_count()];
        let most = values.iter().map(|(a, _)| usize::try_from(*a).unwrap_or_default()).max();
        let most = most.unwrap_or_default();
        let chains: Vec<_> = points.iter().flat_map(|point| chain(point, most)).collect();
        let chains = Jacobian::all_affine(&chains);
        let mut summands = Vec::with_capacity(2 * points.len() * values.len());
        for (nth, chain) in chains.chunks_exact(most).enumerate() {
            let multiple = |a: i16| chain[usize::try_from(a - 1).unwrap_or_default()];
            for (bucket, (a, b)) in values.iter().enumerate() {
                summands.push((nth * values.len() + bucket, multiple(*a)));
                if *b > 0 {
                    let turned = multiple(*b).times(Unit::ALL[1]);
                    summands.push((nth * values.len() + bucket, turned));
                }
            }
        }
        let multiples = Sums::of(points.len() * values.len(), &summands).add_up();
        let width = digits.width();
        let tables = multiples.chunks_exact(values.len());
        tables.map(|multiples| Self { width, multiples: multiples.to_vec() }).collect()
    }

    /// The width of its digits.
    pub(crate) const fn width(&self) -> u32 {
        self.width
    }

    /// Adds the points whose sum, each doubled as often as its place says, is `scalar` times this table's. `digits` are those
    /// it was built with.
    pub(crate) fn multiply(
        &self,
        digits: &Digits,
        scalar: Scalar,
        columns: &mut Vec<(usize, Affine<F>)>,
    ) {
        digits.odd_digits(halves(scalar), |place, bucket, unit| {
            columns.push((place, self.multiples[bucket].times(unit)));
        });
    }
}

/// P, 2P, … `most`·P.
fn chain<F: Field>(point: &Affine<F>, most: usize) -> impl Iterator<Item = Jacobian<F>> {
    let first = Jacobian::NONE.plus(point);
    let point = *point;
    core::iter::successors(Some(first), move |multiple| Some(multiple.plus(&point))).take(most)
}

/// The tables of the keys used last, in two generations: the older one is dropped when the younger is full.
#[derive(Debug)]
pub(crate) struct Tables<F> {
    young: BTreeMap<[u8; 64], Arc<Table<F>>>,
    old: BTreeMap<[u8; 64], Arc<Table<F>>>,
}

impl<F> Default for Tables<F> {
    fn default() -> Self {
        Self { young: BTreeMap::new(), old: BTreeMap::new() }
    }
}

impl<F> Tables<F> {
    /// The table of a key, if it is kept.
    pub(crate) fn find(&mut self, key: &[u8; 64]) -> Option<Arc<Table<F>>> {
        if let Some(table) = self.young.get(key) {
            return Some(Arc::clone(table));
        }
        let table = self.old.remove(key)?;
        self.keep(*key, Arc::clone(&table));
        Some(table)
    }

    /// Keeps the table of a key for a while.
    pub(crate) fn keep(&mut self, key: [u8; 64], table: Arc<Table<F>>) {
        self.old.remove(&key);
        if self.young.len() >= CACHED / 2 && !self.young.contains_key(&key) {
            self.old = core::mem::take(&mut self.young);
        }
        self.young.insert(key, table);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }
}
