//! What a hostile neighbour can say, and what it must not achieve.

use bytes::Bytes;
use tatum_overlay::credit;
use tatum_overlay::frame::{Attach, MAX_SPANS, Packer, Span};
use tatum_overlay::node::{Ceilings, Config};
use tatum_overlay::propagation::Limits;
use tatum_overlay::window::MAX_NUMBER;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, Priority};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{SessionKey, Signature, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAY: NodeId = NodeId(B256::repeat_byte(1));
const NEIGHBOUR: NodeId = NodeId(B256::repeat_byte(2));
const LINK: Link = Link(1);
const NOW: Now = Now { monotonic_ms: 10_001, wall_ms: 1_000_000, epoch: Epoch(3) };

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn key() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
}

fn chain(number: u64) -> ChainKey {
    ChainKey { publisher: key().address(), chain: number }
}

fn message(chain: ChainKey, sequence: u64) -> Message {
    let before = |sequence| MessageRef { timestamp_ms: NOW.wall_ms, sequence };
    Message {
        stream_key: STREAM,
        chain,
        at: MessageRef { timestamp_ms: NOW.wall_ms, sequence },
        previous: sequence.checked_sub(1).map(before),
        key_id: [0; 8],
        ciphertext: vec![9; 100],
        signature: Signature([0; 65]),
    }
    .signed(&key(), &verifier())
}

fn relay(credit: credit::Limits) -> Overlay {
    let operator_id = Some(OperatorId(0));
    let limits = Limits::default();
    let config = Config {
        id: RELAY,
        relay: true,
        operator_id,
        verifier: verifier(),
        limits,
        credit,
        ceilings: Ceilings::default(),
        latency_bound_ms: 0,
        offer: None,
    };
    let mut relay = Overlay::new(config, None);
    assert!(relay.carry(STREAM));
    relay
}

/// A relay with one neighbour that it was told to serve in `role`.
fn relay_with(role: Role, credit: credit::Limits) -> Overlay {
    let mut relay = relay(credit);
    relay.link_opened(LINK, NEIGHBOUR, None, &NOW);
    let ends = (NEIGHBOUR, RELAY);
    let attach =
        Attach::sign((STREAM, role), (key().address(), ReaderId(0)), ends, NOW.wall_ms, &key());
    relay.admit(LINK, &attach, &[], u64::MAX, &NOW);
    relay
}

fn publisher() -> Overlay {
    relay_with(Role::Publisher, credit::Limits::default())
}

fn packets(frames: &[Frame]) -> Vec<Bytes> {
    let mut packer = Packer::default();
    let mut packets: Vec<Bytes> =
        frames.iter().filter_map(|frame| packer.push(&frame.encode())).collect();
    packets.extend(packer.finish());
    packets
}

fn say(overlay: &mut Overlay, frames: &[Frame]) {
    for packet in packets(frames) {
        overlay.packet(LINK, &packet, &NOW);
    }
}

fn outputs(overlay: &mut Overlay) -> Vec<Output> {
    std::iter::from_fn(|| overlay.poll()).collect()
}

fn sent(chain: ChainKey, sequence: u64) -> Frame {
    Frame::Message(Box::new(message(chain, sequence)))
}

fn claim(chain: ChainKey, number: u64) -> Frame {
    Frame::Have { stream: STREAM, spans: vec![Span { chain, first: number, last: number }] }
}

#[test]
fn the_highest_number_may_be_followed_by_another() {
    let mut relay = publisher();
    say(&mut relay, &[sent(chain(1), MAX_NUMBER), sent(chain(1), MAX_NUMBER - 5)]);
    relay.tick(&NOW);
    assert_eq!(relay.counters().messages, 2);
    say(&mut relay, &[sent(chain(1), MAX_NUMBER), sent(chain(1), MAX_NUMBER + 1)]);
    assert_eq!(relay.counters().messages, 2, "there is none beyond it");
}

#[test]
fn yesterdays_message_is_no_news() {
    let mut relay = publisher();
    let packet = &packets(&[sent(chain(1), 0)])[0];
    let later = |ms| Now { wall_ms: NOW.wall_ms + 86_400_000 + ms, ..NOW };
    relay.packet(LINK, packet, &later(1));
    assert_eq!((relay.counters().messages, relay.counters().unwanted), (0, 1));
    relay.packet(LINK, packet, &later(0));
    assert_eq!(relay.counters().messages, 1);
}

