//! Keccak-256 of many messages: eight or four at a time, where the machine can.
//!
//! A permutation of eight states takes about as long as that of one. Neighbours of as many blocks are hashed together, so lists of
//! messages of one kind gain most.
//!
//! Invariant: the hashes are those of [`keccak256`]. Source: FIPS 202 for the permutation; padding and rate are Ethereum's
//! Keccak-256, of 136 bytes a block.

use tatum_primitives::{B256, keccak256};

#[cfg(target_arch = "x86_64")]
mod machine;
#[cfg(target_arch = "x86_64")]
mod padded;
#[cfg(target_arch = "x86_64")]
mod permutation;

/// The hash of each message, in order.
pub fn keccak256_all<M: AsRef<[u8]>>(messages: &[M]) -> Vec<B256> {
    let mut hashes = Vec::with_capacity(messages.len());
    let mut rest = messages;
    while let Some((first, behind)) = rest.split_first() {
        #[cfg(target_arch = "x86_64")]
        if let Some(taken) = machine::hash_some(rest, &mut hashes) {
            rest = rest.get(taken..).unwrap_or_default();
            continue;
        }
        hashes.push(keccak256(first));
        rest = behind;
    }
    hashes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one_by_one(messages: &[Vec<u8>]) -> Vec<B256> {
        messages.iter().map(keccak256).collect()
    }

    #[test]
    fn every_length_around_the_ends_of_blocks_is_hashed_alike() {
        for length in (0..20).chain(120..150).chain(262..285).chain(400..420) {
            for count in 1..=17 {
                let message =
                    |nth: u8| (0..length).map(move |at| nth ^ u8::try_from(at % 251).unwrap());
                let messages: Vec<Vec<u8>> = (0..count).map(|nth| message(nth).collect()).collect();
                assert_eq!(keccak256_all(&messages), one_by_one(&messages), "{count} of {length}");
            }
        }
    }

    proptest! {
        #[test]
        fn hashes_are_those_of_each_message_by_itself(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..40),
        ) {
            prop_assert_eq!(keccak256_all(&messages), one_by_one(&messages));
        }
    }
}
