//! A relay with an ask, and a client whose payer pays too little, nothing yet, enough, or by channel.
#![allow(missing_docs)]

use bytes::Bytes;
use tatum_channel::Price;
use tatum_overlay::asks::Paid;
use tatum_overlay::channel_book::{Funds, Offer};
use tatum_overlay::frame::{Attach, Packer, Refusal};
use tatum_overlay::ledger::Cadence;
use tatum_overlay::node::{Ceilings, Config, PayerConfig};
use tatum_overlay::propagation::Limits;
use tatum_overlay::{ChainKey, Frame, Link, Message, MessageRef, Now, Output, Overlay, credit};
use tatum_primitives::{
    Address, B256, Bps, Domain, Epoch, Nano, NodeId, OperatorId, ReaderId, Role, StreamKey,
};
use tatum_receipt::{SessionKey, Signature, Verifier};
use tatum_rewards::{NEWCOMER_BYTES, RealisedPrice};

const STREAM: StreamKey = StreamKey(B256::repeat_byte(7));
const RELAY: NodeId = NodeId(B256::repeat_byte(2));
const CLIENT: NodeId = NodeId(B256::repeat_byte(1));
const LINK: Link = Link(1);
const EPOCH: Epoch = Epoch(3);
/// Nano a GiB.
const ASK: u64 = 1_000;
const CHANNEL: B256 = B256::repeat_byte(4);
/// By now nobody waits for a tracker any more.
const BEGIN_MS: u64 = 20_000;

fn verifier() -> Verifier {
    Verifier::new(Domain { chain_id: 1, stake_pool: Address::ZERO })
}

fn payer() -> SessionKey {
    SessionKey::from_bytes(&[5; 32]).unwrap()
}

/// What a fee of so many nano for a GiB is, a tenth of which is common.
fn paid(epoch: Epoch, fee: u64) -> Paid {
    let tenth = Bps::new(1_000).unwrap();
    Paid { epoch, price: RealisedPrice::of(Nano(fee), 1 << 30, tenth).unwrap() }
}

fn newcomer(epoch: Epoch) -> Paid {
    Paid { epoch, price: None }
}

fn config(id: NodeId, relay: bool) -> Config {
    let plenty = 1 << 40;
    Config {
        id,
        relay,
        operator_id: relay.then_some(OperatorId(0)),
        verifier: verifier(),
        limits: Limits::default(),
        credit: credit::Limits { bytes: plenty, payer_bytes: plenty, ..Default::default() },
        ceilings: Ceilings::default(),
        latency_bound_ms: 2_000,
        secret: [6; 32],
        offer: relay.then_some(Offer {
            price: Price { per_gib_wei: 1, per_1000_messages_wei: 0 },
            unsigned_limit_wei: 1_000,
        }),
        ask_nano_per_gib: relay.then_some(Nano(ASK)),
    }
}

fn packet(frame: &Frame) -> Bytes {
    let mut packer = Packer::default();
    packer.push(&frame.encode());
    packer.finish().unwrap()
}

fn message(number: u64, payload_bytes: usize) -> Message {
    let chain = ChainKey { publisher: payer().address(), chain: 77 };
    let at = |number: u64| MessageRef { timestamp_ms: 1_000_000 + number, sequence: number };
    let message = Message {
        stream_key: STREAM,
        chain,
        at: at(number),
        previous: number.checked_sub(1).map(at),
        key_id: [0; 8],
        ciphertext: vec![1; payload_bytes],
        signature: Signature([0; 65]),
    };
    message.signed(&payer(), &verifier())
}

/// The relay alone, as its engine drives it.
struct Relay {
    overlay: Overlay,
    now: Now,
    /// What the chain says that the payer paid.
    paid: Paid,
    said: Vec<Frame>,
}

impl Relay {
    fn new(paid: Paid) -> Self {
        let now = Now { monotonic_ms: BEGIN_MS, wall_ms: 1_000_000 + BEGIN_MS, epoch: EPOCH };
        let mut overlay = Overlay::new(config(RELAY, true), None);
        assert!(overlay.carry(STREAM));
        overlay.tick(&now);
        overlay.link_opened(LINK, CLIENT, None, &now);
        let mut relay = Self { overlay, now, paid, said: Vec::new() };
        relay.drain();
        relay.said.clear();
        relay
    }

