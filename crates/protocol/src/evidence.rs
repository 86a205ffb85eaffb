//! What receipts that channels pay say of an epoch's service, beside its dataset.
//!
//! Invariant: a sum of receipts that anybody can fetch and add up again; nothing of it is in the epoch's roll-up. It is the word of those
//! who pay: a payer that is its operator's own says what it likes, and what that costs it is what it owes, which stands beside.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use tatum_primitives::{Address, Epoch, NodeId, OperatorId, Role, StreamKey, U256, decimal};
use tatum_receipt::{DeliveryReceipt, KEY_BYTES, ReceiptKey};

use crate::hex;

/// What channels paid for in an epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    /// The epoch.
    pub epoch: Epoch,
    /// Who pays for it.
    pub paid_by: PaidBy,
    /// By operator and role.
    pub service: Vec<ServiceFigures>,
}

/// Who pays for what receipts are evidence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaidBy {
    /// Payment channels: no pot does.
    Channels,
}

/// One operator's service in one role.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceFigures {
    /// The operator.
    pub operator: OperatorId,
    /// What its nodes did.
    pub role: Role,
    /// How many nodes.
    pub nodes: u64,
    /// How many payers say so.
    pub payers: u64,
    /// On how many stream partitions.
    pub streams: u64,
    /// In how many receipts.
    pub receipts: u64,
    /// Messages delivered, or accepted.
    #[serde(with = "decimal")]
    pub messages: U256,
    /// Their payload bytes.
    #[serde(with = "decimal")]
    pub bytes: U256,
    /// How many of them met the service level.
    #[serde(with = "decimal")]
    pub bytes_on_time: U256,
    /// What these lanes owe by now, over the lives of their channels.
    #[serde(with = "decimal")]
    pub owed_wei: U256,
}

/// Where a page of evidence begins: behind the receipt whose first bytes, those of its key, it holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(#[serde(with = "hex")] Vec<u8>);

impl Cursor {
    /// Behind this receipt.
    #[must_use]
    pub fn behind(receipt: &DeliveryReceipt) -> Self {
        Self(receipt.key().encode().to_vec())
    }

    /// The key in `epoch` that it names, if it names one.
    #[must_use]
    pub fn key(&self, epoch: Epoch) -> Option<ReceiptKey> {
        let bytes: &[u8; KEY_BYTES] = self.0.as_slice().try_into().ok()?;
        ReceiptKey::decode(bytes, epoch).ok()
    }
}

/// Adds up receipts of one epoch, in any order.
#[derive(Debug, Default)]
pub struct ServiceSums {
    sums: BTreeMap<(OperatorId, Role), Sum>,
}

#[derive(Debug, Default)]
struct Sum {
    nodes: BTreeSet<NodeId>,
    payers: BTreeSet<Address>,
    streams: BTreeSet<StreamKey>,
    receipts: u64,
    messages: U256,
    bytes: U256,
    bytes_on_time: U256,
    owed_wei: U256,
}

impl ServiceSums {
    /// Adds a receipt; of each key there must be one.
    pub fn add(&mut self, receipt: &DeliveryReceipt) {
        let sum = self.sums.entry((receipt.operator_id, receipt.role)).or_default();
        sum.nodes.insert(receipt.node);
        sum.payers.insert(receipt.payer);
        sum.streams.insert(receipt.stream_key);
        sum.receipts = sum.receipts.saturating_add(1);
        let add = |to: &mut U256, more: u128| *to = to.saturating_add(U256::from(more));
        add(&mut sum.messages, receipt.messages.into());
        add(&mut sum.bytes, receipt.bytes.into());
        add(&mut sum.bytes_on_time, receipt.bytes_on_time.into());
        add(&mut sum.owed_wei, receipt.owed);
    }

    /// What they come to.
    #[must_use]
    pub fn evidence(self, epoch: Epoch) -> Evidence {
        let figures = |((operator, role), sum): ((OperatorId, Role), Sum)| ServiceFigures {
            operator,
            role,
            nodes: count(&sum.nodes),
            payers: count(&sum.payers),
            streams: count(&sum.streams),
            receipts: sum.receipts,
            messages: sum.messages,
            bytes: sum.bytes,
            bytes_on_time: sum.bytes_on_time,
            owed_wei: sum.owed_wei,
        };
        let service = self.sums.into_iter().map(figures).collect();
        Evidence { epoch, paid_by: PaidBy::Channels, service }
    }
}

fn count<T>(of: &BTreeSet<T>) -> u64 {
    u64::try_from(of.len()).unwrap_or(u64::MAX)
}
