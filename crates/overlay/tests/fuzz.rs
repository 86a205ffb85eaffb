//! Whatever a neighbour sends, the decoder and the node stay up and within their bounds; and the
//! bytes of every frame are as they were reviewed.

use bytes::Bytes;
use proptest::prelude::*;
use tatum_channel::Price;
use tatum_overlay::frame::{
    self, Attach, Farewell, MAX_PACKET_BYTES, Packer, Per, Refusal, Span, VERSION,
};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::limit::Rate;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::window::MAX_NUMBER;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{
    Acknowledgement, DeliveryReceipt, SessionKey, Signature, SignedReceipt, Verifier,
};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const LINK: Link = Link(1);
const KEPT_BYTES: usize = 100_000;

fn key() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
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
        key_id: [1; 8],
        ciphertext: vec![9; size],
        signature: Signature([0; 65]),
    }
    .signed(&key(), &verifier())
}

/// One of each frame, with every kind of refusal and farewell.
fn every_frame() -> Vec<Frame> {
    let span = Span {
        chain: ChainKey { publisher: Address::repeat_byte(2), chain: 3 },
        first: 4,
        last: 500,
    };
    let ends = (NodeId(B256::repeat_byte(1)), NodeId(B256::repeat_byte(2)));
    let attach =
        Attach::sign((STREAM, Role::Subscriber), (key().address(), ReaderId(0)), ends, 77, &key());
    let refused = |reason| Frame::Refused { stream: STREAM, role: Role::Publisher, reason };
    let digest = B256::repeat_byte(9);
    let retry_after_ms = 60_000;
    let goodbye = |reason| Frame::Goodbye { reason, retry_after_ms };
    vec![
        Frame::Hello { relay: true, operator_id: Some(OperatorId(300)) },
        Frame::Join { stream: STREAM },
        Frame::Attach(attach),
        Frame::Leave { stream: STREAM },
        Frame::Admitted { stream: STREAM, role: Role::Subscriber, newest: vec![vec![1, 2, 3]] },
        refused(Refusal::NotAuthorized),
        refused(Refusal::NoStake),
        refused(Refusal::NotCarried),
        refused(Refusal::Stale),
        refused(Refusal::Credit { unreceipted_bytes: 1_000, limit_bytes: 900 }),
        refused(Refusal::Leaving),
        refused(Refusal::Replaced),
        refused(Refusal::Rate { limit_bytes_per_second: 5 }),
        refused(Refusal::NotPermitted),
        refused(Refusal::OverQuota { used_bytes: 1_000 }),
        refused(Refusal::Unbonded),
        refused(Refusal::QuotaUnknown),
        Frame::Message(Box::new(message(chain(1), 2, 3))),
        Frame::Have { stream: STREAM, spans: vec![span] },
        Frame::Want { stream: STREAM, span },
        Frame::Accepted { stream: STREAM, span },
        Frame::Duplicates { stream: STREAM, bytes: 70_000 },
        Frame::Receipt(vec![8; 4]),
        Frame::Acknowledged(Acknowledgement { digest, signature: [digest; 2] }),
        Frame::Rejected { digest, reason: "why".to_owned() },
        Frame::DontWant { stream: STREAM, span },
        goodbye(Farewell::Graylisted),
        goodbye(Farewell::Full),
        goodbye(Farewell::Crowded),
        Frame::Offer(Price { per_gib_wei: 1 << 60, per_1000_messages_wei: 300 }),
        Frame::PayBy { channel: digest },
        refused(Refusal::NoChannel),
        refused(Refusal::ChannelExiting),
        refused(Refusal::Uncovered { outstanding_wei: 1 << 70, covered_wei: 5 }),
        refused(Refusal::Unsigned { unsigned_wei: 7, limit_wei: 6 }),
        refused(Refusal::Lanes { limit: 4_096 }),
        refused(Refusal::TooDear { what: Per::ThousandMessages, offered_wei: 3, limit_wei: 2 }),
        refused(Refusal::Price { epoch: Epoch(7), paid_nano_per_gib: 3, ask_nano_per_gib: 300 }),
        refused(Refusal::Newcomer { epoch: Epoch(7), limit_bytes: 1 << 25, ask_nano_per_gib: 3 }),
    ]
}