    fn hears(&mut self, frame: &Frame) {
        self.overlay.packet(LINK, &packet(frame), &self.now);
        self.drain();
    }

    fn attach(&mut self, role: Role) {
        let payer = payer();
        let who = (payer.address(), ReaderId(0));
        let ends = (CLIENT, RELAY);
        let attach = Attach::sign((STREAM, role), who, ends, self.now.wall_ms, &payer);
        self.hears(&Frame::Attach(attach));
    }

    fn judge_by(&mut self, paid: Paid) {
        self.paid = paid;
        self.overlay.set_paid(payer().address(), self.now.epoch, paid, &self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.overlay.poll() {
            match output {
                Output::AttachAsked { link, attach, .. } => {
                    self.overlay.set_paid(attach.payer, self.now.epoch, self.paid, &self.now);
                    self.overlay.admit(link, &attach, &[], 1 << 40, &self.now);
                }
                Output::Send { frame, .. } => {
                    let mut packer = Packer::default();
                    packer.push(&frame);
                    let frames = tatum_overlay::frame::decode(&packer.finish().unwrap()).unwrap();
                    self.said.extend(frames.into_iter().map(|(frame, _)| frame));
                }
                _ => {}
            }
        }
    }

    fn is_admitted(&self) -> bool {
        self.said.iter().any(|frame| matches!(frame, Frame::Admitted { .. }))
    }

    fn refusal(&self) -> Option<Refusal> {
        self.said.iter().rev().find_map(|frame| match frame {
            Frame::Refused { reason, .. } => Some(*reason),
            _ => None,
        })
    }
}

fn too_little(epoch: Epoch, paid_nano_per_gib: u64) -> Refusal {
    Refusal::Price { epoch, paid_nano_per_gib, ask_nano_per_gib: ASK }
}

#[test]
fn who_paid_less_than_the_ask_is_declined_and_who_paid_as_much_is_served() {
    // Nine tenths of the fee are steered: 999 nano, and 1 000.
    for (fee, role) in [(1_110, Role::Subscriber), (1_110, Role::Publisher)] {
        let mut relay = Relay::new(paid(Epoch(2), fee));
        relay.attach(role);
        assert!(!relay.is_admitted(), "{role:?}");
        assert_eq!(relay.refusal(), Some(too_little(Epoch(2), 999)));
        assert!(relay.overlay.serving().is_empty(), "nothing is leased for it");
        assert_eq!(relay.overlay.counters().price_stops, 1);
    }
    let mut relay = Relay::new(paid(Epoch(2), 1_111));
    relay.attach(Role::Subscriber);
    assert!(relay.is_admitted());
    assert_eq!(relay.refusal(), None);
}

#[test]
fn a_newcomer_is_served_its_bytes_and_not_one_message_more() {
    const PAYLOAD_BYTES: usize = 32 * 1024 - 256;
    let mut relay = Relay::new(newcomer(Epoch(2)));
    relay.attach(Role::Publisher);
    assert!(relay.is_admitted());
    let mut number = 0;
    while relay.refusal().is_none() {
        relay.now.monotonic_ms += 10;
        relay.now.wall_ms += 10;
        relay.hears(&Frame::Message(Box::new(message(number, PAYLOAD_BYTES))));
        number += 1;
        assert!(number < 2_000, "it was served without end");
    }
    let (epoch, limit_bytes) = (EPOCH, NEWCOMER_BYTES);
    let over = Refusal::Newcomer { epoch, limit_bytes, ask_nano_per_gib: ASK };
    assert_eq!(relay.refusal(), Some(over));
    let each = message(0, PAYLOAD_BYTES).payload_bytes();
    let taken = relay.overlay.counters().messages;
    assert_eq!(taken, NEWCOMER_BYTES.div_ceil(each), "each is of {each} bytes");
    // Who asks anew is told the same, and has as much again in the next epoch.
    relay.said.clear();
    relay.attach(Role::Publisher);
    assert_eq!((relay.is_admitted(), relay.refusal()), (false, Some(over)));
    relay.now.epoch = EPOCH.next();
    relay.said.clear();
    relay.attach(Role::Publisher);
    assert!(relay.is_admitted());
}

#[test]
fn who_is_served_stops_once_the_last_epochs_price_is_known_to_be_too_low() {
    let mut relay = Relay::new(paid(Epoch(1), 5_000));
    relay.attach(Role::Publisher);
    relay.hears(&Frame::Message(Box::new(message(0, 100))));
    assert_eq!((relay.is_admitted(), relay.refusal()), (true, None));
    relay.judge_by(paid(Epoch(2), 1_000));
    assert_eq!(relay.refusal(), Some(too_little(Epoch(2), 900)));
    relay.hears(&Frame::Message(Box::new(message(1, 100))));
    assert_eq!(relay.overlay.counters().messages, 1);
    // It goes on by itself when the relay learns that it was more.
    relay.said.clear();
    relay.judge_by(paid(Epoch(2), 2_000));
    assert!(relay.is_admitted());
}

#[test]
fn whom_a_channel_pays_for_is_not_judged_by_its_stake() {
    let mut relay = Relay::new(paid(Epoch(2), 0));
    let funds = Funds { channel: CHANNEL, covered_wei: 1 << 60, is_exiting: false };
    relay.hears(&Frame::PayBy { channel: CHANNEL });
    relay.overlay.set_channel_funds(payer().address(), Some(funds), &relay.now);
    relay.attach(Role::Subscriber);
    assert_eq!((relay.is_admitted(), relay.refusal()), (true, None));
}

/// A client alone, and what it asks of the relay.
struct Client {
    overlay: Overlay,
    now: Now,
    asked: usize,
    avoided: usize,
}

impl Client {
    fn new() -> Self {
        let now = Now { monotonic_ms: BEGIN_MS, wall_ms: 1_000_000 + BEGIN_MS, epoch: EPOCH };
        let (key, cadence) = (payer(), Cadence::default());
        let (payer, reader) = (key.address(), ReaderId(0));
        let account = PayerConfig { payer, reader, key, cadence, channel_limit: None };
        let mut overlay = Overlay::new(config(CLIENT, false), Some(account));
        overlay.subscribe(STREAM);
        overlay.assign(STREAM, [RELAY].into(), &now);
        overlay.link_opened(LINK, RELAY, Some(OperatorId(0)), &now);
        let mut client = Self { overlay, now, asked: 0, avoided: 0 };
        client.passes(1_000);
        assert_eq!(client.asked, 1);
        client
    }

