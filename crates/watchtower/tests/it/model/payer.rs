//! What payers sign.

use std::collections::BTreeMap;

use tatum_chain::Chain;
use tatum_channel::{LaneAccount, Price};
use tatum_primitives::{
    Address, B256, Epoch, NodeId, OperatorId, ReaderId, StreamKey, U256, WEI_PER_DATA as DATA,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, SignedReceipt, Verifier};

/// A tenth of a DATA a message, and little for bytes.
pub(crate) const PRICE: Price = Price { per_gib_wei: 1 << 30, per_1000_messages_wei: 100 * DATA };
pub(crate) const MESSAGE_BYTES: u64 = 1_000;

/// A lane of a payer: the channel, and which of its readers.
pub(crate) type Lane = (B256, u32);

pub(crate) struct Payer {
    pub(crate) key: SessionKey,
    pub(crate) session: SessionKey,
    pub(crate) chain: Chain,
    /// What it had in the beginning.
    pub(crate) start_wei: U256,
    /// What it counts with the honest operator.
    pub(crate) lanes: BTreeMap<Lane, LaneAccount>,
    sequence: u64,
}

impl Payer {
    pub(crate) const fn new(
        key: SessionKey,
        session: SessionKey,
        chain: Chain,
        start_wei: U256,
    ) -> Self {
        Self { key, session, chain, start_wei, lanes: BTreeMap::new(), sequence: 0 }
    }

    pub(crate) fn address(&self) -> Address {
        self.key.address()
    }

    pub(crate) fn lane(&mut self, lane: Lane) -> &mut LaneAccount {
        self.lanes.entry(lane).or_insert_with(|| LaneAccount::new(lane.0, PRICE))
    }

    /// A receipt for so many messages of an epoch, that owes so much.
    pub(crate) fn sign(
        &mut self,
        key: &SessionKey,
        verifier: &Verifier,
        (operator_id, (channel, reader), epoch): (OperatorId, Lane, Epoch),
        (messages, owed): (u64, u128),
    ) -> SignedReceipt {
        self.sequence += 1;
        let bytes = messages * MESSAGE_BYTES;
        let receipt = DeliveryReceipt {
            payer: self.address(),
            operator_id,
            node: NodeId(B256::repeat_byte(7)),
            stream_key: StreamKey(B256::repeat_byte(9)),
            reader: ReaderId(reader),
            epoch,
            sequence: self.sequence,
            messages,
            bytes,
            bytes_on_time: bytes,
            channel,
            owed,
            ..DeliveryReceipt::default()
        };
        SignedReceipt::sign(receipt, key, verifier)
    }
}
