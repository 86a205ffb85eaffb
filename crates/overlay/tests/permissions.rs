//! What a hop does with messages and requests that a stream's owner does not permit.

use bytes::Bytes;
use tatum_overlay::frame::{Attach, Packer, Refusal, Span, decode};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::permissions::{Access, Audience, PermissionList};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamId, StreamKey,
};
use tatum_receipt::{SessionKey, Signature, Verifier};

const ME: NodeId = NodeId(B256::repeat_byte(1));
const OWNER: u8 = 1;
const PERMITTED: u8 = 2;
const STRANGER: u8 = 3;

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes(&[byte; 32]).unwrap()
}

fn id() -> StreamId {
    StreamId::new(format!("{}/weather", key(OWNER).address())).unwrap()
}

fn stream() -> StreamKey {
    id().key(0)
}

fn access(version: u64, publishers: &[u8], subscribers: &[u8]) -> Access {
    let some = |keys: &[u8]| -> Audience { keys.iter().map(|byte| key(*byte).address()).collect() };
    Access::under(&PermissionList {
        stream: id(),
        version,
        publishers: some(publishers),
        subscribers: some(subscribers),
    })
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: 10_000 + ms, wall_ms: 1_000_000 + ms, epoch: Epoch(3) }
}

fn node(number: u64) -> NodeId {
    NodeId(B256::left_padding_from(&(1_000 + number).to_be_bytes()))
}

fn overlay(relay: bool) -> Overlay {
    let config = Config {
        id: ME,
        relay,
        operator_id: relay.then_some(OperatorId(0)),
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    };
    let account = PayerConfig {
        payer: key(PERMITTED).address(),
        reader: ReaderId(0),
        key: key(PERMITTED),
        cadence: Cadence::default(),
        channel_limit: None,
    };
    Overlay::new(config, (!relay).then_some(account))
}

fn relay(access: Access) -> Overlay {
    let mut relay = overlay(true);
    assert!(relay.carry(stream()));
    relay.set_access(stream(), access, &at(0));
    relay
}

fn neighbour(relay: &mut Overlay, number: u64) -> Link {
    let link = Link(number);
    relay.link_opened(link, node(number), Some(OperatorId(7)), &at(0));
    relay.packet(link, &packet(&Frame::Join { stream: stream() }), &at(0));
    link
}

fn packet(frame: &Frame) -> Bytes {
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().unwrap()
}

fn sent(publisher: u8, sequence: u64) -> Bytes {
    let place = |sequence| MessageRef { timestamp_ms: 1_000_000, sequence };
    let message = Message {
        stream_key: stream(),
        chain: ChainKey { publisher: key(publisher).address(), chain: 1 },
        at: place(sequence),
        previous: sequence.checked_sub(1).map(place),
        key_id: [0; 8],
        ciphertext: vec![9; 50],
        signature: Signature([0; 65]),
    };
    packet(&Frame::Message(Box::new(message.signed(&key(publisher), &verifier()))))
}

fn attach(role: Role, payer: u8, signer: u8, link: Link) -> Attach {
    let (ends, at_ms) = ((node(link.0), ME), at(0).wall_ms);
    Attach::sign((stream(), role), (key(payer).address(), ReaderId(0)), ends, at_ms, &key(signer))
}

/// What was said on a link, and whether a request was passed to the caller.
fn said(overlay: &mut Overlay, to: Link) -> (Vec<Frame>, bool) {
    let (mut frames, mut asked) = (Vec::new(), false);
    while let Some(output) = overlay.poll() {
        match output {
            Output::Send { link, frame, .. } if link == to => {
                let mut packer = Packer::default();
                packer.push(&frame);
                let read = decode(&packer.finish().unwrap()).unwrap();
                frames.extend(read.into_iter().map(|(frame, _)| frame));
            }
            Output::AttachAsked { .. } => asked = true,
            _ => {}
        }
    }
    (frames, asked)
}

fn refused(frames: &[Frame]) -> Vec<(Role, Refusal)> {
    let refused = |frame: &Frame| match frame {
        Frame::Refused { role, reason, .. } => Some((*role, *reason)),
        _ => None,
    };
    frames.iter().filter_map(refused).collect()
}

fn messages(frames: &[Frame]) -> usize {
    frames.iter().filter(|frame| matches!(frame, Frame::Message(_))).count()
}

#[test]
fn a_relay_forwards_permitted_publishers_only_and_counts_the_others() {
    let mut relay = relay(access(1, &[PERMITTED], &[]));
    let (from, to) = (neighbour(&mut relay, 1), neighbour(&mut relay, 2));
    said(&mut relay, to);
    for publisher in [OWNER, PERMITTED, STRANGER] {
        relay.packet(from, &sent(publisher, 0), &at(1));
    }
    assert_eq!(messages(&said(&mut relay, to).0), 2);
    let counters = relay.counters();
    assert_eq!((counters.messages, counters.unpermitted, counters.invalid), (2, 1, 0));
}

#[test]
fn a_subscriber_drops_what_a_relay_should_not_have_forwarded() {
    let mut client = overlay(false);
    client.subscribe(stream());
    client.set_access(stream(), access(1, &[PERMITTED], &[PERMITTED]), &at(0));
    client.assign(stream(), [node(1)].into_iter().collect(), &at(0));
    client.link_opened(Link(1), node(1), Some(OperatorId(7)), &at(0));
    for publisher in [STRANGER, PERMITTED] {
        client.packet(Link(1), &sent(publisher, 0), &at(1));
    }
    let delivered: Vec<Address> = std::iter::from_fn(|| client.poll())
        .filter_map(|output| match output {
            Output::Deliver(message) => Some(message.chain.publisher),
            _ => None,
        })
        .collect();
    assert_eq!(delivered, [key(PERMITTED).address()]);
    assert_eq!(client.counters().unpermitted, 1);
}

