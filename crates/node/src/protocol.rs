//! What a tracker and its nodes say to each other: JSON texts on one WebSocket.
//!
//! Invariant: a hello is signed over the tracker's fresh challenge, a signal by its sender over
//! both ends and its body (so the tracker cannot sit in the middle of a link), and an assignment
//! by the tracker (so it can be held up to it later).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use tatum_overlay::exchange::{KeyAnswer, KeyRequest};
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence, Lease};
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{B256, NodeId, StreamKey};

use crate::identity::{NodeKey, verify};
pub use crate::stream::Stream;

/// The version this code speaks. The first one knew streams by their keys only, so that nobody could
/// tell whose they are; the second knew of no other trackers.
pub const VERSION: u32 = 3;
/// The largest text that a tracker accepts.
pub const MAX_TEXT_BYTES: usize = 64 * 1024;
/// The largest text that a node accepts: a permission list of the greatest length, and some more.
pub const MAX_TRACKER_TEXT_BYTES: usize = 256 * 1024;

/// What a node says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ToTracker {
    /// Who it is, in answer to the challenge.
    Hello {
        /// Its id.
        node: NodeId,
        /// Whether it relays, and then how many streams it can carry.
        relay: Option<RelayOffer>,
        /// A random number drawn when the process started.
        incarnation: u64,
        /// Over challenge, tracker, role and incarnation.
        #[serde(with = "hex")]
        signature: Vec<u8>,
    },
    /// It wants to take part in a stream partition.
    Join {
        /// Which one, by its name.
        stream: Stream,
        /// On whose account, signed for this tracker. A tracker that follows the chain recruits
        /// relays only for clients with a payer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<Box<Attach>>,
    },
    /// A relay carries a stream that another tracker recruited it for, or this one before it restarted:
    /// it may count it as its own recruit.
    Offer {
        /// Which one, by its name.
        stream: Stream,
    },
    /// The region it says it is in; what the tracker knows of its address goes before it.
    Region {
        /// The region's name.
        name: String,
    },
    /// It wants another neighbour in the place of this one, which behaved badly.
    Avoid {
        /// Whom.
        node: NodeId,
    },
    /// How much passes on a stream that it relays.
    Load {
        /// Which one.
        stream: StreamKey,
        /// Payload bytes of first copies.
        bytes_per_second: u64,
    },
    /// A relay's part of a payer's quota: what it holds, has used and wants.
    Lease {
        /// How much.
        claim: Claim,
        /// Shows that a client of the payer asked it for service.
        evidence: Box<Evidence>,
    },
    /// It does not any more.
    Leave {
        /// Which one.
        stream: StreamKey,
    },
    /// To be passed on to another node.
    Signal {
        /// To whom.
        to: NodeId,
        /// What.
        signal: Signal,
    },
    /// A subscriber needs a group key: to be passed on to the publisher that drew it.
    AskKey(Box<KeyRequest>),
    /// A publisher's answer, to be passed on to who asked.
    GiveKey {
        /// To whom.
        to: NodeId,
        /// What.
        answer: Box<KeyAnswer>,
    },
}

/// What a relay offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayOffer {
    /// Streams it can be recruited to.
    pub capacity: u32,
}

/// What a tracker says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum FromTracker {
    /// First: to be signed.
    Challenge {
        /// A fresh random value.
        nonce: B256,
        /// The tracker's own key.
        tracker: NodeId,
        /// The protocol's version.
        version: u32,
    },
    /// The hello was accepted.
    Welcome {
        /// Where its STUN service listens.
        stun: Option<SocketAddr>,
    },
    /// The request was refused; after a hello the connection is closed.
    Refused {
        /// Why.
        reason: String,
    },
    /// The node shall carry a stream partition.
    Carry {
        /// Which one, by its name.
        stream: Stream,
    },
    /// What a relay holds of a payer's quota from now on.
    Leased(Lease),
    /// What the owner of a stream that the node takes part in permits.
    Permissions(Box<SignedPermissions>),
    /// The node need not carry it any more.
    Release {
        /// Which one.
        stream: StreamKey,
    },
    /// The neighbours of a stream partition, all of them.
    Assign(Assignment),
    /// From another node.
    Signal {
        /// From whom.
        from: NodeId,
        /// What.
        signal: Signal,
    },
    /// A subscriber needs a group key that the node drew.
    KeyAsked {
        /// From whom.
        from: NodeId,
        /// What.
        request: Box<KeyRequest>,
    },
    /// A publisher's answer to the node's request.
    KeyGiven {
        /// What.
        answer: Box<KeyAnswer>,
    },
}

/// The neighbours that a tracker gives a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assignment {
    /// In which stream partition.
    pub stream: StreamKey,
    /// All of them.
    pub neighbours: Vec<Neighbour>,
    /// When, milliseconds since 1970.
    pub issued_ms: u64,
    /// The tracker's, over the node and all of the above.
    #[serde(with = "hex")]
    pub signature: Vec<u8>,
}

/// One neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Neighbour {
    /// Its id.
    pub node: NodeId,
    /// Whether it relays.
    pub relay: bool,
    /// Changes when it restarts; then the old link is dead.
    pub incarnation: u64,
}

