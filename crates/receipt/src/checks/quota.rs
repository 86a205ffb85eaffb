//! No single receipt states more bytes on time than the payer's quota of the epoch, with a tolerance.
//!
//! The sum over a payer's receipts is not judged here: whoever signs more than its quota in sum is billed for it.
//! Source: E6 of the economy's rules.

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

const MAX_TOLERANCE_BYTES: u64 = 64 << 20;

/// The most bytes on time that a receipt of a payer with this quota may state: `Q + ⌊Q/20⌋ + min(64 MiB, ⌊Q/20⌋)`.
///
/// What was served when an epoch ended may be counted in its neighbour, and several relays stop only once each of them
/// has seen that the quota is used up; a receipt is not rejected for that.
pub const fn with_tolerance(quota_bytes: u64) -> u64 {
    let part = quota_bytes / 20;
    let flat = if part < MAX_TOLERANCE_BYTES { part } else { MAX_TOLERANCE_BYTES };
    quota_bytes.saturating_add(part).saturating_add(flat)
}

pub(super) fn check(receipt: &DeliveryReceipt, chain: &impl ChainFacts) -> Result<(), Rejection> {
    let quota = chain.quota_bytes(receipt.payer, receipt.epoch).unwrap_or(0);
    if receipt.bytes_on_time > with_tolerance(quota) {
        return Err(Rejection::OverQuota { got: receipt.bytes_on_time, quota });
    }
    Ok(())
}