    fn passes(&mut self, ms: u64) {
        for _ in 0..ms / 25 {
            self.now.monotonic_ms += 25;
            self.now.wall_ms += 25;
            self.overlay.tick(&self.now);
            self.drain();
        }
    }

    fn told(&mut self, reason: Refusal) {
        let (stream, role) = (STREAM, Role::Subscriber);
        let refused = Frame::Refused { stream, role, reason };
        self.overlay.packet(LINK, &packet(&refused), &self.now);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.overlay.poll() {
            match output {
                Output::Send { frame, .. } => {
                    let frame = postcard::from_bytes::<Frame>(&frame).unwrap();
                    self.asked += usize::from(matches!(frame, Frame::Attach(_)));
                }
                Output::Distrusted { node } => {
                    assert_eq!(node, RELAY);
                    self.avoided += 1;
                }
                _ => {}
            }
        }
    }
}

#[test]
fn a_declined_client_looks_for_another_relay_and_asks_this_one_in_the_next_epoch() {
    let over = Refusal::Newcomer { epoch: EPOCH, limit_bytes: 1, ask_nano_per_gib: ASK };
    for reason in [too_little(Epoch(2), 900), over] {
        let mut client = Client::new();
        client.told(reason);
        client.told(reason);
        assert_eq!(client.avoided, 1, "the tracker is asked for another one, once");
        client.passes(300_000);
        assert_eq!(client.asked, 1, "the relay would say the same");
        client.now.epoch = EPOCH.next();
        client.passes(100);
        assert_eq!(client.asked, 2);
    }
}

#[test]
fn a_price_of_an_older_epoch_may_change_so_it_is_asked_for_again() {
    // Epoch 2 is not closed yet.
    let mut client = Client::new();
    client.told(too_little(Epoch(1), 900));
    assert_eq!(client.avoided, 0);
    client.passes(4_000);
    assert_eq!(client.asked, 2);
}
