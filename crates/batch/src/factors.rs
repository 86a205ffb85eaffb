//! The factors a_i = a + bλ of a sum: 128 bits each, from a hash of the whole batch under a secret of the process.
//!
//! Invariant: no value has a chance above 2^-128 to be a factor, and different choices are different factors: both kinds are
//! digits of which no two sequences are the same Eisenstein integer, of a size below √n, where λ maps no two to one number.
//! So whoever makes a batch, before the hash is known, has a wrong signature accepted with a chance of at most 2^-128. Source:
//! Bellare, Garay and Rabin, "Fast batch verification for modular exponentiation and digital signatures" (small exponents).

use sha2::{Digest, Sha256};

use crate::eisenstein::{Digits, Unit};
use crate::scalar::{LAMBDA, Scalar};

/// Units in a factor of units: the least with `C(106, 22)·6^22 > 2^131` choices.
pub(crate) const UNITS: usize = 22;
/// Places of a factor of units.
pub(crate) const PLACES: usize = 127;
/// Places that a choice without neighbours leaves to choose from.
const FREE_PLACES: u8 = 106;
/// Bits of a factor.
const BITS: u32 = 128;

/// Bytes that only the batch and the secret determine.
#[derive(Debug)]
pub(crate) struct Stream {
    seed: [u8; 32],
    block: u64,
    bytes: [u8; 32],
    used: usize,
}

impl Stream {
    /// The bytes of `seed` for one purpose.
    pub(crate) fn new(seed: &[u8; 32], purpose: &[u8]) -> Self {
        let seed = Sha256::new().chain_update(seed).chain_update(purpose).finalize().into();
        Self { seed, block: 0, bytes: [0; 32], used: 32 }
    }

    #[inline]
    pub(crate) fn byte(&mut self) -> u8 {
        if self.used == self.bytes.len() {
            let block =
                Sha256::new().chain_update(self.seed).chain_update(self.block.to_le_bytes());
            self.bytes = block.finalize().into();
            self.block += 1;
            self.used = 0;
        }
        let byte = self.bytes[self.used];
        self.used += 1;
        byte
    }
}

/// A unit at each of 22 places.
pub(crate) type Units = [(u8, Unit); UNITS];

/// Draws a unit at each of 22 places below 127, no two adjacent, and tells the factor `Σ unit·2^place`.
pub(crate) fn draw_units(stream: &mut Stream) -> (Scalar, Units) {
    let mut chosen = choose(stream);
    let mut units = u64::from_le_bytes(core::array::from_fn(|_| stream.byte()));
    let mut sum = [0_i128; 2];
    let drawn = core::array::from_fn(|nth| {
        // One free place between each and the next keeps them apart.
        let place = chosen.trailing_zeros() + u32::try_from(nth).unwrap_or_default();
        chosen &= chosen.wrapping_sub(1);
        // The next digit of a number below 1 to the base 6.
        let digit = u128::from(units) * 6;
        units = u64::try_from(digit & u128::from(u64::MAX)).unwrap_or_default();
        let unit = Unit::ALL[usize::try_from(digit >> 64).unwrap_or_default()];
        let (a, b) = unit.times((1, 0));
        sum[0] += i128::from(a) << place;
        sum[1] += i128::from(b) << place;
        (u8::try_from(place).unwrap_or_default(), unit)
    });
    (scalar(sum), drawn)
}

/// 22 of 106, all choices alike.
fn choose(stream: &mut Stream) -> u128 {
    let mut chosen = 0_u128;
    let mut count = 0;
    while count < UNITS {
        let place = stream.byte() & 0x7f;
        if place < FREE_PLACES && chosen >> place & 1 == 0 {
            chosen |= 1 << place;
            count += 1;
        }
    }
    chosen
}

/// Windows of a factor with digits of width c: together 128 bits.
pub(crate) const fn windows(width: u32) -> usize {
    BITS.div_ceil(2 * width) as usize
}

/// Draws the classes of a factor's digits and tells the factor.
pub(crate) fn draw_digits(stream: &mut Stream, digits: &Digits, classes: &mut Vec<u16>) -> Scalar {
    let width = digits.width();
    let mut sum = [0_i128; 2];
    let mut shift = 0;
    for _ in 0..windows(width) {
        let class = u16::from_le_bytes([stream.byte(), stream.byte()]) & ((1 << (2 * width)) - 1);
        let (_, _, (a, b)) = digits.class(class.into());
        sum[0] += i128::from(a) << shift;
        sum[1] += i128::from(b) << shift;
        shift += width;
        classes.push(class);
    }
    scalar(sum)
}

fn scalar([a, b]: [i128; 2]) -> Scalar {
    Scalar::from_i128(a) + Scalar::from_i128(b) * LAMBDA
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_has_22_units_and_no_two_are_adjacent() {
        let mut stream = Stream::new(&[7; 32], b"test");
        for _ in 0..1000 {
            let (_, units) = draw_units(&mut stream);
            assert!(units.windows(2).all(|pair| pair[0].0 + 1 < pair[1].0));
            assert!(usize::from(units[UNITS - 1].0) < PLACES);
        }
    }

    #[test]
    fn every_place_and_unit_comes_up() {
        let mut stream = Stream::new(&[7; 32], b"test");
        let mut places = [0; PLACES];
        let mut units = [0; 6];
        for _ in 0..2000 {
            for (place, unit) in draw_units(&mut stream).1 {
                places[usize::from(place)] += 1;
                units[Unit::ALL.iter().position(|other| *other == unit).unwrap()] += 1;
            }
        }
        assert!(places.into_iter().all(|count| count > 200), "{places:?}");
        assert!(units.into_iter().all(|count| (6800..7900).contains(&count)), "{units:?}");
    }

    #[test]
    fn choices_are_more_than_two_to_the_131() {
        let log2 = |x: f64| x.log2();
        let ways: f64 =
            (0..UNITS).map(|k| log2((f64::from(FREE_PLACES) - k as f64) / (k + 1) as f64)).sum();
        assert!(ways + UNITS as f64 * log2(6.0) > 131.0);
        assert!((2..=7).all(|width| windows(width) * 2 * width as usize >= 128));
    }

    #[test]
    fn other_purposes_get_other_bytes() {
        let bytes = |purpose| {
            core::array::from_fn::<u8, 40, _>({
                let mut stream = Stream::new(&[7; 32], purpose);
                move |_| stream.byte()
            })
        };
        assert_ne!(bytes(b"a"), bytes(b"b"));
        assert_eq!(bytes(b"a"), bytes(b"a"));
    }
}
