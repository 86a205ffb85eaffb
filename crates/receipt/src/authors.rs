//! Whether digests are signed by whom they name, in batches.
//!
//! Who signs much is met again: its key is recovered once, and with it what follows is checked by [`tatum_batch`].
//!
//! Invariant: the answers are those of [`Signature::signer`], `v` included, whatever is known. Only a key that did sign for its address
//! is kept, so no stranger can spoil what is known of an author; at most [`KEPT`] are kept.

use std::collections::BTreeMap;

use secp256k1::PublicKey;
use tatum_batch::{Claim, Disagreement};
use tatum_primitives::{Address, B256};

use crate::session_key::address_of;
use crate::{Signature, SignatureError};

/// Authors whose keys are kept; beyond it, one is forgotten.
const KEPT: usize = 4_096;

/// A digest, and who is said to have signed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedDigest {
    /// Who.
    pub author: Address,
    /// What.
    pub digest: B256,
    /// How.
    pub signature: Signature,
}

/// The keys of authors that were met.
#[derive(Debug)]
pub struct Authors {
    batches: tatum_batch::Verifier,
    known: BTreeMap<Address, PublicKey>,
}

impl Authors {
    /// Nobody is known. The secret is random and of this process, or whoever knows it could make two wrong signatures that cancel.
    pub fn new(secret: [u8; 32]) -> Self {
        Self { batches: tatum_batch::Verifier::new(secret), known: BTreeMap::new() }
    }

    /// Whether each digest is signed by whom it names, in order; an error for a signature that is nobody's. If batches and libsecp256k1
    /// disagree, the process ends: nothing could be believed on either's word.
    pub fn check_all(&mut self, signed: &[SignedDigest]) -> Vec<Result<bool, SignatureError>> {
        let mut claims = Vec::with_capacity(signed.len());
        let first: Vec<_> = signed.iter().map(|one| self.look(one, &mut claims)).collect();
        let recovered =
            self.batches.recover(&claims).unwrap_or_else(|error: Disagreement| error.stop());
        let mut recovered = recovered.into_iter();
        let settled = signed.iter().zip(first).map(|(one, first)| match first? {
            Some(is_author) => Ok(is_author),
            None => {
                let key = recovered.next().flatten().ok_or(SignatureError::NoKey)?;
                Ok(address_of(&key) == one.author)
            }
        });
        settled.collect()
    }

    /// The answer, or a claim for the batch. The first of an author is recovered by itself, so that those that follow are not.
    fn look(
        &mut self,
        one: &SignedDigest,
        claims: &mut Vec<Claim>,
    ) -> Result<Option<bool>, SignatureError> {
        one.signature.check_form()?;
        if let Some(key) = self.known.get(&one.author).copied() {
            let (digest, signature) = (one.digest.0, one.signature.0);
            claims.push(Claim { digest, signature, key: Some(key) });
            return Ok(None);
        }
        let key = one.signature.key(one.digest)?;
        let is_author = address_of(&key) == one.author;
        if is_author {
            if self.known.len() >= KEPT {
                self.known.pop_first();
            }
            self.known.insert(one.author, key);
        }
        Ok(Some(is_author))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SessionKey;
    use proptest::prelude::*;

    fn key(byte: u8) -> SessionKey {
        SessionKey::from_bytes(&[byte; 32]).unwrap()
    }

    fn signed(author: u8, number: u8) -> SignedDigest {
        let (key, digest) = (key(author), B256::repeat_byte(number));
        SignedDigest { author: key.address(), digest, signature: Signature::sign(&key, digest) }
    }

    /// What recovery alone answers.
    fn recovered(one: &SignedDigest) -> Result<bool, SignatureError> {
        one.signature.signer(one.digest).map(|signer| signer == one.author)
    }

    #[test]
    fn a_changed_v_is_nobodys_word_whether_the_key_is_known_or_not() {
        let good = signed(1, 7);
        let mut flipped = good;
        flipped.signature.0[64] = 55 - flipped.signature.0[64];
        let mut authors = Authors::new([1; 32]);
        assert_eq!(authors.check_all(&[flipped]), [Ok(false)]);
        assert_eq!(authors.check_all(&[good]), [Ok(true)]);
        assert_eq!(authors.check_all(&[flipped]), [Ok(false)]);
        assert_eq!(authors.check_all(&[good, flipped, good, good, good, good])[1], Ok(false));
    }

    #[test]
    fn a_stranger_in_anothers_name_is_not_kept_for_it() {
        let mut forged = signed(2, 7);
        forged.author = key(1).address();
        let mut authors = Authors::new([1; 32]);
        assert_eq!(authors.check_all(&[forged]), [Ok(false)]);
        assert!(authors.known.is_empty());
        assert_eq!(authors.check_all(&[signed(1, 8), forged]), [Ok(true), Ok(false)]);
    }

    #[test]
    fn no_more_than_a_bounded_number_of_authors_is_kept() {
        let mut authors = Authors::new([1; 32]);
        authors.check_all(&[signed(1, 1)]);
        let any = *authors.known.values().next().unwrap();
        for number in 1..KEPT as u64 {
            authors.known.insert(Address::left_padding_from(&number.to_be_bytes()), any);
        }
        assert_eq!(authors.known.len(), KEPT);
        authors.check_all(&[signed(2, 1)]);
        assert_eq!(authors.known.len(), KEPT);
        assert!(authors.known.contains_key(&key(2).address()));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn runs_are_answered_as_recovery_answers_each(
            runs in prop::collection::vec(
                prop::collection::vec((1_u8..4, any::<u8>(), prop::option::weighted(0.3, (0_usize..65, 0_u8..8))), 1..24),
                1..4,
            ),
        ) {
            let mut authors = Authors::new([9; 32]);
            for run in runs {
                let run: Vec<_> = run.into_iter().map(|(author, number, flip)| {
                    let mut one = signed(author, number);
                    if let Some((at, bit)) = flip {
                        one.signature.0[at] ^= 1 << bit;
                    }
                    one
                }).collect();
                let expected: Vec<_> = run.iter().map(recovered).collect();
                prop_assert_eq!(authors.check_all(&run), expected);
            }
        }
    }
}
