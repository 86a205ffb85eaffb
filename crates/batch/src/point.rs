//! Points of y² = x³ + 7: affine in lists, Jacobian where doublings follow each other.
//!
//! Invariant: every sum here is complete: equal, opposite and missing points give what the group's law says. Source: SEC 2
//! §2.4.1; formulas dbl-2009-l and madd of the Explicit-Formulas Database.

use crate::eisenstein::Unit;
use crate::field::Field;

/// A point by its coordinates, or none (infinity): x = 0, which no point of this curve has, since 7 is no square.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Affine<F> {
    pub(crate) x: F,
    pub(crate) y: F,
}

impl<F: Field> Affine<F> {
    /// Infinity.
    pub(crate) const NONE: Self = Self { x: F::ZERO, y: F::ZERO };

    /// The points with these x whose y are odd or not, where there is one.
    pub(crate) fn lift_all(numbers: &[(F, bool)]) -> Vec<Option<Self>> {
        let squares: Vec<F> = numbers.iter().map(|(x, _)| x.square() * *x + seven()).collect();
        let roots = F::even_roots(&squares).into_iter();
        let lift = |((x, odd), root): (&(F, bool), Option<F>)| {
            root.map(|root| Self { x: *x, y: if *odd { -root } else { root } })
        };
        numbers.iter().zip(roots).map(lift).collect()
    }

    /// The point with these coordinates, highest byte first, of a key that libsecp256k1 has read: so it is on the curve.
    pub(crate) fn of_key(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        Some(Self { x: F::from_be_bytes(x)?, y: F::from_be_bytes(y)? })
    }

    /// Whether this is infinity.
    #[inline]
    pub(crate) fn is_none(&self) -> bool {
        self.x.is_zero()
    }

    /// The point times `unit`.
    #[inline]
    pub(crate) fn times(&self, unit: Unit) -> Self {
        let x = match unit.power {
            0 => self.x,
            1 => self.x * F::beta(),
            _ => -(self.x + self.x * F::beta()),
        };
        Self { x, y: if unit.negative { -self.y } else { self.y } }
    }

    /// −P.
    pub(crate) fn negated(self) -> Self {
        Self { x: self.x, y: -self.y }
    }
}

/// A point with its products by all units at hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turned<F> {
    x: [F; 3],
    y: [F; 2],
}

impl<F: Field> Turned<F> {
    pub(crate) fn new(point: Affine<F>) -> Self {
        let turned = point.x * F::beta();
        // 1 + β + β² = 0.
        Self { x: [point.x, turned, -(point.x + turned)], y: [point.y, -point.y] }
    }

    #[inline]
    pub(crate) fn times(&self, unit: Unit) -> Affine<F> {
        Affine { x: self.x[usize::from(unit.power)], y: self.y[usize::from(unit.negative)] }
    }
}

fn seven<F: Field>() -> F {
    let three = F::ONE.twice() + F::ONE;
    three.twice() + F::ONE
}

/// A point as (X/Z², Y/Z³); infinity has Z = 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Jacobian<F> {
    x: F,
    y: F,
    z: F,
}

impl<F: Field> Jacobian<F> {
    pub(crate) const NONE: Self = Self { x: F::ONE, y: F::ONE, z: F::ZERO };

    pub(crate) fn is_none(&self) -> bool {
        self.z.is_zero()
    }

    pub(crate) fn double(&self) -> Self {
        let [a, b] = [self.x.square(), self.y.square()];
        let c = b.square();
        let d = ((self.x + b).square() - a - c).twice();
        let e = a.twice() + a;
        let x = e.square() - d.twice();
        let y = e * (d - x) - c.twice().twice().twice();
        Self { x, y, z: (self.y * self.z).twice() }
    }

    pub(crate) fn plus(&self, point: &Affine<F>) -> Self {
        if point.is_none() {
            return *self;
        }
        if self.is_none() {
            return Self { x: point.x, y: point.y, z: F::ONE };
        }
        let zz = self.z.square();
        let h = point.x * zz - self.x;
        let r = point.y * zz * self.z - self.y;
        if h.is_zero() {
            return if r.is_zero() { self.double() } else { Self::NONE };
        }
        let hh = h.square();
        let hhh = h * hh;
        let v = self.x * hh;
        let x = r.square() - hhh - v.twice();
        Self { x, y: r * (v - x) - self.y * hhh, z: self.z * h }
    }

    /// The points by their coordinates, with one inversion for all.
    pub(crate) fn all_affine(points: &[Self]) -> Vec<Affine<F>> {
        let mut product = F::ONE;
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            if !point.is_none() {
                product = product * point.z;
            }
        }
        let mut inverse = product.inverse();
        let mut affine = vec![Affine::NONE; points.len()];
        for ((point, before), affine) in points.iter().zip(before).zip(&mut affine).rev() {
            if point.is_none() {
                continue;
            }
            let z = inverse * before;
            inverse = inverse * point.z;
            let zz = z.square();
            *affine = Affine { x: point.x * zz, y: point.y * zz * z };
        }
        affine
    }
}
