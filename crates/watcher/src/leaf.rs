//! The lines of the two lists.
//!
//! ```text
//! receipt: receipt 213 ‖ signature 65 ‖ edgeUnits 16 ‖ payerUnits 16 ‖ source 4                            314 bytes
//! edge:    operator 4 ‖ payer 20 ‖ units 16 ‖ payerUnits 16 ‖ nano 8 ‖ operatorNano 8 ‖ totalNano 8         80 bytes
//! ```
//!
//! Invariant: a line and its bytes are one to one. A receipt begins with its key and an edge with its own, so lines compare
//! as their first bytes do. Whether a receipt is admissible is not asked here: a lie has a line too.

use alloy_primitives::{Address, B256, keccak256};
use tatum_primitives::{Nano, OperatorId};
use tatum_receipt::{DecodeError, KEY_BYTES, SIGNED_RECEIPT_BYTES, SignedReceipt};

/// Bytes of a line of the receipts.
pub const RECEIPT_LEAF_BYTES: usize = SIGNED_RECEIPT_BYTES + 36;
/// Bytes of a line of the edges.
pub const EDGE_LEAF_BYTES: usize = 80;
/// The source of a receipt that is not in the assented list.
pub const FORCED: u32 = u32::MAX;

/// Bytes before the receipt's bytes on time: the key, the epoch and three counters.
const BEFORE_UNITS: usize = KEY_BYTES + 32;

/// A signed receipt with the units so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptLeaf {
    /// The signed receipt's bytes.
    pub signed: [u8; SIGNED_RECEIPT_BYTES],
    /// Units of this receipt and those before it of the same payer and operator.
    pub edge_units: u128,
    /// Units of this receipt and those before it of the same payer.
    pub payer_units: u128,
    /// Where it stands in the assented list, or [`FORCED`].
    pub source: u32,
}

impl ReceiptLeaf {
    /// The line that these bytes spell; `None` for any other number of bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (signed, rest) = bytes.split_first_chunk()?;
        let (edge_units, rest) = rest.split_first_chunk()?;
        let (payer_units, rest) = rest.split_first_chunk()?;
        Some(Self {
            signed: *signed,
            edge_units: u128::from_be_bytes(*edge_units),
            payer_units: u128::from_be_bytes(*payer_units),
            source: u32::from_be_bytes(rest.try_into().ok()?),
        })
    }

    /// The line's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Self { signed, edge_units, payer_units, source } = self;
        let totals = [edge_units.to_be_bytes(), payer_units.to_be_bytes()];
        [signed.as_slice(), totals.as_flattened(), &source.to_be_bytes()].concat()
    }

    /// What the list is ordered by: payer, operator, node, stream, role, reader.
    pub fn key(&self) -> &[u8] {
        self.signed.get(..KEY_BYTES).unwrap_or_default()
    }

    /// Who signed for whom: payer and operator.
    pub fn edge(&self) -> &[u8] {
        self.signed.get(..24).unwrap_or_default()
    }

    /// Who pays.
    pub fn payer(&self) -> Address {
        Address::from(field::<20>(&self.signed, 0))
    }

    /// Who is paid.
    pub fn operator_id(&self) -> OperatorId {
        OperatorId(u32::from_be_bytes(field(&self.signed, 20)))
    }

    /// The bytes on time that the receipt states.
    pub fn units(&self) -> u64 {
        u64::from_be_bytes(field(&self.signed, BEFORE_UNITS))
    }

    /// The receipt, if its bytes are one.
    pub fn receipt(&self) -> Result<SignedReceipt, DecodeError> {
        SignedReceipt::decode(&self.signed)
    }

    /// What the assented list and a forced receipt's mark have of it.
    pub fn hash(&self) -> B256 {
        keccak256(self.signed)
    }
}

/// What one payer's receipts steer to one operator, with the totals so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EdgeLeaf {
    /// Who is paid.
    pub operator_id: OperatorId,
    /// Who pays.
    pub payer: Address,
    /// Units between the two.
    pub units: u128,
    /// All units of the payer.
    pub payer_units: u128,
    /// What the edge steers.
    pub nano: Nano,
    /// What this edge and those before it steer to the same operator.
    pub operator_nano: Nano,
    /// What this edge and those before it steer in all.
    pub total_nano: Nano,
}

