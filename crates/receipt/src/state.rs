//! What a receipt does to the one that is held of the same key.
//!
//! Invariant: of one key the receipt with the highest [`Rank`] counts, in whatever order and however often receipts come.
//! Bytes on time are compared first, so no later receipt can take away what an earlier one pays.

use tatum_primitives::B256;

use crate::{DeliveryReceipt, SignedReceipt};

/// Bytes of an encoded rank.
pub const RANK_BYTES: usize = 48;

/// What orders the receipts of one key; equal only for one and the same receipt.
///
/// A sequence and, last, the struct hash decide only between receipts that pay the same. The hash is not of the signature,
/// so signing again makes no newer receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rank {
    /// The units that are paid.
    pub bytes_on_time: u64,
    /// The signer's count of its receipts.
    pub sequence: u64,
    /// EIP-712's struct hash.
    pub struct_hash: B256,
}

impl Rank {
    /// The three in order, big-endian: ranks compare as these bytes do.
    pub fn encode(&self) -> [u8; RANK_BYTES] {
        let mut bytes = [0; RANK_BYTES];
        let (counters, hash) = bytes.split_at_mut(16);
        let both = (u128::from(self.bytes_on_time) << 64) | u128::from(self.sequence);
        counters.copy_from_slice(&both.to_be_bytes());
        hash.copy_from_slice(self.struct_hash.as_slice());
        bytes
    }
}

impl DeliveryReceipt {
    /// Where the receipt stands among those of its key.
    pub fn rank(&self) -> Rank {
        Rank {
            bytes_on_time: self.bytes_on_time,
            sequence: self.sequence,
            struct_hash: self.struct_hash(),
        }
    }
}

/// The effect of a receipt that passed every check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It ranks highest of its key and replaces what is held.
    Advance,
    /// One that ranks higher is held already.
    Superseded,
    /// It is held already, whoever signed which copy.
    Duplicate,
}

/// Compares `offered` with the receipt that is `held` of the same key.
pub fn step(held: Option<&SignedReceipt>, offered: &SignedReceipt) -> Step {
    let Some(held) = held else { return Step::Advance };
    match offered.receipt.rank().cmp(&held.receipt.rank()) {
        std::cmp::Ordering::Greater => Step::Advance,
        std::cmp::Ordering::Equal => Step::Duplicate,
        std::cmp::Ordering::Less => Step::Superseded,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Signature;

    fn signed(bytes_on_time: u64, sequence: u64, messages: u64) -> SignedReceipt {
        let receipt = DeliveryReceipt {
            sequence,
            messages,
            bytes: 1 << 40,
            bytes_on_time,
            ..Default::default()
        };
        SignedReceipt { receipt, signature: Signature([0; 65]) }
    }

    #[test]
    fn a_higher_rank_advances_and_a_lower_one_is_superseded() {
        assert_eq!(step(None, &signed(1, 1, 1)), Step::Advance);
        assert_eq!(step(Some(&signed(1, 1, 1)), &signed(5, 2, 5)), Step::Advance);
        assert_eq!(step(Some(&signed(5, 2, 5)), &signed(1, 1, 1)), Step::Superseded);
        assert_eq!(step(Some(&signed(5, 2, 5)), &signed(5, 2, 5)), Step::Duplicate);
        assert_eq!(step(Some(&signed(5, 2, 5)), &signed(5, 3, 4)), Step::Advance);
    }

    #[test]
    fn the_highest_sequence_takes_no_pay_away() {
        let unpaid = signed(0, i64::MAX.unsigned_abs(), 1);
        assert_eq!(step(Some(&signed(5, 2, 5)), &unpaid), Step::Superseded);
        assert_eq!(step(Some(&unpaid), &signed(5, 2, 5)), Step::Advance);
    }

    #[test]
    fn a_second_signature_makes_no_newer_receipt() {
        let again = SignedReceipt { signature: Signature([1; 65]), ..signed(5, 2, 5) };
        assert_eq!(step(Some(&signed(5, 2, 5)), &again), Step::Duplicate);
    }

    proptest! {
        #[test]
        fn one_is_left_whatever_the_order(
            receipts in prop::collection::vec((0..3u64, 0..3u64, 1..3u64), 1..12)
                .prop_map(|list| list.into_iter().map(|(a, b, c)| signed(a, b, c)).collect::<Vec<_>>()),
        ) {
            let fold = |list: &mut dyn Iterator<Item = &SignedReceipt>| {
                let mut held: Option<SignedReceipt> = None;
                for offered in list {
                    if step(held.as_ref(), offered) == Step::Advance {
                        held = Some(offered.clone());
                    }
                }
                held
            };
            let highest = receipts.iter().max_by_key(|signed| signed.receipt.rank()).cloned();
            prop_assert_eq!(&fold(&mut receipts.iter()), &highest);
            prop_assert_eq!(fold(&mut receipts.iter().rev()), highest);
        }

        #[test]
        fn ranks_compare_as_their_bytes(one in any::<(u64, u64, [u8; 32])>(), other in any::<(u64, u64, [u8; 32])>()) {
            let rank = |(bytes_on_time, sequence, hash): (u64, u64, [u8; 32])| {
                Rank { bytes_on_time, sequence, struct_hash: hash.into() }
            };
            prop_assert_eq!(
                rank(one).cmp(&rank(other)),
                rank(one).encode().cmp(&rank(other).encode())
            );
        }
    }
}
