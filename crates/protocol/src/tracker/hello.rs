//! How a node says who it is.
//!
//! Invariant: a hello is signed over the tracker's fresh challenge and the tracker's own key, so it opens no other connection.

use tatum_primitives::{B256, NodeId};

use super::{RelayOffer, ToTracker};
use crate::{NodeKey, verify};

/// Signs a hello.
#[must_use]
pub fn sign_hello(
    key: &NodeKey,
    tracker: NodeId,
    nonce: B256,
    relay: Option<RelayOffer>,
    incarnation: u64,
) -> ToTracker {
    let (relay_bytes, incarnation_bytes) = hello_parts(relay, incarnation);
    let parts = [nonce.as_slice(), tracker.0.as_slice(), &relay_bytes, &incarnation_bytes];
    let signature = key.sign("tracker hello", &parts);
    ToTracker::Hello { node: key.id(), relay, incarnation, signature }
}

/// Whether `node` signed this hello for this tracker and challenge.
#[must_use]
pub fn verify_hello(
    node: NodeId,
    tracker: NodeId,
    nonce: B256,
    relay: Option<RelayOffer>,
    incarnation: u64,
    signature: &[u8],
) -> bool {
    let (relay_bytes, incarnation_bytes) = hello_parts(relay, incarnation);
    let parts = [nonce.as_slice(), tracker.0.as_slice(), &relay_bytes, &incarnation_bytes];
    verify(node, "tracker hello", &parts, signature)
}

fn hello_parts(relay: Option<RelayOffer>, incarnation: u64) -> (Vec<u8>, [u8; 8]) {
    let relay = relay.map(|offer| offer.capacity.to_be_bytes().to_vec()).unwrap_or_default();
    (relay, incarnation.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_worth_nothing_for_another_challenge() {
        let key = NodeKey::from_bytes(&[1; 32]);
        let tracker = NodeKey::from_bytes(&[3; 32]).id();
        let nonce = B256::repeat_byte(1);
        let hello = sign_hello(&key, tracker, nonce, Some(RelayOffer { capacity: 4 }), 9);
        let ToTracker::Hello { node, relay, incarnation, signature } = &hello else { panic!() };
        assert!(verify_hello(*node, tracker, nonce, *relay, *incarnation, signature));
        let other = B256::repeat_byte(2);
        assert!(!verify_hello(*node, tracker, other, *relay, *incarnation, signature));
        assert!(!verify_hello(*node, tracker, nonce, None, *incarnation, signature));
    }
}
