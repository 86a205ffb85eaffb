//! A receipt that passed every rule, and one that is on disk.
//!
//! Invariant: only [`checks::check`](crate::checks::check) and [`checks::check_all`](crate::checks::check_all) make a
//! [`CheckedReceipt`], so what was not checked cannot be taken for it; and only what a store wrote or read is a [`StoredReceipt`], which is what a node may acknowledge.

use ed25519_dalek::SigningKey;
use tatum_primitives::Address;

use crate::{Acknowledgement, DecodeError, DeliveryReceipt, SignedReceipt, Verifier};

/// A receipt that passed every rule, by whatever facts and time it was asked with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedReceipt {
    signed: SignedReceipt,
    signer: Address,
}

impl CheckedReceipt {
    pub(crate) const fn new(signed: SignedReceipt, signer: Address) -> Self {
        Self { signed, signer }
    }

    /// The receipt with its signature.
    pub const fn signed(&self) -> &SignedReceipt {
        &self.signed
    }

    /// What is stated.
    pub const fn receipt(&self) -> &DeliveryReceipt {
        &self.signed.receipt
    }

    /// Who signed: the payer, or a key that it authorised.
    pub const fn signer(&self) -> Address {
        self.signer
    }
}

/// A receipt that is on disk, or that another one of its key on disk outranks.
///
/// It was checked before it was written, or it is our own. Whether it would pass today is another question: facts may have
/// changed since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReceipt(SignedReceipt);

impl StoredReceipt {
    /// What a store read.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        SignedReceipt::decode(bytes).map(Self)
    }

    /// What a store has written, or outranked. For stores to call, once that is on disk.
    pub fn written(signed: &SignedReceipt) -> Self {
        Self(signed.clone())
    }

    /// The receipt with its signature.
    pub const fn signed(&self) -> &SignedReceipt {
        &self.0
    }

    /// What is stated.
    pub const fn receipt(&self) -> &DeliveryReceipt {
        &self.0.receipt
    }

    /// The receipt with its signature, for whoever only reads on.
    pub fn into_signed(self) -> SignedReceipt {
        self.0
    }
}

impl Verifier {
    /// The node's word that it keeps a receipt; only for what is on disk.
    pub fn acknowledge(&self, node: &SigningKey, stored: &StoredReceipt) -> Acknowledgement {
        Acknowledgement::sign(node, self.digest(stored.receipt()))
    }
}
