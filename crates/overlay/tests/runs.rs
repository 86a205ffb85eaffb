//! What comes together from a link is checked together, and means what it would have meant alone.

use bytes::Bytes;
use proptest::prelude::*;
use tatum_overlay::frame::Packer;
use tatum_overlay::node::{Ceilings, Config};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{
    ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, Priority, credit,
};
use tatum_primitives::{Address, B256, Domain, Epoch, NodeId, OperatorId, StreamKey};
use tatum_receipt::{SessionKey, Signature, Verifier};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const NOW: Now = Now { monotonic_ms: 10_000, wall_ms: 1_000_000, epoch: Epoch(3) };
const SOURCE: Link = Link(1);
const OTHER: Link = Link(2);

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn publisher(number: u8) -> SessionKey {
    SessionKey::from_bytes(&[number + 1; 32]).unwrap()
}

fn node(link: Link) -> NodeId {
    NodeId(B256::left_padding_from(&link.0.to_be_bytes()))
}

/// A relay with two neighbours in the stream.
fn relay() -> Overlay {
    let mut relay = Overlay::new(
        Config {
            id: NodeId(B256::repeat_byte(1)),
            relay: true,
            operator_id: Some(OperatorId(0)),
            verifier: verifier(),
            secret: [6; 32],
            limits: Limits::default(),
            credit: credit::Limits::default(),
            ceilings: Ceilings::default(),
            latency_bound_ms: 0,
            offer: None,
            ask_nano_per_gib: None,
        },
        None,
    );
    assert!(relay.carry(STREAM));
    for link in [SOURCE, OTHER] {
        relay.link_opened(link, node(link), Some(OperatorId(1)), &NOW);
        relay.packet(link, &packet(&[Frame::Join { stream: STREAM }]), &NOW);
    }
    while relay.poll().is_some() {}
    relay
}

fn message(by: u8, sequence: u64) -> Message {
    let key = publisher(by);
    let place = |sequence| MessageRef { timestamp_ms: 1_000_000, sequence };
    Message {
        stream_key: STREAM,
        chain: ChainKey { publisher: key.address(), chain: 1 },
        at: place(sequence),
        previous: sequence.checked_sub(1).map(place),
        key_id: [0; 8],
        ciphertext: vec![9; 10],
        signature: Signature([0; 65]),
    }
    .signed(&key, &verifier())
}

fn with_other_v(by: u8, sequence: u64) -> Message {
    let mut message = message(by, sequence);
    message.signature.0[64] = 55 - message.signature.0[64];
    message
}

fn sent(message: Message) -> Frame {
    Frame::Message(Box::new(message))
}

fn packet(frames: &[Frame]) -> Bytes {
    let mut packer = Packer::default();
    for frame in frames {
        assert_eq!(packer.push(&frame.encode()), None);
    }
    packer.finish().unwrap()
}

fn outputs(overlay: &mut Overlay) -> Vec<Output> {
    std::iter::from_fn(|| overlay.poll()).collect()
}

/// The messages that were passed on to a link, in order.
fn passed_on(outputs: &[Output], to: Link) -> Vec<Message> {
    let frames = outputs.iter().filter_map(|output| match output {
        Output::Send { link, frame, priority: Priority::Live } if *link == to => Some(frame),
        _ => None,
    });
    let packets = frames.map(|frame| {
        let mut packer = Packer::default();
        packer.push(frame);
        packer.finish().unwrap()
    });
    let frames = packets.flat_map(|packet| tatum_overlay::frame::decode(&packet).unwrap());
    let messages = frames.map(|(frame, _)| match frame {
        Frame::Message(message) => *message,
        other => panic!("not a message: {other:?}"),
    });
    messages.collect()
}

#[test]
fn a_run_of_right_messages_is_passed_on_in_order() {
    let mut relay = relay();
    let messages: Vec<Message> = (0..100).map(|number| message(0, number)).collect();
    let frames: Vec<Frame> = messages.iter().cloned().map(sent).collect();
    let packets: Vec<Bytes> = frames.chunks(7).map(packet).collect();
    relay.packets(SOURCE, &packets, &NOW);
    assert_eq!(passed_on(&outputs(&mut relay), OTHER), messages);
}

