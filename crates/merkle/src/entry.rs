//! What a leaf of the sum tree stands for: one operator's payout address and cumulative earnings.
//!
//! Invariant: an entry and its 32 bytes `operatorId (4) ‖ payout (20) ‖ cumulative nano (8)` are one to one; every
//! 32-byte string is some entry, so no decoding can fail.

use alloy_primitives::{Address, B256};
use serde::{Deserialize, Serialize};
use tatum_primitives::{Nano, OperatorId};

/// One operator's cumulative earnings, and where they go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Entry {
    /// The operator, and its place in the tree.
    pub operator_id: OperatorId,
    /// Where claims are paid to.
    pub payout: Address,
    /// Everything that the operator has earned since epoch 0.
    pub cumulative_nano: Nano,
}

impl Entry {
    /// The 32 bytes that are hashed and that `claim` takes.
    pub fn encode(&self) -> B256 {
        let mut bytes = [0; 32];
        let parts = self
            .operator_id
            .0
            .to_be_bytes()
            .into_iter()
            .chain(self.payout.0.0)
            .chain(self.cumulative_nano.0.to_be_bytes());
        bytes.iter_mut().zip(parts).for_each(|(byte, part)| *byte = part);
        B256::from(bytes)
    }

    /// The entry that encodes to `bytes`.
    pub fn decode(bytes: B256) -> Self {
        let [id @ .., _, _, _, _, _, _, _, _] = bytes.0;
        let [a, b, c, d, payout @ ..] = id;
        let [.., s0, s1, s2, s3, s4, s5, s6, s7] = bytes.0;
        Self {
            operator_id: OperatorId(u32::from_be_bytes([a, b, c, d])),
            payout: Address::from(payout),
            cumulative_nano: Nano(u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7])),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, b256};
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_entry_is_id_then_payout_then_amount() {
        let entry = Entry {
            operator_id: OperatorId(0x01020304),
            payout: address!("a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4"),
            cumulative_nano: Nano(0xc1c2c3c4c5c6c7c8),
        };
        assert_eq!(
            entry.encode(),
            b256!("01020304a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4c1c2c3c4c5c6c7c8")
        );
    }

    proptest! {
        #[test]
        fn every_word_is_one_entry(bytes: [u8; 32]) {
            let bytes = B256::from(bytes);
            prop_assert_eq!(Entry::decode(bytes).encode(), bytes);
        }
    }
}
