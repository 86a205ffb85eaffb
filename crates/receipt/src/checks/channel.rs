//! A receipt is paid from the stake pool (no channel, nothing owed), or from the channel that its payer has with the operator.

use tatum_primitives::B256;

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt) -> Result<(), Rejection> {
    if receipt.channel == B256::ZERO && receipt.owed == 0 {
        Ok(())
    } else {
        Err(Rejection::Channel { channel: receipt.channel.to_string() })
    }
}

/// Whether the receipt is of the channel that the two have open.
pub(super) fn check_open(
    receipt: &DeliveryReceipt,
    chain: &impl ChainFacts,
) -> Result<(), Rejection> {
    let open = chain.open_channel(receipt.payer, receipt.operator_id);
    let open = open.map_or(B256::ZERO, |open| open.id);
    if open != B256::ZERO && receipt.channel == open {
        Ok(())
    } else {
        Err(Rejection::OtherChannel { got: receipt.channel, open })
    }
}
