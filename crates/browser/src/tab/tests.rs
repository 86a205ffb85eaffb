//! A tab before a tracker and a relay of its test, and before who says anything.

use proptest::prelude::*;
use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::{Address, B256, Domain, EpochSchedule, StreamId};
use tatum_protocol::tracker::{
    Assignment, FromTracker, Neighbour, Signal, SignalKind, ToTracker, VERSION, verify_hello,
};

use super::*;
use crate::{Code, TrackerTerms, encode};

const NONCE: B256 = B256::repeat_byte(9);

fn tracker_key() -> NodeKey {
    NodeKey::from_bytes(&[1; 32])
}

fn relay_key() -> NodeKey {
    NodeKey::from_bytes(&[2; 32])
}

fn stream() -> Stream {
    Stream::new(StreamId::new("a/b").unwrap(), 0)
}

fn terms() -> Terms {
    Terms {
        seed: B256::repeat_byte(7),
        trackers: vec![TrackerTerms { url: "ws://t/v1/tracker".to_owned(), key: None }],
        domain: Domain { chain_id: 1, stake_pool: Address::ZERO },
        schedule: EpochSchedule { genesis_s: 0, length_s: 60 },
        payer: Address::repeat_byte(3),
        key: B256::repeat_byte(5),
        group_key: Some(B256::repeat_byte(6)),
        history: 0,
    }
}

/// A tab and the time.
struct Bench {
    tab: Tab,
    now_ms: u64,
}

impl Bench {
    fn new() -> Self {
        Self { tab: Tab::open(&terms(), Moment::default()).unwrap(), now_ms: 1_000 }
    }

    fn tell(&mut self, input: Input, body: &[u8]) -> Vec<Output> {
        self.now_ms += 30;
        let moment = Moment { monotonic_ms: self.now_ms, machine_ms: 600_000 + self.now_ms };
        self.tab.tell(input, body, moment)
    }

    fn hear(&mut self, text: &FromTracker) -> Vec<Output> {
        self.tell(Input::SocketText { no: 0 }, &serde_json::to_vec(text).unwrap())
    }

    /// Up to the tracker's welcome.
    fn welcomed() -> Self {
        let mut bench = Self::new();
        let connecting = bench.tell(Input::Tick, &[]);
        assert!(matches!(&connecting[..], [Output::Connect { no: 0, .. }]), "{connecting:?}");
        bench.tell(Input::SocketOpened { no: 0 }, &[]);
        let tracker = tracker_key().id();
        let challenge = FromTracker::Challenge { nonce: NONCE, tracker, version: VERSION };
        let said = said(&bench.hear(&challenge));
        let [ToTracker::Hello { node, relay: None, incarnation, signature }] = &said[..] else {
            panic!("{said:?}")
        };
        assert!(verify_hello(*node, tracker, NONCE, None, *incarnation, signature));
        let up = bench.hear(&FromTracker::Welcome { stun: None, at_ms: 600_000 + bench.now_ms });
        assert!(up.contains(&Output::Tracker { no: 0, up: true, reason: None }), "{up:?}");
        bench
    }

    /// Up to the offer of a link to the relay that the tracker named.
    fn offering() -> (Self, u64) {
        let mut bench = Self::welcomed();
        let joined = said(&bench.tell(Input::Subscribe { stream: stream() }, &[]));
        assert!(matches!(&joined[..], [ToTracker::Join { account: Some(_), .. }]), "{joined:?}");
        let neighbour = Neighbour { node: relay_key().id(), relay: true, incarnation: 4 };
        let me = bench.tab.key.id();
        let assignment = Assignment::sign(&tracker_key(), me, stream().key(), vec![neighbour], 0);
        let offers = bench.hear(&FromTracker::Assign(assignment));
        let [Output::Offer { link, no: 0, .. }] = &offers[..] else { panic!("{offers:?}") };
        (bench, *link)
    }
}

fn said(outputs: &[Output]) -> Vec<ToTracker> {
    let texts = outputs.iter().filter_map(|output| match output {
        Output::Say { text, .. } => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    });
    texts.collect()
}

