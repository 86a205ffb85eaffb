//! Eisenstein integers `a + bω` with ω² = −1 − ω, and their digits to a base 2^c.
//!
//! ω acts on points as λ does on their multiples, and costs one multiplication: so a digit is as good as its five products
//! with the other units ±1, ±ω, ±ω², and one bucket serves all six.
//!
//! Invariant: the digits of a width are one of each class modulo 2^c, the nearest to 0; so numbers with different digits are
//! different numbers. Source: Heuberger and Krenn, "Existence and optimality of w-non-adjacent forms with an algebraic
//! integer base".

use std::collections::{BTreeMap, BTreeSet};

/// A unit: ω^power, or −ω^power.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Unit {
    pub(crate) power: u8,
    pub(crate) negative: bool,
}

impl Unit {
    /// All six.
    pub(crate) const ALL: [Self; 6] = [
        Self { power: 0, negative: false },
        Self { power: 1, negative: false },
        Self { power: 2, negative: false },
        Self { power: 0, negative: true },
        Self { power: 1, negative: true },
        Self { power: 2, negative: true },
    ];

    /// This unit times `a + bω`.
    pub(crate) fn times(self, value: (i16, i16)) -> (i16, i16) {
        // ω(a + bω) = −b + (a − b)ω.
        let turned = (0..self.power).fold(value, |(a, b), _| (-b, a - b));
        if self.negative { (-turned.0, -turned.1) } else { turned }
    }
}

/// One class modulo 2^c: which bucket its digit falls into, and by which unit.
#[derive(Clone, Copy, Debug)]
struct Class {
    /// Nothing for the class of 0.
    bucket: Option<u16>,
    unit: Unit,
    value: (i16, i16),
}

/// The digits of one width c.
#[derive(Debug)]
pub(crate) struct Digits {
    width: u32,
    classes: Vec<Class>,
    values: Vec<(i16, i16)>,
    odd_count: usize,
}

impl Digits {
    /// The digits to the base 2^`width`; `width` is at most 7.
    pub(crate) fn new(width: u32) -> Self {
        let size = 1_i16 << width;
        let classes = || (0..size).flat_map(move |b| (0..size).map(move |a| nearest((a, b), size)));
        let buckets: BTreeSet<_> = classes()
            .filter(|value| *value != (0, 0))
            .map(|value| canonical(value).1)
            // Odd ones first: tables hold no others.
            .map(|value| (!is_odd(value), value))
            .collect();
        let odd_count = buckets.iter().filter(|(even, _)| !even).count();
        let values: Vec<_> = buckets.into_iter().map(|(_, value)| value).collect();
        let numbers: BTreeMap<_, u16> = values.iter().copied().zip(0..).collect();
        let class = |value| {
            let (unit, canonical) = canonical(value);
            Class { bucket: numbers.get(&canonical).copied(), unit, value }
        };
        Self { width, classes: classes().map(class).collect(), values, odd_count }
    }

    /// How many buckets hold numbers that 2 does not divide; they come first.
    pub(crate) const fn odd_count(&self) -> usize {
        self.odd_count
    }

    /// c.
    pub(crate) const fn width(&self) -> u32 {
        self.width
    }

    /// `(a, b)` of each bucket, with a > b ≥ 0.
    pub(crate) fn values(&self) -> &[(i16, i16)] {
        &self.values
    }

    /// The digit of class `index`, of 4^c: its bucket, unit and value; no bucket for 0.
    pub(crate) fn class(&self, index: usize) -> (Option<u16>, Unit, (i16, i16)) {
        let Class { bucket, unit, value } = self.classes[index];
        (bucket, unit, value)
    }

    /// Names the digits of `a + bω` at every c-th place, from place 0, by their window.
    pub(crate) fn window_digits(
        &self,
        (mut a, mut b): (Wide, Wide),
        mut name: impl FnMut(usize, u16, Unit),
    ) {
        let mut window = 0;
        while !(a.is_zero() && b.is_zero()) {
            let (bucket, unit, value) = self.class(self.index(a, b));
            if let Some(bucket) = bucket {
                name(window, bucket, unit);
            }
            (a, b) = (a.less_shifted(value.0, self.width), b.less_shifted(value.1, self.width));
            window += 1;
        }
    }

