//! How complete and how timely each operator served each stream, from an epoch's dataset alone.
//!
//! *Completeness*: of the messages that a subscriber should have got from the operator's nodes, the part that it got from them, first
//! or not. *Timeliness*: of the bytes that the nodes brought first, the part that met the latency bound. Both in parts per million,
//! rounded down, first for each payer and then as the **median over payers by fee**: a payer weighs what it pays for the stream,
//! `F_p · units in the stream / U_p`. Publishers' own receipts say how much there was to get.
//!
//! Invariant: payers that together weigh less than half move no figure out of the range of what the others say, however they lie and
//! into however many accounts they split. The same dataset gives the same report, whatever the order of its rows.
//!
//! # Requirements
//!
//! Signatures were checked ([`crate::verify`]), and the signers of publishers' receipts are told.
//!
//! # Not provided
//!
//! A figure where nothing can be told, and the report says why ([`Standing`]): nobody states contents, too few messages were due, or
//! only one payer speaks. Nothing is known of a node that never was the first to bring anything, for it has no receipt; of large
//! messages that a reader called off; of what was in flight as the epoch ended; of accounts that a channel pays, which are not in a
//! dataset. An operator that pays for half of a stream itself says of itself what it likes, at the price of its fees.

mod findings;
mod median;
mod published;
mod report;
mod survey;
#[cfg(test)]
mod tests;

pub use findings::{Finding, LEAST_SHARE_PPM};
pub use median::median_by_weight;
pub use published::PublishedChain;
pub use report::{OperatorService, PayerWord, ServiceReport, Standing, StreamService};
pub use survey::Survey;

/// A whole, in parts per million.
pub const WHOLE_PPM: u64 = 1_000_000;
/// A payer that should have got fewer messages of an operator in a stream says nothing about it.
pub const LEAST_DUE: u64 = 100;

/// `part` of `whole` in parts per million, rounded down; none of nothing.
#[must_use]
pub fn ppm(part: u64, whole: u64) -> Option<u64> {
    let parts = u128::from(part).saturating_mul(u128::from(WHOLE_PPM));
    parts.checked_div(u128::from(whole)).and_then(|ppm| u64::try_from(ppm).ok())
}
