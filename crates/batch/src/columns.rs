//! Points at places, a column for each power of two.
//!
//! Invariant: [`Columns::add_up`] is `Σ 2^place·point`. A column costs one doubling, however many points it has. Source: Straus,
//! "Addition chains of vectors".

use crate::factors::{PLACES, Units};
use crate::field::Field;
use crate::point::{Affine, Jacobian, Turned};
use crate::sums::Sums;

/// Points at places.
#[derive(Debug)]
pub(crate) struct Columns<F> {
    /// Each at one place.
    pub(crate) points: Vec<(usize, Affine<F>)>,
    /// Each at the places of its factor.
    pub(crate) nonces: Vec<(Turned<F>, Units)>,
}

impl<F> Default for Columns<F> {
    fn default() -> Self {
        Self { points: Vec::new(), nonces: Vec::new() }
    }
}

impl<F: Field> Columns<F> {
    /// The sum, from the highest place down.
    pub(crate) fn add_up(&self) -> Jacobian<F> {
        let places = self.points.iter().map(|(place, _)| place + 1).max().unwrap_or_default();
        let mut counts = vec![0; places.max(PLACES)];
        for (place, _) in &self.points {
            counts[*place] += 1;
        }
        for (place, _) in self.nonces.iter().flat_map(|(_, units)| units) {
            counts[usize::from(*place)] += 1;
        }
        let mut sums = Sums::with_room(&counts);
        for (place, point) in &self.points {
            sums.push(*place, *point);
        }
        for (nonce, units) in &self.nonces {
            for (place, unit) in units {
                sums.push(usize::from(*place), nonce.times(*unit));
            }
        }
        let columns = sums.add_up();
        columns.iter().rev().fold(Jacobian::NONE, |sum, column| sum.double().plus(column))
    }
}
