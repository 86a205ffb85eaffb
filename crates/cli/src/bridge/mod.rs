//! The bridge: programs of this machine publish and subscribe over HTTP, WebSocket and MQTT.
//!
//! Invariant: nobody without the token gets past the [`door`], nor past MQTT's; no message is said to be accepted that no relay accepted; what
//! is open at a time is bounded: streams that are published to, readers, and what waits for each reader.

mod accept;
mod door;
mod message;
pub(crate) mod mqtt;
mod opened;
mod publishers;
mod queue;
mod readers;
mod refusal;
mod routes;
mod token;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tatum_node::client::Config as ClientConfig;
use tatum_protocol::{Problem, ProblemKind};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use door::Door;
use publishers::Publishers;
use readers::Readers;
pub(crate) use token::Token;

/// How long connections may take to end when the bridge ends.
const LAST_ANSWERS: Duration = Duration::from_secs(2);
/// How long relays may take to accept the last messages and receipts.
const PATIENCE: Duration = Duration::from_secs(15);

/// How the bridge runs.
#[derive(Debug)]
pub(crate) struct Config {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// How it speaks MQTT, if it does.
    pub(crate) mqtt: Option<mqtt::Config>,
    /// Whether it may be asked by the address of another machine.
    pub(crate) is_remote: bool,
    /// What whoever asks must know.
    pub(crate) token: Token,
    /// What its clients of the network are; each has a name and, below `data_dir`, a folder of its own.
    pub(crate) client: ClientConfig,
    /// Streams published to at a time.
    pub(crate) streams: usize,
    /// Readers at a time.
    pub(crate) readers: usize,
}

/// What requests are answered with.
#[derive(Debug)]
struct Bridge {
    publishers: Publishers,
    readers: Readers,
}

/// Begins tasks for as long as the bridge runs.
#[derive(Clone, Debug)]
struct Work {
    stopped: watch::Receiver<bool>,
    working: mpsc::WeakSender<Infallible>,
}

impl Work {
    /// What a new task holds.
    fn begin(&self) -> Result<Lifetime, Problem> {
        let working = self.working.upgrade();
        let ending = || Problem::new(ProblemKind::Busy, "the bridge is ending");
        Ok(Lifetime { stopped: self.stopped.clone(), _working: working.ok_or_else(ending)? })
    }
}

/// What every task holds: it is told the end by it, and is waited for.
#[derive(Debug)]
struct Lifetime {
    stopped: watch::Receiver<bool>,
    _working: mpsc::Sender<Infallible>,
}

impl Lifetime {
    /// Resolves when the bridge is to end. Can be cancelled.
    async fn ended(&mut self) {
        // Who would tell it is gone: that is the end too.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }
}

/// Runs the bridge until `shutdown` resolves. What was published is waited for then, and what was read is receipted.
pub(crate) async fn serve(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (listener, address) = listen(config.listen).await?;
    let mqtt = match config.mqtt {
        Some(mqtt) => Some((listen(mqtt.listen).await?, mqtt.connections)),
        None => None,
    };
    let (stop, stopped) = watch::channel(false);
    let (working, mut worked) = mpsc::channel(1);
    let work = Work { stopped: stopped.clone(), working: working.downgrade() };
    let bridge = Arc::new(Bridge {
        publishers: Publishers::new(config.client.clone(), config.streams, work.clone()),
        readers: Readers::new(config.client, config.readers, work.clone()),
    });
    bridge.publishers.reopen();
    let token = Arc::new(config.token);
    if let Some(((listener, address), connections)) = mqtt {
        let lifetime = Lifetime { stopped: stopped.clone(), _working: working.clone() };
        let hall = mqtt::Hall::new(Arc::clone(&bridge), Arc::clone(&token), work);
        tokio::spawn(mqtt::serve(listener, connections, Arc::new(hall), lifetime));
        tracing::info!(%address, "MQTT is spoken");
    }
    let door = Door::new(token, address.port(), config.is_remote);
    let router = routes::router(bridge, door);
    tracing::info!(%address, "the bridge is open");
    let serving = tatum_serve::serve(listener, router, tatum_serve::Limits::default(), async {
        shutdown.await;
        let _ = stop.send(true);
    });
    let served = tokio::select! {
        served = serving => served,
        // Who still reads then is cut off.
        () = cut_off(stopped) => Ok(()),
    };
    drop(working);
    // Each task ends by itself; that one does not in time is its relays' fault.
    let _ = timeout(PATIENCE + LAST_ANSWERS, worked.recv()).await;
    served.context("serving")
}

/// Listens, and says where.
async fn listen(address: SocketAddr) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("listening on {address}"))?;
    let address = listener.local_addr().context("reading the listening address")?;
    Ok((listener, address))
}

/// Resolves when who still reads at the end has had its time.
async fn cut_off(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
    sleep(LAST_ANSWERS).await;
}
