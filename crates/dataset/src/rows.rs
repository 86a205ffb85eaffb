//! The four tables' rows.
//!
//! Invariant: what is put is what is taken; amounts of up to 2^63 − 1 nano fit the signed columns, as the whole supply does.

use alloy_primitives::{Address, B256, U256};
use tatum_primitives::{Epoch, Nano, NodeId, OperatorId, ReaderId, Role, StreamKey};
use tatum_receipt::{DeliveryReceipt, Signature, SignedReceipt};
use tatum_rewards::Pay;
use tatum_watcher::FORCED;

use crate::RowError;
use crate::table::{Cells, Column, Cursor, Kind, Row};

/// A payer, as the chain states it at the epoch's block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payer {
    /// The address with the stake.
    pub payer: Address,
    /// What was taken from its stake for the epoch.
    pub fee_wei: U256,
    /// Payload bytes that its stake allowed in the epoch.
    pub quota_bytes: U256,
}

/// An operator, as the chain states it for the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Its id in the registry.
    pub operator_id: OperatorId,
    /// Where it is paid for the epoch.
    pub payout: Address,
    /// The bond that counts in the epoch.
    pub bond_wei: u128,
    /// The capacity that counts in the epoch: what it declared, up to what the bond backs.
    pub capacity_bytes: u64,
}

/// What an operator earned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DistributionRow {
    /// The operator.
    pub operator_id: OperatorId,
    /// Where it is paid.
    pub payout: Address,
    /// What receipts steer to it.
    pub work_nano: Nano,
    /// What it is paid of that.
    pub paid_nano: Nano,
    /// What it gets of the common pool.
    pub pool_nano: Nano,
    /// Everything since epoch 0.
    pub cumulative_nano: Nano,
}

impl DistributionRow {
    /// What this epoch adds.
    pub const fn epoch_nano(&self) -> Nano {
        Nano(self.paid_nano.0.saturating_add(self.pool_nano.0))
    }

    /// What the rule pays, as far as the row says.
    pub const fn pay(&self) -> Pay {
        let Self { work_nano, paid_nano, pool_nano, .. } = *self;
        Pay { work_nano, paid_nano, pool_nano }
    }
}

/// A receipt that counts, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedReceipt {
    /// The receipt.
    pub signed: SignedReceipt,
    /// Its place in the list that operators assented to; [`FORCED`] if it is not in it, or there is no such list.
    pub source: u32,
}

impl CountedReceipt {
    /// A receipt that nobody assented to.
    pub const fn forced(signed: SignedReceipt) -> Self {
        Self { signed, source: FORCED }
    }
}

impl Row for CountedReceipt {
    const FILE: &'static str = "receipts.parquet";
    const COLUMNS: &'static [Column] = &[
        ("payer", Kind::Bytes(20)),
        ("operator_id", Kind::Int),
        ("node", Kind::Bytes(32)),
        ("stream_key", Kind::Bytes(32)),
        ("role", Kind::Int),
        ("reader", Kind::Int),
        ("epoch", Kind::Int),
        ("sequence", Kind::Int),
        ("messages", Kind::Int),
        ("bytes", Kind::Int),
        ("bytes_on_time", Kind::Int),
        ("contents", Kind::UniqueBytes(32)),
        ("channel", Kind::Bytes(32)),
        ("owed", Kind::Bytes(16)),
        ("signature", Kind::UniqueBytes(65)),
        ("source", Kind::Int),
    ];

    fn put(&self, cells: &mut Cells) -> Result<(), RowError> {
        let receipt = &self.signed.receipt;
        cells.bytes(receipt.payer.as_slice());
        cells.int(receipt.operator_id.0.into())?;
        cells.bytes(receipt.node.0.as_slice());
        cells.bytes(receipt.stream_key.0.as_slice());
        cells.int((receipt.role as u8).into())?;
        cells.int(receipt.reader.0.into())?;
        cells.int(receipt.epoch.0)?;
        cells.int(receipt.sequence)?;
        cells.int(receipt.messages)?;
        cells.int(receipt.bytes)?;
        cells.int(receipt.bytes_on_time)?;
        cells.bytes(receipt.contents.as_slice());
        cells.bytes(receipt.channel.as_slice());
        cells.bytes(&receipt.owed.to_be_bytes());
        cells.bytes(&self.signed.signature.0);
        cells.int(self.source.into())
    }

    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError> {
        let receipt = DeliveryReceipt {
            payer: Address::from(cells.bytes::<20>()?),
            operator_id: OperatorId(cells.int()?),
            node: NodeId(B256::from(cells.bytes::<32>()?)),
            stream_key: StreamKey(B256::from(cells.bytes::<32>()?)),
            role: role(cells.int()?)?,
            reader: ReaderId(cells.int()?),
            epoch: Epoch(cells.int()?),
            sequence: cells.int()?,
            messages: cells.int()?,
            bytes: cells.int()?,
            bytes_on_time: cells.int()?,
            contents: B256::from(cells.bytes::<32>()?),
            channel: B256::from(cells.bytes::<32>()?),
            owed: u128::from_be_bytes(cells.bytes()?),
        };
        let signed = SignedReceipt { receipt, signature: Signature(cells.bytes()?) };
        Ok(Self { signed, source: cells.int()? })
    }
}

