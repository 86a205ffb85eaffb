//! The receipt's fields, its key, its EIP-712 struct hash and its canonical bytes.
//!
//! Invariant: `decode(encode(r)) == r`, and no other bytes decode to `r`; the bytes equal Solidity's
//! `abi.encodePacked` of the fields, and begin with the bytes of the key. Source: EIP-712 §encodeData; `docs/receipts.md`.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use tatum_primitives::{
    Address, B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey, keccak256,
};

use crate::DecodeError;

/// Bytes of an encoded receipt without its signature.
pub const RECEIPT_BYTES: usize = 213;
/// How many of them, the first, are the bytes of its key.
pub const KEY_BYTES: usize = 93;

/// Bytes that the struct hash is made of: the type's hash and a word for each field.
pub(crate) const STRUCT_BYTES: usize = 15 * 32;

const TYPE: &str = "DeliveryReceipt(address payer,uint32 operatorId,bytes32 node,bytes32 streamKey,uint8 role,\
uint32 reader,uint64 epoch,uint64 sequence,uint64 messages,uint64 bytes,uint64 bytesOnTime,bytes32 contents,\
bytes32 channel,uint128 owed)";

static TYPE_HASH: LazyLock<B256> = LazyLock::new(|| keccak256(TYPE));

/// What one node delivered to one reader of a payer in one stream partition, cumulative over one epoch.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryReceipt {
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub operator_id: OperatorId,
    /// The node that delivered.
    pub node: NodeId,
    /// The stream partition.
    pub stream_key: StreamKey,
    /// What the node did.
    pub role: Role,
    /// Which of the payer's processes received it, or published it.
    pub reader: ReaderId,
    /// The epoch the counters belong to.
    pub epoch: Epoch,
    /// Rises with every receipt that the signer makes of a [`ReceiptKey`]; decides between receipts of as many bytes on time.
    pub sequence: u64,
    /// Messages so far in the epoch.
    pub messages: u64,
    /// Payload bytes so far in the epoch.
    pub bytes: u64,
    /// How many of `bytes` met the service level: a first copy, within the latency bound. The units that are paid.
    pub bytes_on_time: u64,
    /// What the reader holds of the stream, so that readers can be compared, and what the node brought of it: the root of
    /// [`Contents`](crate::Contents); zero from a reader that states nothing.
    pub contents: B256,
    /// Zero if paid from the stake pool, else the payment channel.
    pub channel: B256,
    /// Wei owed in the channel, cumulative over its life; 0 if paid from the pool.
    #[serde(with = "decimal")]
    pub owed: u128,
}

/// What makes receipts replace each other: of one key, the one with the highest [`Rank`](crate::Rank) counts.
///
/// Ordered as an epoch's receipts are: by payer, operator, node, stream, role and reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceiptKey {
    /// Who pays.
    pub payer: Address,
    /// Who is paid.
    pub operator_id: OperatorId,
    /// The node that delivered.
    pub node: NodeId,
    /// The stream partition.
    pub stream_key: StreamKey,
    /// What the node did.
    pub role: Role,
    /// Which of the payer's processes.
    pub reader: ReaderId,
    /// The epoch.
    pub epoch: Epoch,
}

impl ReceiptKey {
    /// The bytes with which every receipt of this key begins. The epoch is not among them.
    pub fn encode(&self) -> [u8; KEY_BYTES] {
        let mut out = Writer { bytes: [0; KEY_BYTES], at: 0 };
        out.put(self.payer.as_slice());
        out.put(&self.operator_id.0.to_be_bytes());
        out.put(self.node.0.as_slice());
        out.put(self.stream_key.0.as_slice());
        out.put(&[self.role as u8]);
        out.put(&self.reader.0.to_be_bytes());
        out.bytes
    }

    /// The key in `epoch` that these bytes stand for.
    pub fn decode(bytes: &[u8; KEY_BYTES], epoch: Epoch) -> Result<Self, DecodeError> {
        let mut out = Writer { bytes: [0; RECEIPT_BYTES], at: 0 };
        out.put(bytes);
        let receipt = DeliveryReceipt::decode(&out.bytes)?;
        Ok(DeliveryReceipt { epoch, ..receipt }.key())
    }
}

impl DeliveryReceipt {
    /// The key under which only the highest rank counts.
    pub fn key(&self) -> ReceiptKey {
        ReceiptKey {
            payer: self.payer,
            operator_id: self.operator_id,
            node: self.node,
            stream_key: self.stream_key,
            role: self.role,
            reader: self.reader,
            epoch: self.epoch,
        }
    }

    /// EIP-712 `hashStruct`.
    pub fn struct_hash(&self) -> B256 {
        keccak256(self.struct_bytes())
    }

    /// What that is the keccak of: `typeHash ‖ encodeData`.
    pub(crate) fn struct_bytes(&self) -> [u8; STRUCT_BYTES] {
        let mut bytes = [0; STRUCT_BYTES];
        let words = [
            TYPE_HASH.0,
            self.payer.into_word().0,
            word(self.operator_id.0),
            self.node.0.0,
            self.stream_key.0.0,
            word(self.role as u8),
            word(self.reader.0),
            word(self.epoch.0),
            word(self.sequence),
            word(self.messages),
            word(self.bytes),
            word(self.bytes_on_time),
            self.contents.0,
            self.channel.0,
            word(self.owed),
        ];
        bytes.copy_from_slice(words.as_flattened());
        bytes
    }