#[test]
fn a_message_for_another_deployment_is_not_taken() {
    let mut relay = publisher();
    let elsewhere = Verifier::new(Domain { chain_id: 2, stake_pool: Address::ZERO });
    let message = message(chain(1), 0).signed(&key(), &elsewhere);
    say(&mut relay, &[Frame::Message(Box::new(message))]);
    assert_eq!((relay.counters().messages, relay.counters().invalid), (0, 1));
}

#[test]
fn a_claim_near_the_highest_number_is_harmless() {
    let mut relay = publisher();
    say(&mut relay, &[claim(chain(1), u64::MAX - 1), claim(chain(1), u64::MAX)]);
    say(&mut relay, &[sent(chain(1), 0)]);
    assert_eq!(relay.counters().messages, 1);
}

#[test]
fn leaps_over_all_numbers_cost_no_time_and_break_no_counter() {
    let mut relay = publisher();
    for number in 0..3 {
        say(&mut relay, &[sent(chain(number), 0), sent(chain(number), MAX_NUMBER)]);
    }
    assert_eq!(relay.counters().messages, 6);
    assert_eq!(relay.counters().lost, u64::MAX);
}

#[test]
fn a_claim_hides_no_messages() {
    let mut relay = publisher();
    say(&mut relay, &[claim(chain(1), 1_000), sent(chain(1), 0), sent(chain(1), 1)]);
    assert_eq!(relay.counters().messages, 2);
}

#[test]
fn claims_push_no_real_chain_out() {
    let mut relay = publisher();
    say(&mut relay, &[sent(chain(0), 0)]);
    let later = Now { monotonic_ms: 15_000, ..NOW };
    let claims: Vec<Frame> = (1..3_000).map(|number| claim(chain(number), 0)).collect();
    for packet in packets(&claims) {
        relay.packet(LINK, &packet, &later);
    }
    say(&mut relay, &[sent(chain(0), 0)]);
    assert_eq!((relay.counters().messages, relay.counters().duplicates), (1, 1));
}

#[test]
fn more_spans_than_allowed_end_the_link() {
    let mut relay = publisher();
    let span = Span { chain: chain(1), first: 0, last: 9 };
    outputs(&mut relay);
    say(&mut relay, &[Frame::Have { stream: STREAM, spans: vec![span; MAX_SPANS + 1] }]);
    let said = outputs(&mut relay);
    assert!(said.iter().any(|output| matches!(output, Output::Misbehaved { .. })), "{said:?}");
}

#[test]
fn a_registered_relay_cannot_fill_memory_with_streams() {
    let mut relay = relay(credit::Limits::default());
    relay.link_opened(LINK, NEIGHBOUR, Some(OperatorId(1)), &NOW);
    for second in 0..20 {
        let now = Now { monotonic_ms: 10_000 + second * 1_001, ..NOW };
        relay.tick(&now);
        let join = |number: u64| {
            let stream = StreamKey(B256::left_padding_from(&(second << 32 | number).to_be_bytes()));
            Frame::Join { stream }
        };
        let joins: Vec<Frame> = (0..2_000).map(join).collect();
        say(&mut relay, &joins);
        outputs(&mut relay);
    }
    let streams = relay.peer_summaries(&NOW)[0].streams;
    assert!(streams <= 4_096, "{streams}");
}

#[test]
fn what_never_left_is_not_held_against_the_subscriber() {
    let limits = credit::Limits {
        bytes: 1_000,
        duplicate_bytes: 0,
        duplicate_factor: 0,
        ..credit::Limits::default()
    };
    let mut relay = relay_with(Role::Subscriber, limits);
    let source = Link(2);
    relay.link_opened(source, NodeId(B256::repeat_byte(3)), Some(OperatorId(1)), &NOW);
    relay.packet(source, &packets(&[Frame::Join { stream: STREAM }])[0], &NOW);
    for number in 0..50 {
        relay.packet(source, &packets(&[sent(chain(0), number)])[0], &NOW);
        let mut packer = Packer::default();
        for output in outputs(&mut relay) {
            match output {
                Output::Send { link: LINK, frame, priority: Priority::Live } => {
                    packer.push(&frame);
                }
                Output::Send { frame, .. } => assert!(!frame.is_empty()),
                other => panic!("unexpected {other:?}"),
            }
        }
        let packet = packer.finish().expect("the subscriber is served");
        relay.unsent(LINK, &packet, &NOW);
    }
    assert_eq!(relay.unreceipted_bytes(&NOW), 0);
    assert_eq!(relay.counters().credit_stops, 0);
}
