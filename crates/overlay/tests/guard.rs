//! What the guard of a node does with those who misbehave, crowd in or flood.

use bytes::Bytes;
use tatum_overlay::frame::{Attach, Farewell, Packer, Refusal, Span};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::limit::Rate;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{
    Block, ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit,
};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{DeliveryReceipt, SessionKey, Signature, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const ME: NodeId = NodeId(B256::repeat_byte(1));

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn key() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: 10_000 + ms, wall_ms: 1_000_000 + ms, epoch: Epoch(3) }
}

fn node(number: u64) -> NodeId {
    NodeId(B256::left_padding_from(&(1_000 + number).to_be_bytes()))
}

fn overlay(ceilings: Ceilings, relay: bool) -> Overlay {
    let config = Config {
        id: ME,
        relay,
        operator_id: relay.then_some(OperatorId(0)),
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings,
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    };
    let account = PayerConfig {
        payer: key().address(),
        reader: ReaderId(0),
        key: key(),
        cadence: Cadence::default(),
        channel_limit: None,
    };
    Overlay::new(config, (!relay).then_some(account))
}

fn relay(ceilings: Ceilings) -> Overlay {
    let mut relay = overlay(ceilings, true);
    assert!(relay.carry(STREAM));
    relay
}

fn neighbour(relay: &mut Overlay, number: u64, now: &Now) -> Link {
    let link = Link(number);
    let operator = Some(OperatorId(u32::try_from(number).unwrap()));
    relay.link_opened(link, node(number), operator, now);
    relay.packet(link, &packet(&Frame::Join { stream: STREAM }), now);
    link
}

fn chain(number: u64) -> ChainKey {
    ChainKey { publisher: key().address(), chain: number }
}

fn message(chain: ChainKey, sequence: u64, size: usize) -> Message {
    let place = |sequence| MessageRef { timestamp_ms: 1_000_000, sequence };
    Message {
        stream_key: STREAM,
        chain,
        at: place(sequence),
        previous: sequence.checked_sub(1).map(place),
        key_id: [0; 8],
        ciphertext: vec![9; size],
        signature: Signature([0; 65]),
    }
    .signed(&key(), &verifier())
}

fn packet(frame: &Frame) -> Bytes {
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().unwrap()
}

fn sent(chain: ChainKey, sequence: u64, size: usize) -> Bytes {
    packet(&Frame::Message(Box::new(message(chain, sequence, size))))
}

fn outputs(overlay: &mut Overlay) -> Vec<Output> {
    std::iter::from_fn(|| overlay.poll()).collect()
}

fn disconnected(outputs: &[Output]) -> Option<(Farewell, u64)> {
    outputs.iter().find_map(|output| match output {
        Output::Disconnect { reason, retry_after_ms, .. } => Some((*reason, *retry_after_ms)),
        _ => None,
    })
}

#[test]
fn forgers_are_graylisted_told_so_and_kept_away_for_the_backoff() {
    let mut relay = relay(Ceilings::default());
    for round in 0..2 {
        let link = neighbour(&mut relay, 1, &at(round));
        let mut forged = message(chain(1), 0, 10);
        forged.signature.0[5] ^= 1;
        relay.packet(link, &packet(&Frame::Message(Box::new(forged))), &at(round));
        assert!(disconnected(&outputs(&mut relay)).is_none(), "round {round}");
        relay.link_closed(link);
    }
    let link = neighbour(&mut relay, 1, &at(3));
    relay.packet(link, &Bytes::from_static(b"\x01\x00\x09nonsense!"), &at(3));
    let said = outputs(&mut relay);
    assert_eq!(disconnected(&said), Some((Farewell::Graylisted, 60_000)));
    // Until the link is closed, what it says is nothing.
    relay.packet(link, &sent(chain(2), 0, 10), &at(3));
    assert_eq!(relay.counters().messages, 0);
    relay.link_closed(link);
    neighbour(&mut relay, 1, &at(60_000));
    let (reason, left_ms) = disconnected(&outputs(&mut relay)).expect("it came too early");
    assert_eq!((reason, left_ms), (Farewell::Graylisted, 3));
    neighbour(&mut relay, 1, &at(60_004));
    assert_eq!(disconnected(&outputs(&mut relay)), None);
    assert_eq!(relay.counters().graylisted, 1);
}

