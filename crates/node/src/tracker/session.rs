//! One node's WebSocket at the tracker: challenge, hello, then texts both ways.
//!
//! Invariant: nothing a node says counts before its hello was verified; a node that says too much,
//! too fast, or nothing at all is disconnected.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use rand::RngCore;
use tatum_overlay::Block;
use tatum_primitives::{B256, NodeId};
use tatum_protocol::ProblemKind;
use tatum_protocol::tracker::{
    FromTracker, MAX_TEXT_BYTES, RelayOffer, ToTracker, VERSION, verify_hello,
};
use tatum_tracker::{Connection, Newcomer, Place};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::Shared;
use super::refusal::refused;
use crate::clock::later;
use crate::websocket::{Frame, Heard, listen, read, say, write};

/// A node has this long to answer the challenge.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which a node is asked whether it lives, and dropped at twice that.
const PING_AFTER: Duration = Duration::from_secs(10);
/// How long a text may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// What a connection keeps for bytes that are on their way; a text that is larger takes more while it passes.
const BUFFER_BYTES: usize = 4 * 1024;
/// Texts a node may say per second, on average and at once.
const TEXTS_PER_SECOND: f64 = 100.0;
const BURST: f64 = 1_000.0;

pub(super) async fn upgrade(
    State(shared): State<Shared>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Who has not said hello yet takes up a place as well.
    let Some(place) = Occupied::open(&shared, address.ip()) else {
        let reason = "as many nodes are connected as may be";
        return refused(ProblemKind::Busy, reason).into_response();
    };
    let upgrade = upgrade.max_message_size(MAX_TEXT_BYTES);
    let upgrade = upgrade.read_buffer_size(BUFFER_BYTES).write_buffer_size(BUFFER_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        if let Err(reason) = serve(&shared, socket, address.ip(), place).await {
            tracing::debug!(%address, reason, "a node's connection ended");
        }
    })
}

/// Whose place a connection takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Strangers,
    Nodes,
    Nobodys,
}

/// A place of the tracker, given back when the connection ends.
struct Occupied {
    shared: Shared,
    block: Option<Block>,
    taken: Taken,
}

impl Occupied {
    fn open(shared: &Shared, address: IpAddr) -> Option<Self> {
        let block = Block::of(address);
        let opened = shared.lock().admission.open(block);
        opened.then(|| Self { shared: shared.clone(), block, taken: Taken::Strangers })
    }

    /// It said hello: a node's place, if there is one.
    fn welcome(mut self) -> Result<Self, String> {
        let welcomed = self.shared.lock().admission.welcome(self.block);
        self.taken = if welcomed { Taken::Nodes } else { Taken::Nobodys };
        if welcomed { Ok(self) } else { Err("this tracker is full; try another one".to_owned()) }
    }
}

impl Drop for Occupied {
    fn drop(&mut self) {
        if self.taken != Taken::Nobodys {
            self.shared.lock().admission.leave(self.block, self.taken == Taken::Nodes);
        }
    }
}

async fn serve(
    shared: &Shared,
    mut socket: WebSocket,
    address: IpAddr,
    place: Occupied,
) -> Result<(), String> {
    let hello = welcome(shared, &mut socket).await;
    let welcomed = hello.and_then(|hello| Ok((hello, place.welcome()?)));
    let ((node, relay, incarnation), _place) = match welcomed {
        Ok(welcomed) => welcomed,
        Err(reason) => {
            // Whoever failed to say hello may be gone already.
            let _ =
                say(&mut socket, &FromTracker::Refused { reason: reason.clone() }, WRITE_TIMEOUT)
                    .await;
            return Err(reason);
        }
    };
    let at_ms = shared.config.clock.wall_ms();
    say(&mut socket, &FromTracker::Welcome { stun: shared.stun, at_ms }, WRITE_TIMEOUT).await?;
    let newcomer = Newcomer { node, place: stands(shared, node, address), relay, incarnation };
    let now = shared.config.clock.now();
    let (connection, mut inbox) = shared.lock().connect(&newcomer, &now);
    tracing::info!(%node, relay = relay.is_some(), "a node joined");
    let ended = converse(shared, &mut socket, connection, &mut inbox).await;
    if *shared.stopped.borrow() {
        // Who hears last of the end would be told to do without those who heard first.
        return ended;
    }
    let now = shared.config.clock.now();
    shared.lock().disconnect(connection, &now);
    tracing::info!(%node, "a node left");
    ended
}

