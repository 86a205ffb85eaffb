//! A node's connection to a tracker, kept up with backoff.
//!
//! Invariant: after every [`TrackerEvent::Up`] the tracker knows nothing of us, so the engine says
//! again which streams it takes part in. Of two processes with one key neither pushes the other out for ever: each
//! waits longer from time to time, and says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use rand::Rng;
use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::NodeId;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::tls::{self, Bytes};
use crate::websocket::{Frame, Heard, listen, read, say};
use crate::{Clock, NodeKey, TrackerAddress};
use tatum_protocol::tracker::{
    FromTracker, MAX_TRACKER_TEXT_BYTES, RelayOffer, ToTracker, Welcome, ahead_ms,
    answer_challenge, welcome,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The tracker pings after ten seconds of silence; three times that means it is gone.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LAST_BACKOFF: Duration = Duration::from_secs(15);
/// Who was pushed out by its own key waits so long before it pushes back, twice as long each time.
const FIRST_TRUCE: Duration = Duration::from_secs(2);
const LAST_TRUCE: Duration = Duration::from_secs(300);
/// A connection that lasted for so long ended a dispute over the key.
const PEACE: Duration = Duration::from_secs(900);

/// What became of the tracker.
#[derive(Debug)]
pub(crate) enum TrackerEvent {
    /// It welcomed us, and may have a STUN service.
    Up(Welcomed),
    /// It is gone; we try again.
    Down,
    /// Another process with our key took our place.
    KeyInUse,
    /// It could not be reached; we try again.
    Unreachable { reason: String },
    /// It said something.
    Text(FromTracker),
}

/// What a tracker said when it welcomed us.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Welcomed {
    pub(crate) tracker: NodeId,
    pub(crate) stun: Option<SocketAddr>,
    /// How far its clock is ahead of the machine's, as far as can be told: half of the time that its answer took.
    pub(crate) clock_ahead_ms: i64,
}

/// How to reach a tracker, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct TrackerLink {
    pub(crate) address: TrackerAddress,
    pub(crate) key: NodeKey,
    pub(crate) relay: Option<RelayOffer>,
    pub(crate) incarnation: u64,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Where the engine hears of one tracker.
struct Events {
    no: TrackerNo,
    events: mpsc::Sender<(TrackerNo, TrackerEvent)>,
}

impl Events {
    /// Whether the engine still listens.
    async fn tell(&self, event: TrackerEvent) -> bool {
        self.events.send((self.no, event)).await.is_ok()
    }
}

type Socket = WebSocketStream<Box<dyn Bytes>>;

impl TrackerLink {
    /// Keeps the connection until the receiver of events is gone.
    pub(crate) async fn keep(
        self,
        no: TrackerNo,
        mut texts: mpsc::Receiver<ToTracker>,
        events: mpsc::Sender<(TrackerNo, TrackerEvent)>,
    ) {
        let events = Events { no, events };
        let (mut backoff, mut truce) = (FIRST_BACKOFF, FIRST_TRUCE);
        loop {
            match self.connect().await {
                Ok((socket, welcomed)) => {
                    let tracker = welcomed.tracker;
                    tracing::info!(url = self.address.url(), %tracker, "connected to the tracker");
                    backoff = FIRST_BACKOFF;
                    // What was meant for an earlier connection is said again by the engine.
                    while texts.try_recv().is_ok() {}
                    if !events.tell(TrackerEvent::Up(welcomed)).await {
                        return;
                    }
                    let since = Instant::now();
                    let ended = converse(socket, &mut texts, &events).await;
                    if matches!(ended, Ended::Left) || !events.tell(TrackerEvent::Down).await {
                        return;
                    }
                    if since.elapsed() >= PEACE {
                        truce = FIRST_TRUCE;
                    }
                    match ended {
                        Ended::Left => return,
                        Ended::Lost(reason) => {
                            tracing::warn!(url = self.address.url(), reason, "lost the tracker");
                        }
                        Ended::PushedOut => {
                            backoff = truce;
                            truce = truce.saturating_mul(2).min(LAST_TRUCE);
                            self.complain(backoff);
                        }
                    }
                }
                Err(reason) => {
                    let url = self.address.url();
                    tracing::warn!(url, reason, "cannot reach the tracker; trying again");
                    let reason = format!("{} cannot be reached: {reason}", self.address.http_url());
                    events.tell(TrackerEvent::Unreachable { reason }).await;
                }
            }
            let jitter = rand::rng().random_range(0.5..1.0);
            tokio::time::sleep(backoff.mul_f64(jitter)).await;
            if events.events.is_closed() {
                return;
            }
            backoff = backoff.saturating_mul(2).min(LAST_BACKOFF);
        }
    }

