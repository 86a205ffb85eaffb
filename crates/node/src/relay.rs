//! The relay node: carries streams, takes receipts, hands them to the aggregator.
//!
//! Invariant: it acknowledges only receipts that are on its disk, so killing it loses nothing that
//! a client may rely on.

use std::future::Future;
use std::net::{Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tatum_database::NodeStore;
use tatum_overlay::channel_book::Offer;
use tatum_overlay::credit;
use tatum_overlay::node::{Ceilings, Config as OverlayConfig};
use tatum_overlay::propagation::Limits;
use tatum_primitives::{Bps, Domain, Nano, millis};
use tatum_receipt::Verifier;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

pub use crate::facts::{Facts, SharedFacts};

use crate::engine::{Command, Engine, Notice, Setup};
use crate::status::{self, StatusSource};
use crate::submit::Submitter;
use crate::{Clock, NodeError, NodeKey, Trackers};
use tatum_protocol::Stream;
use tatum_protocol::tracker::RelayOffer;

/// All of a deposit.
pub(crate) const WHOLE: Bps = match Bps::new(10_000) {
    Some(whole) => whole,
    None => unreachable!(),
};

/// What a relay is.
#[derive(Debug, Clone)]
pub struct Config {
    /// Its key; the public part is registered to the operator.
    pub key: NodeKey,
    /// The deployment's trackers.
    pub trackers: Trackers,
    /// The UDP address for all links.
    pub bind: SocketAddr,
    /// Addresses told to peers instead of `bind`.
    pub advertise: Vec<SocketAddr>,
    /// Where `/status`, `/health` and `/metrics` are served.
    pub http: Option<SocketAddr>,
    /// Where receipts are kept.
    pub data_dir: PathBuf,
    /// The aggregator's base URL.
    pub aggregator: Option<String>,
    /// The deployment that receipts are signed for.
    pub domain: Domain,
    /// Chain facts.
    pub facts: SharedFacts,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How long after an epoch's end its receipts are taken.
    pub grace: Duration,
    /// Streams that are carried without being recruited.
    pub carry: Vec<Stream>,
    /// Streams that it can be recruited to.
    pub capacity: u32,
    /// The name of the region it is in, for a tracker that cannot tell from its address.
    pub region: Option<String>,
    /// How much is served without receipts.
    pub credit: credit::Limits,
    /// At what price payment channels are taken; without one none are.
    pub offer: Option<Offer>,
    /// What is asked of those who pay from their stakes, in nano a GiB of quota; without an ask nobody is declined. With one, the
    /// facts must say what payers paid, or all are served as newcomers.
    pub ask_nano_per_gib: Option<Nano>,
    /// How much of each channel's deposit it counts on: an operator's nodes share it.
    pub channel_part: Bps,
    /// What is kept per stream.
    pub limits: Limits,
    /// What is borne of others; the number of streams follows from `capacity` and `carry`.
    pub ceilings: Ceilings,
    /// How often receipts are handed in.
    pub hand_in_every: Duration,
    /// How long an orderly shutdown may take.
    pub shutdown_patience: Duration,
    /// What it drops on purpose.
    #[cfg(feature = "adversary")]
    pub drops: Option<crate::adversary::Drops>,
}

impl Config {
    /// A relay with the usual limits.
    #[must_use]
    pub fn new(
        key: NodeKey,
        trackers: impl Into<Trackers>,
        data_dir: PathBuf,
        domain: Domain,
        facts: SharedFacts,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            key,
            trackers: trackers.into(),
            bind: (Ipv6Addr::UNSPECIFIED, 0).into(),
            advertise: Vec::new(),
            http: None,
            data_dir,
            aggregator: None,
            domain,
            facts,
            clock,
            grace: Duration::from_secs(60),
            carry: Vec::new(),
            capacity: 64,
            region: None,
            credit: credit::Limits::default(),
            offer: None,
            ask_nano_per_gib: None,
            channel_part: WHOLE,
            limits: Limits::default(),
            ceilings: Ceilings::default(),
            hand_in_every: Duration::from_secs(1),
            shutdown_patience: Duration::from_secs(5),
            #[cfg(feature = "adversary")]
            drops: None,
        }
    }
}