    /// The canonical bytes.
    pub fn encode(&self) -> [u8; RECEIPT_BYTES] {
        let mut out = Writer { bytes: [0; RECEIPT_BYTES], at: 0 };
        out.put(&self.key().encode());
        for counter in [self.epoch.0, self.sequence, self.messages, self.bytes, self.bytes_on_time]
        {
            out.put(&counter.to_be_bytes());
        }
        out.put(self.contents.as_slice());
        out.put(self.channel.as_slice());
        out.put(&self.owed.to_be_bytes());
        out.bytes
    }

    /// The receipt these canonical bytes stand for.
    pub fn decode(bytes: &[u8; RECEIPT_BYTES]) -> Result<Self, DecodeError> {
        let mut reader = Reader { bytes };
        Ok(Self {
            payer: Address::from(reader.take()),
            operator_id: OperatorId(u32::from_be_bytes(reader.take())),
            node: NodeId(B256::from(reader.take())),
            stream_key: StreamKey(B256::from(reader.take())),
            role: Role::try_from(u8::from_be_bytes(reader.take())).map_err(DecodeError::Role)?,
            reader: ReaderId(u32::from_be_bytes(reader.take())),
            epoch: Epoch(u64::from_be_bytes(reader.take())),
            sequence: u64::from_be_bytes(reader.take()),
            messages: u64::from_be_bytes(reader.take()),
            bytes: u64::from_be_bytes(reader.take()),
            bytes_on_time: u64::from_be_bytes(reader.take()),
            contents: B256::from(reader.take()),
            channel: B256::from(reader.take()),
            owed: u128::from_be_bytes(reader.take()),
        })
    }
}

/// `value` as a 32-byte big-endian word.
fn word(value: impl Into<u128>) -> [u8; 32] {
    let mut word = [0; 32];
    let (_, low) = word.split_at_mut(16);
    low.copy_from_slice(&value.into().to_be_bytes());
    word
}

struct Writer<const N: usize> {
    bytes: [u8; N],
    at: usize,
}

impl<const N: usize> Writer<N> {
    fn put(&mut self, field: &[u8]) {
        let end = self.at.saturating_add(field.len());
        if let Some(place) = self.bytes.get_mut(self.at..end) {
            place.copy_from_slice(field);
        }
        self.at = end;
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    /// The next field. The widths taken by `decode` sum to [`RECEIPT_BYTES`], so the rest never runs out.
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) = self.bytes.split_first_chunk::<N>().unwrap_or((&[0; N], &[]));
        self.bytes = rest;
        *field
    }
}

/// 128-bit amounts as decimal text, because JSON numbers stop at 2^53 in most readers.
mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(value: &u128, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        let text = String::deserialize(deserializer)?;
        let value: u128 = text.parse().map_err(de::Error::custom)?;
        if value.to_string() == text {
            Ok(value)
        } else {
            Err(de::Error::custom(format!("{text:?} is not the canonical form of {value}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    prop_compose! {
        fn any_receipt()(
            a in any::<([u8; 20], u32, [u8; 32], [u8; 32], [u8; 32], [u8; 32], u32)>(),
            role in 0u8..3, n in any::<[u64; 5]>(), owed in any::<u128>(),
        ) -> DeliveryReceipt {
            DeliveryReceipt {
                payer: Address::from(a.0), operator_id: OperatorId(a.1), node: NodeId(a.2.into()),
                stream_key: StreamKey(a.3.into()), role: Role::try_from(role).unwrap(), reader: ReaderId(a.6),
                epoch: Epoch(n[0]), sequence: n[1], messages: n[2], bytes: n[3], bytes_on_time: n[4],
                contents: a.4.into(), channel: a.5.into(), owed,
            }
        }
    }

    proptest! {
        #[test]
        fn bytes_and_json_give_the_receipt_back(receipt in any_receipt()) {
            prop_assert_eq!(&DeliveryReceipt::decode(&receipt.encode()).unwrap(), &receipt);
            let json = serde_json::to_string(&receipt).unwrap();
            prop_assert_eq!(serde_json::from_str::<DeliveryReceipt>(&json).unwrap(), receipt);
        }

        #[test]
        fn keys_are_ordered_as_their_bytes_and_begin_the_receipt(one in any_receipt(), other in any_receipt()) {
            let (a, b) = (one.key(), ReceiptKey { epoch: one.epoch, ..other.key() });
            prop_assert_eq!(a.cmp(&b), a.encode().cmp(&b.encode()));
            prop_assert_eq!(&one.encode()[..KEY_BYTES], a.encode());
            prop_assert_eq!(ReceiptKey::decode(&a.encode(), a.epoch).unwrap(), a);
        }

        #[test]
        fn each_byte_changes_the_struct_hash(receipt in any_receipt(), at in 0..RECEIPT_BYTES) {
            let mut bytes = receipt.encode();
            bytes[at] ^= 1;
            if let Ok(other) = DeliveryReceipt::decode(&bytes) {
                prop_assert_ne!(other.struct_hash(), receipt.struct_hash());
            }
        }
    }

    #[test]
    fn fields_fill_the_encoding() {
        let receipt = DeliveryReceipt { owed: u128::MAX, ..DeliveryReceipt::default() };
        assert_eq!(receipt.encode()[RECEIPT_BYTES - 16..], [0xff; 16]);
        assert_eq!(receipt.encode()[..RECEIPT_BYTES - 16], [0; RECEIPT_BYTES - 16]);
    }

    #[test]
    fn owed_has_one_spelling() {
        let json = serde_json::to_string(&DeliveryReceipt::default()).unwrap();
        assert!(serde_json::from_str::<DeliveryReceipt>(&json.replace("\"0\"", "\"00\"")).is_err());
        assert!(
            serde_json::from_str::<DeliveryReceipt>(&json.replace("\"owed\"", "\"owing\""))
                .is_err()
        );
    }
}
