//! The signature is canonical and by the payer or a key it authorised for the epoch. The dearest rule comes last.

use tatum_primitives::Address;

use super::ChainFacts;
use crate::{Rejection, SignedReceipt, Verifier};

pub(super) fn check(
    signed: &SignedReceipt,
    verifier: &Verifier,
    chain: &impl ChainFacts,
) -> Result<Address, Rejection> {
    let payer = signed.receipt.payer;
    let signer = verifier.signer(signed)?;
    if chain.is_authorized(payer, signer, signed.receipt.epoch) {
        Ok(signer)
    } else {
        Err(Rejection::UnauthorizedSigner { signer, payer })
    }
}
