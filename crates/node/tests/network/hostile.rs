//! A client that lies and breaks the protocol over a real link, with honest clients beside it.

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tatum_overlay::Frame;
use tatum_overlay::frame::{Attach, MAX_PACKET_BYTES, Packer, VERSION, decode};
use tatum_protocol::tracker::{FromTracker, Signal, SignalKind, ToTracker, sign_hello};
use tatum_receipt::{DeliveryReceipt, Verifier};
use tatum_webrtc::{Config as LinkConfig, Endpoint, Event, Link, Priority};
use tokio::sync::mpsc::Receiver;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message as Text;

use super::*;

const PAYER: u8 = 4;

/// A raw link to the relay, made as the protocol wants it.
pub(super) struct Attacker {
    pub(super) key: NodeKey,
    pub(super) link: Link,
    pub(super) events: Receiver<Event>,
    /// How the relay describes its end.
    pub(super) description: String,
    tracker: JoinHandle<()>,
}

/// A client's wish to take part, on the account of the payer with this key.
pub(super) fn join(
    stream: &Stream,
    ends: (NodeId, NodeId),
    payer: u8,
    signed_at_ms: u64,
) -> ToTracker {
    let key = session(payer);
    let what = (stream.key(), Role::Subscriber);
    let account = Attach::sign(what, (key.address(), ReaderId(0)), ends, signed_at_ms, &key);
    ToTracker::Join { stream: stream.clone(), account: Some(Box::new(account)) }
}

impl Attacker {
    pub(super) async fn link(network: &Network) -> Self {
        let key = NodeKey::from_bytes(&rand::random());
        let (mut socket, _) = connect_async(&network.tracker_url).await.unwrap();
        let (endpoint, mut events) = Endpoint::bind(LinkConfig::default()).await.unwrap();
        let offer = endpoint.offer().await.unwrap();
        let (mut asked, mut tracker) = (false, NodeId::default());
        let description = loop {
            let text = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap();
            let Text::Text(text) = text else { continue };
            let reply = match serde_json::from_str(text.as_str()).unwrap() {
                FromTracker::Challenge { nonce, tracker: id, .. } => {
                    tracker = id;
                    sign_hello(&key, tracker, nonce, None, 1)
                }
                FromTracker::Welcome { .. } => {
                    join(&stream(), (key.id(), tracker), PAYER, network.clock.wall_ms())
                }
                FromTracker::Assign(assignment) if !asked && !assignment.neighbours.is_empty() => {
                    asked = true;
                    let to = assignment.neighbours[0].node;
                    let body = offer.description.clone();
                    let signal = Signal::sign(&key, to, SignalKind::Offer, 7, body);
                    ToTracker::Signal { to, signal }
                }
                FromTracker::Signal { signal, .. } => {
                    let body = signal.body.clone();
                    endpoint.accept_answer(offer.link.id(), signal.body).await.unwrap();
                    break body;
                }
                _ => continue,
            };
            let text = serde_json::to_string(&reply).unwrap();
            socket.send(Text::text(text)).await.unwrap();
        };
        while !matches!(next(&mut events).await, Event::Connected { .. }) {}
        let tracker = tokio::spawn(async move { while socket.next().await.is_some() {} });
        Self { key, link: offer.link, events, description, tracker }
    }

    pub(super) fn say(&self, frame: &Frame) {
        let mut packer = Packer::default();
        assert_eq!(packer.push(&frame.encode()), None);
        self.link.send(packer.finish().unwrap(), Priority::Control).unwrap();
    }

    /// What the relay says to receipt bytes.
    async fn hand_in(&mut self, bytes: Vec<u8>) -> String {
        self.say(&Frame::Receipt(bytes));
        loop {
            let Event::Received { data, .. } = next(&mut self.events).await else {
                panic!("the link ended");
            };
            for (frame, _) in decode(&data).unwrap() {
                match frame {
                    Frame::Acknowledged(_) => return "acknowledged".to_owned(),
                    Frame::Rejected { reason, .. } => {
                        return reason.split(':').next().unwrap().to_owned();
                    }
                    _ => {}
                }
            }
        }
    }

