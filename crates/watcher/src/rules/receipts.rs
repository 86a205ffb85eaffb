//! What a receipt, its neighbour, and the lists that it came from must be.

use alloy_primitives::B256;
use tatum_receipt::{SIGNED_RECEIPT_BYTES, SignedReceipt};

use super::Around;
use crate::{FORCED, Facts, ReceiptLeaf};

/// 1: a line that is no admissible receipt's.
pub(crate) fn bad_receipt(leaf: &[u8], facts: &Facts) -> bool {
    let receipt = ReceiptLeaf::decode(leaf).and_then(|line| line.receipt().ok());
    receipt.is_none_or(|signed| !facts.admits(&signed))
}

/// 2: keys that do not ascend, or totals that are not those of the line before and this one's units.
pub(crate) fn bad_receipt_step(around: Around<'_>) -> bool {
    let Some(right) = around.right.and_then(ReceiptLeaf::decode) else { return false };
    let units = u128::from(right.units());
    let Some(bytes) = around.left else {
        return (right.edge_units, right.payer_units) != (units, units);
    };
    let Some(left) = ReceiptLeaf::decode(bytes) else { return false };
    let before = |same: bool, total: u128| if same { total } else { 0 };
    let edge = before(left.edge() == right.edge(), left.edge_units).checked_add(units);
    let payer = before(left.payer() == right.payer(), left.payer_units).checked_add(units);
    left.key() >= right.key() || (Some(right.edge_units), Some(right.payer_units)) != (edge, payer)
}

/// 7 and 7a: an admissible receipt that was forced or assented to, and is neither in the list nor replaced by a newer one.
pub(crate) fn ignored(signed: &SignedReceipt, around: Around<'_>, facts: &Facts) -> bool {
    let key = signed.receipt.key().encode();
    if !around.holds(&key) || !facts.admits(signed) {
        return false;
    }
    let Some(bytes) = around.left else { return true };
    let Some(left) = ReceiptLeaf::decode(bytes) else { return false };
    if left.key() != key {
        return true;
    }
    left.receipt().is_ok_and(|held| held.receipt.rank() < signed.receipt.rank())
}

/// The receipt that the bytes of an assented leaf are.
pub(crate) fn assented(leaf: &[u8]) -> Option<SignedReceipt> {
    let bytes: &[u8; SIGNED_RECEIPT_BYTES] = leaf.try_into().ok()?;
    SignedReceipt::decode(bytes).ok()
}

/// 9: a receipt that was neither assented to nor forced. `word` is what the assented list has at its source, if it is that long.
pub(crate) fn extra(leaf: &[u8], word: Option<B256>, facts: &Facts) -> bool {
    let Some(line) = ReceiptLeaf::decode(leaf) else { return false };
    if line.source == FORCED {
        return !facts.forced.contains(&line.hash());
    }
    word != Some(line.hash())
}
