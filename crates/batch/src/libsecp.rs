//! Recovery by libsecp256k1: what every answer of this crate means.

use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, PublicKey};

/// The key that signed `digest`, if any did; v is 27 or 28.
pub(crate) fn recover(digest: &[u8; 32], signature: &[u8; 65]) -> Option<PublicKey> {
    let [r_and_s @ .., v] = signature;
    let id = match v {
        27 => RecoveryId::Zero,
        28 => RecoveryId::One,
        _ => return None,
    };
    let signature = RecoverableSignature::from_compact(r_and_s, id).ok()?;
    secp256k1::SECP256K1.recover_ecdsa(Message::from_digest(*digest), &signature).ok()
}
