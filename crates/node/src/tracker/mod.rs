//! The tracker: sockets, disk and clock around its mind, `tatum-tracker`.
//!
//! Invariant: it carries no messages and no receipts, and cannot read or alter a link that it
//! helped to make, because signals are signed by the nodes at both ends. Nobody waits for the mind while signatures are
//! checked or the disk is written.

mod metrics;
mod mind;
mod permissions;
mod refusal;
mod session;
mod status;
mod stun;

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{any, get};
use tatum_database::NodeStore;
use tatum_overlay::permissions::SignedPermissions;
use tatum_primitives::{Domain, Epoch, millis};
use tatum_receipt::Verifier;
use tokio::net::{TcpListener, UdpSocket};
use tokio::sync::watch;

pub use tatum_tracker::{Finding, JUDGED_EPOCHS, Regions, Shape};

use crate::relay::{SharedFacts, open_store};
use crate::{Clock, NodeError, NodeKey};
use mind::Mind;
use tatum_tracker::Checks;

/// How often idle streams and new surveys are looked for.
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
    /// How operators served in past epochs; without it all are recruited alike.
    pub surveys: Option<watch::Receiver<Surveys>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// What surveys found, by the epoch that they are about.
pub type Surveys = BTreeMap<Epoch, Vec<Finding>>;

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
            surveys: None,
            clock,
        }
    }

    fn of_mind(&self) -> tatum_tracker::Config {
        tatum_tracker::Config {
            key: self.key.clone(),
            shape: self.shape,
            relays_per_stream: self.relays_per_stream,
            linger_ms: millis(self.linger),
            regions: self.regions.clone(),
            follows_chain: self.facts.is_some(),
            verifier: self.domain.map(Verifier::new),
        }
    }
}

/// Reads which region an address is in from a file of `network,region` lines.
///
/// # Errors
/// [`NodeError::Regions`] names the file and the line.
pub fn read_regions(path: &FilePath) -> Result<Regions, NodeError> {
    let wrong = |reason| NodeError::Regions { path: path.display().to_string(), reason };
    let text = std::fs::read_to_string(path).map_err(|error| wrong(error.to_string()))?;
    Regions::parse(&text).map_err(wrong)
}

/// What all connections of a tracker share.
#[derive(Debug, Clone)]
struct Shared {
    config: Arc<Config>,
    mind: Arc<Mutex<Mind>>,
    stun: Option<SocketAddr>,
    store: Option<NodeStore>,
    stopped: watch::Receiver<bool>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Mind> {
        self.mind.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has something checked against the chain and the time.
    fn checking<T>(&self, check: impl FnOnce(&Checks<'_>) -> T) -> T {
        let clock = &self.config.clock;
        check(&Checks {
            tracker: self.config.key.id(),
            now: clock.now(),
            schedule: clock.schedule(),
            facts: self.config.facts.as_ref().map(|shared| shared.facts() as _),
        })
    }
}

/// A tracker that listens.
#[derive(Debug)]
pub struct Tracker {
    listener: TcpListener,
    stun: Option<UdpSocket>,
    mind: Mind,
    store: Option<NodeStore>,
    config: Config,
}

impl Tracker {
    /// Reads the permission lists that an earlier run kept, and opens the sockets.
    ///
    /// # Errors
    /// [`NodeError::Listen`] if an address is taken, or if the store cannot be opened.
    pub async fn bind(config: Config) -> Result<Self, NodeError> {
        let (mind, store) = remember(&config).await?;
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
        Ok(Self { listener, stun, mind, store, config })
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
        let limits = doors(self.config.max_nodes);
        let (stop, stopped) = watch::channel(false);
        let stun_address = self.stun_address();
        let store = self.store;
        let shared = Shared {
            config: Arc::new(self.config),
            mind: Arc::new(Mutex::new(self.mind)),
            stun: stun_address,
            store: store.clone(),
            stopped,
        };
        tracing::info!(%address, tracker = %shared.config.key.id(), "the tracker listens");
        let stun = self.stun.map(|socket| tokio::spawn(stun::answer(socket)));
        let sweep = tokio::spawn(sweep(shared.clone()));
        let routes = Router::new()
            .merge(status::routes())
            .route("/metrics", get(metrics::metrics))
            .merge(permissions::routes())
            .route("/v1/tracker", any(session::upgrade));
        let routes = refusal::with_fallbacks(routes).with_state(shared);
        let stopping = async move {
            shutdown.await;
            // Open WebSockets would keep a graceful shutdown waiting for ever.
            let _ = stop.send(true);
        };
        let served = tatum_serve::serve(self.listener, routes, limits, stopping).await;
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

/// Connections before their upgrade, and those that only read: what a node holds afterwards the mind counts.
fn doors(max_nodes: usize) -> tatum_serve::Limits {
    let connections = max_nodes.max(64);
    tatum_serve::Limits { connections, per_block: connections / 4, ..Default::default() }
}

/// A mind that knows the permission lists that an earlier run kept.
async fn remember(config: &Config) -> Result<(Mind, Option<NodeStore>), NodeError> {
    let mut mind = Mind::new(config.of_mind(), config.max_nodes);
    let (Some(_), Some(folder)) = (config.domain, &config.data_dir) else {
        return Ok((mind, None));
    };
    let store = open_store(folder).await?;
    for text in store.permissions().await? {
        let read = serde_json::from_str::<SignedPermissions>(&text);
        let restored = read
            .map_err(|error| error.to_string())
            .and_then(|list| mind.tracker.restore_list(list).map_err(|error| error.in_full()));
        if let Err(reason) = restored {
            tracing::error!(reason, "a permission list on disk does not count");
        }
    }
    Ok((mind, Some(store)))
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
    let mut surveys = shared.config.surveys.clone();
    loop {
        ticks.tick().await;
        let now = shared.config.clock.now();
        let mut mind = shared.lock();
        let news = surveys.as_mut().filter(|surveys| surveys.has_changed().unwrap_or(false));
        if let Some(surveys) = news {
            for (epoch, found) in surveys.borrow_and_update().iter() {
                mind.tracker.judge(*epoch, found, &now);
            }
        }
        mind.tracker.sweep(&now);
        mind.send();
    }
}
