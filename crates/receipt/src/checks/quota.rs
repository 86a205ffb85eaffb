//! No single receipt states more bytes than the payer's whole quota of the epoch.

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt, chain: &impl ChainFacts) -> Result<(), Rejection> {
    let quota = chain.quota_bytes(receipt.payer, receipt.epoch).unwrap_or(0);
    if receipt.bytes > quota {
        return Err(Rejection::OverQuota { got: receipt.bytes, quota });
    }
    Ok(())
}
