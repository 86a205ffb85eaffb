//! Keccak-f[1600] of several states at a time: a vector holds the same word of each.
//!
//! Invariant: each state comes out as it would by itself. Source: FIPS 202 §3.2 and §3.3.

use core::arch::x86_64::{
    __m256i, __m512i, _mm256_andnot_si256, _mm256_or_si256, _mm256_set1_epi64x, _mm256_sllv_epi64,
    _mm256_srlv_epi64, _mm256_xor_si256, _mm512_rol_epi64, _mm512_set1_epi64,
    _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

/// Words of a state.
pub(super) const WORDS: usize = 25;

/// ι's constant of each round.
const CONSTANTS: [u64; 24] = [
    0x0000_0000_0000_0001,
    0x0000_0000_0000_8082,
    0x8000_0000_0000_808A,
    0x8000_0000_8000_8000,
    0x0000_0000_0000_808B,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8009,
    0x0000_0000_0000_008A,
    0x0000_0000_0000_0088,
    0x0000_0000_8000_8009,
    0x0000_0000_8000_000A,
    0x0000_0000_8000_808B,
    0x8000_0000_0000_008B,
    0x8000_0000_0000_8089,
    0x8000_0000_0000_8003,
    0x8000_0000_0000_8002,
    0x8000_0000_0000_0080,
    0x0000_0000_0000_800A,
    0x8000_0000_8000_000A,
    0x8000_0000_8000_8081,
    0x8000_0000_0000_8080,
    0x0000_0000_8000_0001,
    0x8000_0000_8000_8008,
];

/// All rounds, in terms of a machine's vectors: `sum` of three, `turn` by so many bits, and `chi` = a ⊕ (¬b ∧ c).
macro_rules! permute {
    ($states:ident, $spread:ident, $xor:ident, $sum:ident, $turn:ident, $chi:ident) => {{
        let mut a = *$states;
        for constant in CONSTANTS {
            // θ.
            let column = |x: usize| $sum(a[x], a[x + 5], $sum(a[x + 10], a[x + 15], a[x + 20]));
            let c = [column(0), column(1), column(2), column(3), column(4)];
            let d = [
                $xor(c[4], $turn::<1>(c[1])),
                $xor(c[0], $turn::<1>(c[2])),
                $xor(c[1], $turn::<1>(c[3])),
                $xor(c[2], $turn::<1>(c[4])),
                $xor(c[3], $turn::<1>(c[0])),
            ];
            // ρ and π: where each word comes from, and how far it is turned.
            let rows = [
                [
                    $xor(a[0], d[0]),
                    $turn::<44>($xor(a[6], d[1])),
                    $turn::<43>($xor(a[12], d[2])),
                    $turn::<21>($xor(a[18], d[3])),
                    $turn::<14>($xor(a[24], d[4])),
                ],
                [
                    $turn::<28>($xor(a[3], d[3])),
                    $turn::<20>($xor(a[9], d[4])),
                    $turn::<3>($xor(a[10], d[0])),
                    $turn::<45>($xor(a[16], d[1])),
                    $turn::<61>($xor(a[22], d[2])),
                ],
                [
                    $turn::<1>($xor(a[1], d[1])),
                    $turn::<6>($xor(a[7], d[2])),
                    $turn::<25>($xor(a[13], d[3])),
                    $turn::<8>($xor(a[19], d[4])),
                    $turn::<18>($xor(a[20], d[0])),
                ],
                [
                    $turn::<27>($xor(a[4], d[4])),
                    $turn::<36>($xor(a[5], d[0])),
                    $turn::<10>($xor(a[11], d[1])),
                    $turn::<15>($xor(a[17], d[2])),
                    $turn::<56>($xor(a[23], d[3])),
                ],
                [
                    $turn::<62>($xor(a[2], d[2])),
                    $turn::<55>($xor(a[8], d[3])),
                    $turn::<39>($xor(a[14], d[4])),
                    $turn::<41>($xor(a[15], d[0])),
                    $turn::<2>($xor(a[21], d[1])),
                ],
            ];
            // χ.
            for (y, b) in rows.into_iter().enumerate() {
                for x in 0..5 {
                    a[5 * y + x] = $chi(b[x], b[(x + 1) % 5], b[(x + 2) % 5]);
                }
            }
            // ι.
            a[0] = $xor(a[0], $spread(constant.cast_signed()));
        }
        *$states = a;
    }};
}

/// Eight states.
#[target_feature(enable = "avx512f")]
pub(super) fn permute_eight(states: &mut [__m512i; WORDS]) {
    permute!(states, _mm512_set1_epi64, _mm512_xor_si512, sum_of_eight, turn_eight, chi_of_eight);
}

#[inline]
#[target_feature(enable = "avx512f")]
fn sum_of_eight(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    // The truth table of a ⊕ b ⊕ c.
    _mm512_ternarylogic_epi64::<0x96>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn turn_eight<const BITS: i32>(a: __m512i) -> __m512i {
    _mm512_rol_epi64::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn chi_of_eight(a: __m512i, b: __m512i, c: __m512i) -> __m512i {
    // The truth table of a ⊕ (¬b ∧ c).
    _mm512_ternarylogic_epi64::<0xD2>(a, b, c)
}

/// Four states.
#[target_feature(enable = "avx2")]
pub(super) fn permute_four(states: &mut [__m256i; WORDS]) {
    permute!(states, _mm256_set1_epi64x, _mm256_xor_si256, sum_of_four, turn_four, chi_of_four);
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_four(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(a, _mm256_xor_si256(b, c))
}

#[inline]
#[target_feature(enable = "avx2")]
fn turn_four<const BITS: i32>(a: __m256i) -> __m256i {
    let [left, right] = [BITS, 64 - BITS].map(|bits| _mm256_set1_epi64x(bits.into()));
    _mm256_or_si256(_mm256_sllv_epi64(a, left), _mm256_srlv_epi64(a, right))
}

#[inline]
#[target_feature(enable = "avx2")]
fn chi_of_four(a: __m256i, b: __m256i, c: __m256i) -> __m256i {
    _mm256_xor_si256(a, _mm256_andnot_si256(b, c))
}