/// Runs a relay until `shutdown`, then asks clients for closing receipts and hands them in.
///
/// # Errors
/// If a socket or the store cannot be opened.
pub async fn run(
    config: Config,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), NodeError> {
    let store = open_store(&config.data_dir).await?;
    let listener = match config.http {
        None => None,
        Some(address) => {
            let failed = |source| NodeError::Listen { address, source };
            Some(TcpListener::bind(address).await.map_err(failed)?)
        }
    };
    // Before all that is kept was read: what waits in the outbox has waited since the last run.
    let submitter = match &config.aggregator {
        None => None,
        Some(url) => Some(Submitter::new(url, store.clone(), config.hand_in_every)?),
    };
    let handing_in = submitter.clone().map(|submitter| Aborted(tokio::spawn(submitter.run())));
    let (notices, ignored) = mpsc::channel(256);
    // A relay has no owner to tell.
    let _ignoring = Aborted(tokio::spawn(ignore(ignored)));
    let engine = Engine::start(setup(&config, store.clone()), notices).await?;
    for stream in &config.carry {
        let sent = engine.commands.send(Command::Carry(stream.clone())).await;
        sent.map_err(|_| NodeError::Stopped)?;
    }
    let source = StatusSource {
        node: config.key.id(),
        commands: engine.commands.clone(),
        store: store.clone(),
        submitter: submitter.clone(),
        facts: config.facts.clone(),
        ask_nano_per_gib: config.ask_nano_per_gib,
    };
    let http = listener.map(|listener| Aborted(tokio::spawn(status::serve(listener, source))));
    tracing::info!(node = %config.key.id(), "the relay runs");
    let mut task = Aborted(engine.task);
    tokio::select! {
        () = shutdown => {}
        _ = &mut task.0 => return Err(NodeError::Stopped),
    }
    let (reply, closed) = oneshot::channel();
    let finish = Command::Finish(config.shutdown_patience, reply);
    if engine.commands.send(finish).await.is_ok() {
        // The engine answers within its patience, or it has stopped by itself.
        let _ = closed.await;
    }
    drop((task, handing_in));
    if let Some(submitter) = submitter {
        submitter.hand_in_last(config.shutdown_patience).await;
    }
    drop(http);
    store.close().await;
    tracing::info!("the relay ended");
    Ok(())
}

/// A task that ends with whoever holds it, so that a cancelled relay leaves nothing running.
struct Aborted<T>(JoinHandle<T>);

impl<T> Drop for Aborted<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn ignore(mut notices: mpsc::Receiver<Notice>) {
    while notices.recv().await.is_some() {}
}

/// Opens the store in `data_dir`, made if absent.
pub(crate) async fn open_store(data_dir: &Path) -> Result<NodeStore, NodeError> {
    let failed = |source| NodeError::DataDirectory { path: data_dir.display().to_string(), source };
    tokio::fs::create_dir_all(data_dir).await.map_err(failed)?;
    Ok(NodeStore::open_file(&data_dir.join("node.db")).await?)
}

fn setup(config: &Config, store: NodeStore) -> Setup {
    let epoch = config.clock.epoch();
    let operator_id = config.facts.operator_of_node(config.key.id(), epoch);
    Setup {
        key: config.key.clone(),
        trackers: config.trackers.clone(),
        endpoint: tatum_webrtc::Config {
            bind: config.bind,
            advertise: config.advertise.clone(),
            ..tatum_webrtc::Config::default()
        },
        overlay: OverlayConfig {
            id: config.key.id(),
            relay: true,
            operator_id,
            verifier: Verifier::new(config.domain),
            limits: config.limits,
            credit: config.credit,
            ceilings: Ceilings {
                streams: (config.capacity as usize).saturating_add(config.carry.len()),
                ..config.ceilings
            },
            latency_bound_ms: 0,
            secret: rand::random(),
            offer: config.offer,
            ask_nano_per_gib: config.ask_nano_per_gib,
        },
        account: None,
        relay: Some(RelayOffer { capacity: config.capacity }),
        region: config.region.clone(),
        clock: Arc::clone(&config.clock),
        facts: Some(config.facts.clone()),
        grace_ms: millis(config.grace),
        channel_part: config.channel_part,
        store: Some(store),
        #[cfg(feature = "adversary")]
        drops: config.drops,
    }
}