impl EdgeLeaf {
    /// The line that these bytes spell; `None` for any other number of bytes.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; EDGE_LEAF_BYTES] = bytes.try_into().ok()?;
        Some(Self {
            operator_id: OperatorId(u32::from_be_bytes(field(bytes, 0))),
            payer: Address::from(field::<20>(bytes, 4)),
            units: u128::from_be_bytes(field(bytes, 24)),
            payer_units: u128::from_be_bytes(field(bytes, 40)),
            nano: Nano(u64::from_be_bytes(field(bytes, 56))),
            operator_nano: Nano(u64::from_be_bytes(field(bytes, 64))),
            total_nano: Nano(u64::from_be_bytes(field(bytes, 72))),
        })
    }

    /// The line's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let units = [self.units.to_be_bytes(), self.payer_units.to_be_bytes()];
        let amounts = [self.nano, self.operator_nano, self.total_nano].map(|n| n.0.to_be_bytes());
        [self.key().as_slice(), units.as_flattened(), amounts.as_flattened()].concat()
    }

    /// What the list is ordered by: operator, payer.
    pub fn key(&self) -> [u8; 24] {
        edge_key(self.operator_id, self.payer)
    }
}

/// Which of an edge's units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Of {
    /// Those between the payer and the operator.
    Operator,
    /// All of the payer's.
    Payer,
}

/// The key of an edge.
pub(crate) fn edge_key(operator: OperatorId, payer: Address) -> [u8; 24] {
    let mut key = [0; 24];
    let (id, address) = key.split_at_mut(4);
    id.copy_from_slice(&operator.0.to_be_bytes());
    address.copy_from_slice(payer.as_slice());
    key
}

/// The field at `at`; every caller's lies within its line.
fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

#[cfg(test)]
mod tests {
    use tatum_primitives::{Epoch, NodeId, ReaderId, Role, StreamKey};
    use tatum_receipt::{DeliveryReceipt, Signature};

    use super::*;

    fn line() -> ReceiptLeaf {
        let receipt = DeliveryReceipt {
            payer: Address::repeat_byte(1),
            operator_id: OperatorId(0x02030405),
            node: NodeId(B256::repeat_byte(6)),
            stream_key: StreamKey(B256::repeat_byte(7)),
            role: Role::Storage,
            reader: ReaderId(8),
            epoch: Epoch(9),
            sequence: 10,
            messages: 11,
            bytes: 12,
            bytes_on_time: 13,
            ..DeliveryReceipt::default()
        };
        let signed = SignedReceipt { receipt, signature: Signature([14; 65]) };
        ReceiptLeaf { signed: signed.encode(), edge_units: 15, payer_units: 16, source: 17 }
    }

    #[test]
    fn a_receipts_line_is_its_bytes_and_begins_with_its_key() {
        let line = line();
        let bytes = line.encode();
        assert_eq!(bytes.len(), RECEIPT_LEAF_BYTES);
        assert_eq!(RECEIPT_LEAF_BYTES, 314);
        assert_eq!(ReceiptLeaf::decode(&bytes), Some(line.clone()));
        let receipt = line.receipt().unwrap().receipt;
        assert_eq!(line.key(), receipt.key().encode());
        assert_eq!((line.payer(), line.operator_id()), (receipt.payer, receipt.operator_id));
        assert_eq!(line.units(), 13);
        assert_eq!(ReceiptLeaf::decode(&bytes[1..]), None);
        assert_eq!(ReceiptLeaf::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn an_edges_line_is_its_bytes_and_begins_with_its_key() {
        let edge = EdgeLeaf {
            operator_id: OperatorId(1),
            payer: Address::repeat_byte(2),
            units: 3 << 70,
            payer_units: 4 << 70,
            nano: Nano(5),
            operator_nano: Nano(6),
            total_nano: Nano(u64::MAX),
        };
        let bytes = edge.encode();
        assert_eq!(bytes.len(), EDGE_LEAF_BYTES);
        assert_eq!(&bytes[..24], edge.key());
        assert_eq!(EdgeLeaf::decode(&bytes), Some(edge));
        assert_eq!(EdgeLeaf::decode(&bytes[1..]), None);
    }
}