    /// Sends a packet after which the relay must close the link.
    pub(super) async fn end_with(mut self, packet: Vec<u8>) {
        self.link.send(Bytes::from(packet), Priority::Control).unwrap();
        while !matches!(next(&mut self.events).await, Event::Closed { .. }) {}
        self.tracker.abort();
    }
}

pub(super) async fn next(events: &mut Receiver<Event>) -> Event {
    timeout(PATIENCE, events.recv()).await.expect("no event in time").unwrap()
}

fn receipt(network: &Network) -> DeliveryReceipt {
    DeliveryReceipt {
        payer: session(PAYER).address(),
        operator_id: OperatorId(0),
        node: relay_key(0).id(),
        stream_key: stream().key(),
        epoch: network.clock.epoch(),
        sequence: 2,
        messages: 10,
        bytes: 1_000,
        bytes_on_time: 900,
        ..DeliveryReceipt::default()
    }
}

fn sign(receipt: DeliveryReceipt, key: u8) -> SignedReceipt {
    SignedReceipt::sign(receipt, &session(key), &Verifier::new(domain()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_client_changes_nothing_and_honest_ones_lose_nothing() {
    let network = Network::start().await;
    let relay = network.relay(0);
    let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let reading = read(subscriber, 600);
    let good = sign(receipt(&network), PAYER);
    let mut attacker = Attacker::link(&network).await;
    for line in lines(0, 300) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    assert_eq!(attacker.hand_in(good.encode().to_vec()).await, "acknowledged");
    let mut broken = good.clone();
    broken.signature.0[64] = 3;
    let mut trailing = good.encode().to_vec();
    trailing.push(0);
    let newer = |change: fn(&mut DeliveryReceipt)| {
        let mut changed = DeliveryReceipt { sequence: 3, ..receipt(&network) };
        change(&mut changed);
        changed
    };
    // A higher sequence takes nothing away: it is acknowledged, and the other is kept.
    let unpaid = sign(newer(|receipt| receipt.bytes_on_time = 0), PAYER);
    let stranger = sign(newer(|receipt| receipt.messages = 20), 20);
    let elsewhere = sign(newer(|receipt| receipt.node = relay_key(1).id()), PAYER);
    for (bytes, reason) in [
        (broken.encode().to_vec(), "signature"),
        (unpaid.encode().to_vec(), "acknowledged"),
        (stranger.encode().to_vec(), "unauthorized_signer"),
        (elsewhere.encode().to_vec(), "unknown_node"),
        (trailing, "malformed"),
        (vec![1; 30_000], "malformed"),
        (Vec::new(), "malformed"),
    ] {
        assert_eq!(attacker.hand_in(bytes).await, reason);
    }
    attacker.end_with(vec![VERSION, 0, 9, 255]).await;
    let oversized = vec![VERSION; MAX_PACKET_BYTES + 1];
    Attacker::link(&network).await.end_with(oversized).await;
    Attacker::link(&network).await.end_with(vec![VERSION + 1, 0, 0]).await;
    for line in lines(300, 600) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.accepted, stats.receipts_open), (600, 0));
    let (subscriber, got) = reading.await.unwrap();
    assert_eq!(got, lines(0, 600));
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    relay.stop().await;
    let store = NodeStore::open_file(&network.relay_dir(0).join("node.db")).await.unwrap();
    let kept = store.since(Epoch(0)).await.unwrap();
    let of_attacker = kept.iter().filter(|kept| kept.stored.receipt().payer == good.receipt.payer);
    assert_eq!(of_attacker.map(|kept| kept.stored.signed()).collect::<Vec<_>>(), vec![&good]);
    assert_eq!(kept.len(), 3);
    store.close().await;
}
