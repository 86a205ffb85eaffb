//! MQTT 3.1.1 and 5: another door to the same publishers and readers.
//!
//! Invariant: nobody without the token gets past [`connect`]; connections are bounded, and so is the time in which a client says who
//! it is. No session outlives its connection.

mod changes;
mod connect;
mod message;
mod numbers;
mod outgoing;
mod packet;
mod packets;
mod publishing;
mod reading;
mod seats;
mod session;
mod topic;
mod writer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesOrdered;
use mqute_codec::protocol::v5::ReasonCode;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout};

use super::{Bridge, Lifetime, Token, Work};
use connect::{Connect, Limits};
use message::Version;
use numbers::{MOST_AWAITED, Numbers};
use outgoing::Outgoing;
use packet::Broken;
use packets::Packets;
use reading::Subscriptions;
use seats::{Seat, Seats};
use session::{End, Session};
use writer::Writer;

/// How long a client may take to say who it is.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);
/// What a client of version 5 that would be silent for ever, or longer, is told.
const LONGEST_KEEP_ALIVE_S: u16 = 300;
/// How long no connection is taken when the system has no place left for one.
const OUT_OF_PLACES: Duration = Duration::from_secs(1);

/// How MQTT is spoken.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Connections at a time.
    pub(crate) connections: usize,
}

/// What every connection needs.
#[derive(Debug)]
pub(super) struct Hall {
    bridge: Arc<Bridge>,
    token: Arc<Token>,
    work: Work,
    seats: Seats,
}

impl Hall {
    pub(super) fn new(bridge: Arc<Bridge>, token: Arc<Token>, work: Work) -> Self {
        Self { bridge, token, work, seats: Seats::default() }
    }
}

/// Takes connections for as long as the bridge runs.
pub(super) async fn serve(
    listener: TcpListener,
    connections: usize,
    hall: Arc<Hall>,
    mut lifetime: Lifetime,
) {
    let places = Arc::new(Semaphore::new(connections));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = lifetime.ended() => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "no MQTT connection can be taken; trying again");
                sleep(OUT_OF_PLACES).await;
                continue;
            }
        };
        // Who finds no place is told so by the end: of what version it is was not said yet.
        let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
            tracing::warn!(connections, "an MQTT connection found no place (--mqtt-connections)");
            continue;
        };
        let Ok(lifetime) = hall.work.begin() else { return };
        let hall = Arc::clone(&hall);
        tokio::spawn(async move {
            connection(stream, &hall, lifetime).await;
            drop(place);
        });
    }
}

async fn connection(stream: TcpStream, hall: &Hall, mut lifetime: Lifetime) {
    // Answers are small and wait for nothing.
    let _ = stream.set_nodelay(true);
    let (from, to) = stream.into_split();
    let mut packets = Packets::new(from);
    let greeted = tokio::select! {
        greeted = timeout(CONNECT_PATIENCE, packets.first()) => greeted,
        () = lifetime.ended() => return,
    };
    let (version, connect) = match greeted {
        Ok(Ok(greeted)) => greeted,
        Ok(Err((version, Broken::Refused(code)))) => return refuse(to, version, code).await,
        Ok(Err((_, Broken::Gone))) | Err(_) => return,
    };
    if let Err(code) = connect.check(version, &hall.token) {
        tracing::debug!(%code, "an MQTT client was not let in");
        return refuse(to, version, code).await;
    }
    admit((packets, to), (version, connect), hall, lifetime).await;
}

async fn refuse(to: OwnedWriteHalf, version: Version, code: ReasonCode) {
    let mut writer = Writer::new(to, version, Limits::default());
    writer.end(Outgoing::ConnAck { code, client_id: None, keep_alive_s: None }).await;
}

/// Serves a client that is let in, and publishes its will if it goes without a word.
async fn admit(
    (packets, to): (Packets<OwnedReadHalf>, OwnedWriteHalf),
    (version, mut connect): (Version, Connect),
    hall: &Hall,
    mut lifetime: Lifetime,
) {
    let mut writer = Writer::new(to, version, connect.limits);
    let (seat, client_id) = seat(&hall.seats, &connect);
    let keep_alive_s = keep_alive_s(version, &connect);
    let hello = Outgoing::ConnAck { code: ReasonCode::Success, client_id, keep_alive_s };
    let Ok(working) = hall.work.begin() else { return };
    if writer.send(hello).await.is_err() {
        return;
    }
    // As many as may be awaited, and a will.
    let (jobs, queue) = mpsc::channel(MOST_AWAITED + 1);
    let (tell, words) = mpsc::channel(1);
    tokio::spawn(publishing::run(Arc::clone(&hall.bridge), queue, tell, working));
    let keep_alive = keep_alive_s.map_or(connect.keep_alive, |s| Duration::from_secs(s.into()));
    let mut session = Session {
        bridge: Arc::clone(&hall.bridge),
        version,
        packets,
        writer,
        jobs,
        words,
        awaited: 0,
        changes: FuturesOrdered::new(),
        subscriptions: Subscriptions::new(),
        numbers: Numbers::new(connect.limits.unacknowledged),
        // Half as much again, as both versions say.
        silence: (!keep_alive.is_zero()).then(|| keep_alive.saturating_mul(3) / 2),
        heard: Instant::now(),
        seat,
    };
    let end = session.run(&mut lifetime).await;
    tracing::debug!(?end, "an MQTT connection has ended");
    if let Some(will) = connect.will.take().filter(|_| end != End::Left)
        && let Err(problem) = session.hand_over(will, None)
    {
        tracing::warn!(reason = problem.detail, "a will was not published");
    }
}

/// The client's seat, and its name if it has that from us.
fn seat(seats: &Seats, connect: &Connect) -> (Seat, Option<String>) {
    let is_named = !connect.client_id.is_empty();
    let name = if is_named { connect.client_id.clone() } else { uuid::Uuid::new_v4().to_string() };
    (seats.take(name.clone()), (!is_named).then_some(name))
}

/// After how many seconds of silence a client is gone, if it is not as it said.
fn keep_alive_s(version: Version, connect: &Connect) -> Option<u16> {
    let is_shorter = (1..=u64::from(LONGEST_KEEP_ALIVE_S)).contains(&connect.keep_alive.as_secs());
    (version == Version::V5 && !is_shorter).then_some(LONGEST_KEEP_ALIVE_S)
}
