//! Fields that reckon wrongly: the guard and the confirmation of refusals find both kinds.

use core::ops::{Add, Mul, Neg, Sub};

use super::signed::signed;
use crate::Disagreement;
use crate::engine::Engine;
use crate::field::{Field, Native};

/// A field with a planted fault: `ACCEPTS` sees zeros everywhere, the other rounds a root wrongly.
#[derive(Clone, Copy, Debug)]
struct Faulty<const ACCEPTS: bool>(Native);

impl<const A: bool> Add for Faulty<A> {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl<const A: bool> Sub for Faulty<A> {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl<const A: bool> Mul for Faulty<A> {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0 * other.0)
    }
}

impl<const A: bool> Neg for Faulty<A> {
    type Output = Self;

    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl<const A: bool> Field for Faulty<A> {
    const ZERO: Self = Self(Native::ZERO);
    const ONE: Self = Self(Native::ONE);

    fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        Native::from_be_bytes(bytes).map(Self)
    }

    fn square(self) -> Self {
        Self(self.0.square())
    }

    fn inverse(self) -> Self {
        Self(Field::inverse(self.0))
    }

    fn even_root(self) -> Option<Self> {
        let root = self.0.even_root()?;
        Some(Self(if A { root } else { root + Native::ONE }))
    }

    fn is_zero(self) -> bool {
        A || Field::is_zero(self.0)
    }

    fn beta() -> Self {
        Self(Native::beta())
    }
}

#[test]
fn a_sum_that_accepts_a_wrong_signature_is_found_by_the_guard() {
    let engine = Engine::<Faulty<true>>::new([1; 32]);
    let mut claims = signed(64, 3);
    assert!(engine.recover(&claims).is_ok(), "right ones are right");
    claims.iter_mut().for_each(|claim| claim.digest[0] ^= 1);
    // One in 64 is asked, and all are wrong.
    let error = engine.recover(&claims).unwrap_err();
    let Disagreement::AcceptedWrong { claim, recovered } = error else { panic!("{error}") };
    assert!(claims.contains(&claim));
    assert_eq!(recovered, claim.recover());
}

#[test]
fn a_single_wrong_signature_that_passes_is_found_once_in_64_batches() {
    let engine = Engine::<Faulty<true>>::new([1; 32]);
    let mut found = 0;
    for nth in 0..640_u32 {
        let mut claims = signed(4, 1);
        claims[1].digest[..4].copy_from_slice(&nth.to_be_bytes());
        found += u32::from(engine.recover(&claims).is_err());
    }
    assert!((2..=25).contains(&found), "{found} of 640");
}

#[test]
fn a_sum_that_refuses_right_signatures_is_found_by_recovery() {
    let engine = Engine::<Faulty<false>>::new([1; 32]);
    for size in [4, 64, 300] {
        let claims = signed(size, 3);
        let error = engine.recover(&claims).unwrap_err();
        let Disagreement::RefusedRight { first, count } = error else { panic!("{error}") };
        assert!(claims.contains(&first) && count >= 4);
    }
}