#[test]
fn the_bytes_of_every_frame_are_as_they_were_reviewed() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let lines: Vec<String> = every_frame()
        .iter()
        .map(|frame| {
            let name = format!("{frame:?}");
            let name = name.split([' ', '(']).next().unwrap_or_default().to_owned();
            format!("{name} {}\n", hex(&frame.encode()))
        })
        .collect();
    let path = "tests/frames.txt";
    if std::env::var_os("UPDATE_FRAMES").is_some() {
        std::fs::write(path, lines.concat()).unwrap();
    }
    // `UPDATE_FRAMES=1 cargo nextest run -p tatum-overlay` remakes the file; a changed line is a new
    // version of the protocol.
    assert_eq!(lines.concat(), std::fs::read_to_string(path).unwrap());
}

fn relay() -> Overlay {
    let ceilings = Ceilings {
        kept_bytes: KEPT_BYTES,
        streams: 8,
        links: 8,
        node_rate: Rate::per_second(1 << 30),
        ..Ceilings::default()
    };
    let config = Config {
        id: NodeId(B256::repeat_byte(1)),
        relay: true,
        operator_id: Some(OperatorId(0)),
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings,
        latency_bound_ms: 0,
        secret: [6; 32],
        offer: None,
        ask_nano_per_gib: None,
    };
    let mut relay = Overlay::new(config, None);
    assert!(relay.carry(STREAM));
    relay
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: 10_000 + ms, wall_ms: 1_000_000 + ms, epoch: Epoch(ms / 10_000) }
}

/// Small numbers, those at the ends, and any.
fn any_number() -> impl Strategy<Value = u64> {
    let end = (prop::sample::select(vec![0, MAX_NUMBER, u64::MAX]), 0_u64..3, any::<bool>());
    prop_oneof![
        0_u64..50,
        end.prop_map(|(end, by, up)| {
            if up { end.saturating_add(by) } else { end.saturating_sub(by) }
        }),
        any::<u64>(),
    ]
}

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Subscriber, Role::Publisher, Role::Storage])
}

/// A message with any numbers, rightly signed whatever they are.
fn any_message() -> impl Strategy<Value = Frame> {
    let previous = prop::option::of((any_number(), any_number()));
    (0_u64..3, any_number(), any_number(), any::<bool>(), previous, 0_usize..3_000).prop_map(
        |(number, sequence, timestamp_ms, follows, previous, size)| {
            let place = |(timestamp_ms, sequence)| MessageRef { timestamp_ms, sequence };
            let before = sequence.checked_sub(1).map(|before| place((timestamp_ms, before)));
            let message = Message {
                at: place((timestamp_ms, sequence)),
                previous: if follows { before } else { previous.map(place) },
                ..message(chain(number), 0, size)
            };
            Frame::Message(Box::new(message.signed(&key(), &verifier())))
        },
    )
}

/// What carries a number beside spans and messages.
fn any_numbered() -> impl Strategy<Value = Frame> {
    let reason = prop_oneof![
        any_number().prop_map(|used_bytes| Refusal::OverQuota { used_bytes }),
        any_number().prop_map(|rate| Refusal::Rate { limit_bytes_per_second: rate }),
        (any_number(), any_number()).prop_map(|(unreceipted_bytes, limit_bytes)| {
            Refusal::Credit { unreceipted_bytes, limit_bytes }
        }),
    ];
    let receipt = (any_number(), any_number(), any_number(), any_number());
    prop_oneof![
        any_number().prop_map(|bytes| Frame::Duplicates { stream: STREAM, bytes }),
        (any_role(), reason).prop_map(|(role, reason)| Frame::Refused {
            stream: STREAM,
            role,
            reason
        }),
        any_number().prop_map(|ms| Frame::Goodbye { reason: Farewell::Full, retry_after_ms: ms }),
        (any::<bool>(), prop::option::of(any::<u32>())).prop_map(|(relay, operator)| {
            Frame::Hello { relay, operator_id: operator.map(OperatorId) }
        }),
        (any_role(), any_number()).prop_map(|(role, at_ms)| {
            let ends = (NodeId(B256::repeat_byte(2)), NodeId(B256::repeat_byte(1)));
            Frame::Attach(Attach::sign(
                (STREAM, role),
                (key().address(), ReaderId(0)),
                ends,
                at_ms,
                &key(),
            ))
        }),
        (any_role(), receipt).prop_map(|(role, receipt)| Frame::Admitted {
            stream: STREAM,
            role,
            newest: vec![signed_receipt(role, receipt).encode().to_vec()],
        }),
    ]
}

