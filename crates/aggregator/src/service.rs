//! The whole service: one process, one listening socket, one task that closes epochs.
//!
//! Invariant: at shutdown requests under way are answered, what they brought is on disk, and an epoch's step that is cut
//! off is taken up by the next start.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use tatum_chain::{Chain, ChainView, Deployment, PrivateKeySigner, follow};
use tatum_database::{Database, Writer, WriterOptions};
use tatum_protocol::client::AggregatorClient;
use tatum_receipt::Verifier;
use tatum_serve::Limits as Doors;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::assents::{AssentDesk, Gathering};
use crate::close::{Closer, Leadership, Rivals, Rules};
use crate::exchange::Exchange;
use crate::http::with_fallbacks;
use crate::ingest::{Checker, Ingest};
use crate::judge::Means;
use crate::publish::{DatasetStore, Probe, Publication, Pulse};
use crate::{Clock, Config, Identity, Metrics, assents, ingest as intake, public_url, publish};

/// How long the chain may be silent before the service says that it is not ready.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs an aggregator that proposes as `signer` until `shutdown` resolves.
pub async fn run(
    config: Config,
    signer: PrivateKeySigner,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("listening on {}", config.listen))?;
    run_on(listener, config, signer, shutdown).await
}

/// As [`run`], on a socket that listens already.
pub async fn run_on(
    listener: TcpListener,
    config: Config,
    signer: PrivateKeySigner,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let address = listener.local_addr().context("reading the listening address")?;
    std::fs::create_dir_all(config.datasets())
        .with_context(|| format!("making the folder {}", config.datasets().display()))?;
    let deployment = Deployment::load(&config.deployment)?;
    let public_url =
        public_url::checked(config.public_url.as_deref(), address, deployment.is_local())?;
    let chain = Chain::connect(&config.rpc_url.parse()?, deployment).await?;
    let chain = chain.signing(signer, Some(&config.data_dir)).await?;
    let database = open_database(&config).await?;
    let (view, follower) = follow(chain.clone(), config.confirmations, config.poll())
        .await
        .context("following the chain")?;
    let options = WriterOptions {
        rejection_retention: Duration::from_secs(config.rejections_hours.saturating_mul(3600)),
        rejections_kept: config.rejections_kept,
        ..WriterOptions::default()
    };
    let lease = Duration::from_millis(config.lease_ms);
    let lease = Leadership::new(database.clone(), process_name(address), lease);
    let (writer, writing) = Writer::spawn(database.clone(), options);
    let shared =
        Shared { clock: Clock::default(), metrics: Arc::default(), pulse: Pulse::new(PATIENCE) };
    let identity = Identity::open(&config.data_dir, chain.domain())?;
    let closer = closer(&config, public_url, chain, &database, &view, &shared);
    let ingest = ingest(&config, &closer, &view, writer, &shared);
    let exchange = exchange(&config, &closer, ingest.clone(), &shared)?;
    let router = router(&config, &closer, ingest, &shared, identity);

    let (stop, stopped) = watch::channel(false);
    let exchanging = tokio::spawn(exchange.run(stopped.clone()));
    let closing = tokio::spawn(closer.run(lease, stopped.clone()));
    tracing::info!(%address, database = ?database.backend(), "the aggregator takes receipts");
    let shutdown = async move {
        shutdown.await;
        stop.send_replace(true);
    };
    let served = tatum_serve::serve(listener, router, Doors::default(), shutdown).await;
    exchanging.await.context("the exchange with other aggregators ended early")?;
    // The routes held the last writers; what they handed over is written before the database closes.
    writing.await.context("the receipt store ended early")?;
    closing.await.context("the epoch driver ended early")?;
    drop(follower);
    database.close().await;
    served.context("serving")
}

/// A name that no other process has.
fn process_name(address: SocketAddr) -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let (host, started_ms) = (host.trim(), crate::clock::wall_ms());
    format!("{host} {address} process {} of {started_ms}", std::process::id())
}

/// What several parts of the service hold.
struct Shared {
    clock: Clock,
    metrics: Arc<Metrics>,
    pulse: Pulse,
}

async fn open_database(config: &Config) -> anyhow::Result<Database> {
    let opened = match &config.database {
        Some(url) => Database::open(url).await,
        None => Database::open_file(&config.data_dir.join("aggregator.db")).await,
    };
    opened.context("opening the database")
}

fn closer(
    config: &Config,
    public_url: String,
    chain: Chain,
    database: &Database,
    view: &ChainView,
    shared: &Shared,
) -> Closer {
    Closer {
        chain,
        database: database.clone(),
        datasets: config.datasets(),
        public_url,
        schedule: view.schedule(),
        rules: Rules {
            confirmations: config.confirmations,
            means: Means { demands: config.demands },
            keep_epochs: config.keep_epochs,
            gathers_assents: config.gather_assents,
            overage_reward: config.overage_reward_nano,
        },
        rivals: Rivals::default(),
        gathering: Gathering::default(),
        clock: shared.clock.clone(),
        metrics: Arc::clone(&shared.metrics),
        pulse: shared.pulse.clone(),
        poll: config.poll(),
    }
}

fn ingest(
    config: &Config,
    closer: &Closer,
    view: &ChainView,
    writer: Writer,
    shared: &Shared,
) -> Ingest {
    let checker = Checker::new(
        Verifier::new(closer.chain.domain()),
        closer.schedule,
        Duration::from_secs(closer.chain.deployment().windows.grace_s),
        shared.clock.clone(),
        view.clone(),
        config.poll().saturating_mul(2),
    );
    Ingest::new(config.limits, checker, writer, Arc::clone(&shared.metrics))
}

fn exchange(
    config: &Config,
    closer: &Closer,
    ingest: Ingest,
    shared: &Shared,
) -> anyhow::Result<Exchange> {
    let peers = config.peers.iter().map(|peer| AggregatorClient::new(peer));
    Ok(Exchange {
        peers: peers.collect::<Result<_, _>>().context("another aggregator's address")?,
        ingest,
        schedule: closer.schedule,
        clock: shared.clock.clone(),
        intake_ms: closer.intake_ms(),
        poll: config.poll(),
    })
}

fn router(
    config: &Config,
    closer: &Closer,
    ingest: Ingest,
    shared: &Shared,
    identity: Identity,
) -> Router {
    let publication = Publication {
        database: closer.database.clone(),
        datasets: DatasetStore::new(config.datasets()),
        metrics: Arc::clone(&shared.metrics),
        pulse: shared.pulse.clone(),
        probe: Probe::new(closer.database.clone()),
        identity,
        evidence_turn: Arc::default(),
    };
    let (gathering, datasets) = (closer.gathering.clone(), config.datasets());
    let assents = assents::router(AssentDesk { gathering, datasets });
    with_fallbacks(intake::router(ingest).merge(publish::router(publication)).merge(assents))
}