/// Where a node stands, as the chain and the socket say.
fn stands(shared: &Shared, node: NodeId, address: IpAddr) -> Place {
    let facts = shared.config.facts.as_ref();
    let operator =
        facts.and_then(|facts| facts.operator_of_node(node, shared.config.clock.epoch()));
    let region = shared.config.regions.of(address).unwrap_or_default();
    Place { region, operator, block: Block::of(address) }
}

/// Challenges the node and checks its hello.
async fn welcome(
    shared: &Shared,
    socket: &mut WebSocket,
) -> Result<(NodeId, Option<RelayOffer>, u64), String> {
    let mut nonce = B256::ZERO;
    rand::rng().fill_bytes(nonce.as_mut_slice());
    let tracker = shared.config.key.id();
    say(socket, &FromTracker::Challenge { nonce, tracker, version: VERSION }, WRITE_TIMEOUT)
        .await?;
    let text = timeout(HELLO_TIMEOUT, listen(socket)).await.map_err(|_| "no hello in time")??;
    let Some(ToTracker::Hello { node, relay, incarnation, signature }) = text else {
        return Err("the first text must be a hello".to_owned());
    };
    if !verify_hello(node, tracker, nonce, relay, incarnation, &signature) {
        return Err("the hello's signature is wrong".to_owned());
    }
    let registered = |facts: &crate::relay::SharedFacts| {
        facts.operator_of_node(node, shared.config.clock.epoch()).is_some()
    };
    if relay.is_some() && !shared.config.facts.as_ref().is_none_or(registered) {
        return Err("only nodes registered to an operator may relay".to_owned());
    }
    Ok((node, relay, incarnation))
}

async fn converse(
    shared: &Shared,
    socket: &mut WebSocket,
    connection: Connection,
    inbox: &mut mpsc::Receiver<FromTracker>,
) -> Result<(), String> {
    let mut stopped = shared.stopped.clone();
    let mut allowance = Allowance { left: BURST, at: Instant::now() };
    let mut heard = Instant::now();
    let mut pinged = false;
    loop {
        let patience = PING_AFTER.saturating_mul(if pinged { 2 } else { 1 });
        let silence = later(heard, patience);
        tokio::select! {
            text = inbox.recv() => match text {
                Some(text) => say(socket, &text, WRITE_TIMEOUT).await?,
                None => return Err("replaced by a newer connection, or too slow".to_owned()),
            },
            frame = socket.recv() => {
                heard = Instant::now();
                pinged = false;
                match frame {
                    None => return Ok(()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(frame)) => match frame.heard() {
                        Heard::Text(text) => {
                            if !allowance.take() {
                                return Err("too many texts".to_owned());
                            }
                            if let Err(reason) = obey(shared, connection, &text) {
                                let refused = FromTracker::Refused { reason };
                                say(socket, &refused, WRITE_TIMEOUT).await?;
                            }
                        }
                        Heard::Sign => {}
                        Heard::Other(reason) => return Err(reason.to_owned()),
                    },
                }
            }
            () = tokio::time::sleep_until(silence) => {
                if pinged {
                    return Err("the node fell silent".to_owned());
                }
                pinged = true;
                let ping = Message::Ping(axum::body::Bytes::new());
                write(socket, ping, WRITE_TIMEOUT).await?;
            }
            _ = stopped.changed() => return Ok(()),
        }
    }
}

/// Does what a node says; gives what it is told if that is refused.
fn obey(shared: &Shared, from: Connection, text: &str) -> Result<(), String> {
    let text: ToTracker = read(text)?;
    let node = from.node;
    let done = shared.checking(|checks| {
        // The lock is free while signatures are checked.
        let leased = shared.lock().tracker.screen(from, &text, &checks.now)?;
        let checked = checks.check(text, node, leased)?;
        let mut mind = shared.lock();
        let done = mind.tracker.hear(from, checked, &checks.now);
        mind.send();
        done
    });
    match done {
        Err(refusal) if refusal.is_told() => Err(refusal.in_full()),
        Err(refusal) => {
            tracing::debug!(%node, %refusal, "a claim was not answered");
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

/// How many texts a node may still say.
struct Allowance {
    left: f64,
    at: Instant,
}

impl Allowance {
    fn take(&mut self) -> bool {
        let now = Instant::now();
        let gained = now.duration_since(self.at).as_secs_f64() * TEXTS_PER_SECOND;
        self.at = now;
        self.left = (self.left + gained).min(BURST) - 1.0;
        self.left >= 0.0
    }
}