#[test]
fn a_link_comes_about_by_what_both_ends_signed() {
    let (mut bench, link) = Bench::offering();
    let me = bench.tab.key.id();
    let said = said(&bench.tell(Input::Described { link }, b"v=0"));
    let [ToTracker::Signal { to, signal }] = &said[..] else { panic!("{said:?}") };
    assert!(*to == relay_key().id() && signal.verify(me, *to));
    let from = relay_key().id();
    let session = signal.session;
    let answer = |key: &NodeKey, session| {
        let body = "v=1".to_owned();
        FromTracker::Signal {
            from,
            signal: Signal::sign(key, me, SignalKind::Answer, session, body),
        }
    };
    let forged = bench.hear(&answer(&tracker_key(), session));
    assert!(forged.is_empty(), "signed by somebody else: {forged:?}");
    let other = bench.hear(&answer(&relay_key(), session.wrapping_add(1)));
    assert!(other.is_empty(), "of another offer: {other:?}");
    let expected = Output::Answer { link, description: "v=1".to_owned() };
    assert_eq!(bench.hear(&answer(&relay_key(), session)), [expected]);
    let greeted = bench.tell(Input::LinkOpened { link }, &[]);
    assert!(matches!(&greeted[..], [Output::Send { .. }, ..]), "{greeted:?}");
}

#[test]
fn an_assignment_that_the_tracker_did_not_sign_is_none() {
    let mut bench = Bench::welcomed();
    bench.tell(Input::Subscribe { stream: stream() }, &[]);
    let neighbour = Neighbour { node: relay_key().id(), relay: true, incarnation: 4 };
    let me = bench.tab.key.id();
    let forged = Assignment::sign(&relay_key(), me, stream().key(), vec![neighbour], 0);
    let outputs = bench.hear(&FromTracker::Assign(forged));
    assert!(matches!(&outputs[..], [Output::Note { .. }]), "{outputs:?}");
}

#[test]
fn a_lost_link_and_a_lost_tracker_come_back() {
    let (mut bench, link) = Bench::offering();
    bench.tell(Input::LinkClosed { link }, &[]);
    let mut again = Vec::new();
    for _ in 0..100 {
        again.extend(bench.tell(Input::Tick, &[]));
    }
    let offers: Vec<_> = again.iter().filter(|one| matches!(one, Output::Offer { .. })).collect();
    assert_eq!(offers.len(), 1, "{again:?}");
    bench.tell(Input::SocketClosed { no: 0, reason: "gone".to_owned() }, &[]);
    assert_eq!(bench.tab.trackers.up_count(), 0);
    let mut again = Vec::new();
    for _ in 0..20 {
        again.extend(bench.tell(Input::Tick, &[]));
    }
    assert!(again.iter().any(|one| matches!(one, Output::Connect { no: 0, .. })), "{again:?}");
    assert!(said(&again).is_empty(), "nothing is said to who is not there: {again:?}");
}

#[test]
fn a_message_is_refused_by_a_code_and_the_window_is_kept() {
    let mut bench = Bench::welcomed();
    let publish = |ticket| Input::Publish { stream: stream(), ticket };
    let refused = |outputs: Vec<Output>| {
        outputs.into_iter().find_map(|output| match output {
            Output::Unpublished { ticket: 1, code, .. } => Some(code),
            _ => None,
        })
    };
    assert_eq!(refused(bench.tell(publish(1), b"x")), Some(Code::NotOpen));
    bench.tell(Input::OpenPublisher { stream: stream() }, &[]);
    assert_eq!(refused(bench.tell(publish(1), &[0; 32 * 1024])), Some(Code::TooLarge));
    let full = [0; 30 * 1024];
    let (mut sent, mut last) = (0_u64, None);
    while last.is_none() {
        last = refused(bench.tell(publish(1), &full));
        sent += u64::from(last.is_none());
        assert!(sent < 1_000, "nobody accepts, and all of it is taken");
    }
    assert_eq!(last, Some(Code::WindowFull));
    assert!(sent * 30 * 1024 <= tatum_overlay::client::PublishWindow::BYTES + 30 * 1024);
    bench.tell(Input::Finish { patience_ms: 0 }, &[]);
    assert_eq!(refused(bench.tell(publish(1), b"x")), Some(Code::Ending));
}

