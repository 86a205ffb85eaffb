//! The payer has a stake that counts in the epoch: without a fee there is nothing to share out, and without a quota nothing
//! was sold. A quota that is not known yet is no such thing: whoever does not know it does not judge.

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt, chain: &impl ChainFacts) -> Result<(), Rejection> {
    match chain.quota_bytes(receipt.payer, receipt.epoch) {
        Some(_) => Ok(()),
        None if !chain.knows_quota(receipt.payer, receipt.epoch) => {
            Err(Rejection::QuotaUnknown { payer: receipt.payer, epoch: receipt.epoch })
        }
        None => Err(Rejection::NoStake { payer: receipt.payer }),
    }
}
