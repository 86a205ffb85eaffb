//! A node's connection to a tracker, kept up with backoff.
//!
//! Invariant: after every [`TrackerEvent::Up`] the tracker knows nothing of us, so the engine says
//! again which streams it takes part in.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use rand::Rng;
use tatum_overlay::attendance::TrackerNo;
use tatum_primitives::NodeId;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use crate::tls::{self, Bytes};
use crate::websocket::{Frame, Heard, listen, read, say};
use crate::{NodeKey, TrackerAddress};
use tatum_protocol::tracker::{
    FromTracker, MAX_TRACKER_TEXT_BYTES, RelayOffer, ToTracker, VERSION, sign_hello,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The tracker pings after ten seconds of silence; three times that means it is gone.
const SILENCE: Duration = Duration::from_secs(30);
const FIRST_BACKOFF: Duration = Duration::from_millis(200);
const LAST_BACKOFF: Duration = Duration::from_secs(15);

/// What became of the tracker.
#[derive(Debug)]
pub(crate) enum TrackerEvent {
    /// It welcomed us, and may have a STUN service.
    Up { tracker: NodeId, stun: Option<SocketAddr> },
    /// It is gone; we try again.
    Down,
    /// It could not be reached; we try again.
    Unreachable { reason: String },
    /// It said something.
    Text(FromTracker),
}

/// How to reach a tracker, and as whom.
#[derive(Debug, Clone)]
pub(crate) struct TrackerLink {
    pub(crate) address: TrackerAddress,
    pub(crate) key: NodeKey,
    pub(crate) relay: Option<RelayOffer>,
    pub(crate) incarnation: u64,
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
        let mut backoff = FIRST_BACKOFF;
        loop {
            match self.connect().await {
                Ok((socket, tracker, stun)) => {
                    tracing::info!(url = self.address.url(), %tracker, "connected to the tracker");
                    backoff = FIRST_BACKOFF;
                    // What was meant for an earlier connection is said again by the engine.
                    while texts.try_recv().is_ok() {}
                    if !events.tell(TrackerEvent::Up { tracker, stun }).await {
                        return;
                    }
                    let ended = converse(socket, &mut texts, &events).await;
                    if matches!(ended, Ok(())) || !events.tell(TrackerEvent::Down).await {
                        return;
                    }
                    if let Err(reason) = ended {
                        tracing::warn!(url = self.address.url(), reason, "lost the tracker");
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

    async fn connect(&self) -> Result<(Socket, NodeId, Option<SocketAddr>), String> {
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
        let (tracker, stun) = introduced.map_err(|_| "no welcome in time".to_owned())??;
        let stun = stun.map(|stun| reachable(stun, peer));
        Ok((socket, tracker, stun))
    }

    async fn introduce(&self, socket: &mut Socket) -> Result<(NodeId, Option<SocketAddr>), String> {
        let Some(FromTracker::Challenge { nonce, tracker, version }) = listen(socket).await? else {
            return Err("the tracker did not challenge us".to_owned());
        };
        if version != VERSION {
            return Err(format!("the tracker speaks version {version}, we speak {VERSION}"));
        }
        if self.address.key().is_some_and(|pinned| pinned != tracker) {
            return Err(format!("the tracker's key is {tracker}, not the configured one"));
        }
        let hello = sign_hello(&self.key, tracker, nonce, self.relay, self.incarnation);
        say(socket, &hello, SILENCE).await?;
        match listen(socket).await? {
            Some(FromTracker::Welcome { stun }) => Ok((tracker, stun)),
            Some(FromTracker::Refused { reason }) => {
                Err(format!("the tracker refused us: {reason}"))
            }
            None => Err("the tracker closed the connection before it welcomed us".to_owned()),
            // Whatever it says before its welcome is not for us yet.
            Some(
                FromTracker::Challenge { .. }
                | FromTracker::Carry { .. }
                | FromTracker::Leased(_)
                | FromTracker::Permissions(_)
                | FromTracker::Release { .. }
                | FromTracker::Assign(_)
                | FromTracker::Signal { .. }
                | FromTracker::KeyAsked { .. }
                | FromTracker::KeyGiven { .. },
            ) => Err("the tracker did not welcome us".to_owned()),
        }
    }
}

/// Until the tracker is gone (an error) or the engine is (fine).
async fn converse(
    mut socket: Socket,
    texts: &mut mpsc::Receiver<ToTracker>,
    events: &Events,
) -> Result<(), String> {
    loop {
        tokio::select! {
            text = texts.recv() => match text {
                Some(text) => say(&mut socket, &text, SILENCE).await?,
                None => {
                    // A tracker that does not answer the farewell notices by itself.
                    let _ = timeout(Duration::from_secs(1), socket.close(None)).await;
                    return Ok(());
                }
            },
            heard = timeout(SILENCE, socket.next()) => {
                match heard.map_err(|_| "the tracker fell silent".to_owned())? {
                    None => return Err("the tracker closed the connection".to_owned()),
                    Some(Err(error)) => return Err(error.to_string()),
                    Some(Ok(frame)) => match frame.heard() {
                        Heard::Text(text) => {
                            if !events.tell(TrackerEvent::Text(read(&text)?)).await {
                                return Ok(());
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
