//! Watches the chain for distributions, audits each, and raises the alarm over what does not hold.
//!
//! Invariant: every distribution from the first epoch asked for on is audited while it is proposed or when it is final,
//! whatever restarts come between; an alarm is logged, counted and, if there is a webhook, delivered at least once.

mod alarm;
mod state;
mod status;
mod watch;
mod webhook;

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use anyhow::Context;
use tatum_chain::{Chain, Deployment, PrivateKeySigner};
use tatum_primitives::Epoch;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use self::state::Store;
use self::status::{AuditorMetrics, Status};
use self::watch::Watch;
use self::webhook::Webhook;
use crate::audit::FetchLimits;
use crate::judge::Means;
use crate::publish::Pulse;

/// How long the chain may be silent before the auditor says that it is not ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an auditor that ends waits for its webhook; what is left is delivered by the next start.
const LAST_DELIVERIES: Duration = Duration::from_secs(30);

/// What an auditor is told when it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Folder of the state file and of the newest datasets.
    pub data_dir: PathBuf,
    /// The chain's RPC endpoint.
    pub rpc_url: String,
    /// The file with the contracts' addresses.
    pub deployment: PathBuf,
    /// Folder or URL of the datasets; otherwise where proposers published them.
    pub dataset: Option<String>,
    /// The first epoch to audit; otherwise the newest final one.
    pub from: Option<Epoch>,
    /// Where `/metrics`, `/health` and `/ready` are served.
    pub listen: Option<SocketAddr>,
    /// Who is told of alarms.
    pub webhook: Option<String>,
    /// Whether to file disproofs, demands and answers.
    pub challenge: bool,
    /// What may be spent on one proposal.
    pub means: Means,
    /// End after one look.
    pub once: bool,
    /// End as soon as an alarm stands.
    pub exit_on_alarm: bool,
    /// How often to look.
    pub poll: Duration,
    /// What one audit may fetch.
    pub limits: FetchLimits,
}

impl Config {
    /// The least that must be said; everything else has a default.
    pub fn new(data_dir: PathBuf, rpc_url: String, deployment: PathBuf) -> Self {
        Self {
            data_dir,
            rpc_url,
            deployment,
            dataset: None,
            from: None,
            listen: None,
            webhook: None,
            challenge: false,
            means: Means::default(),
            once: false,
            exit_on_alarm: false,
            poll: Duration::from_secs(5),
            limits: FetchLimits::default(),
        }
    }
}

/// How an auditor ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// Distributions with an alarm that stands.
    pub alarms_standing: usize,
    /// Alarms that the webhook has not taken.
    pub alarms_undelivered: usize,
}

/// Runs an auditor until `shutdown` resolves, or as its configuration says. It needs a `signer` only to challenge.
pub async fn run(
    config: Config,
    signer: Option<PrivateKeySigner>,
    shutdown: impl Future<Output = ()> + Send,
) -> anyhow::Result<Ended> {
    std::fs::create_dir_all(&config.data_dir)
        .with_context(|| format!("making the folder {}", config.data_dir.display()))?;
    let deployment = Deployment::load(&config.deployment)?;
    let mut chain = Chain::connect(&config.rpc_url.parse()?, deployment).await?;
    if let Some(signer) = signer {
        chain = chain.signing(signer, Some(&config.data_dir)).await?;
    }
    let store = Arc::new(open_store(&config, &chain).await?);
    let metrics = Arc::new(AuditorMetrics::default());
    metrics.undelivered(store.state().undelivered.len());
    let status = Status {
        metrics: Arc::clone(&metrics),
        pulse: Pulse::new(PATIENCE.max(config.poll.saturating_mul(3))),
        auditing: Arc::new(AtomicBool::new(false)),
    };
    let serving = serve(&config, status.clone()).await?;
    let webhook = config.webhook.clone().map(|url| {
        let webhook = Webhook::new(url, Arc::clone(&store), metrics);
        let delivering = tokio::spawn(webhook.clone().run());
        (webhook, delivering)
    });
    let told = webhook.as_ref().map(|(webhook, _)| webhook.clone());
    let mut watch = Watch::new(config, chain, Arc::clone(&store), status, told);
    let watched = tokio::select! {
        watched = watch.run() => watched,
        () = shutdown => Ok(()),
    };
    if let Some((webhook, delivering)) = webhook {
        delivering.abort();
        // Only one delivers at a time, so the order stays.
        let _ = delivering.await;
        let _ = tokio::time::timeout(LAST_DELIVERIES, webhook.deliver_all()).await;
    }
    if let Some(serving) = serving {
        serving.abort();
    }
    watched?;
    let state = store.state();
    Ok(Ended { alarms_standing: state.standing(), alarms_undelivered: state.undelivered.len() })
}

async fn open_store(config: &Config, chain: &Chain) -> anyhow::Result<Store> {
    let newest = chain.finalized_epoch().await?.unwrap_or_default();
    let from = config.from.unwrap_or(newest);
    let store = Store::open(&config.data_dir, chain.deployment(), from)?;
    if let Some(from) = config.from {
        let deploy_block = chain.deployment().deploy_block;
        store.change(|state| state.start_at(from, deploy_block))?;
    }
    Ok(store)
}

async fn serve(
    config: &Config,
    status: Status,
) -> anyhow::Result<Option<JoinHandle<std::io::Result<()>>>> {
    let Some(listen) = config.listen else { return Ok(None) };
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let address = listener.local_addr().context("reading the listening address")?;
    tracing::info!(%address, "the auditor serves its metrics");
    let routes = status::router(status);
    // It ends with its task.
    let forever = std::future::pending();
    let served = tatum_serve::serve(listener, routes, tatum_serve::Limits::default(), forever);
    Ok(Some(tokio::spawn(served)))
}
