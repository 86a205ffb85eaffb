//! The payer has a stake that counts in the epoch: without a fee there is nothing to share out, and without a quota nothing
//! was sold.

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt, chain: &impl ChainFacts) -> Result<(), Rejection> {
    match chain.quota_bytes(receipt.payer, receipt.epoch) {
        Some(_) => Ok(()),
        None => Err(Rejection::NoStake { payer: receipt.payer }),
    }
}
