//! What a subscriber states beside its receipts of the relays that serve it.

use std::collections::BTreeMap;

use bytes::Bytes;
use tatum_overlay::frame::{Packer, Refusal};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit};
use tatum_primitives::{
    Address, B256, Domain, Epoch, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{ContentsLine, SessionKey, Signature, Verifier, Witnessed};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAYS: [NodeId; 2] = [NodeId(B256::repeat_byte(2)), NodeId(B256::repeat_byte(3))];
const LINKS: [Link; 2] = [Link(1), Link(2)];
/// Longer than anything is awaited.
const AFTER_MS: u64 = 3_000;

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn at(ms: u64) -> Now {
    Now { monotonic_ms: ms, wall_ms: 1_000_000 + ms, epoch: Epoch(3) }
}

fn key(byte: u8) -> SessionKey {
    SessionKey::from_bytes(&[byte; 32]).unwrap()
}

/// A subscriber that two relays serve, and everything that it signs.
struct Reader {
    overlay: Overlay,
    signed: BTreeMap<NodeId, Witnessed>,
    now_ms: u64,
}

impl Reader {
    fn new() -> Self {
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
        let (key, cadence) = (key(5), Cadence::default());
        let (payer, reader) = (key.address(), ReaderId(0));
        let account = PayerConfig { payer, reader, key, cadence, channel_limit: None };
        let overlay = Overlay::new(config, Some(account));
        let mut reader = Self { overlay, signed: BTreeMap::new(), now_ms: 0 };
        reader.overlay.subscribe(STREAM);
        reader.overlay.assign(STREAM, RELAYS.into(), &at(0));
        (0..2).for_each(|relay| reader.link(relay));
        reader
    }

    fn link(&mut self, relay: usize) {
        let (now, operator) = (at(self.now_ms), OperatorId(u32::try_from(relay).unwrap()));
        self.overlay.link_opened(LINKS[relay], RELAYS[relay], Some(operator), &now);
        let (stream, role) = (STREAM, Role::Subscriber);
        self.hears(relay, &Frame::Admitted { stream, role, newest: Vec::new() });
    }

    fn hears(&mut self, relay: usize, frame: &Frame) {
        let mut packer = Packer::default();
        packer.push(&frame.encode());
        let packet: Bytes = packer.finish().unwrap();
        self.overlay.packet(LINKS[relay], &packet, &at(self.now_ms));
    }

    fn gets(&mut self, relay: usize, number: u64) {
        self.hears(relay, &Frame::Message(Box::new(message(number))));
    }

    /// The one relay is as often first as the other.
    fn gets_from_both(&mut self, number: u64) {
        let first = usize::from(number % 2 == 1);
        self.gets(first, number);
        self.gets(1 - first, number);
    }

    fn passes(&mut self, ms: u64) {
        let end = self.now_ms + ms;
        while self.now_ms < end {
            self.now_ms += 25;
            self.overlay.tick(&at(self.now_ms));
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.overlay.poll() {
            if let Output::ReceiptSigned(signed) = output {
                self.overlay.send_receipt(&signed, &at(self.now_ms));
                self.signed.insert(signed.signed.receipt.node, *signed);
            }
        }
    }

    /// The one line beside the newest receipt to a relay.
    fn line(&mut self, relay: usize) -> ContentsLine {
        self.overlay.close_accounts(&at(self.now_ms));
        self.drain();
        let witnessed = &self.signed[&RELAYS[relay]];
        assert_eq!(witnessed.signed.receipt.contents, witnessed.contents.root());
        assert_eq!(witnessed.contents.lines().len(), 1);
        witnessed.contents.lines()[0]
    }

    fn figures(&mut self, relay: usize) -> (u64, u64, u64, u64) {
        let line = self.line(relay);
        (line.span, line.held, line.due, line.brought)
    }
}

fn message(number: u64) -> Message {
    let chain = ChainKey { publisher: key(9).address(), chain: 77 };
    let timestamp_ms = |number: u64| 1_000_000 + number;
    let previous = number.checked_sub(1);
    let message = Message {
        stream_key: STREAM,
        chain,
        at: MessageRef { timestamp_ms: timestamp_ms(number), sequence: number },
        previous: previous.map(|n| MessageRef { timestamp_ms: timestamp_ms(n), sequence: n }),
        key_id: [0; 8],
        ciphertext: vec![1; 20],
        signature: Signature([0; 65]),
    };
    message.signed(&key(9), &verifier())
}

#[test]
fn a_relay_that_drops_messages_is_told_from_one_that_brings_all() {
    let mut reader = Reader::new();
    for number in 0..200 {
        let (first, second) = if number % 2 == 0 { (0, 1) } else { (1, 0) };
        for relay in [first, second] {
            if relay == 0 || number % 50 != 7 {
                reader.gets(relay, number);
            }
        }
        reader.passes(25);
    }
    reader.passes(AFTER_MS);
    assert_eq!(reader.figures(0), (200, 200, 200, 200));
    assert_eq!(reader.figures(1), (200, 200, 200, 196));
    let (one, other) = (reader.line(0), reader.line(1));
    assert_eq!((one.number, one.id), (199, message(199).id(&verifier())));
    assert_eq!(one.head_leaf(), other.head_leaf(), "heads are the reader's, whoever brought them");
}

#[test]
fn a_late_joiner_owes_its_relays_nothing_for_what_was_before() {
    let mut reader = Reader::new();
    for number in 1_000..1_200 {
        (0..2).for_each(|relay| reader.gets(relay, number));
        reader.passes(25);
    }
    reader.passes(AFTER_MS);
    assert_eq!(reader.figures(0), (200, 200, 200, 200));
}

#[test]
fn a_relay_whose_link_ends_or_that_refuses_is_not_blamed_for_what_it_did_not_bring_then() {
    let mut reader = Reader::new();
    for number in 0..100 {
        reader.gets_from_both(number);
        reader.passes(25);
    }
    reader.passes(AFTER_MS);
    reader.overlay.link_closed(LINKS[1]);
    for number in 100..200 {
        reader.gets(0, number);
        reader.passes(25);
    }
    reader.link(1);
    let reason = Refusal::Credit { unreceipted_bytes: 1, limit_bytes: 1 };
    reader.hears(1, &Frame::Refused { stream: STREAM, role: Role::Subscriber, reason });
    for number in 200..300 {
        reader.gets(0, number);
        reader.passes(25);
    }
    reader.passes(AFTER_MS);
    assert_eq!(reader.figures(0), (300, 300, 300, 300));
    // Its newest receipt is from before its link ended.
    assert_eq!(reader.figures(1), (100, 100, 100, 100));
}

#[test]
fn what_nobody_brings_is_missed_of_every_relay_that_served() {
    let mut reader = Reader::new();
    for number in (0..100).filter(|number| *number != 50) {
        reader.gets_from_both(number);
        reader.passes(25);
    }
    // Until it is given up.
    reader.passes(30_000);
    assert_eq!(reader.figures(0), (100, 99, 100, 99));
    assert_eq!(reader.figures(1), (100, 99, 100, 99));
}

#[test]
fn a_relays_word_for_messages_that_nobody_signed_is_held_against_nobody() {
    let mut reader = Reader::new();
    for number in 0..100 {
        (0..2).for_each(|relay| reader.gets(relay, number));
        reader.passes(25);
    }
    let chain = message(0).chain;
    let spans = vec![tatum_overlay::frame::Span { chain, first: 0, last: 150 }];
    reader.hears(1, &Frame::Have { stream: STREAM, spans });
    reader.passes(30_000);
    assert_eq!(reader.figures(0), (100, 100, 100, 100));
}

#[test]
fn a_restarted_reader_goes_on_with_what_it_stated() {
    let mut before = Reader::new();
    for number in 0..100 {
        (0..2).for_each(|relay| before.gets(relay, number));
        before.passes(25);
    }
    before.passes(AFTER_MS);
    before.line(0);
    let mut after = Reader::new();
    for held in before.signed.values() {
        after.overlay.adopt(held, true);
    }
    let chain = message(0).chain;
    after.overlay.resume_chain(STREAM, chain, 100, &at(0));
    // It was away for 100 of them.
    for number in 200..300 {
        (0..2).for_each(|relay| after.gets(relay, number));
        after.passes(25);
    }
    after.passes(AFTER_MS);
    let (span, held, due, brought) = after.figures(0);
    assert_eq!((span, held), (200, 200));
    assert_eq!(due, brought);
    assert!(due >= 200 - 1, "{due}");
}
