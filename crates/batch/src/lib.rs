//! Signatures by known keys in batches: the answers of secp256k1 recovery at a fraction of its cost.
//!
//! Since v names the nonce's point R, a signature (r, s, v) of a digest z by the key P is right exactly if
//! `R − (z/s)·G − (r/s)·P` is infinity. So a batch is right, but for a chance of 2^-128, if the sum of these points times random
//! factors is; and a sum of many multiples costs far less than its summands. What is left for each signature is a square
//! root and some twenty additions. The whole idea, with figures, is in `docs/performance.md`.
//!
//! Invariant: an answer is what libsecp256k1's recovery gives, v included. Source: Karati, Das and Roychowdhury, "Batch
//! verification of ECDSA signatures"; Bernstein, Doumen, Lange and Oosterwijk, "Faster batch forgery identification".
//!
//! # Requirements
//!
//! The secret is random and of this process, where the signatures come from others while it runs. Whoever knew it would have to
//! make about 2^128 batches to find one with two wrong signatures that cancel; who does not can only hand in and see.
//!
//! # Provided
//!
//! The same answers for the same claims. Nothing but wrong signatures cost a third to two thirds more than their recovery.
//! One in 64 of what passes is recovered by libsecp256k1 too, and so is all that does not pass; a [`Disagreement`] comes with the
//! evidence.
//!
//! # Not provided
//!
//! Low s: as recovery, this takes (r, n − s) with the other v for as good. Constant time: nothing here is secret.
//!
//! # Example
//!
//! ```
//! use secp256k1::{Message, SECP256K1, SecretKey};
//! use tatum_batch::{Claim, Verifier};
//!
//! let secret = SecretKey::from_byte_array([7; 32])?;
//! let key = secret.public_key(SECP256K1);
//! let claims: Vec<Claim> = (0..16)
//!     .map(|i| {
//!         let digest = [i; 32];
//!         let signed = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest), &secret);
//!         let (id, compact) = signed.serialize_compact();
//!         let mut signature = [27 + i32::from(id) as u8; 65];
//!         signature[..64].copy_from_slice(&compact);
//!         Claim { digest, signature, key: Some(key) }
//!     })
//!     .collect();
//!
//! let verifier = Verifier::new([1; 32]);
//! let keys = verifier.recover(&claims)?;
//! assert!(keys.into_iter().all(|recovered| recovered == Some(key)));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use secp256k1::PublicKey;

mod columns;
mod eisenstein;
mod engine;
mod equation;
mod error;
mod factors;
mod field;
mod keys;
mod libsecp;
mod point;
mod scalar;
mod sums;
mod table;
#[cfg(test)]
mod tests;
mod windows;

pub use error::Disagreement;

/// A signature `r ‖ s ‖ v` of a digest, with the key it is thought to be by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is signed.
    pub digest: [u8; 32],
    /// r, s, and v as 27 or 28.
    pub signature: [u8; 65],
    /// Whose signature it is if all is right; `None` leaves it to libsecp256k1.
    pub key: Option<PublicKey>,
}

impl Claim {
    /// The key that libsecp256k1 recovers, if there is one.
    fn recover(&self) -> Option<PublicKey> {
        libsecp::recover(&self.digest, &self.signature)
    }
}

/// Recovers keys in batches. It keeps tables of the keys it met last; threads may share it.
#[derive(Debug)]
pub struct Verifier(engine::Engine<field::Native>);

impl Verifier {
    /// A verifier whose factors only `secret` and the batch determine.
    pub fn new(secret: [u8; 32]) -> Self {
        Self(engine::Engine::new(secret))
    }

    /// The key behind each claim's signature, as recovery gives it: the claimed one, another, or none.
    pub fn recover(&self, claims: &[Claim]) -> Result<Vec<Option<PublicKey>>, Disagreement> {
        self.0.recover(claims)
    }
}