/// A receipt of ours with any counters, as a relay may give it back to us.
fn signed_receipt(
    role: Role,
    (epoch, sequence, messages, bytes): (u64, u64, u64, u64),
) -> SignedReceipt {
    let receipt = DeliveryReceipt {
        payer: key().address(),
        node: NodeId(B256::repeat_byte(2)),
        stream_key: STREAM,
        role,
        epoch: Epoch(epoch),
        sequence,
        messages,
        bytes,
        ..DeliveryReceipt::default()
    };
    SignedReceipt::sign(receipt, &key(), &verifier())
}

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn any_span() -> impl Strategy<Value = Span> {
    (0_u64..4, any_number(), any_number()).prop_map(|(number, first, last)| Span {
        chain: chain(number),
        first,
        last,
    })
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(|index| index.get(&every_frame()).clone()),
        (0_u64..3, any_number(), 0_usize..3_000).prop_map(|(number, sequence, size)| {
            Frame::Message(Box::new(message(chain(number), sequence, size)))
        }),
        any_message(),
        any_numbered(),
        prop::collection::vec(any_span(), 0..300)
            .prop_map(|spans| Frame::Have { stream: STREAM, spans }),
        any_span().prop_map(|span| Frame::Want { stream: STREAM, span }),
        any_span().prop_map(|span| Frame::Accepted { stream: STREAM, span }),
        any_span().prop_map(|span| Frame::DontWant { stream: STREAM, span }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_packet_makes_the_decoder_panic_or_give_more_than_the_packet_holds(
        mut bytes in prop::collection::vec(any::<u8>(), 0..4_000),
    ) {
        if let Some(first) = bytes.first_mut() {
            *first = VERSION;
        }
        let size = bytes.len();
        if let Ok(frames) = frame::decode(&Bytes::from(bytes)) {
            let held: usize = frames.iter().map(|(_, bytes)| bytes.len() + 2).sum();
            prop_assert!(held < size + 1);
        }
    }

    #[test]
    fn no_changed_byte_of_a_good_packet_makes_the_decoder_panic(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut packer = Packer::default();
        packer.push(&which.get(&every_frame()).encode());
        let mut bytes = packer.finish().unwrap().to_vec();
        for (at, value) in changes {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let _ = frame::decode(&bytes.into());
    }

    #[test]
    fn a_frame_that_claims_to_be_huge_is_refused_without_room_being_made(
        claimed in any::<u64>(),
        kind in 0_u8..20,
    ) {
        // A length that the bytes do not have, as postcard writes it.
        let mut frame = vec![kind];
        frame.extend(STREAM.0);
        let mut rest = claimed;
        while rest >= 0x80 {
            frame.push(u8::try_from(rest & 0x7f).unwrap() | 0x80);
            rest >>= 7;
        }
        frame.push(u8::try_from(rest).unwrap());
        let mut packer = Packer::default();
        packer.push(&frame.into());
        let _ = frame::decode(&packer.finish().unwrap());
    }

    #[test]
    fn whatever_a_neighbour_says_a_relay_stays_within_its_bounds(
        registered in any::<bool>(),
        said in prop::collection::vec((any_frame(), 0_u64..400), 1..60),
    ) {
        let mut relay = relay();
        let operator = registered.then_some(OperatorId(1));
        let neighbour = NodeId(B256::repeat_byte(2));
        relay.link_opened(LINK, neighbour, operator, &at(0));
        let ends = (neighbour, NodeId(B256::repeat_byte(1)));
        let attach =
            Attach::sign((STREAM, Role::Publisher), (key().address(), ReaderId(0)), ends, 1_000_000, &key());
        relay.admit(LINK, &attach, &[], u64::MAX, &at(0));
        let mut now_ms = 0;
        for (frame, gap_ms) in said {
            now_ms += gap_ms;
            if let Some(packet) = packet(&frame) {
                relay.packet(LINK, &packet, &at(now_ms));
            }
            relay.tick(&at(now_ms));
            prop_assert!(relay.kept_bytes() <= KEPT_BYTES);
            let mut sent = 0;
            while let Some(output) = relay.poll() {
                sent += usize::from(matches!(output, Output::Send { .. }));
            }
            prop_assert!(sent < 1_000, "{sent} frames in answer to one");
        }
        relay.link_closed(LINK);
        prop_assert_eq!(relay.peer_summaries(&at(now_ms)).len(), 0);
    }

    #[test]
    fn whatever_a_relay_says_a_client_stays_up(
        said in prop::collection::vec((any_frame(), 0_u64..3_000), 1..60),
    ) {
        let mut client = client();
        let relay = NodeId(B256::repeat_byte(2));
        client.assign(STREAM, [relay].into(), &at(0));
        client.link_opened(LINK, relay, Some(OperatorId(1)), &at(0));
        let mut now_ms = 0;
        for (frame, gap_ms) in said {
            now_ms += gap_ms;
            if let Some(packet) = packet(&frame) {
                client.packet(LINK, &packet, &at(now_ms));
            }
            client.tick(&at(now_ms));
            while let Some(output) = client.poll() {
                if let Output::ReceiptSigned(signed) = output {
                    client.send_receipt(&signed, &at(now_ms));
                }
            }
        }
        client.close_accounts(&at(now_ms));
    }

    /// Two relays that are each other's neighbours, and a publisher that says anything.
    #[test]
    fn no_message_goes_round_for_ever(
        said in prop::collection::vec(any_message(), 1..20),
    ) {
        let mut relays = [relay(), relay()];
        for one in &mut relays {
            one.link_opened(LINK, NodeId(B256::repeat_byte(2)), Some(OperatorId(1)), &at(0));
            one.packet(LINK, &packet(&Frame::Join { stream: STREAM }).unwrap(), &at(0));
        }
        let publisher = Link(9);
        relays[0].link_opened(publisher, NodeId(B256::repeat_byte(3)), Some(OperatorId(2)), &at(0));
        relays[0].packet(publisher, &packet(&Frame::Join { stream: STREAM }).unwrap(), &at(0));
        for frame in &said {
            if let Some(packet) = packet(frame) {
                relays[0].packet(publisher, &packet, &at(1));
            }
            let mut messages = 0;
            loop {
                let moved = pass(&mut relays, &mut messages);
                prop_assert!(messages <= 2, "a message crossed {messages} times");
                if !moved {
                    break;
                }
            }
        }
    }
}

/// Carries what the two relays say to each other over; counts the messages among it.
fn pass(relays: &mut [Overlay; 2], messages: &mut u64) -> bool {
    let mut moved = false;
    for from in 0..2 {
        while let Some(output) = relays[from].poll() {
            let Output::Send { link: LINK, frame, .. } = output else { continue };
            let mut packer = Packer::default();
            packer.push(&frame);
            let packet = packer.finish().unwrap();
            let read = frame::decode(&packet).unwrap();
            *messages += read.iter().filter(|(f, _)| matches!(f, Frame::Message(_))).count() as u64;
            relays[1 - from].packet(LINK, &packet, &at(1));
            moved = true;
        }
    }
    moved
}

fn packet(frame: &Frame) -> Option<Bytes> {
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().filter(|packet| packet.len() < MAX_PACKET_BYTES)
}

fn client() -> Overlay {
    let config = Config {
        id: NodeId(B256::repeat_byte(1)),
        relay: false,
        operator_id: None,
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
        payer: key().address(),
        reader: ReaderId(0),
        key: key(),
        cadence: Cadence { messages: 3, interval_ms: 500, resend_ms: 500 },
        channel_limit: None,
    };
    let mut client = Overlay::new(config, Some(account));
    client.subscribe(STREAM);
    client.open_publisher(STREAM);
    client
}
