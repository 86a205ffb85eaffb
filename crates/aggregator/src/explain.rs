//! Why an operator is paid what it is paid, as it is published.
//!
//! Invariant: the same figures whoever explains them, an aggregator of its datasets or somebody of a folder of his own.

use tatum_dataset::{Error, ExplainedEdge, ExplainedPay, Explainer};
use tatum_primitives::{Epoch, Nano, OperatorId};
use tatum_protocol::{Payout, PayoutEdge};

/// Explains an operator's payout of `epoch`, with at most `limit` of its edges from place `offset` on.
///
/// # Errors
///
/// As for [`Explainer::pay`].
pub fn payout(
    explainer: &Explainer,
    epoch: Epoch,
    operator: OperatorId,
    offset: u64,
    limit: u64,
) -> Result<Payout, Error> {
    let ExplainedPay {
        work_nano,
        cap_nano,
        paid_nano,
        pool_nano,
        total_nano,
        before_nano,
        cumulative_nano,
    } = explainer.pay(operator)?;
    let place = |place: u64| usize::try_from(place).unwrap_or(usize::MAX);
    let beyond = offset.saturating_add(limit);
    Ok(Payout {
        epoch,
        operator,
        work: explainer.edges(operator, place(offset), place(limit)).map(edge).collect(),
        next_offset: (place(beyond) < explainer.edge_count(operator)).then_some(beyond),
        work_nano,
        cap_nano,
        paid_nano,
        pool_nano,
        // The rule pays relays alone.
        role_nano: Nano::ZERO,
        total_nano,
        before_nano,
        cumulative_nano,
    })
}

fn edge(edge: ExplainedEdge) -> PayoutEdge {
    let ExplainedEdge { payer, receipts, units, payer_units, payer_steers_nano, work_nano } = edge;
    PayoutEdge {
        payer,
        receipts,
        units_bytes: units,
        payer_units_bytes: payer_units,
        payer_steers_nano,
        work_nano,
    }
}
