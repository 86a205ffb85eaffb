//! Whatever a neighbour sends, the decoder and the node stay up and within their bounds; and the
//! bytes of every frame are as they were reviewed.

use bytes::Bytes;
use proptest::prelude::*;
use tatum_overlay::frame::{
    self, Attach, Farewell, MAX_PACKET_BYTES, Packer, Refusal, Span, VERSION,
};
use tatum_overlay::limit::Rate;
use tatum_overlay::node::{Ceilings, Config};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit};
use tatum_primitives::{Address, B256, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey};
use tatum_receipt::{Acknowledgement, SessionKey, Signature};

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
    .signed(&key())
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
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/frames.txt");
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
        limits: Limits::default(),
        credit: credit::Limits::default(),
        ceilings,
        latency_bound_ms: 0,
    };
    let mut relay = Overlay::new(config, None);
    assert!(relay.carry(STREAM));
    relay
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: ms, wall_ms: 1_000_000 + ms, epoch: Epoch(ms / 10_000) }
}

fn any_span() -> impl Strategy<Value = Span> {
    let number = prop_oneof![0_u64..50, any::<u64>()];
    (0_u64..4, number.clone(), number).prop_map(|(number, first, last)| Span {
        chain: chain(number),
        first,
        last,
    })
}

fn any_frame() -> impl Strategy<Value = Frame> {
    prop_oneof![
        any::<prop::sample::Index>().prop_map(|index| index.get(&every_frame()).clone()),
        (0_u64..3, prop_oneof![0_u64..30, any::<u64>()], 0_usize..3_000).prop_map(
            |(number, sequence, size)| {
                Frame::Message(Box::new(message(chain(number), sequence, size)))
            }
        ),
        prop::collection::vec(any_span(), 0..300)
            .prop_map(|spans| Frame::Have { stream: STREAM, spans }),
        any_span().prop_map(|span| Frame::Want { stream: STREAM, span }),
        any_span().prop_map(|span| Frame::Accepted { stream: STREAM, span }),
        any_span().prop_map(|span| Frame::DontWant { stream: STREAM, span }),
        any::<u64>().prop_map(|bytes| Frame::Duplicates { stream: STREAM, bytes }),
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
        relay.admit(LINK, &attach, &[], &at(0));
        let mut now_ms = 0;
        for (frame, gap_ms) in said {
            now_ms += gap_ms;
            let mut packer = Packer::default();
            packer.push(&frame.encode());
            if let Some(packet) = packer.finish().filter(|packet| packet.len() < MAX_PACKET_BYTES) {
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
}