fn role(value: u8) -> Result<Role, RowError> {
    let unknown = |error: tatum_primitives::UnknownRole| error.to_string();
    Role::try_from(value).map_err(|e| RowError::Field { field: "role", detail: unknown(e) })
}

impl Row for Payer {
    const FILE: &'static str = "payers.parquet";
    const COLUMNS: &'static [Column] =
        &[("payer", Kind::Bytes(20)), ("fee_wei", Kind::Decimal), ("quota_bytes", Kind::Bytes(32))];

    fn put(&self, cells: &mut Cells) -> Result<(), RowError> {
        cells.bytes(self.payer.as_slice());
        cells.decimal(self.fee_wei.try_into().unwrap_or(u128::MAX))?;
        cells.bytes(&self.quota_bytes.to_be_bytes::<32>());
        Ok(())
    }

    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError> {
        Ok(Self {
            payer: Address::from(cells.bytes::<20>()?),
            fee_wei: U256::from(cells.decimal()?),
            quota_bytes: U256::from_be_bytes(cells.bytes::<32>()?),
        })
    }
}

impl Row for Operator {
    const FILE: &'static str = "operators.parquet";
    const COLUMNS: &'static [Column] = &[
        ("operator_id", Kind::Int),
        ("payout", Kind::Bytes(20)),
        ("bond_wei", Kind::Decimal),
        ("capacity_bytes", Kind::Int),
    ];

    fn put(&self, cells: &mut Cells) -> Result<(), RowError> {
        cells.int(self.operator_id.0.into())?;
        cells.bytes(self.payout.as_slice());
        cells.decimal(self.bond_wei)?;
        cells.int(self.capacity_bytes)
    }

    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError> {
        Ok(Self {
            operator_id: OperatorId(cells.int()?),
            payout: Address::from(cells.bytes::<20>()?),
            bond_wei: cells.decimal()?,
            capacity_bytes: cells.int()?,
        })
    }
}

impl Row for DistributionRow {
    const FILE: &'static str = "distribution.parquet";
    const COLUMNS: &'static [Column] = &[
        ("operator_id", Kind::Int),
        ("payout", Kind::Bytes(20)),
        ("work_nano", Kind::Int),
        ("paid_nano", Kind::Int),
        ("pool_nano", Kind::Int),
        ("cumulative_nano", Kind::Int),
    ];

    fn put(&self, cells: &mut Cells) -> Result<(), RowError> {
        cells.int(self.operator_id.0.into())?;
        cells.bytes(self.payout.as_slice());
        cells.int(self.work_nano.0)?;
        cells.int(self.paid_nano.0)?;
        cells.int(self.pool_nano.0)?;
        cells.int(self.cumulative_nano.0)
    }

    fn take(cells: &mut Cursor<'_>) -> Result<Self, RowError> {
        Ok(Self {
            operator_id: OperatorId(cells.int()?),
            payout: Address::from(cells.bytes::<20>()?),
            work_nano: Nano(cells.int()?),
            paid_nano: Nano(cells.int()?),
            pool_nano: Nano(cells.int()?),
            cumulative_nano: Nano(cells.int()?),
        })
    }
}
