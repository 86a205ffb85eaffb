//! Every rule a receipt must pass, one per file, cheap ones first; [`check`] and [`check_all`] are the only ways through.
//!
//! Invariant: the rules are pure. All they know comes from the receipt, [`ChainFacts`] and the [`EpochWindow`], so
//! whoever has the same facts comes to the same answer. What they let through is called admissible; contracts decide the
//! same by `ReceiptLib.flaw`, and both read the cases in `tests/vectors/receipts.json`.

mod bounds;
mod channel;
mod epoch;
mod operator;
mod payer;
mod quota;
mod signer;
mod stated;

use std::sync::Arc;

use tatum_primitives::{Address, B256, Bps, Epoch, Nano, NodeId, OperatorId};

pub use bounds::{MAX_COUNTER, MAX_RECEIPT_BYTES};
pub use epoch::EpochWindow;
pub use quota::with_tolerance;
pub use stated::StatedFacts;

use crate::{
    CheckedReceipt, DeliveryReceipt, Rejection, SignatureError, SignedReceipt, Signers, Verifier,
};

/// A payment channel that is open, as of whatever block its holder has followed the chain to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenChannel {
    /// What receipts have to name.
    pub id: B256,
    /// All that came in, in wei.
    pub deposited_wei: u128,
    /// What was paid of it, in wei.
    pub paid_wei: u128,
    /// Whether its payer is leaving.
    pub is_exiting: bool,
}

/// What a payer paid in an epoch that is closed, and for how many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PaidEpoch {
    /// The epoch.
    pub epoch: Epoch,
    /// Its fee.
    pub fee_nano: Nano,
    /// What its stake allowed.
    pub quota_bytes: u64,
    /// The part of every fee that is common, and that no receipt steers.
    pub pool_bps: Bps,
}

/// What the chain says, as of whatever block the holder has followed it to.
pub trait ChainFacts {
    /// That block; nothing for facts that no chain is followed for.
    fn block(&self) -> Option<u64> {
        None
    }
    /// The operator that `node` worked for in `epoch`; the first that named it, if several did.
    fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId>;
    /// Whether `node` was the operator's in `epoch`, whoever else named it.
    fn is_node_of(&self, operator: OperatorId, node: NodeId, epoch: Epoch) -> bool {
        self.operator_of_node(node, epoch) == Some(operator)
    }
    /// Whether the operator exists and has not left before `epoch`.
    fn is_bonded(&self, operator: OperatorId, epoch: Epoch) -> bool;
    /// Payload bytes the payer's stake allows in `epoch`; `None` without a stake that counts. A stake counts if it pays a fee
    /// of at least a nano, as far as that is known yet, and buys at least a byte.
    fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64>;
    /// Whether that is known: a payer that has or had a stake may have a quota that was not read yet.
    fn knows_quota(&self, _payer: Address, _epoch: Epoch) -> bool {
        true
    }
    /// Whether the payer gave `key` the right to sign in its name in `epoch`.
    fn is_session_key(&self, payer: Address, key: Address, epoch: Epoch) -> bool;
    /// The channel that the payer has open with the operator; nothing for whoever does not follow channels.
    fn open_channel(&self, _payer: Address, _operator: OperatorId) -> Option<OpenChannel> {
        None
    }
    /// What the payer paid in the last epoch before `epoch`, or in the one before that while the last is not closed; nothing for
    /// whoever does not follow fees.
    fn paid_before(&self, _payer: Address, _epoch: Epoch) -> Option<PaidEpoch> {
        None
    }
    /// Whether `key` may sign for `payer` in `epoch`: its session keys may, and a payer always may for itself.
    fn is_authorized(&self, payer: Address, key: Address, epoch: Epoch) -> bool {
        payer == key || self.is_session_key(payer, key, epoch)
    }
}

/// Facts may be shared: whoever holds an `Arc` of some has them.
impl<F: ChainFacts + ?Sized> ChainFacts for Arc<F> {
    fn block(&self) -> Option<u64> {
        (**self).block()
    }

    fn operator_of_node(&self, node: NodeId, epoch: Epoch) -> Option<OperatorId> {
        (**self).operator_of_node(node, epoch)
    }

    fn is_node_of(&self, operator: OperatorId, node: NodeId, epoch: Epoch) -> bool {
        (**self).is_node_of(operator, node, epoch)
    }

    fn is_bonded(&self, operator: OperatorId, epoch: Epoch) -> bool {
        (**self).is_bonded(operator, epoch)
    }

