//! Every rule a receipt must pass, one per file, cheap ones first; [`check`] is the only way through.
//!
//! Invariant: the rules are pure. All they know comes from the receipt, [`ChainFacts`] and the [`EpochWindow`], so
//! whoever has the same facts comes to the same answer.

mod bounds;
mod channel;
mod epoch;
mod operator;
mod payer;
mod quota;
mod signer;

use tatum_primitives::{Address, Epoch, NodeId, OperatorId};

pub use bounds::MAX_RECEIPT_BYTES;
pub use epoch::EpochWindow;

use crate::{Rejection, SignedReceipt, Verifier};

/// What the chain says, as of whatever block the holder has followed it to.
pub trait ChainFacts {
    /// The operator `node` worked for in `epoch`.
    fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId>;
    /// Whether the operator exists and has not left before `epoch`.
    fn is_bonded(&self, operator: OperatorId, epoch: Epoch) -> bool;
    /// Payload bytes the payer's stake allows in `epoch`; `None` without a stake that counts.
    fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64>;
    /// Whether `key` may sign receipts of `epoch` for `payer`. A payer may always sign for itself.
    fn is_authorized(&self, payer: Address, key: Address, epoch: Epoch) -> bool;
}

/// Passes `signed` through every rule and gives its signer.
pub fn check(
    signed: &SignedReceipt,
    verifier: &Verifier,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Result<Address, Rejection> {
    let receipt = &signed.receipt;
    bounds::check(receipt)?;
    channel::check(receipt)?;
    epoch::check(receipt, window)?;
    operator::check(receipt, chain)?;
    payer::check(receipt, chain)?;
    quota::check(receipt, chain)?;
    signer::check(signed, verifier, chain)
}

#[cfg(test)]
mod tests;
