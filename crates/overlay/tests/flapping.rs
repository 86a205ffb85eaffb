//! Links that break and come back must not use up an honest client's credit, nor hide from a
//! publisher what was accepted; and a hostile relay must not make a client sign without end.

use bytes::Bytes;
use tatum_overlay::frame::{Attach, Packer, Refusal, Span};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{
    ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit, frame,
};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{SessionKey, Signature, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAY: NodeId = NodeId(B256::repeat_byte(1));
const CLIENT: NodeId = NodeId(B256::repeat_byte(2));
const OTHER: NodeId = NodeId(B256::repeat_byte(3));

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn key() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: 10_000 + ms, wall_ms: 1_000_000 + ms, epoch: Epoch(3) }
}

fn config(id: NodeId, relay: bool, credit: credit::Limits) -> Config {
    Config {
        id,
        relay,
        operator_id: relay.then_some(OperatorId(0)),
        verifier: verifier(),
        limits: Limits::default(),
        credit,
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    }
}

fn relay(credit: credit::Limits) -> Overlay {
    let mut relay = Overlay::new(config(RELAY, true, credit), None);
    assert!(relay.carry(STREAM));
    relay
}

fn client() -> Overlay {
    let account = PayerConfig {
        payer: key().address(),
        reader: ReaderId(0),
        key: key(),
        cadence: Cadence::default(),
        channel_limit: None,
    };
    Overlay::new(config(CLIENT, false, credit::Limits::default()), Some(account))
}

