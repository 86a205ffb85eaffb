//! One node's WebSocket at the tracker: challenge, hello, then texts both ways.
//!
//! Invariant: nothing a node says counts before its hello was verified; a node that says too much,
//! too fast, or nothing at all is disconnected.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::response::{IntoResponse, Response};
use rand::RngCore;
use tatum_overlay::Block;
use tatum_overlay::frame::Attach;
use tatum_overlay::topology::Place;
use tatum_primitives::{B256, NodeId, StreamKey};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::refusal::refused;
use super::state::Account;
use super::{Shared, leases};
use crate::texts::{Frame, Heard, listen, read, say, write};
use tatum_protocol::ProblemKind;
use tatum_protocol::tracker::{
    FromTracker, MAX_TEXT_BYTES, RelayOffer, ToTracker, VERSION, verify_hello,
};

/// A node has this long to answer the challenge.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Silence after which a node is asked whether it lives, and dropped at twice that.
const PING_AFTER: Duration = Duration::from_secs(10);
/// How long a text may take to leave.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// How far the time of a signed account may be from ours.
const ACCOUNT_AGE_MS: u64 = 120_000;
/// Texts that may wait for a slow node.
const OUTBOX: usize = 1024;
/// Texts a node may say per second, on average and at once.
const TEXTS_PER_SECOND: f64 = 100.0;
const BURST: f64 = 1_000.0;

pub(super) async fn upgrade(
    State(shared): State<Shared>,
    ConnectInfo(address): ConnectInfo<SocketAddr>,
    upgrade: WebSocketUpgrade,
) -> Response {
    // Who has not said hello yet takes up a place as well.
    let Ok(place) = Arc::clone(&shared.places).try_acquire_owned() else {
        let reason = "as many nodes are connected as may be";
        return refused(ProblemKind::Busy, reason).into_response();
    };
    upgrade.max_message_size(MAX_TEXT_BYTES).on_upgrade(move |socket| async move {
        let _place = place;
        if let Err(reason) = serve(&shared, socket, address.ip()).await {
            tracing::debug!(%address, reason, "a node's connection ended");
        }
    })
}

async fn serve(shared: &Shared, mut socket: WebSocket, address: IpAddr) -> Result<(), String> {
    let (node, relay, incarnation) = match welcome(shared, &mut socket).await {
        Ok(hello) => hello,
        Err(reason) => {
            // Whoever failed to say hello may be gone already.
            let _ =
                say(&mut socket, &FromTracker::Refused { reason: reason.clone() }, WRITE_TIMEOUT)
                    .await;
            return Err(reason);
        }
    };
    say(&mut socket, &FromTracker::Welcome { stun: shared.stun }, WRITE_TIMEOUT).await?;
    let (outbox, mut inbox) = mpsc::channel(OUTBOX);
    let now_ms = shared.config.clock.wall_ms();
    let place = place(shared, node, address);
    let connection = shared.lock().connect((node, place), relay, incarnation, outbox, now_ms);
    tracing::info!(%node, relay = relay.is_some(), "a node joined");
    let ended = converse(shared, &mut socket, (node, connection), &mut inbox).await;
    let now_ms = shared.config.clock.wall_ms();
    shared.lock().disconnect(node, connection, now_ms);
    tracing::info!(%node, "a node left");
    ended
}

/// Where a node stands, as the chain and the socket say.
fn place(shared: &Shared, node: NodeId, address: IpAddr) -> Place {
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
    (node, connection): (NodeId, u64),
    inbox: &mut mpsc::Receiver<FromTracker>,
) -> Result<(), String> {
    let mut stopped = shared.stopped.clone();
    let mut allowance = Allowance { left: BURST, at: Instant::now() };
    let mut heard = Instant::now();
    let mut pinged = false;
    loop {
        let silence = heard + if pinged { PING_AFTER * 2 } else { PING_AFTER };
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
                            if let Err(reason) = obey(shared, (node, connection), &text) {
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

fn obey(shared: &Shared, (node, connection): (NodeId, u64), text: &str) -> Result<(), String> {
    let text: ToTracker = read(text)?;
    let now_ms = shared.config.clock.wall_ms();
    let mut state = shared.lock();
    match text {
        ToTracker::Hello { .. } => Err("a hello is said once".to_owned()),
        ToTracker::Join { stream, account } => {
            drop(state);
            let account =
                account.map(|account| checked(shared, node, stream.key(), &account)).transpose()?;
            shared.lock().join(node, &stream, account, now_ms)
        }
        ToTracker::Offer { stream } => {
            state.offer(node, &stream, now_ms);
            Ok(())
        }
        ToTracker::Region { name } => {
            state.say_region(node, &name);
            Ok(())
        }
        ToTracker::Avoid { node: other } => {
            state.avoid(node, other, now_ms);
            Ok(())
        }
        ToTracker::Load { stream, bytes_per_second } => {
            state.report(node, stream, bytes_per_second);
            state.recruit(stream, now_ms);
            Ok(())
        }
        ToTracker::Lease { claim, evidence } => {
            drop(state);
            leases::answer(shared, (node, connection), &claim, &evidence);
            Ok(())
        }
        ToTracker::Leave { stream } => {
            state.leave(node, stream, now_ms);
            Ok(())
        }
        ToTracker::Signal { to, signal } => {
            drop(state);
            if !signal.verify(node, to) {
                return Err("the signal's signature is wrong".to_owned());
            }
            shared.lock().signal(node, to, signal)
        }
        ToTracker::AskKey(request) => state.ask_key(node, request),
        ToTracker::GiveKey { to, answer } => state.give_key(node, to, answer),
    }
}

/// Who pays for what a client asks for, if it may ask in that name.
fn checked(
    shared: &Shared,
    node: NodeId,
    stream: StreamKey,
    account: &Attach,
) -> Result<Account, String> {
    let signer = account.signer(node, shared.config.key.id()).map_err(|error| error.to_string())?;
    let age_ms = shared.config.clock.wall_ms().abs_diff(account.signed_at_ms);
    if account.stream != stream || age_ms > ACCOUNT_AGE_MS {
        return Err("the account was signed for another stream, or too long ago".to_owned());
    }
    let checked = Account { payer: account.payer, signer, role: account.role };
    let Some(facts) = &shared.config.facts else { return Ok(checked) };
    let epoch = shared.config.clock.epoch();
    if !facts.is_authorized(account.payer, signer, epoch) {
        return Err("the key is not authorised by the payer".to_owned());
    }
    if facts.quota_bytes(account.payer, epoch).is_none() {
        return Err("the payer has no stake that counts in this epoch".to_owned());
    }
    Ok(checked)
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