#[test]
fn who_promises_and_never_delivers_is_believed_no_more_and_honest_news_still_counts() {
    let mut relay = relay(Ceilings::default());
    let liar = neighbour(&mut relay, 1, &at(0));
    let honest = neighbour(&mut relay, 2, &at(0));
    relay.packet(honest, &sent(chain(9), 0, 10), &at(0));
    let (mut wanted_early, mut worst) = (0, 0);
    for step in 1..2_400 {
        let now = at(step * 25);
        if step % 40 == 0 {
            let spans = vec![Span { chain: chain(step), first: 0, last: 5_000 }];
            relay.packet(liar, &packet(&Frame::Have { stream: STREAM, spans }), &now);
            relay.packet(honest, &sent(chain(9), step / 40, 10), &now);
        }
        relay.tick(&now);
        worst = relay.points(&node(1)).min(worst);
        if step == 600 {
            wanted_early = relay.counters().wanted;
        }
    }
    assert!(worst < -100, "{worst}");
    assert!(relay.points(&node(2)) >= 0);
    assert_eq!(relay.counters().messages, 60);
    // Three quarters of the time bring less than three times the first, when it was believed.
    assert!(relay.counters().wanted < 3 * wanted_early, "{}", relay.counters().wanted);
}

#[test]
fn a_relay_that_keeps_messages_back_from_a_subscriber_is_left() {
    let mut subscriber = overlay(Ceilings::default(), false);
    subscriber.subscribe(STREAM);
    subscriber.assign(STREAM, [node(1), node(2)].into(), &at(0));
    let (good, bad) = (Link(1), Link(2));
    for (link, number) in [(good, 1), (bad, 2)] {
        subscriber.link_opened(link, node(number), Some(OperatorId(4)), &at(0));
        let admitted = Frame::Admitted { stream: STREAM, role: Role::Subscriber, newest: vec![] };
        subscriber.packet(link, &packet(&admitted), &at(0));
    }
    let mut left = None;
    for number in 0..4_000 {
        let now = at(number * 10);
        subscriber.packet(good, &sent(chain(1), number, 20), &now);
        if number % 10 == 0 {
            subscriber.packet(bad, &sent(chain(1), number, 20), &now);
        }
        subscriber.tick(&now);
        for output in outputs(&mut subscriber) {
            if let Output::Disconnect { link, .. } = output {
                assert_eq!(link, bad);
                left.get_or_insert(number);
            }
        }
    }
    assert!(left.is_some_and(|number| number < 3_000), "{left:?}");
    assert!(subscriber.points(&node(1)) > 0);
}

#[test]
fn ceilings_on_links_blocks_and_streams_hold() {
    let ceilings = Ceilings { links: 5, links_per_block: 2, streams: 3, ..Ceilings::default() };
    let mut relay = relay(ceilings);
    let block = Block::of("198.51.100.7".parse().unwrap());
    for number in 0..3 {
        let link = neighbour(&mut relay, number, &at(0));
        relay.set_link_block(link, block);
        let crowded = disconnected(&outputs(&mut relay)).map(|(reason, _)| reason);
        assert_eq!(crowded, (number == 2).then_some(Farewell::Crowded), "link {number}");
    }
    relay.link_closed(Link(2));
    for number in 3..8 {
        neighbour(&mut relay, number, &at(0));
        let full = disconnected(&outputs(&mut relay)).map(|(reason, _)| reason);
        assert_eq!(full, (number >= 6).then_some(Farewell::Full), "link {number}");
    }
    let more = (0..10_u8).filter(|byte| relay.carry(StreamKey(B256::repeat_byte(100 + byte))));
    assert_eq!(more.count(), 2);
    assert!(relay.carry(STREAM), "what it carries already it may go on carrying");
}