#[test]
fn outputs_are_text_and_bytes_each_with_its_length() {
    let packet = Bytes::from_static(b"abc");
    let outputs = [Output::Send { link: 1, repair: false, packet }, Output::Close { link: 2 }];
    let bytes = encode(&outputs);
    let first = br#"{"type":"send","link":1,"repair":false}"#;
    let second = br#"{"type":"close","link":2}"#;
    let length = |length: usize| u32::try_from(length).unwrap().to_le_bytes();
    let expected: [&[u8]; 7] = [
        &length(first.len()),
        &length(3),
        first,
        b"abc",
        &length(second.len()),
        &length(0),
        second,
    ];
    assert_eq!(bytes, expected.concat());
}

#[test]
fn terms_without_a_tracker_or_with_nameless_ones_are_none() {
    let with = |trackers| Tab::open(&Terms { trackers, ..terms() }, Moment::default()).is_ok();
    let one = terms().trackers.remove(0);
    assert!(with(vec![one.clone()]));
    assert!(!with(Vec::new()));
    assert!(!with(vec![one.clone(); 2]));
    let keyed = |url: &str, key: &NodeKey| TrackerTerms { url: url.into(), key: Some(key.id()) };
    let [a, b] = [tracker_key(), relay_key()];
    assert!(with(vec![keyed("ws://a", &a), keyed("ws://b", &b)]));
    assert!(!with(vec![keyed("ws://a", &a), keyed("ws://b", &a)]), "one key twice");
    assert!(!with(vec![keyed("ws://a", &a), keyed("ws://a", &b)]), "one address twice");
    assert!(!with(vec![TrackerTerms { key: Some(tracker_key().id()), ..one }; 65]));
    let no_key = Terms { key: B256::ZERO, ..terms() };
    assert!(Tab::open(&no_key, Moment::default()).is_err());
}

fn any_input() -> impl Strategy<Value = Input> {
    let link = 0_u64..3;
    prop_oneof![
        (0_usize..3).prop_map(|no| Input::SocketOpened { no }),
        (0_usize..3).prop_map(|no| Input::SocketText { no }),
        (0_usize..3).prop_map(|no| Input::SocketClosed { no, reason: String::new() }),
        link.clone().prop_map(|link| Input::Described { link }),
        link.clone().prop_map(|link| Input::LinkOpened { link }),
        link.clone().prop_map(|link| Input::Packet { link }),
        link.clone().prop_map(|link| Input::Unsent { link }),
        link.prop_map(|link| Input::LinkClosed { link }),
        any::<u32>().prop_map(|ticket| Input::Publish { stream: stream(), ticket }),
        Just(Input::OpenPublisher { stream: stream() }),
        Just(Input::Subscribe { stream: stream() }),
        Just(Input::Status),
        Just(Input::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_that_is_told_makes_it_panic(
        told in prop::collection::vec((any_input(), prop::collection::vec(any::<u8>(), 0..200)), 0..60),
    ) {
        let (mut bench, link) = Bench::offering();
        bench.tell(Input::LinkOpened { link }, &[]);
        for (input, body) in told {
            bench.tell(input, &body);
        }
        prop_assert!(bench.tab.attendance.routes().values().all(|no| *no == TrackerNo(0)));
    }

    #[test]
    fn a_relay_that_says_anything_is_let_go(bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..200), 1..20)) {
        let (mut bench, link) = Bench::offering();
        bench.tell(Input::LinkOpened { link }, &[]);
        let mut outputs = Vec::new();
        for body in bodies {
            // No packet begins so.
            let body = [&[0xff_u8], &body[..]].concat();
            outputs.extend(bench.tell(Input::Packet { link }, &body));
        }
        outputs.extend(bench.tell(Input::Tick, &[]));
        let is_closed = outputs.iter().any(|output| *output == Output::Close { link });
        prop_assert!(is_closed, "{outputs:?}");
    }
}
