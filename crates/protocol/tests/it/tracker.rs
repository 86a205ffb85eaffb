//! Every text that a node and a tracker can say.

use std::fmt::Write;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tatum_overlay::attendance::RoundTrip;
use tatum_overlay::exchange::{AskSecret, KeyAnswer, KeyGrant, KeyName, KeyRequest};
use tatum_overlay::frame::Attach;
use tatum_overlay::lease::{Claim, Evidence, Lease};
use tatum_overlay::permissions::{Audience, PermissionList, SignedPermissions};
use tatum_primitives::{Address, B256, Epoch, NodeId, ReaderId, Role, StreamId, StreamKey};
use tatum_protocol::tracker::{
    Assignment, FromTracker, Neighbour, RelayOffer, Signal, SignalKind, ToTracker, sign_hello,
};
use tatum_protocol::{NodeKey, Stream};
use tatum_receipt::{SessionKey, Signature};

const PAYER: Address = Address::repeat_byte(5);

fn node() -> NodeKey {
    NodeKey::from_bytes(&[1; 32])
}

fn other() -> NodeId {
    NodeKey::from_bytes(&[2; 32]).id()
}

fn stream() -> Stream {
    Stream::new(StreamId::new("0x0505050505050505050505050505050505050505/weather").unwrap(), 3)
}

fn key() -> StreamKey {
    stream().key()
}

fn session_key() -> SessionKey {
    SessionKey::from_bytes(&[7; 32]).unwrap()
}

fn attach() -> Attach {
    Attach::sign(
        (key(), Role::Publisher),
        (PAYER, ReaderId(u32::MAX)),
        (other(), node().id()),
        1_700_000_000_000,
        &session_key(),
    )
}

fn key_name() -> KeyName {
    KeyName { stream: key(), publisher: PAYER, key_id: [9; 8] }
}

fn key_request() -> KeyRequest {
    let secret = AskSecret::new([4; 32]);
    KeyRequest::sign(key_name(), PAYER, node().id(), &secret, 1_700_000_000_000, &session_key())
}

fn signal() -> Signal {
    Signal::sign(&node(), other(), SignalKind::Offer, u64::MAX, "v=0\r\n".to_owned())
}

fn node_texts() -> Vec<ToTracker> {
    let claim = Claim { payer: PAYER, epoch: Epoch(12), number: 2, held: 30, used: 20, wanted: 40 };
    let answer = KeyAnswer::Refused { name: key_name(), reason: "not permitted".to_owned() };
    vec![
        sign_hello(&node(), other(), B256::ZERO, Some(RelayOffer { capacity: 8 }), u64::MAX),
        sign_hello(&node(), other(), B256::ZERO, None, 1),
        ToTracker::Join { stream: stream(), account: None },
        ToTracker::Join { stream: stream(), account: Some(Box::new(attach())) },
        ToTracker::Offer { stream: stream() },
        ToTracker::Region { name: "eu-west".to_owned() },
        ToTracker::Avoid { node: other() },
        ToTracker::Load { stream: key(), bytes_per_second: 100_000 },
        ToTracker::RoundTrips { links: vec![RoundTrip { node: other(), round_trip_us: 1_500 }] },
        ToTracker::Lease {
            claim,
            evidence: Box::new(Evidence { client: other(), attach: attach() }),
        },
        ToTracker::Leave { stream: key() },
        ToTracker::Signal { to: other(), signal: signal() },
        ToTracker::AskKey(Box::new(key_request())),
        ToTracker::GiveKey { to: other(), answer: Box::new(answer) },
    ]
}

fn tracker_texts() -> Vec<FromTracker> {
    let neighbours = vec![Neighbour { node: other(), relay: true, incarnation: u64::MAX }];
    let list = PermissionList {
        stream: stream().id,
        version: 4,
        publishers: [PAYER].into_iter().collect(),
        subscribers: Audience::Anyone,
    };
    let grant = KeyGrant {
        name: key_name(),
        requester: B256::repeat_byte(1),
        ephemeral: B256::repeat_byte(2),
        sealed: [B256::repeat_byte(3), B256::ZERO],
    };
    vec![
        FromTracker::Challenge { nonce: B256::ZERO, tracker: other(), version: 5 },
        FromTracker::Welcome {
            stun: Some("192.0.2.1:3478".parse().unwrap()),
            at_ms: 1_700_000_000_000,
        },
        FromTracker::Refused { reason: "too many texts".to_owned() },
        FromTracker::KeyInUse,
        FromTracker::Carry { stream: stream() },
        FromTracker::Leased(Lease { payer: PAYER, epoch: Epoch(12), number: 2, total: 40 }),
        FromTracker::Permissions(Box::new(SignedPermissions {
            list,
            signature: Signature([6; 65]),
        })),
        FromTracker::Release { stream: key() },
        FromTracker::Assign(Assignment::sign(&node(), other(), key(), neighbours, 5)),
        FromTracker::Signal { from: node().id(), signal: signal() },
        FromTracker::KeyAsked { from: node().id(), request: Box::new(key_request()) },
        FromTracker::KeyGiven { answer: Box::new(KeyAnswer::Granted(grant)) },
    ]
}

/// A line a text; each is read back as what was said.
fn lines<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(texts: &[T]) -> String {
    let mut lines = String::new();
    for text in texts {
        let json = serde_json::to_string(text).unwrap();
        assert_eq!(&serde_json::from_str::<T>(&json).unwrap(), text);
        writeln!(lines, "{json}").unwrap();
    }
    lines
}

#[test]
fn what_nodes_say_keeps_its_form() {
    insta::assert_snapshot!(lines(&node_texts()));
}

#[test]
fn what_trackers_say_keeps_its_form() {
    insta::assert_snapshot!(lines(&tracker_texts()));
}
