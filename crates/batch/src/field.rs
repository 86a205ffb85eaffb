//! Numbers modulo p = 2^256 − 2^32 − 977: what the coordinates of points are.
//!
//! Invariant: the sums of this crate know a field only by [`Field`], so that the tests run them over a second, independent
//! implementation. Source: SEC 2 §2.4.1.

use core::fmt::Debug;
use core::ops::{Add, Mul, Neg, Sub};

use crrl::field::GFsecp256k1;

/// What the sums need of a field. Nothing here is secret: no operation has to take constant time.
pub(crate) trait Field:
    Copy
    + Debug
    + Send
    + Sync
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Neg<Output = Self>
{
    /// 0.
    const ZERO: Self;
    /// 1.
    const ONE: Self;

    /// The number with these bytes, highest first, if it is below p.
    fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self>;
    /// The square.
    fn square(self) -> Self;
    /// 1/x; 0 of 0.
    fn inverse(self) -> Self;
    /// The root that is even, if there is one.
    fn even_root(self) -> Option<Self>;
    /// The same of each number, in order.
    fn even_roots(numbers: &[Self]) -> Vec<Option<Self>> {
        numbers.iter().map(|number| number.even_root()).collect()
    }
    /// Whether this is 0.
    fn is_zero(self) -> bool;

    /// β, the cube root of 1 with (βx, y) = λ(x, y).
    fn beta() -> Self;
    /// x + x.
    fn twice(self) -> Self {
        self + self
    }
}

/// The field of crrl: the fastest of those measured, see `docs/performance.md`.
pub(crate) type Native = GFsecp256k1;

impl Field for Native {
    const ZERO: Self = Self::ZERO;
    const ONE: Self = Self::ONE;

    #[inline]
    fn from_be_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let mut bytes = *bytes;
        bytes.reverse();
        Self::decode(&bytes)
    }

    #[inline]
    fn square(self) -> Self {
        Self::square(self)
    }

    #[inline]
    fn inverse(self) -> Self {
        Self::ONE / self
    }

    #[inline]
    fn even_root(self) -> Option<Self> {
        let (root, found) = self.sqrt();
        (found != 0).then_some(root)
    }

    /// By candidates that the machine works out eight at a time; each is squared, and what was no root is rooted by itself.
    fn even_roots(numbers: &[Self]) -> Vec<Option<Self>> {
        let asked: Vec<_> = numbers.iter().map(|number| words(*number)).collect();
        let Some(candidates) = tatum_simd::square_roots(&asked) else {
            return numbers.iter().map(|number| number.even_root()).collect();
        };
        let checked = numbers.iter().zip(candidates).map(|(number, [a, b, c, d])| {
            let root = Self::w64le(a, b, c, d);
            let square = Field::square(root);
            if (square - *number).is_zero() {
                Some(if words(root)[0] & 1 == 1 { -root } else { root })
            } else if (square + *number).is_zero() {
                // −1 is no square, so of a number and its negative only one is.
                None
            } else {
                number.even_root()
            }
        });
        checked.collect()
    }

    #[inline]
    fn is_zero(self) -> bool {
        self.iszero() != 0
    }

    #[inline]
    fn beta() -> Self {
        const BETA: Native = Native::w64be(
            0x7AE9_6A2B_657C_0710,
            0x6E64_479E_AC34_34E9,
            0x9CF0_4975_12F5_8995,
            0xC139_6C28_7195_01EE,
        );
        BETA
    }

    #[inline]
    fn twice(self) -> Self {
        self.mul2()
    }
}

/// The number below p in 64-bit words, the lowest first.
fn words(number: Native) -> [u64; 4] {
    let bytes = number.encode32();
    core::array::from_fn(|i| u64::from_le_bytes(core::array::from_fn(|j| bytes[8 * i + j])))
}
