//! A relay that is flooded from all sides at once, with honest clients beside: every attempt is counted and dropped as
//! documented, and the honest lose nothing. Their rates before and meanwhile are printed, not judged: the attackers use
//! up the same processors as the relay.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bytes::Bytes;
use tatum_overlay::frame::{Attach, Packer, VERSION, decode};
use tatum_overlay::node::Counters;
use tatum_overlay::{ChainKey, Frame, Message, MessageRef};
use tatum_protocol::client::NodeClient;
use tatum_protocol::status::NodeStatus;
use tatum_receipt::{Signature, Verifier};
use tatum_webrtc::{Event, Priority, SendError};

use super::hostile::{Attacker, next};
use super::*;

/// Honest messages in a measurement.
const ROUND: usize = 3_000;
/// Datagrams in a burst, and bursts in a second.
const BURST: usize = 100;
const BURSTS_PER_S: u32 = 100;
/// Payers of the attackers, each with a stake.
const FORGER: u8 = 4;
const REPLAYER: u8 = 5;
const DEBTOR: u8 = 6;

/// What the attackers share.
#[derive(Debug, Default)]
struct Field {
    over: AtomicBool,
    datagrams: AtomicU64,
}

impl Field {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

/// Publishes the lines of a round; gives the subscriber back and how many arrived in a second.
async fn round(
    publisher: &mut Publisher,
    mut subscriber: Subscriber,
    from: usize,
) -> (Subscriber, f64) {
    let reading = tokio::spawn(async move {
        for line in lines(from, from + ROUND) {
            let payload = loop {
                match timeout(PATIENCE, subscriber.next()).await.expect("no message in time") {
                    Some(Item::Message(message)) => break message.payload,
                    // The debtor's, which are valid messages.
                    Some(Item::Unreadable(_)) => {}
                    other => panic!("unexpected {other:?}"),
                }
            };
            assert_eq!(String::from_utf8(payload).unwrap(), line);
        }
        subscriber
    });
    let started = Instant::now();
    for line in lines(from, from + ROUND) {
        publisher.publish(line.as_bytes()).await.unwrap();
    }
    let subscriber = reading.await.unwrap();
    (subscriber, ROUND as f64 / started.elapsed().as_secs_f64())
}

/// Datagrams of no link: noise, and what looks like STUN, DTLS and SRTP.
async fn garbage(to: SocketAddr, field: Arc<Field>) {
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / BURSTS_PER_S);
    while !field.is_over() {
        ticks.tick().await;
        for number in 0..BURST {
            let mut datagram = vec![u8::try_from(number).unwrap(); 20 + number * 10];
            datagram[0] = [0, 1, 22, 23, 128, 255][number % 6];
            socket.send_to(&datagram, to).await.unwrap();
            field.datagrams.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn attach(attacker: &Attacker, network: &Network, role: Role, payer: u8, key: u8) -> Frame {
    let ends = (attacker.key.id(), relay_key(0).id());
    let (payer, at_ms) = (session(payer).address(), network.clock.wall_ms());
    Frame::Attach(Attach::sign(
        (stream().key(), role),
        (payer, ReaderId(0)),
        ends,
        at_ms,
        &session(key),
    ))
}

/// Waits for what the relay says to a request for service.
async fn admitted(attacker: &mut Attacker) {
    loop {
        let Event::Received { data, .. } = next(&mut attacker.events).await else {
            panic!("the link ended");
        };
        let frames = decode(&data).unwrap();
        if frames.iter().any(|(frame, _)| matches!(frame, Frame::Admitted { .. })) {
            return;
        }
    }
}

/// A message that the payer `number` publishes.
fn message(network: &Network, number: u8, sequence: u64, size: usize) -> Message {
    let timestamp_ms = network.clock.wall_ms();
    let before = |sequence| MessageRef { timestamp_ms: timestamp_ms - 1, sequence };
    Message {
        stream_key: stream().key(),
        chain: ChainKey { publisher: session(number).address(), chain: 1 },
        at: MessageRef { timestamp_ms, sequence },
        previous: sequence.checked_sub(1).map(before),
        key_id: [0; 8],
        ciphertext: vec![7; size],
        signature: Signature([0; 65]),
    }
    .signed(&session(number), &Verifier::new(domain()))
}

async fn send(attacker: &Attacker, frame: &Bytes) -> bool {
    let mut packer = Packer::default();
    assert_eq!(packer.push(frame), None);
    let packet = packer.finish().unwrap();
    loop {
        match attacker.link.send(packet.clone(), Priority::Data) {
            Ok(()) => return true,
            Err(SendError::Full) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(_) => return false,
        }
    }
}

/// Frames that are none.
async fn malformed(network: &Network) {
    for packet in [vec![VERSION, 0, 9, 255], vec![VERSION + 1, 0, 0], vec![VERSION, 255], vec![9]] {
        Attacker::link(network).await.end_with(packet).await;
    }
}

/// Messages whose signature is another's.
async fn forged(network: &Network) {
    for sequence in 0..3 {
        let mut attacker = Attacker::link(network).await;
        attacker.say(&attach(&attacker, network, Role::Publisher, FORGER, FORGER));
        admitted(&mut attacker).await;
        let mut forged = message(network, FORGER, sequence, 500);
        forged.chain.publisher = session(3).address();
        send(&attacker, &Frame::Message(Box::new(forged)).encode()).await;
        while !matches!(next(&mut attacker.events).await, Event::Closed { .. }) {}
    }
}

/// A client that the relay accepts from and serves.
async fn replayer(network: &Network) -> Attacker {
    let mut attacker = Attacker::link(network).await;
    for role in [Role::Publisher, Role::Subscriber] {
        attacker.say(&attach(&attacker, network, role, REPLAYER, REPLAYER));
        admitted(&mut attacker).await;
    }
    attacker
}

/// Honest messages, sent back again and again.
async fn replayed(mut attacker: Attacker, field: &Field) {
    let mut newest = None;
    while !field.is_over() {
        let event = timeout(Duration::from_millis(50), attacker.events.recv()).await;
        if let Ok(Some(Event::Received { data, .. })) = event {
            let frames = decode(&data).unwrap().into_iter();
            let messages = frames.filter(|(frame, _)| matches!(frame, Frame::Message(_)));
            newest = messages.map(|(_, bytes)| bytes).last().or(newest);
        }
        if let Some(bytes) = &newest {
            for _ in 0..3 {
                send(&attacker, bytes).await;
            }
        }
    }
}

/// What the relay says of itself.
async fn status(at: SocketAddr) -> NodeStatus {
    NodeClient::new(&format!("http://{at}")).unwrap().status().await.unwrap()
}

/// Valid messages that are never receipted, on and on after the relay said no.
async fn unreceipted(network: &Network) {
    let mut attacker = Attacker::link(network).await;
    attacker.say(&attach(&attacker, network, Role::Publisher, DEBTOR, DEBTOR));
    admitted(&mut attacker).await;
    for sequence in 0..400 {
        let message = message(network, DEBTOR, sequence, 30_000);
        send(&attacker, &Frame::Message(Box::new(message)).encode()).await;
    }
}

/// Requests on somebody else's account, and messages without any.
async fn unauthorised(network: &Network, field: &Field) {
    let attacker = Attacker::link(network).await;
    let stray = Frame::Message(Box::new(message(network, 20, 0, 500))).encode();
    while !field.is_over() {
        for _ in 0..50 {
            send(&attacker, &attach(&attacker, network, Role::Publisher, 1, 20).encode()).await;
            send(&attacker, &stray).await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

fn udp_address(description: &str) -> SocketAddr {
    let mut words = description.split_whitespace();
    words.find(|word| *word == "127.0.0.1").expect("a candidate");
    // The connection line names the address too; a candidate's port follows it.
    loop {
        if let Some(port) = words.next().and_then(|word| word.parse().ok()) {
            return SocketAddr::from(([127, 0, 0, 1], port));
        }
        words.find(|word| *word == "127.0.0.1").expect("a candidate's port");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_is_counted_and_dropped_and_honest_clients_lose_nothing() {
    let network = Network::start().await;
    let free = free_address();
    let relay = network.relay_at(0, Some(free));
    let subscriber = Subscriber::connect(network.client(1), &[stream()]).await.unwrap();
    let mut publisher = Publisher::connect(network.client(3), &stream()).await.unwrap();
    let (subscriber, _) = round(&mut publisher, subscriber, 0).await;
    let (subscriber, before) = round(&mut publisher, subscriber, ROUND).await;
    let scout = replayer(&network).await;
    let field = Arc::new(Field::default());
    let noise = tokio::spawn(garbage(udp_address(&scout.description), Arc::clone(&field)));
    let enough = |status: &NodeStatus| {
        let Counters { duplicates, unwanted, put_off, credit_stops, .. } = status.messages;
        duplicates >= 100 && unwanted >= 50 && put_off >= 1 && credit_stops >= 1
    };
    let ((), (subscriber, during)) = tokio::join!(
        async {
            tokio::join!(
                malformed(&network),
                forged(&network),
                replayed(scout, &field),
                unreceipted(&network),
                unauthorised(&network, &field),
            );
        },
        async {
            let first = round(&mut publisher, subscriber, 2 * ROUND).await;
            let second = round(&mut publisher, first.0, 3 * ROUND).await;
            // The attackers may need longer than that.
            let waiting = async {
                while !enough(&status(free).await) {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            };
            let met = timeout(PATIENCE, waiting).await;
            field.over.store(true, Ordering::Relaxed);
            assert!(met.is_ok(), "{:?}", status(free).await.messages);
            (second.0, (first.1 + second.1) / 2.0)
        }
    );
    noise.await.unwrap();
    let sent = field.datagrams.load(Ordering::Relaxed);
    let status = status(free).await;
    let (counted, refused) = (&status.messages, status.refused_datagrams);
    println!(
        "honest messages per second: {before:.0} before, {during:.0} in the flood ({:.0} %); {sent} stray datagrams, \
         of which {refused} were read; {counted:?}",
        during / before * 100.0,
    );
    // What the socket's buffer had no room for is not read; last words to links that ended are refused as well.
    assert!(refused > 0, "{status:?}");
    assert!(counted.malformed >= 4 + 3, "{status:?}");
    assert!(counted.invalid >= 3, "{status:?}");
    assert!(enough(&status), "{status:?}");
    // All of the honest, and of the debtor's what fits into a credit of 8 MiB.
    assert!(counted.messages <= 4 * ROUND as u64 + 300, "{status:?}");
    assert_eq!(subscriber.finish(PATIENCE).await.receipts_open, 0);
    let stats = publisher.finish(PATIENCE).await;
    assert_eq!((stats.accepted, stats.receipts_open), (4 * ROUND as u64, 0));
    relay.stop().await;
}