    /// Names the digits of `a + bω` that no power of two divides, by place and bucket: about `128 / (c + 1/3)`.
    pub(crate) fn odd_digits(
        &self,
        (mut a, mut b): (Wide, Wide),
        mut name: impl FnMut(usize, usize, Unit),
    ) {
        let mut place = 0;
        while !(a.is_zero() && b.is_zero()) {
            let index = self.index(a, b);
            if a.low(1) == 0 && b.low(1) == 0 {
                (a, b) = (a.less_shifted(0, 1), b.less_shifted(0, 1));
                place += 1;
                continue;
            }
            let (bucket, unit, value) = self.class(index);
            name(place, usize::from(bucket.unwrap_or_default()), unit);
            (a, b) = (a.less_shifted(value.0, self.width), b.less_shifted(value.1, self.width));
            place += self.width as usize;
        }
    }

    fn index(&self, a: Wide, b: Wide) -> usize {
        a.low(self.width) | b.low(self.width) << self.width
    }
}

/// Whether 2 does not divide `a + bω`.
const fn is_odd((a, b): (i16, i16)) -> bool {
    (a | b) & 1 == 1
}

/// The number nearest to 0 with the same remainders; it is at a corner of the rhombus around it.
fn nearest((a, b): (i16, i16), size: i16) -> (i16, i16) {
    let corners = [(a, b), (a - size, b), (a, b - size), (a - size, b - size)];
    let norm = |(a, b): (i16, i16)| {
        let (a, b) = (i32::from(a), i32::from(b));
        a * a - a * b + b * b
    };
    let [first, rest @ ..] = corners;
    // Of those as near, the one whose bucket is first: fewer buckets.
    let rank = |corner| (norm(corner), canonical(corner).1);
    rest.into_iter()
        .fold(first, |best, corner| if rank(corner) < rank(best) { corner } else { best })
}

/// The unit u and the one of the six numbers `value/u` that has a > b ≥ 0.
fn canonical(value: (i16, i16)) -> (Unit, (i16, i16)) {
    for unit in Unit::ALL {
        // The inverse of ω^k is ω^(3 − k).
        let inverse = Unit { power: (3 - unit.power) % 3, negative: unit.negative };
        let (a, b) = inverse.times(value);
        if a > b && b >= 0 {
            return (unit, (a, b));
        }
    }
    (Unit::ALL[0], (0, 0))
}

/// A signed integer of 256 bits, two's complement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    high: i128,
    low: u128,
}

impl Wide {
    /// ±size.
    pub(crate) const fn from_size(size: u128, negative: bool) -> Self {
        if negative && size != 0 {
            Self { high: -1, low: size.wrapping_neg() }
        } else {
            Self { high: 0, low: size }
        }
    }

    const fn is_zero(self) -> bool {
        self.high == 0 && self.low == 0
    }

    /// The lowest `bits` bits.
    const fn low(self, bits: u32) -> usize {
        self.low as usize & ((1 << bits) - 1)
    }

    /// `(self − digit) / 2^shift`, rounded down; `shift` is not 0.
    fn less_shifted(self, digit: i16, shift: u32) -> Self {
        let digit = i128::from(digit);
        let (low, borrow) = self.low.overflowing_sub(digit.cast_unsigned());
        // The sign of the digit fills the high half.
        let high = self.high.wrapping_sub(digit >> 127).wrapping_sub(i128::from(borrow));
        Self { high: high >> shift, low: low >> shift | high.cast_unsigned() << (128 - shift) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_one_digit_and_six_share_a_bucket() {
        for width in 1..=7 {
            let digits = Digits::new(width);
            let size = 1_i16 << width;
            let mut seen = BTreeSet::new();
            for index in 0..1_usize << (2 * width) {
                let (bucket, unit, (a, b)) = digits.class(index);
                let class = usize::try_from(a.rem_euclid(size)).unwrap()
                    | usize::try_from(b.rem_euclid(size)).unwrap() << width;
                assert_eq!(class, index);
                assert!(seen.insert((a, b)));
                match bucket {
                    None => assert_eq!((a, b), (0, 0)),
                    Some(bucket) => {
                        assert_eq!(unit.times(digits.values()[usize::from(bucket)]), (a, b));
                    }
                }
            }
            // A few classes are as near to several numbers.
            let least = (1_usize << (2 * width)) / 6;
            assert!((least..=least + size as usize + 2).contains(&digits.values().len()));
        }
    }

    #[test]
    fn a_wide_number_shifts_as_an_integer_does() {
        for value in [0_i128, 1, -1, 77, -77, i128::from(u64::MAX), -i128::from(u64::MAX)] {
            let wide = Wide::from_size(value.unsigned_abs(), value < 0);
            for digit in [-5_i16, 0, 5, 127] {
                let shifted = wide.less_shifted(digit, 3);
                let expected = (value - i128::from(digit)) >> 3;
                assert_eq!((shifted.low.cast_signed(), shifted.high), (expected, expected >> 127));
            }
        }
    }
}
