//! A second field: k256's, by other people and in another representation.

use core::ops::{Add, Mul, Neg, Sub};

use k256::FieldElement;
use proptest::prelude::*;

use crate::field::{Field, Native};

/// k256's field, weakly reduced after each operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct K256(FieldElement);

impl Add for K256 {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self((self.0 + other.0).normalize_weak())
    }
}

impl Sub for K256 {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Mul for K256 {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0.mul(&other.0))
    }
}

impl Neg for K256 {
    type Output = Self;

    fn neg(self) -> Self {
        Self(self.0.negate(1).normalize_weak())
    }
}

impl Field for K256 {
    const ZERO: Self = Self(FieldElement::ZERO);
    const ONE: Self = Self(FieldElement::ONE);

    fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        FieldElement::from_bytes(&(*bytes).into()).into_option().map(Self)
    }

    fn square(self) -> Self {
        Self(self.0.square())
    }

    fn inverse(self) -> Self {
        Self(self.0.invert().into_option().unwrap_or(FieldElement::ZERO))
    }

    fn even_root(self) -> Option<Self> {
        let root = self.0.sqrt().into_option()?.normalize();
        Some(if bool::from(root.is_odd()) { -Self(root) } else { Self(root) })
    }

    fn is_zero(self) -> bool {
        self.0.normalizes_to_zero().into()
    }

    fn beta() -> Self {
        let beta = "7ae96a2b657c07106e64479eac3434e99cf0497512f58995c1396c28719501ee";
        Self::from_be_bytes(&super::signed::number(beta)).unwrap()
    }
}

#[test]
fn both_fields_have_the_same_cube_root_of_one() {
    fn check<F: Field>() {
        let beta = F::beta();
        assert!((beta.square() * beta - F::ONE).is_zero());
        assert!((beta.square() + beta + F::ONE).is_zero());
    }
    check::<Native>();
    check::<K256>();
}

#[test]
fn no_point_has_x_or_y_zero() {
    fn check<F: Field>() {
        let seven =
            F::from_be_bytes(&core::array::from_fn(|i| if i == 31 { 7 } else { 0 })).unwrap();
        assert!(seven.even_root().is_none(), "x = 0 stands for no point");
        // The group's order is odd: y = 0 would be a point of order two.
        assert!((F::ZERO.inverse()).is_zero());
    }
    check::<Native>();
    check::<K256>();
}

proptest! {
    #[test]
    fn roots_of_many_are_those_of_each(numbers in prop::collection::vec(any::<[u8; 32]>(), 0..40)) {
        let numbers: Vec<_> = numbers.iter().filter_map(Native::from_be_bytes).collect();
        let alike = |(one, other): (Option<Native>, Option<Native>)| match (one, other) {
            (Some(one), Some(other)) => (one - other).is_zero(),
            (one, other) => one.is_none() && other.is_none(),
        };
        let each = numbers.iter().map(|number| number.even_root());
        prop_assert!(Native::even_roots(&numbers).into_iter().zip(each).all(alike));
    }
}

#[test]
fn numbers_whose_carries_are_lost_have_their_roots_too() {
    // p − k has digits of ones alone, of which a carry cannot be told from none; 0 is its own root.
    for k in 0..64_u64 {
        let near = Native::ZERO - Native::w64le(k, 0, 0, 0);
        for number in [near, near.square(), Native::w64le(k, 0, 0, 0)] {
            let [many] = Native::even_roots(&[number])[..] else { panic!("one") };
            let one = number.even_root();
            assert_eq!(many.is_some(), one.is_some());
            assert!(many.zip(one).is_none_or(|(many, one)| (many - one).is_zero()));
        }
    }
}
