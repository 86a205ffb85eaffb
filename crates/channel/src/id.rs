//! Names of channels and lanes, and what is signed to end a channel: hashes of packed fields, as the contract makes them.
//!
//! Invariant: no two channels, of one hub or of two, share an id, and no two lanes.

use std::collections::BTreeMap;

use tatum_primitives::{Address, B256, Domain, OperatorId, U256, eip712_digest, keccak256};
use tatum_receipt::{DeliveryReceipt, SignedReceipt};

/// A payer and an operator at one hub: they have one channel at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pair {
    /// The `ChannelHub`.
    pub hub: Address,
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub operator_id: OperatorId,
}

impl Pair {
    /// The id of the channel that follows `generation` closed ones: `keccak256(hub ‖ payer ‖ operator id ‖ generation)`, where
    /// the generation has 24 bits.
    pub fn channel_id(&self, generation: u32) -> B256 {
        let mut bytes = Vec::with_capacity(47);
        bytes.extend_from_slice(self.hub.as_slice());
        bytes.extend_from_slice(self.payer.as_slice());
        bytes.extend_from_slice(&self.operator_id.0.to_be_bytes());
        bytes.extend(generation.to_be_bytes().into_iter().skip(1));
        keccak256(bytes)
    }
}

/// The lane that a receipt is of: `keccak256(channel ‖ node ‖ stream key ‖ role ‖ reader)`. The epoch is not part of it.
pub fn lane_id(receipt: &DeliveryReceipt) -> B256 {
    let mut bytes = Vec::with_capacity(101);
    bytes.extend_from_slice(receipt.channel.as_slice());
    bytes.extend_from_slice(receipt.node.0.as_slice());
    bytes.extend_from_slice(receipt.stream_key.0.as_slice());
    bytes.push(receipt.role as u8);
    bytes.extend_from_slice(&receipt.reader.0.to_be_bytes());
    keccak256(bytes)
}

/// What is signed to end a channel with `total_wei` for the operator: EIP-712's digest of
/// `ChannelClose(bytes32 channel,uint256 totalWei)` in the hub's domain, which is made as the pool's is.
pub fn close_digest(chain_id: u64, hub: Address, channel: B256, total_wei: u128) -> B256 {
    let typehash = keccak256("ChannelClose(bytes32 channel,uint256 totalWei)");
    let words = [typehash.0, channel.0, U256::from(total_wei).to_be_bytes()];
    let domain = Domain { chain_id, stake_pool: hub };
    eip712_digest(domain.separator(), keccak256(words.as_flattened()))
}

/// Of each lane the receipt that owes most, in an order in which an operator's are neighbours; receipts of no channel are left out.
pub fn highest_of_lanes(receipts: impl IntoIterator<Item = SignedReceipt>) -> Vec<SignedReceipt> {
    let mut highest: BTreeMap<(OperatorId, Address, B256), SignedReceipt> = BTreeMap::new();
    for signed in receipts.into_iter().filter(|signed| signed.receipt.channel != B256::ZERO) {
        let receipt = &signed.receipt;
        let place = (receipt.operator_id, receipt.payer, lane_id(receipt));
        let owed = receipt.owed;
        let held = highest.entry(place).or_insert_with(|| signed.clone());
        if held.receipt.owed < owed {
            *held = signed;
        }
    }
    highest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use tatum_primitives::{Epoch, ReaderId};
    use tatum_receipt::Signature;

    fn owing(reader: u32, epoch: u64, channel: u8, owed: u128) -> SignedReceipt {
        let receipt = DeliveryReceipt {
            reader: ReaderId(reader),
            epoch: Epoch(epoch),
            channel: B256::repeat_byte(channel),
            owed,
            ..DeliveryReceipt::default()
        };
        SignedReceipt { receipt, signature: Signature([0; 65]) }
    }

    #[test]
    fn a_lane_is_redeemed_by_what_it_owes_most_whatever_the_epoch() {
        let all = [owing(0, 1, 1, 5), owing(0, 2, 1, 9), owing(0, 3, 1, 7), owing(1, 1, 1, 1)];
        let mut kept: Vec<_> =
            highest_of_lanes(all).iter().map(|signed| signed.receipt.owed).collect();
        kept.sort_unstable();
        assert_eq!(kept, [1, 9]);
        assert_eq!(highest_of_lanes([owing(0, 1, 0, 5)]), []);
    }

    #[test]
    fn other_generations_and_hubs_are_other_channels() {
        let pair = Pair { hub: Address::ZERO, payer: Address::ZERO, operator_id: OperatorId(0) };
        let other = Pair { hub: Address::repeat_byte(1), ..pair };
        assert_ne!(pair.channel_id(0), pair.channel_id(1));
        assert_ne!(pair.channel_id(0), other.channel_id(0));
    }
}