/// A hop that changes `v` would make the batches of those behind it fail, if anybody passed that on.
#[test]
fn a_message_with_another_v_goes_no_further_and_is_held_against_its_link() {
    for alone in [true, false] {
        let mut relay = relay();
        let mut frames = vec![sent(with_other_v(0, 0))];
        if !alone {
            frames.extend((1..10).map(|number| sent(message(0, number))));
        }
        relay.packets(SOURCE, &[packet(&frames)], &NOW);
        let said = outputs(&mut relay);
        assert_eq!(passed_on(&said, OTHER).len(), frames.len() - 1);
        assert!(
            said.iter().any(|output| matches!(output, Output::Misbehaved { link: SOURCE, .. }))
        );
        assert_eq!(relay.counters().invalid, 1);
        // The message itself is not lost: whoever has it as it was signed may bring it.
        relay.packet(OTHER, &packet(&[sent(message(0, 0))]), &NOW);
        assert_eq!(passed_on(&outputs(&mut relay), SOURCE), [message(0, 0)]);
    }
}

/// Three wrong ones and the link is gone; what it sent with them is not handled any more, and others' messages count as ever.
#[test]
fn a_flood_of_wrong_messages_spoils_the_batches_of_its_own_link_only() {
    let mut relay = relay();
    let wrong: Vec<Frame> = (0..500).map(|number| sent(with_other_v(0, number))).collect();
    let right: Vec<Message> = (0..40).map(|number| message(0, number)).collect();
    let packets: Vec<Bytes> = wrong.chunks(20).map(packet).collect();
    relay.packets(SOURCE, &packets, &NOW);
    assert!(relay.counters().invalid < 10, "{}", relay.counters().invalid);
    assert_eq!(relay.counters().graylisted, 1);
    let points = relay.points(&node(OTHER));
    outputs(&mut relay);
    let frames: Vec<Frame> = right.into_iter().map(sent).collect();
    relay.packets(OTHER, &[packet(&frames)], &NOW);
    assert_eq!(relay.counters().messages, 40);
    assert!(relay.points(&node(OTHER)) >= points);
}

#[derive(Clone, Debug)]
enum Step {
    Right(u8, u64),
    OtherV(u8, u64),
    Forged(u8, u64),
    Leave,
    Join,
    Nonsense,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        20 => (0_u8..3, 0_u64..30).prop_map(|(by, number)| Step::Right(by, number)),
        1 => (0_u8..3, 0_u64..30).prop_map(|(by, number)| Step::OtherV(by, number)),
        1 => (0_u8..3, 0_u64..30).prop_map(|(by, number)| Step::Forged(by, number)),
        1 => Just(Step::Leave),
        2 => Just(Step::Join),
        1 => Just(Step::Nonsense),
    ]
}

fn told(steps: &[Step]) -> Bytes {
    if steps.iter().any(|step| matches!(step, Step::Nonsense)) {
        return Bytes::from_static(b"\x01\x00\x09nonsense!");
    }
    let frame = |step: &Step| match *step {
        Step::Right(by, number) => sent(message(by, number)),
        Step::OtherV(by, number) => sent(with_other_v(by, number)),
        Step::Forged(by, number) => {
            let mut forged = message(by, number);
            forged.ciphertext[0] ^= 1;
            sent(forged)
        }
        Step::Leave => Frame::Leave { stream: STREAM },
        Step::Join | Step::Nonsense => Frame::Join { stream: STREAM },
    };
    packet(&steps.iter().map(frame).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn packets_mean_together_what_they_mean_one_by_one(
        steps in prop::collection::vec(prop::collection::vec(step(), 1..12), 1..8),
    ) {
        let packets: Vec<Bytes> = steps.iter().map(|steps| told(steps)).collect();
        let (mut together, mut alone) = (relay(), relay());
        together.packets(SOURCE, &packets, &NOW);
        let is_nonsense = |steps: &&Vec<Step>| steps.iter().any(|step| matches!(step, Step::Nonsense));
        for steps in &steps {
            for one in if is_nonsense(&steps) { steps.chunks(steps.len()) } else { steps.chunks(1) } {
                alone.packet(SOURCE, &told(one), &NOW);
            }
        }
        prop_assert_eq!(together.counters(), alone.counters());
        prop_assert_eq!(together.points(&node(SOURCE)), alone.points(&node(SOURCE)));
        prop_assert_eq!(format!("{:?}", outputs(&mut together)), format!("{:?}", outputs(&mut alone)));
    }
}
