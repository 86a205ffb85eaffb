//! The paid operator is bonded in the epoch, and the node is its own.

use super::ChainFacts;
use crate::{DeliveryReceipt, Rejection};

pub(super) fn check(receipt: &DeliveryReceipt, chain: &impl ChainFacts) -> Result<(), Rejection> {
    let DeliveryReceipt { operator_id, node, epoch, .. } = *receipt;
    if !chain.is_bonded(operator_id, epoch) {
        return Err(Rejection::UnknownOperator { operator_id });
    }
    if !chain.is_node_of(operator_id, node, epoch) {
        return Err(Rejection::UnknownNode { node, operator_id });
    }
    Ok(())
}
