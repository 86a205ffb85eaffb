//! Arithmetic modulo p for eight numbers at a time, each of five digits of 52 bits.
//!
//! Products are of digits below 2^52, so carries are passed on once after each; what a second pass would still move is what is
//! lost, see [`super`].
//!
//! Invariant: instructions of an extension are reached only behind a look whether this machine has it.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64,
    _mm512_set1_epi64, _mm512_srli_epi64,
};
use core::mem::transmute;

use super::Words;

/// Numbers in a vector.
const LANES: usize = 8;
/// Bits of a digit.
const BITS: u32 = 52;
const DIGIT: u64 = (1 << BITS) - 1;
/// 2^256 modulo p.
const FOLD_256: u64 = (1 << 32) + 977;
/// 2^260 modulo p.
const FOLD_260: i64 = (FOLD_256 << 4).cast_signed();

/// Eight numbers, the lowest digits first.
type Numbers = [__m512i; 5];

pub(super) fn square_roots(values: &[Words]) -> Option<Vec<Words>> {
    if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")) {
        return None;
    }
    let mut roots = Vec::with_capacity(values.len());
    for some in values.chunks(LANES) {
        // SAFETY: the machine has AVX-512F and its IFMA.
        let found = unsafe { candidates(some) };
        roots.extend(found.into_iter().take(some.len()));
    }
    Some(roots)
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn candidates(values: &[Words]) -> [Words; LANES] {
    let lanes: [_; LANES] =
        core::array::from_fn(|lane| digits(values.get(lane).copied().unwrap_or_default()));
    let numbers = core::array::from_fn(|digit| {
        // SAFETY: any 512 bits are a vector.
        unsafe { transmute::<[u64; LANES], __m512i>(lanes.map(|digits| digits[digit])) }
    });
    let roots = power(&numbers).map(|vector| {
        // SAFETY: any vector is eight words.
        unsafe { transmute::<__m512i, [u64; LANES]>(vector) }
    });
    core::array::from_fn(|lane| words(roots.map(|lanes| lanes[lane])))
}

const fn digits([a, b, c, d]: Words) -> [u64; 5] {
    [
        a & DIGIT,
        (a >> 52 | b << 12) & DIGIT,
        (b >> 40 | c << 24) & DIGIT,
        (c >> 28 | d << 36) & DIGIT,
        d >> 16,
    ]
}

/// The number below 2^256; it may still be p or more.
fn words([a, b, c, d, e]: [u64; 5]) -> Words {
    // What is above 2^256 comes in again at the bottom, and what that carries goes up.
    let mut digits = [a + (e >> 48) * FOLD_256, b, c, d, e & ((1 << 48) - 1)];
    for at in 1..digits.len() {
        digits[at] += digits[at - 1] >> BITS;
        digits[at - 1] &= DIGIT;
    }
    let [a, b, c, d, e] = digits;
    [a | b << 52, b >> 12 | c << 40, c >> 24 | d << 28, d >> 36 | e << 16]
}

/// The power (p + 1)/4: in binary 223 ones, a zero, 22 ones, four zeros, two ones and two zeros.
#[target_feature(enable = "avx512f,avx512ifma")]
fn power(x: &Numbers) -> Numbers {
    // Each is the power of so many ones.
    let ones_2 = product(&square(x), x);
    let ones_3 = product(&square(&ones_2), x);
    let ones_6 = product(&squares(ones_3, 3), &ones_3);
    let ones_9 = product(&squares(ones_6, 3), &ones_3);
    let ones_11 = product(&squares(ones_9, 2), &ones_2);
    let ones_22 = product(&squares(ones_11, 11), &ones_11);
    let ones_44 = product(&squares(ones_22, 22), &ones_22);
    let ones_88 = product(&squares(ones_44, 44), &ones_44);
    let ones_176 = product(&squares(ones_88, 88), &ones_88);
    let ones_220 = product(&squares(ones_176, 44), &ones_44);
    let ones_223 = product(&squares(ones_220, 3), &ones_3);
    let high = product(&squares(ones_223, 23), &ones_22);
    squares(product(&squares(high, 6), &ones_2), 2)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn squares(mut x: Numbers, times: usize) -> Numbers {
    for _ in 0..times {
        x = square(&x);
    }
    x
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn square(x: &Numbers) -> Numbers {
    let mut columns = [_mm512_set1_epi64(0); 10];
    for i in 0..5 {
        for j in i + 1..5 {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], x[i], x[j]);
            columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], x[i], x[j]);
        }
    }
    // Each pair comes twice, a digit with itself once.
    for column in &mut columns {
        *column = _mm512_add_epi64(*column, *column);
    }
    for i in 0..5 {
        columns[2 * i] = _mm512_madd52lo_epu64(columns[2 * i], x[i], x[i]);
        columns[2 * i + 1] = _mm512_madd52hi_epu64(columns[2 * i + 1], x[i], x[i]);
    }
    reduce(&columns)
}

#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn product(x: &Numbers, y: &Numbers) -> Numbers {
    let mut columns = [_mm512_set1_epi64(0); 10];
    for i in 0..5 {
        for j in 0..5 {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], x[i], y[j]);
            columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], x[i], y[j]);
        }
    }
    reduce(&columns)
}

/// The number of ten columns, each below 2^56, in five digits.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn reduce(columns: &[__m512i; 10]) -> Numbers {
    let fold = _mm512_set1_epi64(FOLD_260);
    let [a, b, c, d, e, high @ ..] = carried(columns);
    let mut low = [a, b, c, d, e, _mm512_set1_epi64(0)];
    for (at, digit) in high.into_iter().enumerate() {
        low[at] = _mm512_madd52lo_epu64(low[at], digit, fold);
        low[at + 1] = _mm512_madd52hi_epu64(low[at + 1], digit, fold);
    }
    let [a, b, c, d, e, above] = low;
    let a = _mm512_madd52lo_epu64(a, above, fold);
    let b = _mm512_madd52hi_epu64(b, above, fold);
    let top = _mm512_srli_epi64::<BITS>(e);
    let [a, b, c, d, e] = carried(&[a, b, c, d, e]);
    // This carry is a long one, so it is passed on at once.
    let a = _mm512_madd52lo_epu64(a, top, fold);
    let b = _mm512_add_epi64(b, _mm512_srli_epi64::<BITS>(a));
    [_mm512_and_si512(a, _mm512_set1_epi64(DIGIT.cast_signed())), b, c, d, e]
}

/// Each column's digit with the carry of the column below.
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
fn carried<const N: usize>(columns: &[__m512i; N]) -> [__m512i; N] {
    let digit = _mm512_set1_epi64(DIGIT.cast_signed());
    let mut carried = *columns;
    for at in 0..N {
        carried[at] = _mm512_and_si512(columns[at], digit);
        if at > 0 {
            let below = _mm512_srli_epi64::<BITS>(columns[at - 1]);
            carried[at] = _mm512_add_epi64(carried[at], below);
        }
    }
    carried
}
