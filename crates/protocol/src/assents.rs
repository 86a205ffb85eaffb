//! `/v1/epochs/{epoch}/assent`: the list of receipts that an aggregator asks operators to stand for, and their signatures.
//!
//! Invariant: an operator signs a list that it has read; the commitment that stands here is only what it compares that with.

use serde::{Deserialize, Serialize};
use tatum_merkle::ListCommitment;
use tatum_primitives::{Epoch, OperatorId, U256};
use tatum_receipt::Signature;

/// Receipts in one answer, at most: some 3 MB.
pub const ASSENT_PAGE: u32 = 10_000;

/// Receipts in a list that operators are asked to stand for, at most: they read all of them, and whoever audits holds them in memory, some
/// 600 MB.
pub const MOST_ASSENTED: u32 = 1 << 20;

/// A list that waits for signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedList {
    /// The epoch.
    pub epoch: Epoch,
    /// Of several lists that are signed the one with the highest counts.
    pub round: u32,
    /// The list; a leaf is a receipt with its signature.
    pub receipts: ListCommitment,
    /// From then on the chain takes no assent, in seconds since 1970.
    pub until_s: u64,
    /// Who has signed it.
    #[serde(flatten)]
    pub standing: AssentStanding,
}

/// How much bond stands for a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssentStanding {
    /// The bond of those who signed, in wei.
    #[serde(with = "tatum_primitives::decimal")]
    pub signed_wei: U256,
    /// All bonds of the epoch, in wei; more than half of them is an assent.
    #[serde(with = "tatum_primitives::decimal")]
    pub total_wei: U256,
}

impl AssentStanding {
    /// Whether more than half of the bond signed.
    pub fn is_assent(&self) -> bool {
        self.signed_wei > self.total_wei.saturating_sub(self.signed_wei)
    }
}

/// An operator's word for a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorAssent {
    /// Whose.
    pub operator: OperatorId,
    /// The round that was signed.
    pub round: u32,
    /// The list that was signed.
    pub receipts: ListCommitment,
    /// The owner's signature over epoch, round and list, as `IAssents` has it.
    pub signature: Signature,
}

#[cfg(test)]
mod tests {
    use tatum_primitives::B256;

    use super::*;

    #[test]
    fn an_offer_and_a_word_for_it_have_these_bytes() {
        let receipts = ListCommitment { top: B256::repeat_byte(2), count: 3 };
        let standing = AssentStanding { signed_wei: U256::from(5), total_wei: U256::from(9) };
        let offered = OfferedList { epoch: Epoch(7), round: 1, receipts, until_s: 11, standing };
        let json = serde_json::to_value(offered).unwrap();
        assert_eq!((&json["signed_wei"], &json["receipts"]["count"]), (&"5".into(), &3.into()));
        assert_eq!(serde_json::from_value::<OfferedList>(json).unwrap(), offered);
        let signature = Signature([1; 65]);
        let word = OperatorAssent { operator: OperatorId(4), round: 1, receipts, signature };
        let json = serde_json::to_string(&word).unwrap();
        assert_eq!(serde_json::from_str::<OperatorAssent>(&json).unwrap(), word);
    }

    #[test]
    fn half_is_no_assent_and_more_than_half_is() {
        let standing = |signed: u64, total: u64| AssentStanding {
            signed_wei: U256::from(signed),
            total_wei: U256::from(total),
        };
        assert!(!standing(2, 4).is_assent() && standing(3, 4).is_assent());
        assert!(!standing(2, 5).is_assent() || standing(3, 5).is_assent());
        assert!(!standing(0, 0).is_assent());
    }
}
