//! Bounds that every receipt keeps whoever signs it, so that no receipt can overflow a roll-up or a column.

use crate::{DeliveryReceipt, Rejection};

/// The most payload bytes one receipt may state: 1 TiB per node, stream partition, reader and epoch.
pub const MAX_RECEIPT_BYTES: u64 = 1 << 40;

/// Counters are stored as signed 64-bit columns.
pub const MAX_COUNTER: u64 = i64::MAX.unsigned_abs();

pub(super) fn check(receipt: &DeliveryReceipt) -> Result<(), Rejection> {
    within("messages", receipt.messages, 1, MAX_COUNTER)?;
    within("bytes", receipt.bytes, 0, MAX_RECEIPT_BYTES)?;
    within("bytes_on_time", receipt.bytes_on_time, 0, receipt.bytes)?;
    within("sequence", receipt.sequence, 0, MAX_COUNTER)?;
    within("epoch", receipt.epoch.0, 0, MAX_COUNTER)
}

fn within(field: &str, got: u64, min: u64, max: u64) -> Result<(), Rejection> {
    if (min..=max).contains(&got) {
        Ok(())
    } else {
        Err(Rejection::OutOfBounds { field: field.to_owned(), got, min, max })
    }
}
