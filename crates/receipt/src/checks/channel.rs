//! Receipts here are paid from the stake pool: no channel, nothing owed.

use tatum_primitives::B256;

use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt) -> Result<(), Rejection> {
    if receipt.channel == B256::ZERO && receipt.owed == 0 {
        Ok(())
    } else {
        Err(Rejection::Channel { channel: receipt.channel.to_string() })
    }
}
