//! What a hostile neighbour can say, and what it must not achieve.

use bytes::Bytes;
use tatum_overlay::credit;
use tatum_overlay::frame::{self, Attach, MAX_SPANS, Packer, Refusal, Span};
use tatum_overlay::node::{Ceilings, Config};
use tatum_overlay::propagation::Limits;
use tatum_overlay::window::MAX_NUMBER;
use tatum_overlay::{
    AHEAD_MS, ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, Priority,
};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{SessionKey, Signature, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAY: NodeId = NodeId(B256::repeat_byte(1));
const NEIGHBOUR: NodeId = NodeId(B256::repeat_byte(2));
const LINK: Link = Link(1);
/// A year.
const YEAR_MS: u64 = 365 * 86_400_000;
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
    dated(chain, sequence, NOW.wall_ms)
}

fn dated(chain: ChainKey, sequence: u64, timestamp_ms: u64) -> Message {
    let before = |sequence| MessageRef { timestamp_ms, sequence };
    Message {
        stream_key: STREAM,
        chain,
        at: MessageRef { timestamp_ms, sequence },
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
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
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

/// The frames that are to be sent.
fn frames(overlay: &mut Overlay) -> Vec<Frame> {
    let mut packer = Packer::default();
    let mut packets = Vec::new();
    for output in outputs(overlay) {
        if let Output::Send { frame, .. } = output {
            packets.extend(packer.push(&frame));
        }
    }
    packets.extend(packer.finish());
    let read = |packet: &Bytes| frame::decode(packet).unwrap();
    packets.iter().flat_map(read).map(|(frame, _)| frame).collect()
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
fn what_is_dated_ahead_is_refused_and_told_but_no_clock_is_blamed() {
    let mut relay = publisher();
    let packet = &packets(&[sent(chain(1), 0)])[0];
    let before = |ms| Now { wall_ms: NOW.wall_ms - ms, ..NOW };
    for _ in 0..100 {
        relay.packet(LINK, packet, &before(AHEAD_MS + 1));
    }
    assert_eq!((relay.counters().messages, relay.counters().untimely), (0, 100));
    let (role, reason) = (Role::Publisher, Refusal::Stale);
    let stale = Frame::Refused { stream: STREAM, role, reason };
    let told = frames(&mut relay).iter().filter(|frame| **frame == stale).count();
    assert_eq!((told, relay.points(&NEIGHBOUR)), (1, 0), "once in a second");
    relay.packet(LINK, packet, &before(AHEAD_MS));
    assert_eq!(relay.counters().messages, 1);
}

#[test]
fn what_no_clock_excuses_is_held_against_who_brings_it() {
    let (mut excused, mut not) = (publisher(), publisher());
    let day_ms = 86_400_000;
    for second in 0..30 {
        let now = |ahead_ms| Now {
            monotonic_ms: NOW.monotonic_ms + second * 1_000,
            wall_ms: YEAR_MS - ahead_ms,
            ..NOW
        };
        let dated = dated(chain(1), second, YEAR_MS);
        let packet = &packets(&[Frame::Message(Box::new(dated))])[0];
        for (relay, ahead_ms) in [(&mut excused, day_ms), (&mut not, day_ms + 1)] {
            relay.packet(LINK, packet, &now(ahead_ms));
            relay.tick(&now(ahead_ms));
        }
    }
    assert_eq!((excused.counters().graylisted, excused.points(&NEIGHBOUR)), (0, 0));
    assert_eq!(not.counters().graylisted, 1);
}

#[test]
fn who_forwards_what_our_clock_refuses_broke_no_promise() {
    let mut relay = relay(credit::Limits::default());
    relay.link_opened(LINK, NEIGHBOUR, Some(OperatorId(1)), &NOW);
    say(&mut relay, &[Frame::Join { stream: STREAM }]);
    relay.assign(STREAM, [NEIGHBOUR].into(), &NOW);
    let ahead: Vec<Message> =
        (0..40).map(|number| dated(chain(number), 0, NOW.wall_ms + AHEAD_MS + 60_000)).collect();
    let mut asked = 0;
    for second in 0..20 {
        let now = Now { monotonic_ms: NOW.monotonic_ms + second * 1_000, ..NOW };
        let claims: Vec<Frame> = ahead.iter().map(|message| claim(message.chain, 0)).collect();
        for packet in packets(&claims) {
            relay.packet(LINK, &packet, &now);
        }
        relay.tick(&now);
        for frame in frames(&mut relay) {
            let Frame::Want { span, .. } = frame else { continue };
            asked += 1;
            let found = ahead.iter().find(|message| message.chain == span.chain).unwrap();
            let packet = &packets(&[Frame::Message(Box::new(found.clone()))])[0];
            relay.packet(LINK, packet, &now);
        }
    }
    assert!(asked > 40, "asked {asked} times");
    assert!(relay.counters().untimely > 40);
    assert_eq!((relay.points(&NEIGHBOUR), relay.counters().graylisted), (0, 0));
}

/// A relay to which the publisher has sent a message in each of so many chains, a second apart.
fn after_chains(chains: u64) -> (Overlay, Now) {
    let mut relay = publisher();
    let later = |second| Now { wall_ms: NOW.wall_ms + second * 1_000, ..NOW };
    for number in 0..chains {
        let first = dated(chain(number), 0, later(number).wall_ms);
        let packet = &packets(&[Frame::Message(Box::new(first))])[0];
        relay.packet(LINK, packet, &later(number));
    }
    outputs(&mut relay);
    (relay, later(chains))
}

/// How often the relay asks a neighbour that has message 0 of these chains, and answers, within so many seconds.
fn asked_for(relay: &mut Overlay, (chains, seconds): (&[u64], u64), began: &Now) -> Vec<u64> {
    let mut asked = Vec::new();
    for second in 0..seconds {
        let now = Now { monotonic_ms: began.monotonic_ms + second * 1_000, ..*began };
        let claims: Vec<Frame> = chains.iter().map(|number| claim(chain(*number), 0)).collect();
        for packet in packets(&claims) {
            relay.packet(LINK, &packet, &now);
        }
        relay.tick(&now);
        for frame in frames(relay) {
            let Frame::Want { span, .. } = frame else { continue };
            asked.push(span.chain.chain);
            let made_ms = NOW.wall_ms + span.chain.chain * 1_000;
            let message = dated(span.chain, 0, made_ms);
            let packet = &packets(&[Frame::Message(Box::new(message))])[0];
            relay.packet(LINK, packet, &now);
        }
    }
    asked
}

#[test]
fn a_publisher_of_very_many_chains_still_has_its_missing_ones_asked_for() {
    let (mut relay, now) = after_chains(1_500);
    let missed = 1_501;
    assert_eq!(asked_for(&mut relay, (&[missed], 5), &now), [missed]);
    assert_eq!(relay.counters().messages, 1_501);
}

#[test]
fn a_chain_that_was_forgotten_long_ago_is_asked_for_once_and_nobody_is_blamed() {
    let (mut relay, now) = after_chains(4_000);
    let before = (relay.counters().messages, relay.points(&NEIGHBOUR));
    // Of the second it is remembered that it was forgotten.
    assert_eq!(asked_for(&mut relay, (&[3, 2_500], 10), &now), [3]);
    assert_eq!(relay.counters().messages, before.0, "nothing is new twice");
    assert!(relay.points(&NEIGHBOUR) >= 0, "it kept its promise");
}

#[test]
fn what_nobody_signed_settles_nothing() {
    let (mut relay, now) = after_chains(1_500);
    let missed = dated(chain(1_501), 0, now.wall_ms);
    // Dated so that it counts as seen, in the chain that is asked for.
    let mut forged = dated(chain(1_501), 0, NOW.wall_ms);
    forged.signature = Signature([1; 65]);
    let at = |ms| Now { monotonic_ms: now.monotonic_ms + ms, ..now };
    let say = |relay: &mut Overlay, frame: Frame, now: &Now| {
        relay.packet(LINK, &packets(&[frame])[0], now);
    };
    say(&mut relay, claim(chain(1_501), 0), &at(0));
    relay.tick(&at(1_000));
    say(&mut relay, Frame::Message(Box::new(forged)), &at(1_000));
    assert_eq!(relay.counters().invalid, 1);
    say(&mut relay, Frame::Message(Box::new(missed)), &at(1_100));
    assert_eq!(relay.counters().messages, 1_501);
}

#[test]
fn yesterdays_message_is_no_news() {
    let mut relay = publisher();
    let packet = &packets(&[sent(chain(1), 0)])[0];
    let later = |ms| Now { wall_ms: NOW.wall_ms + 86_400_000 + ms, ..NOW };
    relay.packet(LINK, packet, &later(1));
    assert_eq!((relay.counters().messages, relay.counters().untimely), (0, 1));
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
