//! The signature is canonical and by the payer or a key it authorised for the epoch. The dearest rule comes last.

use tatum_primitives::Address;

use super::ChainFacts;
use crate::{Rejection, SignedReceipt, Verifier};

pub(super) fn check(
    signed: &SignedReceipt,
    verifier: &Verifier,
    chain: &impl ChainFacts,
) -> Result<Address, Rejection> {
    may_sign(signed, verifier.signer(signed)?, chain)
}

/// The signer, if it may sign.
pub(super) fn may_sign(
    signed: &SignedReceipt,
    signer: Address,
    chain: &impl ChainFacts,
) -> Result<Address, Rejection> {
    let payer = signed.receipt.payer;
    if chain.is_authorized(payer, signer, signed.receipt.epoch) {
        Ok(signer)
    } else {
        Err(Rejection::UnauthorizedSigner { signer, payer })
    }
}
