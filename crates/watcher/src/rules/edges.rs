//! What an edge, its neighbour, and the receipts below it must be.

use alloy_primitives::U256;
use tatum_primitives::Nano;

use super::Around;
use crate::leaf::edge_key;
use crate::{EdgeLeaf, Facts, Of, ReceiptLeaf};

/// 3: an edge that is not `⌊R_p · units / payerUnits⌋`.
pub(crate) fn bad_edge(leaf: &[u8], facts: &Facts) -> bool {
    let Some(edge) = EdgeLeaf::decode(leaf) else { return true };
    let Ok(steered) = facts.steered_nano(edge.payer) else { return false };
    // 64 and 128 bits: the product fits.
    let product = U256::from(steered.0).saturating_mul(U256::from(edge.units));
    let right = product.checked_div(U256::from(edge.payer_units)).unwrap_or(U256::ZERO);
    U256::from(edge.nano.0) != right
}

/// 4: keys that do not ascend, or totals that are not those of the line before and this one's; at the end, a sum of all that
/// is not the last total.
pub(crate) fn bad_edge_step(around: Around<'_>, work: Nano) -> bool {
    let left = match around.left.map(EdgeLeaf::decode) {
        Some(None) => return false,
        left => left.flatten(),
    };
    let total = left.map_or(Nano::ZERO, |left| left.total_nano);
    let Some(bytes) = around.right else { return work != total };
    let Some(right) = EdgeLeaf::decode(bytes) else { return false };
    let same = left.filter(|left| left.operator_id == right.operator_id);
    let operator = same.map_or(Nano::ZERO, |left| left.operator_nano).checked_add(right.nano);
    left.is_some_and(|left| left.key() >= right.key())
        || Some(right.operator_nano) != operator
        || Some(right.total_nano) != total.checked_add(right.nano)
}

/// 5: an edge whose units are not the total of the last receipt of this payer and operator, or of this payer.
pub(crate) fn bad_edge_units(leaf: &[u8], of: Of, around: Around<'_>) -> bool {
    let Some(edge) = EdgeLeaf::decode(leaf) else { return false };
    let pair = [edge.payer.as_slice(), &edge.operator_id.0.to_be_bytes()].concat();
    let x = match of {
        Of::Operator => pair.as_slice(),
        Of::Payer => edge.payer.as_slice(),
    };
    if !around.holds(x) {
        return false;
    }
    let Some(bytes) = around.left else { return true };
    let Some(last) = ReceiptLeaf::decode(bytes) else { return false };
    match of {
        Of::Operator => last.edge() != x || last.edge_units != edge.units,
        Of::Payer => last.payer() != edge.payer || last.payer_units != edge.payer_units,
    }
}

/// 6: a receipt without an edge.
pub(crate) fn missing_edge(receipt: &[u8], around: Around<'_>) -> bool {
    let Some(line) = ReceiptLeaf::decode(receipt) else { return false };
    let x = edge_key(line.operator_id(), line.payer());
    let same = |edge: &[u8]| edge.get(..x.len()) == Some(x.as_slice());
    around.holds(&x) && !around.left.is_some_and(same)
}