fn message(sequence: u64, size: usize) -> Message {
    let place = |sequence| MessageRef { timestamp_ms: 1_000_000, sequence };
    Message {
        stream_key: STREAM,
        chain: ChainKey { publisher: key().address(), chain: 1 },
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

fn sent(sequence: u64, size: usize) -> Bytes {
    packet(&Frame::Message(Box::new(message(sequence, size))))
}

/// What was sent on a link.
fn frames(overlay: &mut Overlay, to: Link) -> Vec<Frame> {
    let mut frames = Vec::new();
    while let Some(output) = overlay.poll() {
        if let Output::Send { link, frame, .. } = output
            && link == to
        {
            let mut packer = Packer::default();
            packer.push(&frame);
            let read = frame::decode(&packer.finish().unwrap()).unwrap();
            frames.extend(read.into_iter().map(|(frame, _)| frame));
        }
    }
    frames
}

fn admit(relay: &mut Overlay, link: Link, role: Role, now: &Now) {
    relay.link_opened(link, CLIENT, None, now);
    let attach = Attach::sign(
        (STREAM, role),
        (key().address(), ReaderId(0)),
        (CLIENT, RELAY),
        now.wall_ms,
        &key(),
    );
    relay.admit(link, &attach, &[], u64::MAX, now);
}

#[test]
fn what_was_under_way_on_broken_links_is_not_owed() {
    let limits = credit::Limits {
        bytes: 2_000,
        duplicate_bytes: 0,
        duplicate_factor: 0,
        ..credit::Limits::default()
    };
    let mut relay = relay(limits);
    let source = Link(0);
    relay.link_opened(source, OTHER, Some(OperatorId(1)), &at(0));
    relay.packet(source, &packet(&Frame::Join { stream: STREAM }), &at(0));
    for round in 0..50 {
        let (link, now) = (Link(round + 1), at(round * 100));
        admit(&mut relay, link, Role::Subscriber, &now);
        relay.packet(source, &sent(round, 100), &now);
        // The link breaks before the message is there.
        relay.link_closed(link);
    }
    assert_eq!(relay.counters().credit_stops, 0);
    assert_eq!(relay.counters().forwarded, 50);
}

#[test]
fn a_publisher_hears_again_what_was_accepted_before_its_link_broke() {
    hears_again(&[]);
}

#[test]
fn a_publisher_hears_again_what_was_accepted_before_its_tracker_took_the_relay_away() {
    // Before the link closes, and after it did.
    hears_again(&[true]);
    hears_again(&[false]);
    hears_again(&[true, false]);
}

/// A publisher whose link breaks again and again; `taken` says when its tracker takes the relay away, and whether before the link closes.
fn hears_again(taken: &[bool]) {
    let (mut relay, mut publisher) = (relay(credit::Limits::default()), client());
    publisher.open_publisher(STREAM);
    for round in 0_u64..20 {
        let (link, now) = (Link(round), at(round * 100));
        publisher.assign(STREAM, [RELAY].into(), &now);
        admit(&mut relay, link, Role::Publisher, &now);
        publisher.link_opened(link, RELAY, Some(OperatorId(0)), &now);
        let admitted = Frame::Admitted { stream: STREAM, role: Role::Publisher, newest: vec![] };
        publisher.packet(link, &packet(&admitted), &now);
        let published = message(round, 100);
        publisher.publish(&published, &now);
        for frame in frames(&mut publisher, link) {
            relay.packet(link, &packet(&frame), &now);
        }
        relay.tick(&now);
        let answers = frames(&mut relay, link);
        // In every other round the link breaks before the answer is there.
        if round % 2 == 1 {
            for frame in answers {
                publisher.packet(link, &packet(&frame), &now);
            }
        }
        if taken.contains(&true) {
            publisher.assign(STREAM, [].into(), &now);
        }
        publisher.link_closed(link);
        relay.link_closed(link);
        if taken.contains(&false) {
            publisher.assign(STREAM, [].into(), &now);
        }
    }
    assert_eq!(publisher.unaccepted(), 0);
    publisher.close_accounts(&at(3_000));
    let mut receipted = 0;
    while let Some(output) = publisher.poll() {
        if let Output::ReceiptSigned(signed) = output {
            receipted = signed.signed.receipt.messages;
        }
    }
    assert_eq!(receipted, 20);
    assert_eq!(relay.counters().messages, 20);
}

#[test]
fn a_hostile_refusal_gets_no_receipt_per_message() {
    let mut subscriber = client();
    subscriber.subscribe(STREAM);
    subscriber.assign(STREAM, [RELAY].into(), &at(0));
    subscriber.link_opened(Link(1), RELAY, Some(OperatorId(0)), &at(0));
    let admitted = Frame::Admitted { stream: STREAM, role: Role::Subscriber, newest: vec![] };
    subscriber.packet(Link(1), &packet(&admitted), &at(0));
    let mut receipts = 0;
    for sequence in 0..200 {
        let now = at(sequence);
        subscriber.packet(Link(1), &sent(sequence, 10), &now);
        let reason = Refusal::Credit { unreceipted_bytes: 1, limit_bytes: 1 };
        let refused = Frame::Refused { stream: STREAM, role: Role::Subscriber, reason };
        subscriber.packet(Link(1), &packet(&refused), &now);
        while let Some(output) = subscriber.poll() {
            receipts += u64::from(matches!(output, Output::ReceiptSigned(_)));
        }
    }
    assert_eq!(receipts, 1);
}

#[test]
fn large_messages_are_called_off_and_not_sent_again() {
    let mut relay = relay(credit::Limits::default());
    let (one, two, three) = (Link(1), Link(2), Link(3));
    for (number, link) in [one, two, three].into_iter().enumerate() {
        let byte = 10 + u8::try_from(number).unwrap();
        let operator = Some(OperatorId(u32::from(byte)));
        relay.link_opened(link, NodeId(B256::repeat_byte(byte)), operator, &at(0));
        relay.packet(link, &packet(&Frame::Join { stream: STREAM }), &at(0));
    }
    let chain = message(0, 1).chain;
    let span = Span { chain, first: 1, last: 1 };
    relay.packet(two, &packet(&Frame::DontWant { stream: STREAM, span }), &at(0));
    frames(&mut relay, one);
    relay.packet(one, &sent(0, 100), &at(1));
    let small = frames(&mut relay, three);
    assert!(!small.iter().any(|frame| matches!(frame, Frame::DontWant { .. })), "{small:?}");
    relay.packet(one, &sent(1, 2_000), &at(1));
    let large = frames(&mut relay, three);
    assert!(large.contains(&Frame::DontWant { stream: STREAM, span }), "{large:?}");
    assert_eq!(relay.counters().called_off, 1);
    assert_eq!(relay.counters().forwarded, 2 + 1);
}

#[test]
fn a_publisher_that_left_and_came_back_is_told_what_was_accepted() {
    let mut relay = relay(credit::Limits::default());
    let link = Link(1);
    admit(&mut relay, link, Role::Publisher, &at(0));
    relay.packet(link, &sent(0, 100), &at(1));
    // A tracker that restarted assigns nobody at first, and the same relay again a moment later.
    relay.packet(link, &packet(&Frame::Leave { stream: STREAM }), &at(2));
    relay.tick(&at(3));
    let attach = Attach::sign(
        (STREAM, Role::Publisher),
        (key().address(), ReaderId(0)),
        (CLIENT, RELAY),
        at(4).wall_ms,
        &key(),
    );
    relay.admit(link, &attach, &[], u64::MAX, &at(4));
    relay.tick(&at(30));
    let told = frames(&mut relay, link);
    assert!(told.iter().any(|frame| matches!(frame, Frame::Accepted { .. })), "{told:?}");
}

#[test]
fn readers_of_one_account_are_served_side_by_side_and_one_reader_on_one_link() {
    let mut relay = relay(credit::Limits::default());
    let mut ask = |link: u64, reader: u32| {
        let (client, link) = (NodeId(B256::repeat_byte(u8::try_from(link).unwrap())), Link(link));
        relay.link_opened(link, client, None, &at(0));
        let whose = (key().address(), ReaderId(reader));
        let what = (STREAM, Role::Subscriber);
        let attach = Attach::sign(what, whose, (client, RELAY), at(0).wall_ms, &key());
        relay.admit(link, &attach, &[], u64::MAX, &at(0));
        let replaced =
            |frame: &Frame| matches!(frame, Frame::Refused { reason: Refusal::Replaced, .. });
        let mut links = Vec::new();
        while let Some(output) = relay.poll() {
            let Output::Send { link, frame, .. } = output else { continue };
            let mut packer = Packer::default();
            packer.push(&frame);
            let read = frame::decode(&packer.finish().unwrap()).unwrap();
            links.extend(read.iter().any(|(frame, _)| replaced(frame)).then_some(link));
        }
        links
    };
    assert!((21..27).all(|link| ask(link, u32::try_from(link).unwrap()).is_empty()));
    assert_eq!(ask(27, 23), [Link(23)]);
}
