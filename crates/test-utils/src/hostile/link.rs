//! A client with a stake that keeps the protocol until it has a link to a relay, and breaks it then.
//!
//! Invariant: it is introduced as anybody is, so what it does over the link is what a relay must bear from any payer.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use rand::rngs::StdRng;
use rand::{Rng, RngCore};
use tatum_overlay::Frame;
use tatum_overlay::frame::{Attach, MAX_PACKET_BYTES, Packer, VERSION};
use tatum_primitives::{NodeId, ReaderId, Role, millis};
use tatum_protocol::NodeKey;
use tatum_protocol::tracker::{FromTracker, Signal, SignalKind, ToTracker, sign_hello};
use tatum_receipt::{SIGNED_RECEIPT_BYTES, SessionKey};
use tatum_webrtc::{Config, Endpoint, Event, Link, Priority};
use tokio::net::TcpStream;
use tokio::sync::mpsc::Receiver;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message as Text;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::{Account, FROM, PATIENCE, connect};

const FORGED_RECEIPTS: usize = 300;
/// So that what was sent arrives before its link is gone.
const ARRIVAL: Duration = Duration::from_secs(1);

/// A link, and all that keeps it up.
struct Intruder {
    link: Link,
    events: Receiver<Event>,
    _endpoint: Endpoint,
    _tracker: WebSocketStream<TcpStream>,
}

/// Makes a few links one after the other and misuses each in another way.
pub(super) async fn misuse_links(tracker: &str, account: &Account, mut rng: StdRng) {
    for way in 0..3 {
        let linking = Intruder::link(tracker, account, &mut rng);
        let Ok(Some(mut intruder)) = timeout(PATIENCE, linking).await else { return };
        intruder.misuse(way, &mut rng).await;
    }
}

impl Intruder {
    async fn link(tracker: &str, account: &Account, rng: &mut StdRng) -> Option<Self> {
        let mut secret = [0; 32];
        rng.fill_bytes(&mut secret);
        let key = NodeKey::from_bytes(&secret);
        let url = format!("{}/v1/tracker", tracker.replacen("http", "ws", 1));
        let (mut socket, _) = client_async(url, connect(tracker).await?).await.ok()?;
        let config = Config { bind: (FROM, 0).into(), ..Config::default() };
        let (endpoint, mut events) = Endpoint::bind(config).await.ok()?;
        let offer = endpoint.offer().await.ok()?;
        let (mut asked, mut id) = (false, NodeId::default());
        loop {
            let Text::Text(text) = socket.next().await?.ok()? else { continue };
            let reply = match serde_json::from_str(text.as_str()).ok()? {
                FromTracker::Challenge { nonce, tracker, .. } => {
                    id = tracker;
                    sign_hello(&key, tracker, nonce, None, 1)
                }
                FromTracker::Welcome { .. } => account.join((key.id(), id)),
                FromTracker::Assign(assigned) if !asked && !assigned.neighbours.is_empty() => {
                    asked = true;
                    let to = assigned.neighbours.first()?.node;
                    let body = offer.description.clone();
                    let signal = Signal::sign(&key, to, SignalKind::Offer, 7, body);
                    ToTracker::Signal { to, signal }
                }
                FromTracker::Signal { signal, .. } => {
                    endpoint.accept_answer(offer.link.id(), signal.body).await.ok()?;
                    break;
                }
                _ => continue,
            };
            socket.send(Text::text(serde_json::to_string(&reply).ok()?)).await.ok()?;
        }
        while !matches!(events.recv().await?, Event::Connected { .. }) {}
        Some(Self { link: offer.link, events, _endpoint: endpoint, _tracker: socket })
    }

    async fn misuse(&mut self, way: usize, rng: &mut StdRng) {
        match way {
            0 => {
                for _ in 0..FORGED_RECEIPTS {
                    let mut bytes = vec![0; SIGNED_RECEIPT_BYTES];
                    rng.fill_bytes(&mut bytes);
                    self.say(&Frame::Receipt(bytes));
                }
            }
            1 => self.send(vec![VERSION; MAX_PACKET_BYTES + 1]),
            _ => {
                let mut bytes = vec![0; rng.random_range(1..2_000)];
                rng.fill_bytes(&mut bytes);
                self.send([vec![VERSION], bytes].concat());
            }
        }
        sleep(ARRIVAL).await;
        // What the relay says to it is of no interest; nothing shall pile up.
        while self.events.try_recv().is_ok() {}
    }

    fn say(&self, frame: &Frame) {
        let mut packer = Packer::default();
        // Whatever does not fit is not sent, which harms nobody.
        let _ = packer.push(&frame.encode());
        if let Some(packet) = packer.finish() {
            let _ = self.link.send(packet, Priority::Control);
        }
    }

    fn send(&self, packet: Vec<u8>) {
        let _ = self.link.send(Bytes::from(packet), Priority::Control);
    }
}

impl Account {
    /// The wish to take part, to a tracker.
    fn join(&self, ends: (NodeId, NodeId)) -> ToTracker {
        let key: &SessionKey = &self.key;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let what = (self.stream.key(), Role::Subscriber);
        let who = (key.address(), ReaderId(0));
        let account = Attach::sign(what, who, ends, millis(now), key);
        ToTracker::Join { stream: self.stream.clone(), account: Some(Box::new(account)) }
    }
}
