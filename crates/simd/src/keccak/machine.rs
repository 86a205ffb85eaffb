//! The sponge over vectors, where the machine has them.
//!
//! Invariant: instructions of an extension are reached only behind a look whether this machine has it. That look is why this
//! module may do what the compiler cannot check.
#![allow(unsafe_code)]

use core::arch::x86_64::{__m256i, __m512i, _mm256_xor_si256, _mm512_xor_si512};
use core::mem::transmute;

use tatum_primitives::B256;

use super::padded::Padded;
use super::permutation::{WORDS, permute_eight, permute_four};

/// Fewer are quicker one by one.
const LEAST_OF_EIGHT: usize = 2;
const LEAST_OF_FOUR: usize = 3;

/// Hashes the first messages together, if that pays on this machine, and says how many.
pub(super) fn hash_some<M: AsRef<[u8]>>(messages: &[M], hashes: &mut Vec<B256>) -> Option<usize> {
    if is_x86_feature_detected!("avx512f") {
        let (padded, count) = Padded::first_of(messages)?;
        if count >= LEAST_OF_EIGHT {
            // SAFETY: the machine has AVX-512F.
            hashes.extend(unsafe { hash_eight(&padded) }.into_iter().take(count));
            return Some(count);
        }
    } else if is_x86_feature_detected!("avx2") {
        let (padded, count) = Padded::first_of(messages)?;
        if count >= LEAST_OF_FOUR {
            // SAFETY: the machine has AVX2.
            hashes.extend(unsafe { hash_four(&padded) }.into_iter().take(count));
            return Some(count);
        }
    }
    None
}

#[target_feature(enable = "avx512f")]
fn hash_eight(messages: &Padded<'_, 8>) -> [B256; 8] {
    // SAFETY: any 512 bits are a vector, and any vector is eight words.
    let (vector, words) = (
        |words: [u64; 8]| unsafe { transmute::<[u64; 8], __m512i>(words) },
        |vector| unsafe { transmute::<__m512i, [u64; 8]>(vector) },
    );
    let mut states = [vector([0; 8]); WORDS];
    for nth in 0..messages.blocks() {
        for (state, words) in states.iter_mut().zip(messages.block(nth)) {
            *state = _mm512_xor_si512(*state, vector(words));
        }
        permute_eight(&mut states);
    }
    let [a, b, c, d, ..] = states;
    hashes([a, b, c, d].map(words))
}

#[target_feature(enable = "avx2")]
fn hash_four(messages: &Padded<'_, 4>) -> [B256; 4] {
    // SAFETY: any 256 bits are a vector, and any vector is four words.
    let (vector, words) = (
        |words: [u64; 4]| unsafe { transmute::<[u64; 4], __m256i>(words) },
        |vector| unsafe { transmute::<__m256i, [u64; 4]>(vector) },
    );
    let mut states = [vector([0; 4]); WORDS];
    for nth in 0..messages.blocks() {
        for (state, words) in states.iter_mut().zip(messages.block(nth)) {
            *state = _mm256_xor_si256(*state, vector(words));
        }
        permute_four(&mut states);
    }
    let [a, b, c, d, ..] = states;
    hashes([a, b, c, d].map(words))
}

/// The first words of each state as its hash.
fn hashes<const L: usize>(words: [[u64; L]; 4]) -> [B256; L] {
    core::array::from_fn(|lane| {
        B256::from(core::array::from_fn(|at| words[at / 8][lane].to_le_bytes()[at % 8]))
    })
}

#[cfg(test)]
mod tests {
    use tatum_primitives::keccak256;

    use super::*;

    #[test]
    fn four_together_are_hashed_as_eight_are() {
        let messages: Vec<Vec<u8>> = (0..8_u8).map(|nth| vec![nth; 314]).collect();
        let expected: Vec<B256> = messages.iter().map(keccak256).collect();
        if is_x86_feature_detected!("avx2") {
            let (padded, count) = Padded::first_of(&messages).unwrap();
            assert_eq!(count, 4);
            // SAFETY: the machine has AVX2.
            assert_eq!(unsafe { hash_four(&padded) }.as_slice(), &expected[..4]);
        }
        if is_x86_feature_detected!("avx512f") {
            let (padded, count) = Padded::first_of(&messages).unwrap();
            assert_eq!(count, 8);
            // SAFETY: the machine has AVX-512F.
            assert_eq!(unsafe { hash_eight(&padded) }.as_slice(), expected);
        }
    }
}
