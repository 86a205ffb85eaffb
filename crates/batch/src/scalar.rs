//! Numbers modulo n, the order of the group, and their short halves.
//!
//! Invariant: `k = a + bλ` modulo n for the [`halves`] (a, b) of every k, each below 2^128 in size. Source: Gallant, Lambert and
//! Vanstone, "Faster point multiplication on elliptic curves with efficient endomorphisms"; the constants and the proof of
//! the bound are those of libsecp256k1's `scalar_impl.h`.

use crrl::field::ModInt256;

use crate::eisenstein::Wide;

/// A number modulo n.
pub(crate) type Scalar =
    ModInt256<0xBFD2_5E8C_D036_4141, 0xBAAE_DCE6_AF48_A03B, 0xFFFF_FFFF_FFFF_FFFE, { u64::MAX }>;

/// λ, a cube root of 1: λ(x, y) = (βx, y).
pub(crate) const LAMBDA: Scalar = Scalar::w64be(
    0x5363_AD4C_C05C_30E0,
    0xA526_1C02_8812_645A,
    0x122E_22EA_2081_6678,
    0xDF02_967C_1B23_BD72,
);

// −b1 and −b2 of the short basis (a1, b1), (a2, b2) of the pairs with a + bλ = 0.
const MINUS_B1: Scalar = Scalar::w64be(0, 0, 0xE443_7ED6_010E_8828, 0x6F54_7FA9_0ABF_E4C3);
const B2: Scalar = Scalar::w64be(0, 0, 0x3086_D221_A7D4_6BCD, 0xE86C_90E4_9284_EB15);
// 2^384·b2/n and −2^384·b1/n, rounded; lowest first.
const G1: [u64; 4] =
    [0xE893_209A_45DB_B031, 0x3DAA_8A14_71E8_CA7F, 0xE86C_90E4_9284_EB15, 0x3086_D221_A7D4_6BCD];
const G2: [u64; 4] =
    [0x1571_B4AE_8AC4_7F71, 0x2212_08AC_9DF5_06C6, 0x6F54_7FA9_0ABF_E4C4, 0xE443_7ED6_010E_8828];

/// The number with these bytes, highest first, if it is one of 1 … n − 1: what r and s must be.
pub(crate) fn from_signature(bytes: &[u8; 32]) -> Option<Scalar> {
    let mut bytes = *bytes;
    bytes.reverse();
    Scalar::decode(&bytes).filter(|scalar| scalar.iszero() == 0)
}

/// A digest as a number: reduced, as SEC 1 §4.1.3 asks.
pub(crate) fn from_digest(bytes: &[u8; 32]) -> Scalar {
    let mut bytes = *bytes;
    bytes.reverse();
    Scalar::decode_reduce(&bytes)
}

/// Replaces each number by its inverse, with one inversion for all. None may be 0.
pub(crate) fn invert_all(scalars: &mut [Scalar]) {
    let mut product = Scalar::ONE;
    let mut before = Vec::with_capacity(scalars.len());
    for scalar in scalars.iter() {
        before.push(product);
        product *= *scalar;
    }
    let mut inverse = Scalar::ONE / product;
    for (scalar, before) in scalars.iter_mut().zip(before).rev() {
        (*scalar, inverse) = (inverse * before, inverse * *scalar);
    }
}

/// a and b, each below 2^128 in size, with `scalar = a + bλ`.
pub(crate) fn halves(scalar: Scalar) -> (Wide, Wide) {
    let limbs = limbs(scalar);
    let b = high_product(limbs, G1) * MINUS_B1 - high_product(limbs, G2) * B2;
    (signed(scalar - b * LAMBDA), signed(b))
}

/// `x·y / 2^384`, rounded.
fn high_product(x: [u64; 4], y: [u64; 4]) -> Scalar {
    let mut product = [0_u64; 8];
    for (i, x) in x.into_iter().enumerate() {
        let mut carry = 0;
        for (j, y) in y.into_iter().enumerate() {
            let sum = u128::from(x) * u128::from(y) + u128::from(product[i + j]) + carry;
            (product[i + j], carry) = (low(sum), sum >> 64);
        }
        product[i + 4] = low(carry);
    }
    let [.., half, low, high] = product;
    let rounded = (u128::from(high) << 64 | u128::from(low)) + u128::from(half >> 63);
    Scalar::from_u128(rounded)
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is what is asked for")]
const fn low(wide: u128) -> u64 {
    wide as u64
}

fn limbs(scalar: Scalar) -> [u64; 4] {
    let bytes = scalar.encode32();
    core::array::from_fn(|i| u64::from_le_bytes(core::array::from_fn(|j| bytes[8 * i + j])))
}

/// What is near n is a small negative number.
fn signed(scalar: Scalar) -> Wide {
    let [_, _, 0, 0] = limbs(scalar) else { return Wide::from_size(size(-scalar), true) };
    Wide::from_size(size(scalar), false)
}

fn size(short: Scalar) -> u128 {
    let [low, high, ..] = limbs(short);
    u128::from(high) << 64 | u128::from(low)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eisenstein::Digits;

    fn some(count: u64) -> impl Iterator<Item = Scalar> {
        let mut scalar = Scalar::from_u64(7);
        let random = (0..count).map(move |_| {
            scalar = scalar.square() + LAMBDA;
            scalar
        });
        let ends = [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, LAMBDA, -LAMBDA, LAMBDA * LAMBDA];
        ends.into_iter().chain(random)
    }

    #[test]
    fn lambda_is_a_cube_root_of_one() {
        assert_ne!((LAMBDA * LAMBDA + LAMBDA + Scalar::ONE).iszero(), 0);
    }

    #[test]
    fn digits_of_the_halves_add_up_to_the_number() {
        let digits = Digits::new(4);
        for scalar in some(500) {
            let mut sum = Scalar::ZERO;
            digits.odd_digits(halves(scalar), |place, bucket, unit| {
                let (a, b) = digits.values()[bucket];
                let (a, b) = unit.times((a, b));
                let digit = Scalar::from_i64(a.into()) + Scalar::from_i64(b.into()) * LAMBDA;
                assert!(place < 132, "a place as high as {place}");
                sum += (0..place).fold(digit, |digit, _| digit + digit);
            });
            assert_ne!(sum.equals(scalar), 0);
        }
    }

    #[test]
    fn all_are_inverted_by_one_inversion() {
        let scalars: Vec<_> = some(20).filter(|scalar| scalar.iszero() == 0).collect();
        let mut inverses = scalars.clone();
        invert_all(&mut inverses);
        for (scalar, inverse) in scalars.into_iter().zip(inverses) {
            assert_ne!((scalar * inverse).equals(Scalar::ONE), 0);
        }
    }

    #[test]
    fn zero_and_n_are_no_part_of_a_signature_but_a_digest_is_reduced() {
        let mut order = [0xff; 32];
        let limbs = Scalar::MODULUS;
        for (i, byte) in order.iter_mut().enumerate() {
            *byte = limbs[3 - i / 8].to_be_bytes()[i % 8];
        }
        assert!(from_signature(&[0; 32]).is_none());
        assert!(from_signature(&order).is_none());
        assert!(from_signature(&[0xff; 32]).is_none());
        assert_ne!(from_digest(&order).iszero(), 0);
        order[31] -= 1;
        assert_ne!(from_signature(&order).unwrap().equals(-Scalar::ONE), 0);
    }
}