#[test]
fn requests_without_permission_are_refused_with_the_reason() {
    let mut relay = relay(access(1, &[PERMITTED], &[PERMITTED]));
    let cases = [
        (Role::Subscriber, STRANGER, STRANGER, false),
        (Role::Subscriber, PERMITTED, STRANGER, true),
        (Role::Subscriber, STRANGER, PERMITTED, true),
        (Role::Subscriber, OWNER, STRANGER, true),
        (Role::Publisher, STRANGER, STRANGER, false),
        // The messages would be signed by a key without permission.
        (Role::Publisher, PERMITTED, STRANGER, false),
        (Role::Publisher, STRANGER, PERMITTED, true),
    ];
    for (number, (role, payer, signer, permitted)) in (1..).zip(cases) {
        let link = Link(number);
        relay.link_opened(link, node(number), None, &at(0));
        let attach = attach(role, payer, signer, link);
        relay.packet(link, &packet(&Frame::Attach(attach.clone())), &at(0));
        let (frames, asked) = said(&mut relay, link);
        assert_eq!(asked, permitted, "case {number}");
        let reasons = if permitted { vec![] } else { vec![(role, Refusal::NotPermitted)] };
        assert_eq!(refused(&frames), reasons, "case {number}");
        // The caller's answer changes nothing about it.
        relay.admit(link, &attach, &[], u64::MAX, &at(0));
        let admitted = said(&mut relay, link).0;
        let admitted = admitted.iter().any(|frame| matches!(frame, Frame::Admitted { .. }));
        assert_eq!(admitted, permitted, "case {number}");
    }
}

#[test]
fn a_new_list_ends_what_it_permits_no_more_and_leaves_the_others() {
    let mut relay = relay(access(1, &[PERMITTED, STRANGER], &[PERMITTED, STRANGER]));
    let from = neighbour(&mut relay, 9);
    let all = [(1, PERMITTED, Role::Subscriber), (2, STRANGER, Role::Subscriber)]
        .into_iter()
        .chain([(3, PERMITTED, Role::Publisher), (4, STRANGER, Role::Publisher)]);
    for (number, who, role) in all {
        let link = Link(number);
        relay.link_opened(link, node(number), None, &at(0));
        relay.admit(link, &attach(role, who, who, link), &[], u64::MAX, &at(0));
    }
    relay.packet(Link(4), &sent(STRANGER, 0), &at(1));
    said(&mut relay, from);
    relay.set_access(stream(), access(2, &[PERMITTED], &[PERMITTED]), &at(2));
    let mut ended = Vec::new();
    let mut accepted = 0;
    while let Some(output) = relay.poll() {
        let Output::Send { link, frame, .. } = output else { continue };
        let mut packer = Packer::default();
        packer.push(&frame);
        for (frame, _) in decode(&packer.finish().unwrap()).unwrap() {
            match frame {
                Frame::Refused { role, reason, .. } => ended.push((link.0, role, reason)),
                // What was accepted before is still told.
                Frame::Accepted { .. } => accepted += 1,
                _ => {}
            }
        }
    }
    let reason = Refusal::NotPermitted;
    assert_eq!(ended, [(2, Role::Subscriber, reason), (4, Role::Publisher, reason)]);
    assert_eq!(accepted, 1);
    relay.packet(Link(4), &sent(STRANGER, 1), &at(3));
    relay.packet(Link(3), &sent(PERMITTED, 0), &at(3));
    assert_eq!(messages(&said(&mut relay, Link(1)).0), 1);
    relay.packet(from, &sent(PERMITTED, 1), &at(4));
    assert_eq!(messages(&said(&mut relay, Link(2)).0), 0);
    assert_eq!(relay.counters().messages, 3);
}

#[test]
fn news_of_publishers_without_permission_starts_no_repair() {
    let mut relay = relay(access(1, &[PERMITTED], &[]));
    let link = neighbour(&mut relay, 1);
    let span = |publisher: u8| Span {
        chain: ChainKey { publisher: key(publisher).address(), chain: 1 },
        first: 0,
        last: 3,
    };
    let news = |publisher| Frame::Have { stream: stream(), spans: vec![span(publisher)] };
    for (publisher, wanted) in [(STRANGER, 0), (PERMITTED, 4)] {
        relay.packet(link, &packet(&news(publisher)), &at(1));
        for step in 1..40 {
            relay.tick(&at(step * 25));
        }
        let asked: u64 = said(&mut relay, link)
            .0
            .iter()
            .map(|frame| match frame {
                Frame::Want { span, .. } => span.last - span.first + 1,
                _ => 0,
            })
            .min_by_key(|count| if *count == 0 { u64::MAX } else { *count })
            .unwrap_or_default();
        assert_eq!(asked, wanted, "publisher {publisher}");
    }
}

#[test]
fn a_neighbour_with_an_older_list_has_time_to_hear_of_the_newer_one() {
    let mut relay = relay(access(1, &[PERMITTED], &[]));
    let link = neighbour(&mut relay, 1);
    let mut number = 0;
    for step in 1..2_400 {
        let now = at(step * 25);
        relay.packet(link, &sent(STRANGER, number), &now);
        number += 1;
        relay.tick(&now);
        while relay.poll().is_some() {}
    }
    assert!(relay.points(&node(1)) >= 0, "{}", relay.points(&node(1)));
    assert_eq!(relay.counters().graylisted, 0);
    for step in 2_400..3_600 {
        let now = at(step * 25);
        relay.packet(link, &sent(STRANGER, number), &now);
        number += 1;
        relay.tick(&now);
    }
    assert_eq!(relay.counters().graylisted, 1);
    assert_eq!(relay.counters().messages, 0);
}