#[test]
fn a_flood_costs_its_sender_the_link_and_others_nothing() {
    let node_rate = Rate { per_second: 100_000, burst: 100_000 };
    let mut relay = relay(Ceilings { node_rate, ..Ceilings::default() });
    let honest = neighbour(&mut relay, 1, &at(0));
    let flooder = neighbour(&mut relay, 2, &at(0));
    let garbage = sent(chain(5), 0, 20_000);
    for number in 0..100 {
        for _ in 0..20 {
            relay.packet(flooder, &garbage, &at(number * 20));
        }
        relay.packet(honest, &sent(chain(1), number, 100), &at(number * 20));
        relay.tick(&at(number * 20));
    }
    assert_eq!(relay.counters().messages, 101);
    let said = outputs(&mut relay);
    assert_eq!(disconnected(&said).map(|(reason, _)| reason), Some(Farewell::Graylisted));
}

#[test]
fn a_payer_that_publishes_too_much_is_told_and_its_messages_are_repaired_later() {
    let payer_rate = Rate { per_second: 1_000, burst: 1_000 };
    let mut relay = relay(Ceilings { payer_rate, ..Ceilings::default() });
    let link = Link(1);
    relay.link_opened(link, node(1), None, &at(0));
    let ends = (node(1), ME);
    let attach = Attach::sign(
        (STREAM, Role::Publisher),
        (key().address(), ReaderId(0)),
        ends,
        at(0).wall_ms,
        &key(),
    );
    relay.admit(link, &attach, &[], u64::MAX, &at(0));
    for number in 0..30 {
        relay.packet(link, &sent(chain(1), number, 100), &at(0));
    }
    assert_eq!((relay.counters().messages, relay.counters().over_rate), (10, 20));
    let told = outputs(&mut relay).into_iter().filter_map(|output| match output {
        Output::Send { frame, .. } => Some(frame),
        _ => None,
    });
    let reason = Refusal::Rate { limit_bytes_per_second: 1_000 };
    let refused = Frame::Refused { stream: STREAM, role: Role::Publisher, reason }.encode();
    assert_eq!(told.filter(|frame| *frame == refused).count(), 1);
    relay.packet(link, &sent(chain(1), 29, 100), &at(1_000));
    relay.tick(&at(1_100));
    assert_eq!(relay.counters().wanted, 19);
}

#[test]
fn memory_is_bounded_over_all_streams() {
    let mut relay = relay(Ceilings { kept_bytes: 200_000, ..Ceilings::default() });
    let link = neighbour(&mut relay, 1, &at(0));
    for byte in 0..20 {
        let stream = StreamKey(B256::repeat_byte(100 + byte));
        assert!(relay.carry(stream));
        relay.packet(link, &packet(&Frame::Join { stream }), &at(0));
        for number in 0..5 {
            let mut large = message(chain(1), number, 20_000);
            large.stream_key = stream;
            let large = large.signed(&key(), &verifier());
            relay.packet(link, &packet(&Frame::Message(Box::new(large))), &at(0));
        }
        assert!(relay.kept_bytes() <= 200_000, "{} bytes", relay.kept_bytes());
    }
    assert_eq!(relay.counters().messages, 100);
    let dropped: usize = relay.kept_bytes();
    for byte in 0..20 {
        relay.drop_stream(StreamKey(B256::repeat_byte(100 + byte)));
    }
    assert!(dropped > 100_000);
    assert_eq!(relay.kept_bytes(), 0);
}

#[test]
fn a_receipt_for_streams_never_served_is_refused() {
    let mut relay = relay(Ceilings::default());
    let receipt = DeliveryReceipt {
        payer: key().address(),
        node: ME,
        stream_key: STREAM,
        epoch: Epoch(3),
        messages: 1,
        bytes: 1,
        ..DeliveryReceipt::default()
    };
    assert!(relay.check_delivered(&receipt).is_err());
    relay.restarted(Epoch(3), std::slice::from_ref(&receipt));
    assert!(relay.check_delivered(&receipt).is_ok());
    assert_eq!(relay.counters().overclaimed, 1);
}
