//! The steps of a link's negotiation, which a tracker passes on.
//!
//! Invariant: the sender signs over both ends and the body, so a tracker cannot sit in the middle.

use serde::{Deserialize, Serialize};
use tatum_primitives::NodeId;

use crate::{NodeKey, verify};

/// A step of a link's negotiation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Offer or answer.
    pub kind: SignalKind,
    /// Ties an answer to its offer.
    #[serde(with = "tatum_primitives::decimal")]
    pub session: u64,
    /// The session description.
    pub body: String,
    /// The sender's, over both ends and all of the above.
    #[serde(with = "crate::hex")]
    pub signature: Vec<u8>,
}

/// Which step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// The first.
    Offer,
    /// The second.
    Answer,
}

impl Signal {
    /// Signs a step from the key's node to `to`.
    #[must_use]
    pub fn sign(key: &NodeKey, to: NodeId, kind: SignalKind, session: u64, body: String) -> Self {
        let signature =
            key.sign("signal", &signal_parts(key.id(), to, kind, session, &body).each());
        Self { kind, session, body, signature }
    }

    /// Whether `from` signed it for `to`.
    #[must_use]
    pub fn verify(&self, from: NodeId, to: NodeId) -> bool {
        let parts = signal_parts(from, to, self.kind, self.session, &self.body);
        verify(from, "signal", &parts.each(), &self.signature)
    }
}

struct SignalParts<'a> {
    ends: [NodeId; 2],
    kind: [u8; 1],
    session: [u8; 8],
    body: &'a str,
}

impl SignalParts<'_> {
    fn each(&self) -> [&[u8]; 5] {
        let [from, to] = &self.ends;
        [from.0.as_slice(), to.0.as_slice(), &self.kind, &self.session, self.body.as_bytes()]
    }
}

fn signal_parts(
    from: NodeId,
    to: NodeId,
    kind: SignalKind,
    session: u64,
    body: &str,
) -> SignalParts<'_> {
    SignalParts { ends: [from, to], kind: [kind as u8], session: session.to_be_bytes(), body }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_bound_to_both_ends_and_their_body() {
        let (a, b) = (NodeKey::from_bytes(&[1; 32]), NodeKey::from_bytes(&[2; 32]));
        let signal = Signal::sign(&a, b.id(), SignalKind::Offer, 7, "v=0".to_owned());
        assert!(signal.verify(a.id(), b.id()));
        assert!(!signal.verify(b.id(), a.id()));
        let tampered = Signal { body: "v=1".to_owned(), ..signal };
        assert!(!tampered.verify(a.id(), b.id()));
    }
}