    fn quota_bytes(&self, payer: Address, epoch: Epoch) -> Option<u64> {
        (**self).quota_bytes(payer, epoch)
    }

    fn knows_quota(&self, payer: Address, epoch: Epoch) -> bool {
        (**self).knows_quota(payer, epoch)
    }

    fn open_channel(&self, payer: Address, operator: OperatorId) -> Option<OpenChannel> {
        (**self).open_channel(payer, operator)
    }

    fn paid_before(&self, payer: Address, epoch: Epoch) -> Option<PaidEpoch> {
        (**self).paid_before(payer, epoch)
    }

    fn is_session_key(&self, payer: Address, key: Address, epoch: Epoch) -> bool {
        (**self).is_session_key(payer, key, epoch)
    }
}

/// Passes `signed` through every rule. Nothing but this and [`check_all`] makes a [`CheckedReceipt`].
pub fn check(
    signed: &SignedReceipt,
    verifier: &Verifier,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Result<CheckedReceipt, Rejection> {
    check_stated(&signed.receipt, window, chain)?;
    let signer = signer::check(signed, verifier, chain)?;
    Ok(CheckedReceipt::new(signed.clone(), signer))
}

/// Passes each receipt through every rule: the answers of [`check`], for a fraction of its cost where `signers` knows the key that
/// signed.
pub fn check_all(
    receipts: &[&SignedReceipt],
    signers: &Signers,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Vec<Result<CheckedReceipt, Rejection>> {
    let stated = |receipt: &DeliveryReceipt| check_stated(receipt, window, chain);
    check_all_by(stated, receipts, signers, chain)
}

/// The answers of [`check_in_channel`] for many receipts, as [`check_all`] gives those of [`check`].
pub fn check_all_in_channels(
    receipts: &[&SignedReceipt],
    signers: &Signers,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Vec<Result<CheckedReceipt, Rejection>> {
    let stated = |receipt: &DeliveryReceipt| check_stated_in_channel(receipt, window, chain);
    check_all_by(stated, receipts, signers, chain)
}

fn check_all_by(
    stated: impl Fn(&DeliveryReceipt) -> Result<(), Rejection>,
    receipts: &[&SignedReceipt],
    signers: &Signers,
    chain: &impl ChainFacts,
) -> Vec<Result<CheckedReceipt, Rejection>> {
    let stated: Vec<_> = receipts.iter().map(|signed| stated(&signed.receipt)).collect();
    // Signatures are dear: those of receipts that do not count anyway are not looked at.
    let left = receipts.iter().zip(&stated).filter(|(_, stated)| stated.is_ok());
    let left: Vec<&SignedReceipt> = left.map(|(signed, _)| *signed).collect();
    let may_sign = |signed: &SignedReceipt, by| signer::may_sign(signed, by, chain).is_ok();
    let mut found = signers.of_all(&left, may_sign).into_iter();
    let checked = receipts.iter().zip(stated).map(|(signed, stated)| {
        stated?;
        let signer = found.next().unwrap_or(Err(SignatureError::NoKey))?;
        let signer = signer::may_sign(signed, signer, chain)?;
        Ok(CheckedReceipt::new((*signed).clone(), signer))
    });
    checked.collect()
}

/// Passes a receipt that names the channel that its payer has open with the operator through every rule that is not
/// of the stake pool: it is paid from the channel's deposit, so no stake and no quota stands behind it. It is no part of a distribution.
pub fn check_in_channel(
    signed: &SignedReceipt,
    verifier: &Verifier,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Result<CheckedReceipt, Rejection> {
    check_stated_in_channel(&signed.receipt, window, chain)?;
    let signer = signer::check(signed, verifier, chain)?;
    Ok(CheckedReceipt::new(signed.clone(), signer))
}

fn check_stated_in_channel(
    receipt: &DeliveryReceipt,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Result<(), Rejection> {
    bounds::check(receipt)?;
    channel::check_open(receipt, chain)?;
    epoch::check(receipt, window)?;
    operator::check(receipt, chain)
}

/// Passes what a receipt states through every rule but that of its signature, for whoever has checked that before.
pub fn check_stated(
    receipt: &DeliveryReceipt,
    window: EpochWindow,
    chain: &impl ChainFacts,
) -> Result<(), Rejection> {
    bounds::check(receipt)?;
    channel::check(receipt)?;
    epoch::check(receipt, window)?;
    operator::check(receipt, chain)?;
    payer::check(receipt, chain)?;
    quota::check(receipt, chain)
}

#[cfg(test)]
mod tests;