    fn complain(&self, wait: Duration) {
        let (node, url, wait_s) = (self.key.id(), self.address.url(), wait.as_secs());
        tracing::error!(
            %node, url, wait_s,
            "another process uses the key of node {node} and took its place at the tracker: end one of the two, or give it \
             a key of its own; waiting before taking the place back"
        );
    }

    async fn connect(&self) -> Result<(Socket, Welcomed), String> {
        let request =
            self.address.url().into_client_request().map_err(|error| error.to_string())?;
        let config = WebSocketConfig::default().max_message_size(Some(MAX_TRACKER_TEXT_BYTES));
        let connecting = async {
            let (stream, peer) = tls::connect(request.uri()).await?;
            let opening = client_async_with_config(request, stream, Some(config)).await;
            opening.map(|(socket, _)| (socket, peer)).map_err(|error| error.to_string())
        };
        let (mut socket, peer) =
            timeout(CONNECT_TIMEOUT, connecting).await.map_err(|_| "no connection in time")??;
        let introduced = timeout(CONNECT_TIMEOUT, self.introduce(&mut socket)).await;
        let mut welcomed = introduced.map_err(|_| "no welcome in time".to_owned())??;
        welcomed.stun = welcomed.stun.map(|stun| reachable(stun, peer));
        Ok((socket, welcomed))
    }

    async fn introduce(&self, socket: &mut Socket) -> Result<Welcomed, String> {
        let challenge = listen(socket).await?;
        let challenge = challenge.ok_or("the tracker did not challenge us")?;
        let pinned = self.address.key();
        let (tracker, hello) =
            answer_challenge(&challenge, pinned, &self.key, self.relay, self.incarnation)?;
        let said_ms = self.clock.machine_ms();
        say(socket, &hello, SILENCE).await?;
        let said = listen(socket).await?;
        let Welcome { stun, at_ms } =
            welcome(said.ok_or("the tracker closed the connection before it welcomed us")?)?;
        let clock_ahead_ms = ahead_ms(at_ms, said_ms, self.clock.machine_ms());
        Ok(Welcomed { tracker, stun, clock_ahead_ms })
    }
}

/// How a conversation ended.
enum Ended {
    /// The engine is gone.
    Left,
    /// The tracker is.
    Lost(String),
    /// Another process with our key has our place.
    PushedOut,
}

/// Until the tracker is gone, or the engine is, or somebody else with our key came.
async fn converse(socket: Socket, texts: &mut mpsc::Receiver<ToTracker>, events: &Events) -> Ended {
    talk(socket, texts, events).await.unwrap_or_else(Ended::Lost)
}

async fn talk(
    mut socket: Socket,
    texts: &mut mpsc::Receiver<ToTracker>,
    events: &Events,
) -> Result<Ended, String> {
    loop {
        tokio::select! {
            text = texts.recv() => match text {
                Some(text) => say(&mut socket, &text, SILENCE).await?,
                None => {
                    // A tracker that does not answer the farewell notices by itself.
                    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
                    return Ok(Ended::Left);
                }
            },
            heard = timeout(SILENCE, socket.next()) => {
                match heard.map_err(|_| "the tracker fell silent".to_owned())? {
                    None => return Err("the tracker closed the connection".to_owned()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(frame)) => match frame.heard() {
                        Heard::Text(text) => {
                            let (event, is_last) = match read(&text)? {
                                FromTracker::KeyInUse => (TrackerEvent::KeyInUse, true),
                                text => (TrackerEvent::Text(text), false),
                            };
                            if !events.tell(event).await {
                                return Ok(Ended::Left);
                            }
                            if is_last {
                                return Ok(Ended::PushedOut);
                            }
                        }
                        Heard::Sign => {}
                        Heard::Other(reason) => return Err(reason.to_owned()),
                    },
                }
            }
        }
    }
}

/// Where a service of the tracker is: on all of its addresses means on the one that we reach.
fn reachable(service: SocketAddr, peer: SocketAddr) -> SocketAddr {
    if service.ip().is_unspecified() {
        SocketAddr::new(peer.ip().to_canonical(), service.port())
    } else {
        service
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_on_all_addresses_is_where_the_tracker_is() {
        let address = |text: &str| text.parse::<SocketAddr>().unwrap();
        let peer = address("[::ffff:192.0.2.1]:443");
        assert_eq!(reachable(address("0.0.0.0:3478"), peer), address("192.0.2.1:3478"));
        assert_eq!(reachable(address("[::]:3478"), peer), address("192.0.2.1:3478"));
        let elsewhere = address("198.51.100.1:3478");
        assert_eq!(reachable(elsewhere, peer), elsewhere);
    }
}