/// A step of a link's negotiation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// Offer or answer.
    pub kind: SignalKind,
    /// Ties an answer to its offer.
    pub session: u64,
    /// The session description.
    pub body: String,
    /// The sender's, over both ends and all of the above.
    #[serde(with = "hex")]
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

impl Assignment {
    /// Signs the neighbours of `node`.
    #[must_use]
    pub fn sign(
        tracker: &NodeKey,
        node: NodeId,
        stream: StreamKey,
        neighbours: Vec<Neighbour>,
        issued_ms: u64,
    ) -> Self {
        let mut assignment = Self { stream, neighbours, issued_ms, signature: Vec::new() };
        assignment.signature = tracker.sign("assignment", &[&assignment.signed_bytes(node)]);
        assignment
    }

    /// Whether `tracker` signed it for `node`.
    #[must_use]
    pub fn verify(&self, tracker: NodeId, node: NodeId) -> bool {
        verify(tracker, "assignment", &[&self.signed_bytes(node)], &self.signature)
    }

    fn signed_bytes(&self, node: NodeId) -> Vec<u8> {
        let mut bytes = [node.0.as_slice(), self.stream.0.as_slice()].concat();
        bytes.extend(self.issued_ms.to_be_bytes());
        for neighbour in &self.neighbours {
            bytes.extend(neighbour.node.0);
            bytes.push(u8::from(neighbour.relay));
            bytes.extend(neighbour.incarnation.to_be_bytes());
        }
        bytes
    }
}

/// Bytes as hex text.
mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        use std::fmt::Write;
        let mut text = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            // Writing to a string does not fail.
            let _ = write!(text, "{byte:02x}");
        }
        to.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(from)?;
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(D::Error::custom("hex has two digits a byte"));
        }
        let byte = |[high, low]: &[u8; 2]| {
            let value = digit(*high)? * 16 + digit(*low)?;
            u8::try_from(value).ok()
        };
        let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
        bytes.ok_or_else(|| D::Error::custom("hex has the digits 0-9 and a-f"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tatum_primitives::StreamId;

    /// JSON of the right words in any order and number, which comes further than noise does.
    fn any_text() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ":",
            ",",
            "\"type\"",
            "\"hello\"",
            "\"join\"",
            "\"signal\"",
            "\"stream\"",
            "\"account\"",
            "\"lease\"",
            "\"claim\"",
            "\"evidence\"",
            "\"assign\"",
            "\"neighbours\"",
            "\"signature\"",
            "\"0x\"",
            "\"abc\"",
            "null",
            "-1",
            "1e400",
            "18446744073709551616",
            "\"\\ud800\"",
        ]);
        prop_oneof![prop::collection::vec(word, 0..60).prop_map(|words| words.concat()), ".{0,300}",]
    }

    proptest! {
        #[test]
        fn no_text_makes_the_protocol_panic(text in any_text()) {
            let _ = serde_json::from_str::<ToTracker>(&text);
            let _ = serde_json::from_str::<FromTracker>(&text);
        }

        #[test]
        fn no_changed_text_makes_the_protocol_panic(
            at in any::<prop::sample::Index>(),
            with in any::<char>(),
        ) {
            let a = NodeKey::from_bytes(&[1; 32]);
            let signal = Signal::sign(&a, a.id(), SignalKind::Offer, 7, "v=0".to_owned());
            let text = serde_json::to_string(&ToTracker::Signal { to: a.id(), signal }).unwrap();
            let at = at.index(text.len());
            let changed = format!("{}{with}{}", &text[..at], &text[at + 1..]);
            if let Ok(ToTracker::Signal { to, signal }) = serde_json::from_str(&changed) {
                let same = serde_json::to_string(&ToTracker::Signal { to, signal: signal.clone() });
                prop_assert!(same.unwrap() == text || !signal.verify(a.id(), to));
            }
        }
    }

    #[test]
    fn signals_are_bound_to_both_ends_and_their_body() {
        let (a, b) = (NodeKey::from_bytes(&[1; 32]), NodeKey::from_bytes(&[2; 32]));
        let signal = Signal::sign(&a, b.id(), SignalKind::Offer, 7, "v=0".to_owned());
        assert!(signal.verify(a.id(), b.id()));
        assert!(!signal.verify(b.id(), a.id()));
        let tampered = Signal { body: "v=1".to_owned(), ..signal };
        assert!(!tampered.verify(a.id(), b.id()));
    }

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

    #[test]
    fn texts_are_read_back_and_unknown_fields_refused() {
        let stream = Stream::new(StreamId::new("a/b").unwrap(), 1);
        let join = ToTracker::Join { stream, account: None };
        let text = serde_json::to_string(&join).unwrap();
        assert_eq!(text, r#"{"type":"join","stream":{"id":"a/b","partition":1}}"#);
        assert_eq!(serde_json::from_str::<ToTracker>(&text).unwrap(), join);
        let more = text.replace("}}", r#"},"extra":1}"#);
        assert!(serde_json::from_str::<ToTracker>(&more).is_err());
    }
}
