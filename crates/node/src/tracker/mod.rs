//! The tracker: introduces nodes to each other and shapes each stream's graph.
//!
//! Invariant: it carries no messages and no receipts, and cannot read or alter a link that it
//! helped to make, because signals are signed by the nodes at both ends.

mod demand;
mod geoip;
mod graph;
mod keys;
mod leases;
mod permissions;
mod refusal;
mod session;
mod state;
mod stun;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as AxumState};
use axum::routing::{any, get};
use axum::{Json, Router};
use tatum_database::NodeStore;
use tatum_primitives::{Domain, StreamKey};
use tatum_protocol::status::{Health, TrackerStatus};
use tatum_protocol::{Graph, ProblemKind};
use tatum_receipt::Verifier;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::{Semaphore, watch};

pub use geoip::Regions;
pub use tatum_overlay::topology::Shape;

use crate::relay::{SharedFacts, open_store};
use crate::{Clock, NodeError, NodeKey};
use permissions::Lists;
use refusal::{Refusal, refused};
use state::State;

/// How often idle streams are looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// What a tracker is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its key; nodes may pin the id.
    pub key: NodeKey,
    /// Where nodes connect (HTTP and WebSocket).
    pub listen: SocketAddr,
    /// Where STUN requests are answered.
    pub stun: Option<SocketAddr>,
    /// How graphs are shaped.
    pub shape: Shape,
    /// Relays that are recruited for a stream with clients, at least; more as its demand grows.
    pub relays_per_stream: usize,
    /// How long relays keep a stream without clients.
    pub linger: Duration,
    /// The most nodes at one time.
    pub max_nodes: usize,
    /// Which region an address is in.
    pub regions: Regions,
    /// If given, only nodes registered on chain may relay, and only clients of payers with a stake
    /// make it recruit relays.
    pub facts: Option<SharedFacts>,
    /// The deployment that permission lists are signed for; without it none is taken.
    pub domain: Option<Domain>,
    /// Where permission lists are kept; without it they live as long as the process.
    pub data_dir: Option<PathBuf>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Config {
    /// A tracker with the usual shape.
    #[must_use]
    pub fn new(key: NodeKey, listen: SocketAddr, clock: Arc<dyn Clock>) -> Self {
        Self {
            key,
            listen,
            stun: None,
            shape: Shape::default(),
            relays_per_stream: 4,
            linger: Duration::from_secs(60),
            max_nodes: 10_000,
            regions: Regions::default(),
            facts: None,
            domain: None,
            data_dir: None,
            clock,
        }
    }
}

/// What all connections of a tracker share.
#[derive(Debug, Clone)]
struct Shared {
    config: Arc<Config>,
    state: Arc<Mutex<State>>,
    /// One for each connection that may be open.
    places: Arc<Semaphore>,
    stun: Option<SocketAddr>,
    store: Option<NodeStore>,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tracker that listens.
#[derive(Debug)]
pub struct Tracker {
    listener: TcpListener,
    stun: Option<UdpSocket>,
    lists: Lists,
    store: Option<NodeStore>,
    config: Config,
}

impl Tracker {
    /// Reads the permission lists that an earlier run kept, and opens the sockets.
    ///
    /// # Errors
    /// [`NodeError::Listen`] if an address is taken, or if the store cannot be opened.
    pub async fn bind(config: Config) -> Result<Self, NodeError> {
        let (lists, store) = kept(&config).await?;
        let address = config.listen;
        let failed = |source| NodeError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let stun = match config.stun {
            None => None,
            Some(address) => {
                let failed = |source| NodeError::Listen { address, source };
                Some(UdpSocket::bind(address).await.map_err(failed)?)
            }
        };
        Ok(Self { listener, stun, lists, store, config })
    }

    /// The URL that nodes connect to.
    #[must_use]
    pub fn url(&self) -> String {
        let address = self.listener.local_addr().unwrap_or(self.config.listen);
        format!("ws://{address}/v1/tracker")
    }

    /// Where STUN requests are answered.
    #[must_use]
    pub fn stun_address(&self) -> Option<SocketAddr> {
        self.stun.as_ref().and_then(|socket| socket.local_addr().ok())
    }

    /// Serves until `shutdown`.
    ///
    /// # Errors
    /// If the listening socket fails.
    pub async fn serve(
        self,
        shutdown: impl Future<Output = ()> + Send + 'static,
    ) -> Result<(), NodeError> {
        let address = self.config.listen;
        let (stop, stopped) = watch::channel(false);
        let stun_address = self.stun_address();
        let store = self.store;
        let state = State::new(&self.config, self.lists);
        let max_nodes = self.config.max_nodes.min(Semaphore::MAX_PERMITS);
        let shared = Shared {
            config: Arc::new(self.config),
            state: Arc::new(Mutex::new(state)),
            places: Arc::new(Semaphore::new(max_nodes)),
            stun: stun_address,
            store: store.clone(),
            stopped,
        };
        tracing::info!(%address, tracker = %shared.config.key.id(), "the tracker listens");
        let stun = self.stun.map(|socket| tokio::spawn(stun::answer(socket)));
        let sweep = tokio::spawn(sweep(shared.clone()));
        let routes = Router::new()
            .route("/health", get(health))
            .route("/status", get(status))
            .route("/v1/streams/{stream}", get(graph))
            .merge(permissions::routes())
            .route("/v1/tracker", any(session::upgrade));
        let routes = refusal::with_fallbacks(routes).with_state(shared);
        let stopping = async move {
            shutdown.await;
            // Open WebSockets would keep a graceful shutdown waiting for ever.
            let _ = stop.send(true);
        };
        let served =
            axum::serve(self.listener, routes.into_make_service_with_connect_info::<SocketAddr>())
                .with_graceful_shutdown(stopping)
                .await;
        sweep.abort();
        if let Some(stun) = stun {
            stun.abort();
        }
        if let Some(store) = store {
            store.close().await;
        }
        served.map_err(|source| NodeError::Listen { address, source })
    }
}

/// The permission lists that an earlier run kept.
async fn kept(config: &Config) -> Result<(Lists, Option<NodeStore>), NodeError> {
    let Some(verifier) = config.domain.map(Verifier::new) else {
        return Ok((Lists::default(), None));
    };
    let Some(folder) = &config.data_dir else {
        return Ok((Lists::new(verifier, &[]), None));
    };
    let store = open_store(folder).await?;
    let lists = Lists::new(verifier, &store.permissions().await?);
    Ok((lists, Some(store)))
}

/// Runs a tracker until `shutdown`.
///
/// # Errors
/// As [`Tracker::bind`] and [`Tracker::serve`].
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    Tracker::bind(config).await?.serve(shutdown).await
}

async fn sweep(shared: Shared) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let now = shared.config.clock.now();
        let mut state = shared.lock();
        state.sweep(now.wall_ms);
        state.sweep_leases(&now);
    }
}

async fn health() -> Json<Health> {
    Json(Health::ok())
}

async fn status(AxumState(shared): AxumState<Shared>) -> Json<TrackerStatus> {
    let summary = shared.lock().summary();
    Json(TrackerStatus { tracker: shared.config.key.id(), summary })
}

async fn graph(
    AxumState(shared): AxumState<Shared>,
    stream: Result<Path<StreamKey>, PathRejection>,
) -> Result<Json<Graph>, Refusal> {
    let stream = stream.map_err(|error| refused(ProblemKind::BadRequest, error.body_text()))?;
    Ok(Json(shared.lock().graph(stream.0)))
}
